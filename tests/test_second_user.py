"""Another user in the same folder: what root writes there goes nowhere else, and no key to them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pki import issue
from tools import needs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="only root can be two users"
    ),
]
NOBODY = "65534"
ROUNDS = 12

# Swaps each folder and file of the stores for links to root's, as fast as a shell can, and
# tries to read what is there.
ATTACK = r"""
victim=$2; loot=$3; cd "$1" || exit
while :; do
    ln -sfn "$victim/folder" MY 2>/dev/null
    ln -sf "$victim/file" .gitignore 2>/dev/null
    rm -rf MY 2>/dev/null; mkdir -p MY 2>/dev/null
    for thumbprint in $4; do
        : >"MY/$thumbprint.key" 2>/dev/null
        chmod 666 "MY/$thumbprint.key" 2>/dev/null
        ln -sf "$victim/file" "MY/$thumbprint.pem" 2>/dev/null
        ln -sf "$victim/file" "MY/.$thumbprint.key.lock" 2>/dev/null
    done
    ln -sf "$victim/file" .lock 2>/dev/null
    ln -sf "$victim/file" ../.sslbind.toml.lock 2>/dev/null
    cat MY/*.key MY/.*.part.* 2>/dev/null >>"$loot"
    rm -f .lock ../.sslbind.toml.lock 2>/dev/null
done
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of another user, outside pytest's, which nobody else may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(*words: str) -> list[str]:
    return [needs("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *words]


def test_root_in_the_folder_of_another_user(shared: Path) -> None:
    """Root's commands fail or succeed; root's own files keep content, mode and owner."""
    work, victim, loot = shared / "work", shared / "victim", shared / "loot"
    for folder in (work, work / "certs", victim, victim / "folder"):
        folder.mkdir()
    (victim / "file").write_text("root's own")
    (victim / "folder" / "file").write_text("root's own")
    for path in (victim / "file", victim / "folder" / "file"):
        path.chmod(0o644)
    loot.write_text("")
    issued = [issue(f"k{number}", dns=[f"h{number}.de"]) for number in range(ROUNDS)]
    for number, one in enumerate(issued):
        (shared / f"{number}.pem").write_bytes(one.pem + one.key_pem())
        (shared / f"{number}.pem").chmod(0o600)
    (work / "sslbind.toml").write_text("version = 1\n[CertStores]\n")
    for path in (work, work / "certs", loot):
        os.chown(path, int(NOBODY), int(NOBODY))
    thumbprints = " ".join(one.thumbprint for one in issued)
    command = as_nobody("bash", "-c", ATTACK, "bash", str(work / "certs"), str(victim), str(loot),
                        thumbprints)  # fmt: skip
    attacker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    environment = os.environ | {"XDG_CACHE_HOME": str(shared / "cache")}
    codes = []
    try:
        for number in range(ROUNDS):
            done = subprocess.run(
                [sys.executable, "-m", "sslbind", "store", "add", str(shared / f"{number}.pem")],
                cwd=work, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert "Traceback" not in done.stderr
            codes.append(done.returncode)
    finally:
        attacker.terminate()
        attacker.wait()
    assert set(codes) <= {0, 2}
    assert b"PRIVATE KEY" not in loot.read_bytes()
    for path in (victim / "file", victim / "folder" / "file"):
        assert path.read_text() == "root's own"
        assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o644)
    assert os.listdir(victim / "folder") == ["file"]
    for path in work.rglob("*.key"):
        if b"PRIVATE KEY" in path.read_bytes():
            assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600), path


PREPARED: dict[str, tuple[str, list[str]]] = {
    "pfx-made-before": (
        "touch ccs/h0.de.pfx; chmod 666 ccs/h0.de.pfx",
        ["ccs", "put", "../0.pem"],
    ),
    "pfx-link": ("ln -s ../../victim/file ccs/h0.de.pfx", ["ccs", "put", "../0.pem"]),
    "pfx-dangling": ("ln -s ../../victim/new ccs/h0.de.pfx", ["ccs", "put", "../0.pem"]),
    "central-store-link": ("mv ccs old; ln -s ../victim/folder ccs", ["ccs", "put", "../0.pem"]),
    "stores-link": ("ln -s ../victim/folder certs", ["store", "add", "../0.pem"]),
    "report": ("ln -s ../victim/file out", ["report", "-o", "out"]),
    "report-dangling": ("ln -s ../victim/new out", ["report", "-o", "out"]),
    "expiry": (
        "ln -s ../victim/file out",
        ["expiry", "--format", "prometheus", "-o", "out"],
    ),
    "export": ("ln -s ../victim/file out", ["export", "netsh-script", "-o", "out"]),
    "haproxy": ("ln -s ../victim/folder out", ["export", "haproxy", "-o", "out"]),
    "init": ("ln -s ../victim/folder up", ["init", "-r", "up/new.toml"]),
    "init-chain": ("ln -s $(realpath ..)/up a; ln -s a up", ["init", "-r", "up/victim/new.toml"]),
    "import": ("ln -s ../victim/folder up", ["import", "script", "--each", "up"]),
    "lock": ("mkdir up; ln -s ../victim/folder up/certs", ["store", "add", "../0.pem"]),
    "completion": (
        "d=h/bash-completion/completions; mkdir -p $d; ln -s $(realpath ../victim/file) $d/sslbind",
        ["completion", "install", "bash"],
    ),
}
"""What another user does in a folder before root writes there, and how root writes."""


@pytest.mark.parametrize("name", PREPARED)
def test_what_another_user_prepared(shared: Path, name: str) -> None:
    """A link leads root to nothing that is not that user's, and root's key is root's alone."""
    prepare, words = PREPARED[name]
    work, victim = shared / "work", shared / "victim"
    for folder in (work, work / "ccs", victim, victim / "folder"):
        folder.mkdir()
    (victim / "file").write_text("root's own")
    one = issue("k0", dns=["h0.de"])
    (shared / "0.pem").write_bytes(one.pem + one.key_pem())
    (work / "sslbind.toml").write_text(
        "version = 1\n[CertStores]\n[CentralCertProvider]\nEnabled = true\n"
        'CertStoreLocation = "ccs"\n'
    )
    (work / "script").write_text("add sslcert ipport=10.0.0.5:443 certhash=" + "a" * 40 + "\n")
    for path in (work, work / "ccs"):
        os.chown(path, int(NOBODY), int(NOBODY))
    (shared / "up").symlink_to(".")
    subprocess.run(as_nobody("sh", "-c", prepare), cwd=work, check=True)
    environment = os.environ | {
        "XDG_CACHE_HOME": str(shared / "cache"),
        "XDG_DATA_HOME": str(work / "h"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "sslbind", *words],
        cwd=work, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert (victim / "file").read_text() == "root's own"
    assert sorted(path.name for path in victim.rglob("*")) == ["file", "folder"]
    if name != "lock":
        assert done.returncode == 2, done.stderr
    for path in work.rglob("*"):
        if path.suffix in (".key", ".pfx") and path.lstat().st_size and not path.is_symlink():
            assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600), path


def test_links_that_lead_to_what_is_theirs(shared: Path) -> None:
    """Root follows its own links, and those of another user to files of that user."""
    theirs = shared / "theirs"
    theirs.mkdir()
    os.chown(theirs, int(NOBODY), int(NOBODY))
    prepare = (
        "mkdir releases releases/5; ln -s releases/5 current; echo version = 1 > releases/5/a.toml"
        "; ln -s current/a.toml a.toml"
    )
    subprocess.run(as_nobody("sh", "-c", prepare), cwd=theirs, check=True)
    (shared / "mine").symlink_to("theirs/current")
    for path in ("theirs/a.toml", "theirs/current/a.toml", "mine/a.toml"):
        done = subprocess.run(
            [sys.executable, "-m", "sslbind", "-r", path, "add", "iplisten", f"10.0.0.{len(path)}"],
            cwd=shared, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (theirs / "a.toml").is_symlink()
    text = (theirs / "releases/5/a.toml").read_text()
    assert text.count("10.0.0.") == 3
    assert (theirs / "releases/5/a.toml").stat().st_uid == int(NOBODY)


def test_the_cache_of_another_user(shared: Path) -> None:
    """Where another user can write the cache, it is neither read nor written."""
    folder = shared / "cache" / "sslbind"
    folder.mkdir(parents=True)
    os.chown(folder, int(NOBODY), int(NOBODY))
    (shared / "sslbind.toml").write_text("version = 1\nnonsense = 1\n")
    (shared / "file").write_text("root's own")
    probe = [sys.executable, "-c", "import sslbind.version as v; print(v.VERSION)"]
    version = subprocess.run(probe, capture_output=True, text=True, check=True).stdout.strip()
    digest = "import sys; from sslbind.digest import content_digest as d;"
    code = f"{digest} print(d(open('sslbind.toml','rb').read()))"
    forged = subprocess.run(
        [sys.executable, "-c", code], cwd=shared, capture_output=True, text=True, check=True
    ).stdout.strip()
    script = (
        f'mkdir -p "$1/{version}" && cd "$1/{version}"'
        f" && printf %s {forged} > registry-{forged[:2]}"
        " && ln -s ../../../file opened-pfx"
    )
    subprocess.run(as_nobody("sh", "-c", script, "sh", str(folder)), check=True)
    environment = os.environ | {"XDG_CACHE_HOME": str(shared / "cache")}
    for words in (["list"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "sslbind", *words],
            cwd=shared, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "'nonsense' is not a table or setting" in done.stdout + done.stderr
    assert (shared / "file").read_text() == "root's own"
    assert sorted(os.listdir(folder / version)) == [f"registry-{forged[:2]}", "opened-pfx"][::-1]
