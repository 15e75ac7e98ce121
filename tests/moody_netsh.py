"""A netsh that is worse than Windows' own: ``moody_netsh.py MOOD [ARGUMENT]...``.

It works on the registry of $SSLBIND_REGISTRY, as the good one does, and then:

liar           says that it did it, and did nothing
grump          does it, prints nothing of use, and exits 1
dying          shows half of what is asked, does the first half of its lines, and dies
dying-writer   shows all, does the first half of the lines that change something, and dies
french         answers in French, in code page 850
empty          prints three empty lines, whatever it is asked
unelevated     shows everything, and changes nothing: "requires elevation"
denied         refuses even to show
hanging        reads its lines and answers never
hanging-done   does everything, and then answers never
garbled        shows everything, and a thumbprint that is none in the first record
hostile        answers with escapes, and a name that steers a terminal
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from sslbind.cli.entry import main

ELEVATION = "The requested operation requires elevation (Run as administrator).\n\n"
_WRITES = re.compile(rb"(?i)^\s*(netsh\s+)?(http\s+)?(add|update|delete)\b")
FRENCH = {
    "SSL Certificate bindings:": "Liaisons de certificats SSL :",
    "IP addresses present in the IP listen list:": "Adresses IP présentes dans la liste d'écoute :",
    "SSL Certificate successfully added": "Certificat SSL ajouté",
    "SSL Certificate successfully updated": "Certificat SSL mis à jour",
    "SSL Certificate successfully deleted": "Certificat SSL supprimé",
    "Certificate Hash": "Hachage certificat",
    "Application ID": "ID d'application",
    "Certificate Store Name": "Nom du magasin de certificats",
    "IP:port": "IP:port",
    "Hostname:port": "Nom d'hôte:port",
    "Verify Client Certificate Revocation": "Vérifier la révocation",
}


def answer(lines: bytes, arguments: list[str]) -> tuple[str, int]:
    """Return what sslbind, called as netsh, prints, and its exit code."""
    out = io.BytesIO()
    sys.stdin = io.TextIOWrapper(io.BytesIO(lines), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", newline="\n")
    sys.argv = ["netsh"]
    try:
        code = main(["-q", *arguments])
        sys.stdout.flush()
        return out.getvalue().decode(), code
    finally:
        sys.stdout, sys.stdin = sys.__stdout__, sys.__stdin__


def hang() -> None:
    """Sleep; the process is ended by those who made the farm."""
    with (Path(os.environ["SERVER"]) / "hanging").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(600)


def empty(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    return b"\r\n\r\n\r\n", 0


def denied(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    return b"\r\n" + ELEVATION.encode(), 1


def hanging(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    hang()
    return b"", 1


def hostile(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    return b"\x1b]0;owned\x07\x1b[2J\r\nHTTP/1.1 \xe2\x80\xae| <script>`\r\n", 0


def garbled(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    """Show what is asked, the first thumbprint garbled."""
    text, code = answer(lines, arguments)
    return re.sub(r"[0-9a-f]{40}", "11111-not-a-hash", text, count=1).encode(), code


def liar(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    registry = Path(os.environ["SSLBIND_REGISTRY"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SSLBIND_REGISTRY"] = str(shutil.copy(registry, folder))
        return answer(lines, arguments)[0].encode(), 0


def unelevated(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    kept = [line for line in lines.splitlines(keepends=True) if not _WRITES.match(line)]
    refused = len(lines.splitlines()) - len(kept)
    text, code = answer(b"".join(kept), arguments)
    return (ELEVATION * refused + text).encode(), 1 if refused else code


def dying(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    """Do half of the lines; of those that only show, print half of the answer."""
    all_lines = lines.splitlines(keepends=True)
    if not writes(lines):
        text, _ = answer(lines, arguments)
        return text[: len(text) // 2].encode(), 255
    text, _ = answer(b"".join(all_lines[: len(all_lines) // 2]), arguments)
    return text.encode(), 255


def dying_writer(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    """Show what is asked, and die in the middle of a change."""
    if writes(lines):
        return dying(lines, arguments)
    text, code = answer(lines, arguments)
    return text.encode(), code


def grump(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    text, _ = answer(lines, arguments)
    return (b"Unspecified error\r\n" if writes(lines) else text.encode()), 1


def hanging_done(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    text, code = answer(lines, arguments)
    if writes(lines):
        hang()
    return text.encode(), code


def french(lines: bytes, arguments: list[str]) -> tuple[bytes, int]:
    text, code = answer(lines, arguments)
    for english, french in FRENCH.items():
        text = re.sub(rf"{re.escape(english)}( *)", f"{french} ", text)
    return text.encode("cp850", "replace"), code


def writes(lines: bytes) -> bool:
    """Whether a line changes something."""
    return any(_WRITES.match(line) for line in lines.splitlines())


if __name__ == "__main__":
    mood, *arguments = sys.argv[1:]
    typed = b"" if arguments else sys.stdin.buffer.read()
    output, code = globals()[mood.replace("-", "_")](typed, arguments)
    sys.stdout.buffer.write(output.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    sys.stdout.flush()
    os._exit(code)  # a dying one dies with its own code
