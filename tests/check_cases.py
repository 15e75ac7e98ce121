"""What the tests of ``check`` share: a registry in the working folder, checked at ``pki.NOW``."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from conftest import IIS, Run
from pki import NOW, Issued
from tools import needs

from sslbind.certificates.parsing import identities, read_bundle
from sslbind.certificates.sealing import Seal, encode_pfx
from sslbind.check import Finding, Subject, check
from sslbind.keys import infer_key
from sslbind.moments import Window
from sslbind.registry.registry import Registry
from sslbind.release import parse_release
from sslbind.session import Session
from sslbind.sites import Sites

STORES = '[CertStores]\npath = "certs"\n'
PROVIDER = '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
CCS = os.path.join("ccs", "")
"""What names of files in the central store start with."""
ADFS = "{5d89a20c-beab-4389-9447-324788eb944a}"


def record(
    key: str,
    certificate: Issued | str | None = None,
    *,
    store: str | None = "MY",
    appid: str = IIS,
    tags: str = "",
    scoped: bool = False,
) -> str:
    """The table of one record; ``tags`` are more of its lines."""
    kind = infer_key(key, scoped=scoped).kind
    lines = [f'[{kind.table}."{key}"]', f'appid = "{appid}"', tags]
    if certificate is not None:
        thumbprint = certificate if isinstance(certificate, str) else certificate.thumbprint
        lines.append(f'certhash = "{thumbprint}"')
        if store is not None:
            lines.append(f'certstorename = "{store}"')
    return "\n".join(lines) + "\n"


class Case:
    """A registry in the working folder of ``run``, and the files next to it."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def write(self, *parts: str, windows: str = "2022") -> None:
        """Write the registry: settings and records, in any number of parts."""
        text = "\n".join((f'version = 1\nwindows = "{windows}"', *parts))
        Path("sslbind.toml").write_text(text, encoding="utf-8")

    def store(
        self, *issued: Issued, store: str = "MY", chain: Sequence[Issued] = (), key: bool = True
    ) -> None:
        """Put certificates into a store, as ``store add`` does."""
        folder = Path("certs", store)
        folder.mkdir(parents=True, exist_ok=True)
        for one in issued:
            path = folder / f"{one.thumbprint}.pem"
            path.write_bytes(one.pem + b"".join(above.pem for above in chain))
            if key:
                path.with_suffix(".key").write_bytes(one.key_pem())

    def central(self, name: str, issued: Issued, chain: Sequence[Issued] = ()) -> None:
        """Put a PFX file into the central store, as every release opens it."""
        Path("ccs").mkdir(exist_ok=True)
        pem = b"".join(one.pem for one in (issued, *chain)) + issued.key_pem()
        found = next(one for one in identities(read_bundle(pem)) if one.key)
        Path("ccs", name).write_bytes(encode_pfx(found, b"", Seal.LEGACY))

    def check(
        self,
        *,
        windows: str | None = None,
        now: datetime = NOW,
        soon: int = 30,
        sites: Sequence[Sites] = (),
        ids: Collection[str] | None = None,
    ) -> list[Finding]:
        """What ``check`` finds, in order; each finding says what to do."""
        session = Session(Registry.open(), None if windows is None else parse_release(windows))
        found = check(Subject(session, now, Window(timedelta(days=soon)), sites), ids)
        assert all(one.advice for one in found)
        return found

    def rules(self, **options: str) -> list[tuple[str, str | None]]:
        """The rule and the key of everything that is found."""
        return [(one.rule, one.key) for one in self.check(**options)]  # type: ignore[arg-type]

    def only(
        self, rule: str, *, windows: str | None = None, sites: Sequence[Sites] = ()
    ) -> Finding:
        """The one finding of a rule."""
        [found] = self.check(ids=[rule], windows=windows, sites=sites)
        return found

    def shell(self, finding: Finding, password: str) -> None:
        """Run openssl's line of a finding as a person does, who types the password twice."""
        advice = (finding.advice or "").partition("encrypt it again: ")[2]
        opening, sealing = advice.partition("; then delete t.pem")[0].split(", then ")
        opening = opening.replace(" -nodes", " -nodes -passin env:PW")
        sealing = sealing.replace(" -export", " -export -passout env:PW")
        line = f"{opening} && {sealing}; rm t.pem"
        subprocess.run(
            [needs("sh"), "-ec", line],
            env={**os.environ, "PW": password},
            check=True,
            capture_output=True,
        )

    def mend(self, rule: str, *, windows: str | None = None) -> str:
        """Run the command of the one finding of a rule, see it gone, and return the command."""
        command = self.only(rule, windows=windows).command
        assert command is not None
        words = shlex.split(command)
        assert words[0] == "sslbind"
        answer = self.run(*words[1:])
        assert answer.code == 0, answer
        assert self.check(ids=[rule], windows=windows) == []
        return command
