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
