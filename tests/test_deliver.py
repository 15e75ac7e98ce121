"""``apply --deliver``: a certificate with its key, sent as data, imported by a real PowerShell."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IIS, Run, Stored
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import intermediate, root, web
from powershell import PROFILES, hostile
from tools import needs

from sslbind.certificates.parsing import read_bundle
from sslbind.certificates.sealing import Seal, seal_of
from sslbind.errors import SslbindError
from sslbind.planning.carrying import carry_out
from sslbind.planning.delivery import Parcel, StoredThumbprint, held, message, pack
from sslbind.planning.machine import Machine
from sslbind.planning.outcome import Status
from sslbind.planning.plan import PlanOptions, make_plan
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.session import Session
from sslbind.targets import Target
from sslbind.transports.powershell import ARGUMENTS, compose, failure
from sslbind.transports.transport import Ran

STORE = "sslbindtest"
"""A store of the user's on Linux, where .NET has none of the machine's to write to."""


@pytest.fixture
def session(registry: Path, stored: Stored) -> Session:
    file = registry.parent / "certs" / "MY" / f"{web().thumbprint}.pem"
    file.write_bytes(web().pem + intermediate().pem + root().pem)
    return Session(Registry.open(str(registry)))


@pytest.fixture
def parcel(session: Session) -> Parcel:
    (one,) = pack(session, [StoredThumbprint("MY", web().thumbprint)], Release.W2022)
    return one._replace(certificate=StoredThumbprint(STORE, web().thumbprint))


def test_secrets_are_data_after_the_script(parcel: Parcel) -> None:
    """The script is the same for every certificate; the password is in no line but its own."""
    script, *data = message([parcel]).decode("ascii").splitlines()
    other, *_ = message([]).decode("ascii").splitlines()
    assert script == other
    assert data[0] == "LocalMachine"
    assert data[1:] == [base64.b64encode(STORE.encode()).decode(), web().thumbprint,
                        parcel.password, base64.b64encode(parcel.pfx).decode()]  # fmt: skip
    assert parcel.password not in base64.b64decode(script).decode()
    assert parcel.password not in repr(parcel)


def test_a_password_is_used_once(session: Session) -> None:
    wanted = [StoredThumbprint("MY", web().thumbprint)] * 2
    first, second = pack(session, wanted, Release.W2022)
    assert first.password != second.password
    assert len(first.password) == 32


@pytest.mark.parametrize(
    ("release", "seal"),
    [(Release.W2016, Seal.LEGACY), (Release.W2019, Seal.MODERN), (Release.W2025, Seal.MODERN)],
    ids=["2016", "2019", "2025"],
)
def test_sealed_as_the_target_opens_it(session: Session, release: Release, seal: Seal) -> None:
    (one,) = pack(session, [StoredThumbprint("MY", web().thumbprint)], release)
    assert seal_of(one.pfx) is seal
    bundle = read_bundle(one.pfx, [one.password.encode()])
    assert bundle.certificates[0].thumbprint == web().thumbprint
    assert len(bundle.keys) == 1


def test_what_the_registry_does_not_have(session: Session) -> None:
    with pytest.raises(SslbindError, match="is not in any store"):
        pack(session, [StoredThumbprint("MY", "a1" * 20)], Release.W2022)


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        (b"", 0, "PowerShell gave no answer"),
        (b"", None, "no answer in time"),
        (b'{"format":"sslbind-failure","message":"Access is denied."}\n', 1, "Access is denied."),
        (b'{"format":"sslbind-delivery","held":["x"]}\n', 0, "PowerShell's answer is not readable"),
        (b'{"format":"sslbind-delivery"\n', 0, "PowerShell's answer is not readable"),
    ],
    ids=["nothing", "time", "failure", "held", "json"],
)
def test_answers_that_are_none(output: bytes, code: int | None, said: str) -> None:
    with pytest.raises(SslbindError) as caught:
        held(Ran(output, b"", code))
    assert caught.value.message == said


# With a real PowerShell, the store of a user, and a home of the test's own.


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return PROFILES[request.param]


def powershell(script: bytes, home: Path, profile: str) -> Ran:
    """Run what is sent, after what a profile would have set."""
    *words, encoded = ARGUMENTS
    bootstrap = profile + base64.b64decode(encoded).decode("utf-16-le")
    done = subprocess.run(
        [needs("pwsh"), *words, base64.b64encode(bootstrap.encode("utf-16-le")).decode()],
        input=script,
        capture_output=True,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )
    return Ran(done.stdout, done.stderr, done.returncode)


@pytest.mark.slow
def test_imported_and_read_back(parcel: Parcel, tmp_path: Path, profile: str) -> None:
    """It is there with its key, its issuer is in CA, no root anywhere; nothing comes twice."""
    script = message([parcel], "CurrentUser")
    for _ in range(2):
        assert held(powershell(script, tmp_path, profile)) == {
            StoredThumbprint(STORE, web().thumbprint)
        }
    stores = tmp_path / ".dotnet" / "corefx" / "cryptography" / "x509stores"
    assert {one.name: len(list(one.iterdir())) for one in stores.iterdir()} == {STORE: 1, "ca": 1}


@pytest.mark.slow
def test_a_wrong_password_is_a_sentence(parcel: Parcel, tmp_path: Path, profile: str) -> None:
    script = message([parcel._replace(password="wrong")], "CurrentUser")
    with pytest.raises(SslbindError) as caught:
        held(powershell(script, tmp_path, profile))
    assert "password" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.slow
@settings(max_examples=examples(2, values=250))
@given(st.lists(hostile, min_size=250, max_size=250, unique=True))
def test_hostile_data_arrives_word_for_word(
    tmp_path_factory: pytest.TempPathFactory, profile: str, values: list[str]
) -> None:
    """500 names of stores as they are sent, and what is ASCII of them as it is: all stay data."""
    data = [base64.b64encode(value.encode()).decode() for value in values]
    data += ["".join(one for one in value if one.isascii()) for value in values]
    script = compose(
        "param([string[]]$Lines)\nforeach ($line in $Lines) { [Console]::Out.WriteLine("
        "[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($line))) }",
        data,
    )
    ran = powershell(script, tmp_path_factory.mktemp("home"), profile)
    assert (failure(ran.output), ran.errors, ran.code) == (None, b"", 0)
    assert [base64.b64decode(line).decode() for line in ran.output.splitlines()] == data


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="stand-ins for Windows' programs are scripts")
def test_apply_brings_certificate_and_binding(
    session: Session, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan says that a certificate is missing; with --deliver it comes before its binding."""
    tools = tmp_path / "tools"
    tools.mkdir()
    pwsh = needs("pwsh")
    standin = Path(__file__).parent / "windows_powershell.sh"
    netsh = f'#!/bin/sh\nexec {sys.executable} -m sslbind -q -r {tmp_path}/server.toml -f - "$@"\n'
    show = f'#!/bin/sh\nexec {sys.executable} -m sslbind -q -r {tmp_path}/server.toml "$@"\n'
    for name, text in (
        ("netsh", netsh),
        ("System32/netsh.exe", show),
        ("powershell", f'#!/bin/sh\nPWSH={pwsh} exec sh {standin} "$@"\n'),
    ):
        path = tools / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SystemRoot", str(tools))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "server.toml").write_text("version = 1\n")
    words = (f"certhash={web().thumbprint}", f"appid={IIS}", f"certstorename={STORE}")
    assert run("add", "sslcert", "www.contoso.com:443", *words, "--no-verify").code == 0
    (tmp_path / "certs" / "MY").rename(tmp_path / "certs" / STORE)
    target = Target("local", "local")
    machine = Machine(target, Session(Registry.open("sslbind.toml")), "CurrentUser")

    plain = make_plan("local", machine.read(), machine.wanted)
    assert [note.text for note in plain.notes if note.kind == "lacks"] == [
        f"{web().thumbprint} of {STORE} is not on local: hostnameport=www.contoso.com:443"
    ]
    plan = make_plan("local", machine.read(), machine.wanted, PlanOptions(deliver=True))
    assert [one.text for one in plan.changes] == [
        f"deliver certificate={STORE}/{web().thumbprint}",
        "add hostnameport=www.contoso.com:443",
    ]
    outcome = carry_out(plan, machine)
    assert (outcome.status, outcome.done, outcome.message) == (Status.DONE, 2, "")
