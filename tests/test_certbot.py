"""The real thing: certbot obtains and renews from an ACME server, and its hook calls ``renew``."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from haproxy import free_ports, serving
from pebble import pebble
from servers import LOOPBACK
from tools import needs

from sslbind.digest import thumbprint

NAMES = ("www.contoso.com", "*.shop.contoso.com")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run an ACME server; give its URL and the certificate to trust."""
    with pebble(tmp_path_factory.mktemp("pebble")) as served:
        yield served


@dataclass
class Certbot:
    """certbot with folders of its own, and the hook that a user would give it."""

    folder: Path
    registry: Path
    url: str
    trusted: Path

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        folders = [f"--{name}-dir={self.folder / name}" for name in ("config", "work", "logs")]
        return subprocess.run(
            [needs("certbot"), *words, *folders, "--server", self.url, "--non-interactive"],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.trusted)},
            capture_output=True,
            text=True,
            check=False,
        )

    def issue(self, hook: str, *names: str) -> subprocess.CompletedProcess[str]:
        domains = [word for name in names for word in ("-d", name)]
        return self(
            "certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "true",
            "--agree-tos", "--register-unsafely-without-email", "--cert-name", names[0],
            "--deploy-hook", hook, *domains,
        )  # fmt: skip

    def renew(self) -> subprocess.CompletedProcess[str]:
        return self("renew", "--force-renewal", "--no-random-sleep-on-renew")

    def hook(self, *words: str) -> str:
        """Return the line of docs/renewal.md, for this registry."""
        return " ".join(
            [needs("sslbind"), "-r", str(self.registry), "renew", '"$RENEWED_LINEAGE"', *words]
        )

    def thumbprint(self, name: str) -> str:
        """Return the thumbprint of what certbot's folder holds now."""
        pem = (self.folder / "config" / "live" / name / "cert.pem").read_text("ascii")
        return thumbprint(ssl.PEM_cert_to_DER_cert(pem))


@pytest.fixture
def certbot(tmp_path: Path, registry: Path, directory: tuple[str, Path]) -> Certbot:
    return Certbot(tmp_path / "letsencrypt", registry, *directory)


def bindings(run: Run) -> dict[str, dict[str, Any]]:
    found = run("list", "--format", "json").json["bindings"]
    return {one["key"]: one for one in found}


@pytest.mark.slow
def test_issue_hook_renew_hook(run: Run, registry: Path, certbot: Certbot) -> None:
    """The first hook makes the records, the second renews them; every tag is kept.

    A hook that runs again changes nothing.
    """
    done = certbot.issue(certbot.hook("--bind", "443"), *NAMES)
    assert done.returncode == 0, done.stderr
    first = certbot.thumbprint(NAMES[0])
    assert {key: one["certhash"] for key, one in bindings(run).items()} == dict.fromkeys(
        ("www.contoso.com:443", "*.shop.contoso.com:443"), first
    )
    tags = ("disablequic=enable", "clientcertnegotiation=enable", "revocationfreshnesstime=7")
    assert run("update", "sslcert", "hostnameport=www.contoso.com:443", *tags).code == 0
    before = registry.read_text()

    done = certbot.renew()
    assert done.returncode == 0, done.stderr
    second = certbot.thumbprint(NAMES[0])
    assert second != first
    assert registry.read_text() == before.replace(first, second)
    assert bindings(run)["www.contoso.com:443"]["disablequic"] is True

    live = certbot.folder / "config" / "live" / NAMES[0]
    done = subprocess.run(
        certbot.hook(),
        shell=True,
        env={**os.environ, "RENEWED_LINEAGE": str(live)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "unchanged")
    assert registry.read_text() == before.replace(first, second)


@pytest.mark.slow
def test_from_renewal_to_proof(run: Run, registry: Path, certbot: Certbot) -> None:
    """certbot renews, the registry follows, HAProxy serves it, probe agrees, and it is watched.

    As long as the server has the old certificate, probe says so.
    """
    (port,) = free_ports(1)
    hook = certbot.hook("--bind", str(port))
    assert certbot.issue(hook, *NAMES).returncode == 0
    first = certbot.thumbprint(NAMES[0])
    where = ("probe", "--all", "--address", LOOPBACK)
    assert run("export", "haproxy", "-o", "old").code == 0
    with serving(registry.parent / "old" / "haproxy.cfg", (LOOPBACK, port)):
        assert run(*where).code == 0
        assert certbot.renew().returncode == 0
        second = certbot.thumbprint(NAMES[0])
        stale = run("-q", *where)
    assert stale.code == 1
    assert stale.out.count(f": differs: serves {first} ") == len(NAMES)
    assert stale.out.count(f", but resolve says {second} by ") == len(NAMES)

    assert run("export", "haproxy", "-o", "new").code == 0
    with serving(registry.parent / "new" / "haproxy.cfg", (LOOPBACK, port)):
        done = run("-q", *where, "-v")
    assert done.code == 0
    assert done.out.count(f": ok: serves {second} ") == len(NAMES)

    assert run("expiry", "--format", "prometheus", "-o", "sslbind.prom").code == 0
    metrics = Path("sslbind.prom").read_text("utf-8")
    assert metrics.count(f'thumbprint="{second}"') == len(NAMES)
    assert first not in metrics


@pytest.mark.slow
def test_certbot_hides_a_hook_that_fails(run: Run, registry: Path, certbot: Certbot) -> None:
    """Why docs/renewal.md asks for a timer: certbot exits 0, and only sslbind sees it."""
    done = certbot.issue(certbot.hook("--bind", "443"), NAMES[0])
    assert done.returncode == 0, done.stderr
    first = certbot.thumbprint(NAMES[0])
    registry.write_text(registry.read_text() + "broken\n")
    done = certbot.renew()
    assert done.returncode == 0, "certbot tells by its exit code now: say so in docs/renewal.md"
    registry.write_text(registry.read_text().removesuffix("broken\n"))
    assert certbot.thumbprint(NAMES[0]) != first
    assert bindings(run)["www.contoso.com:443"]["certhash"] == first
    assert run("expiry", "--within", "3650d").code == 1
