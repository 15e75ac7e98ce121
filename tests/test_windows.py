"""Windows: its devices, its open files, its code pages, its consoles and its shells.

Most of this means something on Windows only, or in its Python under Wine: tests/windows/wine.sh.
"""

from __future__ import annotations

import ctypes
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import cast

import pytest
from conftest import ADDED, IIS, A, B, Run, Stored
from pki import issue, mail, web
from tools import needs

from sslbind.certificates.central import CentralStore
from sslbind.certificates.contents import PasswordFile
from sslbind.certificates.scanning import scan
from sslbind.certificates.stores import store_name
from sslbind.cli.streams import is_terminal, takes_colour
from sslbind.devices import is_device
from sslbind.errors import CertificateError, SslbindError
from sslbind.files import ignore_keys, read_file, remove_leftovers, write_file
from sslbind.locks import locked
from sslbind.ntfiles import openers, say_in_use
from sslbind.registry.registry import Registry

windows = pytest.mark.skipif(sys.platform != "win32", reason="Windows alone does that")

SNI = "bücher.пример.example:443"


def cmd(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line in cmd; ``sslbind`` in it is the command."""
    python = f'"{sys.executable}" -m sslbind'
    script = folder / "line.bat"
    script.write_bytes(
        f"@{line.replace('sslbind', python, 1)}\r\n@exit /b %errorlevel%\r\n".encode()
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        ["cmd", "/c", str(script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )


class TestDevices:
    @pytest.mark.parametrize(
        "name", ["CON", "nul", "Aux", "prn", "COM1", "lpt9", "com1.pfx", "NUL.tar.gz", "con .txt"]
    )
    def test_a_device_names_no_store(self, name: str) -> None:
        """On every system, as a registry is shared between them."""
        assert is_device(name)
        with pytest.raises(CertificateError, match="the name of a device on Windows"):
            store_name(name)

    @pytest.mark.parametrize("name", ["CONTOSO", "com", "COM10", "nullary", "MY", "lpt", "my.con"])
    def test_others_do(self, name: str) -> None:
        assert store_name(name) == name

    def test_the_option_store(self, stored: Stored, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a.pem").write_bytes(mail().pem + mail().key_pem())
        done = run("store", "add", "a.pem", "--store", "CON")
        assert (done.code, done.out) == (2, "")
        assert "'CON' is not a store name: it is the name of a device on Windows" in done.err

    def test_a_host_that_has_no_file(self, tmp_path: Path) -> None:
        """Windows cannot have this file, so no connection uses it."""
        (tmp_path / "www.contoso.com.pfx").write_bytes(b"")
        central = CentralStore(str(tmp_path))
        assert central.file("www.contoso.com") == "www.contoso.com.pfx"
        assert central.file("aux.contoso.com") is None

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot have the file at all")
    def test_import_makes_no_device(self, run: Run, tmp_path: Path) -> None:
        line = f"add sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS}\n"
        (tmp_path / "nul.txt").write_text(line)
        done = run("import", "--each", "out", "nul.txt")
        assert (done.code, done.out) == (2, "")
        assert "nul.toml: cannot be created: it is the name of a device on Windows" in done.err
        assert not (tmp_path / "out").exists()

    def test_init_makes_no_device(self, run: Run, tmp_path: Path) -> None:
        done = run("-r", "aux.toml", "init")
        assert (done.code, done.out) == (2, "")
        assert "aux.toml: cannot be created: it is the name of a device on Windows" in done.err
        assert [*tmp_path.iterdir()] == []


class ProcessInfo(ctypes.Structure):
    """The structure RM_PROCESS_INFO of ``RestartManager.h``."""

    _fields_ = [
        ("process", ctypes.c_uint32),
        ("started", ctypes.c_uint32 * 2),
        ("name", ctypes.c_uint16 * 256),
        ("service", ctypes.c_uint16 * 64),
        ("kind", ctypes.c_uint32),
        ("status", ctypes.c_uint32),
        ("session", ctypes.c_uint32),
        ("restartable", ctypes.c_uint32),
    ]


class RestartManager:
    """The functions of ``rstrtmgr.dll`` that are asked, with programs of known names."""

    def __init__(self, known: list[str]) -> None:
        number, pointer = ctypes.c_uint32, ctypes.c_void_p
        self.known = known
        make = ctypes.CFUNCTYPE
        self.RmStartSession = make(number, pointer, number, pointer)(lambda *_: 0)
        self.RmRegisterResources = make(number, *(number, number, pointer, number, pointer, number,
                                                  pointer))(lambda *_: 0)  # fmt: skip
        self.RmGetList = make(number, *(number, *(pointer,) * 4))(self._list)
        self.RmEndSession = make(number, number)(lambda *_: 0)

    def _list(self, _: int, needed: int, count: int, rows: int, __: int) -> int:
        ctypes.c_uint32.from_address(needed).value = len(self.known)
        room = ctypes.c_uint32.from_address(count)
        if len(self.known) > room.value:
            return 234  # ERROR_MORE_DATA
        room.value = len(self.known)
        for n, name in enumerate(self.known):
            row = ProcessInfo.from_address(rows + n * ctypes.sizeof(ProcessInfo))
            row.process = 4711 + n
            row.name[: len(name) + 1] = [*map(ord, name), 0]
        return 0


class TestWhoHasItOpen:
    @pytest.mark.parametrize(
        "known", [[], ["Notepad"], ["Notepad", "B\u00fcro", "x" * 255]], ids=len
    )
    def test_the_restart_manager_is_asked(self, known: list[str]) -> None:
        """Wine's Restart Manager knows of no process, so a fake one is used."""
        found = openers("C:\\a.toml", cast(ctypes.CDLL, RestartManager(known)))
        assert found == [f"{name} (process {n})" for n, name in enumerate(known, 4711)]

    def test_too_many(self) -> None:
        manager = RestartManager(["Notepad"] * 65)
        assert openers("C:\\a.toml", cast(ctypes.CDLL, manager)) == []

    def test_the_sentence_names_them(self) -> None:
        sentence = "cannot be written: {} it open, and Windows does not replace an open file"
        names = ["Notepad (process 4711)", "Backup (process 4712)"]
        assert say_in_use("written", names[:1])[0] == sentence.format(f"{names[0]} has")
        assert say_in_use("written", names)[0] == sentence.format(f"{', '.join(names)} have")
        unknown, hint = say_in_use("written", [])
        assert unknown == sentence.format("another program has")
        assert "Resource Monitor" in hint


@windows
class TestOpenFiles:
    def test_a_lock_file_goes(self, tmp_path: Path) -> None:
        with locked(tmp_path / "sslbind.toml"):
            assert (tmp_path / ".sslbind.toml.lock").exists()
        assert [*tmp_path.iterdir()] == []

    def test_one_that_a_dead_process_left_goes(self, tmp_path: Path) -> None:
        (tmp_path / ".lock").write_bytes(b"process 4194301\n")
        with locked(tmp_path, timeout=1):
            pass
        assert [*tmp_path.iterdir()] == []

    def test_a_temporary_file_of_the_dead_goes(self, tmp_path: Path) -> None:
        """That of a living process stays, also in the moment in which it is closed."""
        dead, living = f".a.part.{2**22 - 4}.0a1b2c3d", f".a.part.{os.getpid()}.0a1b2c3d"
        for name in (dead, living):
            (tmp_path / name).write_bytes(b"")
        remove_leftovers(str(tmp_path))
        assert [one.name for one in tmp_path.iterdir()] == [living]

    def test_what_a_killed_writer_left_goes(self, bare: Path, run: Run) -> None:
        """Its lock file, and the temporary file that it was writing."""
        code = (
            "import os, sys\nfrom sslbind.locks import locked\n"
            "part = f'.sslbind.toml.part.{os.getpid()}.0a1b2c3d'\n"
            "with locked('sslbind.toml'), open(part, 'w'):\n"
            "    print('writing', flush=True); sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=bare.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline().strip() == b"writing"
            assert len([*bare.parent.iterdir()]) == 3
            writer.kill()
        assert run("add", "iplisten", "10.0.0.5").code == 0
        assert [one.name for one in bare.parent.iterdir()] == ["sslbind.toml"]

    def test_what_a_killed_writer_left_in_a_store_goes(
        self, stored: Stored, tmp_path: Path, run: Run
    ) -> None:
        """Its lock file, and the temporary files that it was writing there."""
        certs = tmp_path / "certs"
        left = [
            certs / "MY" / f".{stored.mail.thumbprint}.key.part.{2**22 - 4}.0a1b2c3d",
            certs / "MY" / f".{stored.mail.thumbprint}.pem.part.{2**22 - 4}.0a1b2c3d",
            certs / f".gitignore.part.{2**22 - 4}.0a1b2c3d",
            certs / ".lock",
        ]
        (certs / ".gitignore").unlink(missing_ok=True)
        for path in left:
            path.write_bytes(b"")
        (tmp_path / "a.pem").write_bytes(web().pem + web().key_pem())
        assert run("store", "add", "a.pem").code == 0
        assert [path.name for path in left if path.exists()] == []

    def test_git_ignores_what_a_killed_writer_leaves(self, tmp_path: Path) -> None:
        """The patterns cover it; that git reads them so is tested where there is a git."""
        ignore_keys(str(tmp_path))
        patterns = (tmp_path / ".gitignore").read_text().splitlines()
        for name in (
            ".a.key.part.1.0a1b2c3d",
            ".gitignore.part.1.0a1b2c3d",
            ".lock",
            ".a.key.lock",
        ):
            assert any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns), name

    @pytest.mark.slow
    def test_a_file_that_stays_open_is_an_error_in_bounded_time(self, tmp_path: Path) -> None:
        """Windows reports which process has it open; Wine does not know."""
        path = tmp_path / "sslbind.toml"
        path.write_bytes(b"old")
        with path.open("rb"), pytest.raises(SslbindError) as caught:
            write_file(path, b"new")
        assert re.fullmatch(
            r"cannot be written: (another program|.+ \(process \d+\)) has it open, and Windows does"
            " not replace an open file",
            caught.value.message,
        )
        assert path.read_bytes() == b"old"
        assert [one.name for one in tmp_path.iterdir()] == ["sslbind.toml"]
        write_file(path, b"new")
        assert path.read_bytes() == b"new"

    @pytest.mark.slow
    def test_a_certificate_that_stays_open_is_not_deleted(
        self, stored: Stored, tmp_path: Path, run: Run
    ) -> None:
        hash_ = stored.mail.thumbprint
        with (tmp_path / "certs" / "MY" / f"{hash_}.pem").open("rb"):
            done = run("store", "delete", hash_, "--yes")
        assert (done.code, done.out) == (2, "")
        assert f"{hash_}.pem: cannot be deleted: " in done.err
        assert " has it open, and Windows does not delete an open file\n" in done.err
        assert run("store", "delete", hash_, "--yes").code == 0

    def test_a_certificate_that_others_read_is_deleted(
        self, stored: Stored, tmp_path: Path, run: Run
    ) -> None:
        """After they have closed it."""
        file = (tmp_path / "certs" / "MY" / f"{stored.mail.thumbprint}.pem").open("rb")
        threading.Timer(0.5, file.close).start()
        done = run("store", "delete", stored.mail.thumbprint, "--yes")
        assert done.code == 0, done.err

    @pytest.mark.slow
    def test_a_lock_that_is_held_for_good(self, bare: Path) -> None:
        """The process that holds it is named, although its lock file is open."""
        with locked(bare), pytest.raises(SslbindError) as caught, locked(bare, timeout=0.2):
            pass
        assert caught.value.message.startswith(
            f"has been locked by process {os.getpid()} for more than"
        )

    def test_a_reader_meets_no_writer(self, tmp_path: Path) -> None:
        """A reader during the replacement gets either the old file or the new one."""
        path = tmp_path / "file"
        path.write_bytes(b"0" * 100)
        done = threading.Event()
        written: list[bool] = []

        def write() -> None:
            try:
                for number in range(20):
                    write_file(path, b"%d" % (number % 10) * 100)
                written.append(True)
            finally:
                done.set()

        writer = threading.Thread(target=write)
        writer.start()
        found = set()
        while not done.is_set():
            found.add(read_file(path))
            time.sleep(0.001)
        writer.join()
        assert written
        assert found <= {b"%d" % number * 100 for number in range(10)}

    def test_a_changed_file_is_seen(self, tmp_path: Path) -> None:
        """Even if it has the same size, and its old times again."""
        path = tmp_path / "MY" / "web.pem"
        path.parent.mkdir()
        first, second = web().pem, mail().pem
        size = max(len(first), len(second)) + 1
        path.write_bytes(first.ljust(size, b"\n"))
        before = path.stat()
        assert scan(str(tmp_path), PasswordFile(None, ""))["MY/web.pem"].branches[0].leaf
        with path.open("r+b") as file:
            file.write(second.ljust(size, b"\n"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        found = scan(str(tmp_path), PasswordFile(None, ""))["MY/web.pem"].branches
        assert [one.leaf.thumbprint for one in found] == [mail().thumbprint]


@windows
class TestStreams:
    @pytest.fixture
    def international(self, bare: Path, run: Run) -> Path:
        words = [f"hostnameport={SNI}", f"certhash={A}", f"appid={IIS}", "certstorename=MY"]
        assert run("add", "sslcert", *words).out == ADDED
        return bare

    def test_what_was_redirected_comes_back(self, international: Path, run: Run) -> None:
        """Standard output is UTF-8 unless it is a console; the code page has no such letters."""
        assert cmd("sslbind show sslcert > shown.txt", international.parent).returncode == 0
        shown = (international.parent / "shown.txt").read_text("utf-8")
        assert f"    Hostname:port                : {SNI}\n" in shown
        done = run("-r", "second.toml", "import", "shown.txt")
        assert done.out == f"added hostnameport={SNI} {A}\n"

    def test_an_encoding_that_is_asked_for(self, international: Path) -> None:
        done = cmd("sslbind list", international.parent, PYTHONIOENCODING="cp850")
        assert "bücher".encode("cp850") in done.stdout

    def with_nul(self, folder: Path, line: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command as ``< nul`` in cmd does; one that asks there asks without end."""
        return subprocess.run(
            [sys.executable, "-m", "sslbind", *line.split()],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    @pytest.mark.parametrize(
        "line",
        ["-r sslbind.toml store add locked.pfx", "rebind locked.pfx locked.pfx"],
        ids=["store-add", "rebind"],
    )
    def test_nul_is_asked_for_no_password(self, stored: Stored, tmp_path: Path, line: str) -> None:
        """It is a terminal to C programs, but nobody ever types there."""
        (tmp_path / "locked.pfx").write_bytes(web().pfx(b"secret"))
        done = self.with_nul(tmp_path, line)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"--password-file" in done.stderr

    def test_nul_agrees_to_nothing(self, bare: Path) -> None:
        """The same if a yes is needed."""
        done = self.with_nul(bare.parent, "apply web01")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"there is no terminal to ask on: use --yes" in done.stderr

    def test_nul_is_not_a_console(self) -> None:
        with open(os.devnull, "r+", encoding="utf-8") as stream:
            assert stream.isatty()
            assert not is_terminal(stream)
            assert not takes_colour(stream)

    def test_a_script_for_another_shell_has_its_line_ends(self, tmp_path: Path) -> None:
        """Bash stumbles over a carriage return."""
        assert cmd("sslbind completion show bash > script", tmp_path).returncode == 0
        script = (tmp_path / "script").read_bytes()
        assert script.startswith(b"# ") or script
        assert b"\r" not in script

    def test_a_script_has_the_line_ends_of_export(self, international: Path) -> None:
        folder = international.parent
        assert cmd("sslbind export netsh-script -o exported", folder).returncode == 0
        for line in ("sslbind export netsh-script", "sslbind dump"):
            assert cmd(f"{line} > printed", folder).returncode == 0
            printed = (folder / "printed").read_bytes()
            assert b"\r" not in printed
            assert printed.splitlines()[-1] == (folder / "exported").read_bytes().splitlines()[-1]


@windows
class TestHints:
    """Commands in them can be pasted into cmd; PowerShell, which Wine lacks, has its own test."""

    @pytest.mark.parametrize("name", ["x.toml", "a b.toml", "a&b (1)^.toml", "it's.toml"])
    def test_one_is_pasted(self, tmp_path: Path, name: str) -> None:
        """A path has backslashes, and may have spaces and what cmd interprets."""
        registry = tmp_path / name
        refused = cmd(f'sslbind -r "{registry}" list', tmp_path)
        assert refused.returncode == 2
        hint = re.search(rb"; (sslbind -r .+ init) creates a new registry there", refused.stderr)
        assert hint is not None, refused.stderr
        assert cmd(hint[1].decode(), tmp_path).returncode == 0
        assert Registry.open(registry).bindings == {}

    def test_a_hostile_name_runs_nothing(self, tmp_path: Path) -> None:
        """cmd would expand it even in quotes, so what is offered is for PowerShell and says so."""
        name = "x%OS%&echo made>hostile&.toml"
        refused = cmd("sslbind list", tmp_path, SSLBIND_REGISTRY=str(tmp_path / name))
        assert refused.returncode == 2
        assert f"sslbind -r '{tmp_path}\\{name}' init (in PowerShell)".encode() in refused.stderr


@windows
class TestConsole:
    CODE = """
import ctypes, sys
from sslbind.cli.streams import is_terminal, takes_colour
kernel = ctypes.windll.kernel32
console = open("CONOUT$", "w", encoding="utf-8")
mode = ctypes.c_ulong()
handle = ctypes.c_void_p(__import__("msvcrt").get_osfhandle(console.fileno()))
kernel.SetConsoleMode(handle, 3)
colour = takes_colour(console)
kernel.GetConsoleMode(handle, ctypes.byref(mode))
print(is_terminal(console), colour, bool(mode.value & 4))
"""

    def test_it_is_switched_to_escapes_or_gets_none(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", self.CODE],
            stdin=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # it has a console
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() in ("True True True", "True False False")

    def test_without_colours_where_they_are_unwanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        assert not takes_colour(sys.__stdout__ or io.StringIO())


@windows
class TestWildcards:
    @pytest.fixture
    def two(self, stored: Stored, tmp_path: Path) -> Path:
        """Return a folder with two PFX files next to a registry."""
        for one in (web(), issue("b.contoso.com", dns=("b.contoso.com",))):
            (tmp_path / f"{one.thumbprint}.pfx").write_bytes(one.pfx())
        return tmp_path

    def test_arguments(self, two: Path, run: Run) -> None:
        done = run("store", "add", "*.pfx", "--store", "WebHosting")
        assert done.code == 0, done.err
        assert len([*(two / "certs" / "WebHosting").glob("*.pem")]) == 2

    def test_one_file(self, two: Path, run: Run) -> None:
        pattern = f"{web().thumbprint[:4]}*.pfx"
        words = ["add", "sslcert", "hostnameport=www.contoso.com:443", "appid=iis"]
        assert run(*words, "--cert", pattern).out == ADDED
        done = run("add", "sslcert", "hostnameport=b.contoso.com:443", "--cert", "*.pfx",
                   "appid=iis")  # fmt: skip
        assert done.code == 2
        assert "*.pfx matches 2 files" in done.err

    @pytest.mark.parametrize(
        ("words", "pattern"),
        [
            (["-r", "web*.toml", "list"], "web*.toml"),
            (["list", "-r", "web*.toml"], "web*.toml"),
            (["--targets", "front*.toml", "targets"], "front*.toml"),
            (["-r", "sslbind.toml", "-f", "*.script"], "*.script"),
            (["import", "--certs", "fo*", "shown.txt"], "fo*"),
        ],
        ids=["registry", "registry-after", "targets", "script", "folder"],
    )
    def test_options_take_one_file(
        self, words: list[str], pattern: str, bare: Path, run: Run
    ) -> None:
        """A pattern with several matches is ambiguous: the command lists them and does nothing."""
        folder = bare.parent
        for name in ("web01.toml", "web02.toml"):
            (folder / name).write_bytes(bare.read_bytes())
        for name in ("front1.toml", "front2.toml", "a.script", "b.script", "shown.txt"):
            (folder / name).write_bytes(b"")
        for name in ("folder1", "folder2"):
            (folder / name).mkdir()
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        found = ", ".join(sorted(one.name for one in folder.glob(pattern)))
        assert done.err == f"error: {pattern} matches 2 files\nhint: give one: {found}\n"

    def test_options_take_the_one_that_matches(self, bare: Path, run: Run) -> None:
        (bare.parent / "one.script").write_text("add iplisten 10.0.0.5\n")
        (bare.parent / "targets.toml").write_text('version = 1\n[Target.web01]\nhost = "web01"\n')
        assert run("-r", "ssl*.toml", "-f", "?ne.script").code == 0
        assert [str(one) for one in Registry.open(bare).iplisten] == ["10.0.0.5"]
        assert "10.0.0.5" in run("show", "iplisten", "-r", "ssl????.toml").out
        assert "web01" in run("targets", "--targets", "tar*.toml").out

    def test_explain(self, two: Path, run: Run) -> None:
        done = run("explain", f"{web().thumbprint[:6]}*.pfx")
        assert (done.code, done.err) == (0, "")
        assert run("explain", "*.pfx").code == 2

    def test_never_a_key(self, bare: Path, run: Run, tmp_path: Path) -> None:
        """There ``*`` is a host, and ``?`` asks for help."""
        (tmp_path / "x.contoso.com").write_bytes(b"")
        words = [f"certhash={B}", f"appid={IIS}", "certstorename=MY"]
        assert run("add", "sslsnicert", "*.contoso.com:443", *words).out == ADDED
        assert "*.contoso.com:443" in run("list").out
        assert run("add", "sslcert", "?").code == 0

    def test_brackets_are_themselves(self, two: Path, run: Run) -> None:
        (two / "[a]1.pem").write_bytes(mail().pem + mail().key_pem())
        assert run("store", "add", "[[]a]?.pem").code == 2
        assert run("store", "add", "[a]?.pem", "--store", "WebHosting").code == 0

    def test_nothing_matches(self, two: Path, run: Run) -> None:
        done = run("store", "add", "*.p7x")
        assert done.code == 2
        assert "*.p7x: cannot be read" in done.err


@windows
class TestNetsh:
    @pytest.fixture(params=["copy", "hard link"])
    def netsh(self, request: pytest.FixtureRequest, bare: Path) -> str:
        """Return a netsh.exe that is sslbind.exe."""
        name = bare.parent / "netsh.exe"
        if request.param == "copy":
            shutil.copy(needs("sslbind"), name)
        else:
            name.hardlink_to(needs("sslbind"))
        return str(name)

    def run(
        self, netsh: str, *words: str, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [netsh, *words],
            cwd=Path(netsh).parent,
            input=stdin,
            capture_output=True,
            timeout=100,
            check=False,
        )

    def test_lines_of_netsh(self, netsh: str, run: Run) -> None:
        """They work unchanged, and their output differs from ours only in line endings."""
        words = ["ipport=10.0.0.5:443", f"certhash={A}", f"appid={IIS}"]
        done = self.run(netsh, "http", "add", "sslcert", *words)
        assert done.stdout.decode() == ADDED.replace("\n", "\r\n")
        shown = self.run(netsh, "http", "show", "sslcert").stdout.decode()
        assert shown.replace("\r\n", "\n") == run("show", "sslcert").out
        assert "Usage: netsh" in self.run(netsh, "--help").stdout.decode()

    def test_lines_in_a_pipe(self, netsh: str) -> None:
        done = self.run(netsh, stdin=b"http add iplisten 10.0.0.5\r\nexit\r\n")
        assert done.returncode == 0
        assert b"was written; HTTP.SYS on this machine was not changed" in done.stderr
        assert done.stdout == b"\r\nIP address successfully added\r\n\r\n"


def share(folder: Path, prefix: str = "\\\\") -> str:
    """Return a folder of drive C by its share, which administrators have; Wine gets it from us."""
    path = f"{prefix}localhost\\C$\\{folder.relative_to(folder.anchor)}"
    if folder.drive.upper() != "C:" or not os.path.isdir(path):
        pytest.skip("there is no share C$ here")
    return path


@windows
class TestPaths:
    def test_the_long_form(self, bare: Path, run: Run) -> None:
        r"""``\\?\`` turns off what Windows does to names."""
        long = f"\\\\?\\{bare}"
        words = [f"certhash={A}", f"appid={IIS}"]
        assert run("-r", long, "add", "sslcert", "ipport=10.0.0.5:443", *words).out == ADDED
        assert [str(key) for key in Registry.open(bare).bindings] == ["10.0.0.5:443"]
        assert [one.name for one in bare.parent.iterdir()] == ["sslbind.toml"]

    @pytest.mark.parametrize("prefix", ["\\\\", "\\\\?\\UNC\\"], ids=["share", "long"])
    def test_a_share(self, prefix: str, tmp_path: Path, run: Run) -> None:
        r"""``\\SERVER\SHARE``: registry, stores, certificates and output files."""
        there = share(tmp_path, prefix)
        (tmp_path / "a.pfx").write_bytes(web().pfx())
        registry = f"{there}\\sslbind.toml"
        assert run("-r", registry, "init").code == 0
        assert run("-r", registry, "store", "add", f"{there}\\a.pfx").code == 0
        words = ["add", "sslcert", "hostnameport=www.contoso.com:443", "appid=iis"]
        done = run("-r", registry, *words, "--cert", f"{there}\\*.pfx")
        assert (done.code, done.out) == (0, ADDED), done.err
        assert run("-r", registry, "export", "json", "-o", f"{there}\\out.json").code == 0
        assert {one.name for one in tmp_path.iterdir()} == {
            *("a.pfx", "certs", "out.json", "sslbind.toml"),
        }
        hash_ = web().thumbprint
        assert sorted(one.name for one in (tmp_path / "certs" / "MY").iterdir()) == [
            f"{hash_}.key",
            f"{hash_}.pem",
        ]
        done = run("-r", registry, "check", "--format", "json")
        assert f"{there}\\sslbind.toml" in json.loads(done.out)["findings"][0]["file"]

    def test_stores_on_a_share(self, tmp_path: Path, run: Run) -> None:
        """The folders that a registry names, for its stores and for the central store."""
        there = share(tmp_path)
        (tmp_path / "central").mkdir()
        (tmp_path / "central" / "www.contoso.com.pfx").write_bytes(web().pfx())
        (tmp_path / "sslbind.toml").write_text(
            f"version = 1\n[CertStores]\npath = '{there}\\certs'\n"
        )
        (tmp_path / "a.pem").write_bytes(mail().pem + mail().key_pem())
        assert run("store", "add", "a.pem").code == 0
        assert (tmp_path / "certs" / "MY" / f"{mail().thumbprint}.pem").exists()
        assert run("ccs", "enable", f"{there}\\central").code == 0
        assert "www.contoso.com" in run("ccs", "list").out

    def test_a_folder(self, bare: Path, run: Run) -> None:
        for words in (["list"], ["add", "iplisten", "10.0.0.5"]):
            done = run("-r", str(bare.parent), *words)
            assert done.code == 2
            assert "is a directory" in done.err

    @pytest.mark.parametrize("name", ["NUL", "CON", "aux.toml"])
    def test_a_device(self, name: str, bare: Path, run: Run) -> None:
        for words in (["list"], ["init"]):
            done = run("-r", name, *words)
            assert (done.code, done.out) == (2, "")

    def test_printed_paths_have_one_kind_of_separator(self, run: Run, tmp_path: Path) -> None:
        done = run("init")
        assert "/" not in done.out.replace("://", "")
        (tmp_path / "a.pem").write_bytes(mail().pem + mail().key_pem())
        done = run("store", "add", "a.pem", "--format", "json")
        assert "\\" not in str([one["file"] for one in run("store", "list", "--format", "json")
                                .json["certificates"]])  # fmt: skip

    def test_the_central_store_says_how_a_file_is_spelled(self, tmp_path: Path) -> None:
        """Not the form in which it was requested."""
        (tmp_path / "WWW.Contoso.com.pfx").write_bytes(b"")
        assert CentralStore(str(tmp_path)).file("www.contoso.com") == "WWW.Contoso.com.pfx"
