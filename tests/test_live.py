"""Servers as sources: whole answers are read, and no other is taken for an empty server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import IIS, A

from sslbind.binding import Binding
from sslbind.formats.netsh import show_writer
from sslbind.keys import KIND_BY_TABLE, parse_key
from sslbind.live import Server, UnreadableError, read_all
from sslbind.netsh_messages import iplisten
from sslbind.release import Release
from sslbind.targets import Target
from sslbind.transports.transport import UnreachableError

LISTENING = iplisten(("10.0.0.5",))
NOWHERE = iplisten(())


def binding(key: str) -> Binding:
    kind = KIND_BY_TABLE["SslBindingInfo"]
    return Binding(parse_key(kind, key), {"certhash": A, "appid": IIS, "certstorename": "MY"})


SHOWN = show_writer.show([binding("10.0.0.5:443"), binding("10.0.0.6:443")], Release.W2022)
FRENCH = (Path(__file__).parent / "captures" / "french-2022.txt").read_bytes()


def answering(folder: Path, answer: str | bytes, code: int = 0, errors: str = "") -> Server:
    """Return a server whose netsh reads its lines and answers with ``answer``."""
    file = folder / "answer"
    file.write_bytes(answer if isinstance(answer, bytes) else answer.encode())
    program = (
        "import shutil, sys\n"
        "sys.stdin.read()\n"
        f"shutil.copyfileobj(open({str(file)!r}, 'rb'), sys.stdout.buffer)\n"
        f"sys.stderr.write({errors!r})\n"
        f"sys.exit({code})\n"
    )
    return Server(Target("web01", "command", netsh=(sys.executable, "-c", program)))


@pytest.mark.parametrize("code", [0, 1, 255])
def test_a_whole_answer(tmp_path: Path, code: int) -> None:
    """The exit code counts for nothing if the answer is whole."""
    source = answering(tmp_path, LISTENING + SHOWN + LISTENING, code).read()
    assert (source.file, source.format.name) == ("@web01", "netsh-show")
    assert [(str(one.binding.key), one.line) for one in source.imported.records] == [
        ("10.0.0.5:443", None),
        ("10.0.0.6:443", None),
    ]
    assert source.imported.iplisten == ("10.0.0.5",)
    assert source.imported.release is Release.W2022


def test_windows_prints_its_prompt_into_a_pipe(tmp_path: Path) -> None:
    text = f"netsh>{LISTENING}netsh>{SHOWN}netsh>{LISTENING}netsh>"
    source = answering(tmp_path, text.replace("\n", "\r\n")).read()
    assert len(source.imported.records) == 2
    assert source.imported.iplisten == ("10.0.0.5",)


def test_a_shell_that_greets(tmp_path: Path) -> None:
    """What a profile prints before the answer is not part of it, rules of dashes included."""
    greeting = "Welcome to WEB01\n" + "-" * 40 + "\nAuthorised use only\n"
    source = answering(tmp_path, greeting + WHOLE).read()
    assert len(source.imported.records) == 2
    assert source.imported.iplisten == ("10.0.0.5",)


@pytest.mark.slow
def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    """A server that never stops talking is ended at the limit of an answer."""
    flood = (
        "import sys\nwhile True: sys.stdout.write('A listing\\n' + '-' * 30 + '\\n' + 'x' * 9999)"
    )
    target = Target("web01", "command", netsh=(sys.executable, "-c", flood), timeout=300)
    with pytest.raises(UnreadableError, match="netsh gave no whole listing"):
        Server(target).read()


def test_a_listen_list_that_is_empty_is_known(tmp_path: Path) -> None:
    source = answering(tmp_path, NOWHERE + SHOWN + NOWHERE).read()
    assert source.imported.iplisten == ()


def test_french(tmp_path: Path) -> None:
    heading = "Adresses IP présentes dans la liste d'écoute IP :".encode("cp850")
    listening = b"\r\n" + heading + b"\r\n" + b"-" * 49 + b"\r\n\r\n    10.0.0.5\r\n\r\n"
    source = answering(tmp_path, listening + FRENCH + listening).read()
    assert source.imported.records
    assert source.imported.iplisten == ("10.0.0.5",)


@pytest.mark.parametrize(
    "sentence",
    ["The system cannot find the file specified.", "Le fichier spécifié est introuvable.", ""],
    ids=["english", "french", "heading-only"],
)
def test_a_server_without_bindings(tmp_path: Path, sentence: str) -> None:
    text = NOWHERE + f"{show_writer.HEADER}{sentence}\n\n" + NOWHERE
    imported = answering(tmp_path, text.encode("cp850")).read().imported
    assert (imported.records, imported.bad, imported.iplisten) == ((), (), ())


WHOLE = LISTENING + SHOWN + LISTENING
NOTHING = "netsh gave no whole listing of bindings; it "


@pytest.mark.parametrize(
    ("answer", "errors", "message"),
    [
        ("\n\n\n", "", "answered: nothing"),
        ("", "", "answered: nothing"),
        ("", "netsh: not found\n", "answered: netsh: not found"),
        ("\nThe requested operation requires elevation (Run as administrator).\n", "",
         "answered: The requested operation requires elevation (Run as administrator)."),
        (f"{NOWHERE}{show_writer.HEADER}Access is denied.\n\n{NOWHERE}", "",
         "answered: Access is denied."),
        (WHOLE[: len(WHOLE) // 2], "", "breaks off after the line: Max Settings Per"),
        (WHOLE[:-20], "", f"breaks off after the line: {'-' * 39}"),
        (LISTENING + SHOWN, "",
         "breaks off after the line: Max Settings Per Minute      : 4294967295"),
        ("\x1b]0;owned\x07\x1b[2J\n", "", "answered: \\x1b]0;owned\\x07\\x1b[2J"),
    ],
    ids=["three-empty-lines", "nothing", "no-netsh", "not-elevated", "denied", "half",
         "last-line-cut", "no-end", "escapes"],
)  # fmt: skip
def test_an_answer_that_is_not_whole(
    tmp_path: Path, answer: str, errors: str, message: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        answering(tmp_path, answer, errors=errors).read()
    assert str(caught.value) == f"@web01: {NOTHING}{message}"


@pytest.mark.slow
def test_every_cut_is_seen(tmp_path: Path) -> None:
    """Wherever an answer breaks off, it is read as it is or refused, never as fewer records."""
    whole = answering(tmp_path, WHOLE).read().imported.records
    for end in range(0, len(WHOLE), 97):
        try:
            found = answering(tmp_path, WHOLE[:end]).read().imported.records
        except UnreadableError:
            continue
        assert found == whole


@pytest.mark.slow
def test_time_is_up() -> None:
    target = Target(
        "web01", "command", netsh=(sys.executable, "-c", "import time; time.sleep(600)"), timeout=3
    )
    with pytest.raises(UnreachableError) as caught:
        Server(target).read()
    assert str(caught.value) == "@web01: no answer within 3 seconds"


def test_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    good = answering(tmp_path, WHOLE).target
    targets = [good, Target("lost", "command", netsh=(str(tmp_path / "none"),)), good]
    found = sorted((one.target.name, one.source is not None) for one in read_all(targets, 2))
    assert found == [("lost", False), ("web01", True), ("web01", True)]
