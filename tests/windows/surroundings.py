"""Open questions about what is around netsh: a pipe into it, ssh, PowerShell's own pipes.

Their answers do not follow from the lines of the table. What cannot be asked
here says why.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable

from programs import Answer, CannotRunError, Program, powershell
from questions import Question, Settled
from table import APPID, DOMAIN

WAIT = 60
"""Time limit of a program in seconds."""
_STANDIN = "netsh is a stand-in"
_LETTERS = "b\u00fccher"


def ask(netsh: Program, sslbind: Program, hash_: str, port: int, *, standin: bool) -> list[Settled]:
    """Return the answers; ``hash_`` is a certificate of the test, ``port`` the test's own."""
    key = f"ipport=127.0.0.5:{port}"
    return [
        _settled(PIPED, lambda: _piped(netsh, sslbind, key, hash_)),
        _settled(BY_SSH, lambda: _by_ssh(netsh, key, hash_, standin=standin)),
        _settled(OUT_FILE, lambda: _out_file(sslbind, hash_, port)),
    ]


def _settled(question: Question, ask_: Callable[[], tuple[str, str]]) -> Settled:
    try:
        netsh, sslbind = ask_()
    except CannotRunError as error:
        return Settled(question, why=str(error))
    return Settled(question, netsh, sslbind)


def _piped(netsh: Program, sslbind: Program, key: str, hash_: str) -> tuple[str, str]:
    """Return both answers to lines on standard input without a console, the last one failing."""
    lines = (
        f"http add sslcert {key} certhash={hash_} appid={APPID} certstorename=MY\r\n"
        f"http show sslcert {key}\r\nhttp delete sslcert {key}\r\nhttp delete sslcert {key}\r\n"
    )
    return _told(netsh.feed(lines)), _told(sslbind.feed(lines, "-f", "-"))


def _told(answer: Answer) -> str:
    said = [" ".join(row.split()) for row in answer.output.splitlines() if row.strip()]
    return f"exit {answer.code}; first {said[:1]}, last {said[-1:]}, {len(said)} lines"


def _by_ssh(netsh: Program, key: str, hash_: str, *, standin: bool) -> tuple[str, str]:
    """Return what an update by ssh without some tags changes; sslbind keeps them."""
    if standin:
        raise CannotRunError(_STANDIN)
    ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "localhost", "netsh"]
    remote = Program(ssh, netsh.encoding)
    if remote.run("http show iplisten").code:
        raise CannotRunError("ssh localhost netsh does not work here without a question")
    words = f"{key} certhash={hash_} appid={APPID} certstorename=MY"
    netsh.run(f"http add sslcert {words} dsmapperusage=enable usagecheck=disable")
    before = netsh.run(f"http show sslcert {key}").output.splitlines()
    answer = remote.run(f"http update sslcert {words}")
    after = netsh.run(f"http show sslcert {key}").output.splitlines()
    netsh.run(f"http delete sslcert {key}")
    if answer.code:
        return f"it fails: {answer.output.strip()!r}", "nothing changes"
    changed = [" ".join(row.split()) for row in after if row not in before]
    return f"these lines change: {changed}" if changed else "nothing changes", "nothing changes"


def _out_file(sslbind: Program, hash_: str, port: int) -> tuple[str, str]:
    """Return how Windows PowerShell 5.1 writes what ``sslbind list`` answers; ours is UTF-8."""
    if os.name != "nt":
        raise CannotRunError("there is no Windows PowerShell here")
    host = f"hostnameport={_LETTERS}.{DOMAIN}:{port}"
    sslbind.run(f"add sslcert {host} certhash={hash_} appid={APPID} certstorename=MY --no-verify")
    file = os.path.abspath("out-file.txt")
    quoted = " ".join(f"'{word}'" for word in [*sslbind.prefix, "list", "--format", "tsv"])
    try:
        powershell(f"& {quoted} | Out-File '{file}'")
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError:
        raise CannotRunError("Windows PowerShell wrote nothing") from None
    finally:
        sslbind.run(f"delete sslcert {host}")
        if os.path.exists(file):
            os.unlink(file)
    return _form(data), _form(f"{_LETTERS}\r\n".encode())


def _form(data: bytes) -> str:
    encoding = "utf-16" if data.startswith(codecs.BOM_UTF16_LE) else "utf-8-sig"
    kept = "kept" if _LETTERS in data.decode(encoding, "replace") else "lost"
    mark = "with" if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE)) else "without"
    return f"{encoding.removesuffix('-sig')} {mark} a byte order mark, letters {kept}"


PIPED, BY_SSH, OUT_FILE = (
    Question(name, asked, (), str)  # no lines of the table, so nothing to call
    for name, asked in (
        ("piped-lines", "What does netsh say to lines in a pipe, without a console?"),
        ("update-by-ssh", "What does update by ssh do to unnamed tags?"),
        ("out-file", "What does PowerShell 5.1 make of sslbind list | Out-File?"),
    )
)
