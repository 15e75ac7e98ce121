"""The hooks of docs/renewal.md, as lego, acme.sh and simple-acme run them.

Of these, lego 4 is run for real. Of the others, the test does what their documentation says that
they do for a hook: the files that they write, the variables that they set, the line that they run.
"""

from __future__ import annotations

import os
import re
import shlex
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Run
from pebble import pebble
from pki import Issued, intermediate, issue
from servers import LOOPBACK, free_port
from tools import needs, unix_shell

from sslbind.digest import thumbprint

PAGE = Path(__file__).parent.parent / "docs" / "renewal.md"
NAME = "www.contoso.com"


def section(title: str) -> list[str]:
    """The blocks of code below a heading of the page, continued lines joined."""
    text = re.split(r"\n##+ ", PAGE.read_text("utf-8").partition(f"### {title}\n")[2])[0]
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return [re.sub(r"\s*[\\^]\n\s*", " ", one).strip() for one in blocks]


def here(line: str, registry: Path) -> str:
    """A line of the page with the paths of this test, and with the command that is installed."""
    for base in ("/srv/tls/web.toml", "C:\\tls\\web.toml"):
        line = line.replace(base, str(registry))
    for folder in ("/srv/tls/", "C:\\tls\\"):
        line = line.replace(folder, f"{registry.parent}/")
    program = needs("sslbind")
    return re.sub(r"\bsslbind (?=-r)", lambda _: f"{program} ", line)


def shell(line: str, **variables: str) -> None:
    environment = {**os.environ, **variables}
    command = [needs("sh"), "-c", line]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def bound(run: Run) -> str:
    """The thumbprint that the one record has."""
    [one] = run("list", "--format", "json").json["bindings"]
    assert one["disablequic"] is True
    return str(one["certhash"])


@pytest.fixture
def old(run: Run, registry: Path) -> Issued:
    """What is bound before the renewal, in a record with a tag of its own."""
    made = issue("old", dns=(NAME,))
    (registry.parent / "old.pem").write_bytes(made.pem + made.key_pem())
    words = ("--cert", "old.pem", "appid=iis", "disablequic=enable")
    assert run("add", "sslcert", f"hostnameport={NAME}:443", *words).code == 0
    return made


@pytest.fixture
def new() -> Issued:
    today = datetime.now(UTC)  # commands that hooks call have no other clock
    end = today + timedelta(days=60)
    return issue("new", dns=(NAME,), issuer=intermediate(), start=today, end=end)


def files(folder: Path, names: Mapping[str, bytes]) -> None:
    for name, data in names.items():
        (folder / name).write_bytes(data)


@unix_shell
def test_lego_5(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """The script of the page, started without a shell, with the variables of lego 5."""
    script = registry.parent / "sslbind-renew"
    script.write_text(here(section("lego")[0], registry) + "\n")
    script.chmod(0o755)
    files(registry.parent, {"a.crt": new.pem + intermediate().pem, "a.key": new.key_pem()})
    folder = registry.parent
    variables = {
        "LEGO_HOOK_CERT_PATH": f"{folder}/a.crt",
        "LEGO_HOOK_CERT_KEY_PATH": f"{folder}/a.key",
    }
    for _ in range(2):
        subprocess.run([script], env={**os.environ, **variables}, check=True, capture_output=True)
        assert bound(run) == new.thumbprint


@unix_shell
def test_acme_sh(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """``--install-cert`` copies both files, and runs the line of ``--reloadcmd`` in a shell."""
    words = shlex.split(here(section("acme.sh")[0], registry))
    options = dict(zip(words[2::2], words[3::2], strict=False))
    assert words[:2] == ["acme.sh", "--install-cert"]
    Path(options["--fullchain-file"]).write_bytes(new.pem + intermediate().pem)
    Path(options["--key-file"]).write_bytes(new.key_pem())
    for _ in range(2):
        shell(options["--reloadcmd"], Le_Domain=NAME)
        assert bound(run) == new.thumbprint


def test_simple_acme(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """The store ``pemfiles`` writes NAME-chain.pem, with the certificate, and NAME-key.pem."""
    files(
        registry.parent,
        {
            "www-crt.pem": new.pem,
            "www-chain.pem": new.pem + intermediate().pem,
            "www-chain-only.pem": intermediate().pem,
            "www-key.pem": new.key_pem(),
        },
    )
    for _ in range(2):
        shell(here(section("simple-acme and win-acme")[1], registry))
        assert bound(run) == new.thumbprint


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with pebble(tmp_path_factory.mktemp("pebble")) as served:
        yield served


@pytest.mark.slow
def test_lego_4(run: Run, registry: Path, old: Issued, directory: tuple[str, Path]) -> None:
    """The real lego issues and renews, and its hooks call the script."""
    url, trusted = directory
    script = registry.parent / "sslbind-renew"
    text = here(section("lego")[0], registry).replace("LEGO_HOOK_", "LEGO_")
    assert "LEGO_CERT_PATH" in PAGE.read_text("utf-8")
    script.write_text(text + "\n")
    script.chmod(0o755)
    lego = [
        *(needs("lego"), "--server", url, "--email", "me@contoso.com", "--accept-tos"),
        *("--path", str(registry.parent / "lego"), "--domains", NAME),
        *("--http", "--http.port", f"{LOOPBACK}:{free_port()}"),
    ]
    seen = {old.thumbprint}
    hook = str(script)
    for words in (("run", "--run-hook", hook), ("renew", "--days", "9999", "--renew-hook", hook)):
        done = subprocess.run(
            [*lego, *words],
            env={**os.environ, "LEGO_CA_CERTIFICATES": str(trusted)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        pem = (registry.parent / "lego" / "certificates" / f"{NAME}.crt").read_text("ascii")
        first = pem.partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        got = thumbprint(ssl.PEM_cert_to_DER_cert(first))
        assert got not in seen
        assert bound(run) == got
        seen.add(got)
