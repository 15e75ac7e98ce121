"""PFX files with hidden work: no command hangs, and one bad file costs its time only once."""

from __future__ import annotations

import hmac
import os
import signal
import subprocess
import sys
import time
from hashlib import pbkdf2_hmac, sha1
from pathlib import Path

import pytest
from conftest import Run
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pki import PASSWORD, intermediate, openssl_pfx, web
from tools import needs

from sslbind.certificates import opening
from sslbind.certificates.contents import PasswordFile
from sslbind.certificates.der import encode
from sslbind.certificates.parsing import identities, read_bundle
from sslbind.certificates.scanning import scan
from sslbind.errors import CertificateError

pytestmark = pytest.mark.slow

SLOW = "takes more than 15 seconds to open: too many hidden key derivation rounds"
ROUNDS = 2**31 - 1


def oid(text: str) -> bytes:
    return encode(6, bytes.fromhex(text))


def pbes2(salt: bytes, rounds: int, vector: bytes) -> bytes:
    """AES-256 under PBKDF2 with SHA-256: RFC 8018."""
    digest = encode(0x30, oid("2a864886f70d0209") + b"\x05\x00")
    number = encode(2, rounds.to_bytes(rounds.bit_length() // 8 + 1, "big"))
    key = encode(0x30, oid("2a864886f70d01050c") + encode(0x30, encode(4, salt) + number + digest))
    cipher = encode(0x30, oid("60864801650304012a") + encode(4, vector))
    return encode(0x30, oid("2a864886f70d01050d") + encode(0x30, key + cipher))


def bomb(rounds: int = ROUNDS) -> bytes:
    """A PFX in which an encrypted part has a key that demands many rounds; RFC 7292."""
    inner = encode(0x30, pbes2(b"saltsalt", rounds, bytes(16)) + encode(4, bytes(64)))
    bag = encode(0x30, oid("2a864886f70d010c0a0102") + encode(0xA0, inner))
    plain = encode(0x30, bag)
    pad = 16 - len(plain) % 16
    key = pbkdf2_hmac("sha256", PASSWORD, b"saltsalt", 2048)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    secret = encryptor.update(plain + bytes((pad,)) * pad) + encryptor.finalize()
    content = encode(
        0x30,
        oid("2a864886f70d010701") + pbes2(b"saltsalt", 2048, bytes(16)) + encode(0x80, secret),
    )
    part = encode(0x30, encode(2, b"\0") + content)
    safe = encode(0x30, encode(0x30, oid("2a864886f70d010706") + encode(0xA0, part)))
    word = PASSWORD.decode().encode("utf-16-be") + b"\0\0"
    digest = b"\3" * 64 + b"saltsalt" * 8 + (word * 64)[: -(-len(word) // 64) * 64]
    for _ in range(2048):
        digest = sha1(digest, usedforsecurity=False).digest()
    info = encode(
        0x30,
        bytes.fromhex("300906052b0e03021a0500") + encode(4, hmac.digest(digest, safe, "sha1")),
    )
    mac = encode(0x30, info + encode(4, b"saltsalt") + encode(2, (2048).to_bytes(2, "big")))
    whole = encode(0x30, oid("2a864886f70d010701") + encode(0xA0, encode(4, safe)))
    return encode(0x30, b"\x02\x01\x03" + whole + mac)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for the whole limit; a busy machine still has some time."""
    monkeypatch.setattr(opening, "LIMIT", 5)


def test_the_bomb_is_one(tmp_path: Path) -> None:
    """OpenSSL itself accepts the password, and continues to the hidden rounds."""
    path = tmp_path / "few.pfx"
    path.write_bytes(bomb(5000))
    secret = f"pass:{PASSWORD.decode()}"
    done = subprocess.run(
        [needs("openssl"), "pkcs12", "-info", "-in", path, "-passin", secret, "-noout"],
        capture_output=True,
        check=False,
    )
    assert b"Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 5000" in done.stderr
    assert len(bomb()) < 1024


def test_it_ends() -> None:
    with pytest.raises(CertificateError, match="too many hidden key derivation rounds"):
        read_bundle(bomb(), [PASSWORD])


def test_what_was_opened_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time no process is started, and none by the next command either."""
    data = openssl_pfx(web())
    assert opening.needs_limit(data)
    assert not opening.needs_limit(web().pfx())  # nothing in it is encrypted
    (one,) = identities(read_bundle(data, [PASSWORD]))
    assert one.key is not None
    assert not opening.needs_limit(data)
    monkeypatch.setattr(opening, "_opened", set())
    assert not opening.needs_limit(data), "it is in the cache"
    other = openssl_pfx(web())
    with pytest.raises(CertificateError):
        read_bundle(other, [b"wrong"])
    assert opening.needs_limit(other)


def test_what_was_too_slow_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For a day, by the next command too, whether a store had the file or a person named it."""
    monkeypatch.setattr(opening, "_too_slow", set())  # other tests have the same bomb
    named, stored = bomb(), bomb(ROUNDS - 1)
    with pytest.raises(CertificateError):
        read_bundle(named, [PASSWORD])
    (tmp_path / "ccs").mkdir()
    (tmp_path / "ccs" / "a.pfx").write_bytes(stored)
    (tmp_path / "password").write_bytes(PASSWORD)
    found = scan(str(tmp_path / "ccs"), PasswordFile(str(tmp_path / "password")), flat=True)
    assert found["a.pfx"].problem == f"cannot be used: it {SLOW}"
    monkeypatch.setattr(opening, "_too_slow", set())
    started: list[object] = []
    monkeypatch.setattr(subprocess, "run", lambda *words, **_: started.append(words))
    for data in (named, stored):
        with pytest.raises(CertificateError, match="too many hidden key derivation rounds"):
            read_bundle(data, [PASSWORD])
    assert not started
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_401)
    with pytest.raises(AttributeError):  # a process is asked again, and there is none here
        read_bundle(named, [PASSWORD])
    assert len(started) == 1


def test_one_bad_file_of_a_store(tmp_path: Path) -> None:
    """It costs its time once; the files after it are opened, and the next scan opens nothing."""
    folder = tmp_path / "ccs"
    folder.mkdir()
    (tmp_path / "password").write_bytes(PASSWORD)
    password = PasswordFile(str(tmp_path / "password"))
    for number in range(12):
        (folder / f"{number:02}.pfx").write_bytes(openssl_pfx(web()))
    (folder / "05.pfx").write_bytes(bomb())
    (folder / "11.pfx").write_bytes(b"none")
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    found = scan(str(folder), password, flat=True)
    assert list(found) == [f"{number:02}.pfx" for number in range(12)]
    assert found["05.pfx"].problem == f"cannot be used: it {SLOW}"
    assert found["11.pfx"].problem == "cannot be used: it is not PEM, DER, PKCS#7 or PFX"
    good = [name for name, one in found.items() if one.branches]
    assert good == [f"{number:02}.pfx" for number in range(12) if number not in (5, 11)]
    code = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'subprocess.Popen': print('started')\n"
        "sys.addaudithook(hook)\n"
        "from sslbind.certificates.contents import PasswordFile\n"
        "from sslbind.certificates.scanning import scan\n"
        f"found = scan({str(folder)!r}, PasswordFile({str(tmp_path / 'password')!r}), flat=True)\n"
        "print(found['05.pfx'].problem)\n"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout == f"cannot be used: it {SLOW}\n"


def test_commands(run: Run) -> None:
    """Every command that opens a file reports it in one message, and no registry stays locked."""
    assert run("init").code == 0
    Path("bomb.pfx").write_bytes(bomb())
    word = {"PFX": PASSWORD.decode()}
    word_too = ("--password-env", "PFX")
    for words in (
        ("store", "add", "bomb.pfx", *word_too),
        ("add", "sslcert", "10.0.0.5:443", "--cert", "bomb.pfx", *word_too, "appid=iis"),
    ):
        done = run(*words, env=word)
        assert done.code == 2, done
        assert f"error: bomb.pfx: the PFX file {SLOW}" in done.err
    assert run("list").code == 0


def test_no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no process can be started, files are opened in this one."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    data = openssl_pfx(intermediate())
    assert read_bundle(data, [PASSWORD]).keys


def hanging(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command next to a store that has a bomb, and return once it is being opened."""
    command = [sys.executable, "-m", "sslbind", *words]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not children.read_text().strip():
        time.sleep(0.05)
    return process


def put_bomb(registry: Path) -> None:
    """Put a bomb into the store MY, and its password into the registry."""
    (registry.parent / "pw").write_bytes(PASSWORD)
    registry.write_text(registry.read_text() + 'PasswordFile = "pw"\n')
    (registry.parent / "certs" / "MY").mkdir()
    (registry.parent / "certs" / "MY" / "bomb.pfx").write_bytes(bomb())
    os.utime(registry.parent / "certs" / "MY" / "bomb.pfx", (1, 1))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the children of a process")
@pytest.mark.parametrize(
    "words",
    [
        ["add", "sslcert", "0.0.0.0:443", f"certhash={'a' * 40}", "certstorename=MY", "appid=iis"],
        ["add", "sslcert", "0.0.0.0:443", "--cert", "certs/MY/bomb.pfx", "--password-file", "pw",
         "appid=iis"],
        ["rebind", "a" * 40, "certs/MY/bomb.pfx", "--password-file", "pw"],
        ["store", "delete", "a" * 40],
        ["-f", "lines.txt"],
    ],
    ids=["add", "add-cert", "rebind", "store-delete", "script"],
)  # fmt: skip
def test_no_lock_is_held_meanwhile(words: list[str], registry: Path, run: Run) -> None:
    """While a bad file is being opened, others change the registry and its stores."""
    put_bomb(registry)
    (registry.parent / "lines.txt").write_text(
        f"add sslcert 0.0.0.0:443 certhash={'a' * 40} certstorename=MY"
        " appid={4dc3e181-e14b-4a21-b022-59fc669b0914}\n"
    )
    process = hanging(registry.parent, *words)
    assert run("add", "iplisten", "10.0.0.5").code == 0
    assert run("store", "new", "--dns", "www.contoso.com").code == 0
    assert process.poll() is None, "the file took too little time"
    _, err = process.communicate(timeout=120)
    assert process.returncode in (1, 2)
    assert "hidden key derivation rounds" in err or words[:2] == ["store", "delete"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the children of a process")
def test_ctrl_c_ends_the_opening(registry: Path) -> None:
    """Nothing ignores the signal, and no process is left running."""
    put_bomb(registry)
    process = hanging(registry.parent, "check")
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "hint: interrupted\n")
    assert process.returncode == 130
    for _ in range(600):  # one that was being started ends when it gets no request
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the process that opens the file is still there")
