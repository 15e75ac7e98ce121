"""What a change of a record means for others: said before, or with, the change."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_cases import STORES, Case, record
from conftest import IIS, A, B, Result, Run
from pki import Issued, issue

from sslbind.consequences import SHARED
from sslbind.errors import ExistsError
from sslbind.keys import IPPORT, parse_key
from sslbind.registry.registry import Registry
from sslbind.session import Session

SSTP = "{ba195980-cd49-458b-9e23-c84ee0adcd75}"


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


@pytest.fixture
def two(case: Case) -> tuple[Issued, Issued]:
    """Return the certificates of two sites, both in MY; the first has 0.0.0.0:443."""
    one, other = issue("one", dns=("one.example",)), issue("two", dns=("two.example",))
    case.store(one, other)
    case.write(STORES, record("0.0.0.0:443", one))
    return one, other


def add(run: Run, key: str, certificate: Issued | str, *more: str, appid: str = "iis") -> Result:
    thumbprint = certificate if isinstance(certificate, str) else certificate.thumbprint
    words = (key, f"certhash={thumbprint}", f"appid={appid}", "certstorename=MY")
    return run("add", "sslcert", *words, *more)


def test_183_where_sni_would_serve_both(run: Run, two: tuple[Issued, Issued]) -> None:
    """An update would take the first site's certificate: the hint is a command that does not."""
    one, other = two
    answer = add(run, "ipport=0.0.0.0:443", other)
    assert answer.code == 1
    assert "Error: 183" in answer.out
    assert answer.err.splitlines()[-1] == (
        "hint: the certificates have no name in common, so an update would leave one.example"
        " without one; SNI serves both (sslFlags 1 in IIS): sslbind add sslcert"
        f" hostnameport=two.example:443 certhash={other.thumbprint} appid=iis certstorename=MY"
    )
    command = answer.err.splitlines()[-1].partition(": sslbind ")[2]
    assert run(*command.split()).code == 0
    answer = run("resolve", "192.0.2.1:443", "two.example")
    assert answer.out.startswith(other.thumbprint)
    assert run("resolve", "192.0.2.1:443", "one.example").out.startswith(one.thumbprint)


def test_183_where_the_names_are_not_known(run: Run, case: Case) -> None:
    """Without stores it is said what would be right for other host names."""
    case.write(record("0.0.0.0:443", A))
    answer = add(run, "ipport=0.0.0.0:443", B)
    assert answer.err.splitlines()[-1] == (
        "hint: if the certificates are for different host names, SNI serves both:"
        " hostnameport=NAME:443 gives a name its own record"
    )
    case.write(record("0.0.0.0:443", A), windows="2008r2")
    assert "SNI" not in add(run, "ipport=0.0.0.0:443", B).err


def test_183_with_names_in_common_says_nothing_of_sni(case: Case, run: Run) -> None:
    """A renewed certificate belongs to the same names: the update is right."""
    old, new = issue("one", dns=("one.example",)), issue("one", dns=("one.example", "more.example"))
    case.store(old, new)
    case.write(STORES, record("0.0.0.0:443", old))
    assert "SNI" not in add(run, "ipport=0.0.0.0:443", new).err
    assert add(run, "ipport=0.0.0.0:443", new, "--if-exists", "update").code == 0


@pytest.mark.parametrize("mode", ["update", "reset"])
def test_an_update_that_takes_a_certificate_away(
    run: Run, two: tuple[Issued, Issued], mode: str
) -> None:
    """It is refused like a rebind: nothing changes without --force."""
    other = two[1]
    before = Path("sslbind.toml").read_bytes()
    answer = add(run, "ipport=0.0.0.0:443", other, "--if-exists", mode)
    assert answer.code == 1
    assert f"; {other.thumbprint} does not cover one.example\n" in answer.err
    assert answer.err.endswith("hint: --force changes it anyway\n")
    assert Path("sslbind.toml").read_bytes() == before
    answer = add(run, "ipport=0.0.0.0:443", other, "--if-exists", mode, "--force")
    assert answer.code == 0
    assert other.thumbprint in Path("sslbind.toml").read_text(encoding="utf-8")


def test_an_update_that_takes_a_record_from_its_owner(run: Run, case: Case) -> None:
    """The owner counts where no certificate is known as well."""
    case.write(record("0.0.0.0:443", A))
    answer = add(run, "ipport=0.0.0.0:443", A, "--if-exists", "update", appid="sstp")
    assert answer.code == 1
    assert (
        f"ipport=0.0.0.0:443 would no longer belong to IIS {IIS} but to SSTP {SSTP}\n" in answer.err
    )
    assert (
        add(run, "ipport=0.0.0.0:443", A, "--if-exists", "update", "--force", appid="sstp").code
        == 0
    )


def test_the_library_refuses_the_same(run: Run, case: Case) -> None:
    """``force`` is the word that allows it there."""
    case.write(record("0.0.0.0:443", A))
    session = Session(Registry.open())
    key = parse_key(IPPORT, "0.0.0.0:443")
    values = {"certhash": A, "appid": SSTP}
    with pytest.raises(ExistsError, match="would no longer belong to IIS"):
        session.add(key, values, if_exists="update")
    assert session.add(key, values, if_exists="update", force=True).action == "updated"


def test_a_host_record_needs_its_own_name_only(case: Case, run: Run) -> None:
    """The other names of the old certificate are served by other records."""
    old, new = issue("one", dns=("a.example", "b.example")), issue("one", dns=("a.example",))
    case.store(old, new)
    case.write(STORES, record("a.example:443", old))
    assert add(run, "hostnameport=a.example:443", new, "--if-exists", "update").code == 0


def test_an_address_hides_names(run: Run, case: Case) -> None:
    """``add`` says which, and nothing if they have the same certificate or come elsewhere."""
    names = [record(f"{one}.example:443", A) for one in "abcd"]
    case.write('iplisten = ["10.0.0.5", "10.0.0.6"]', *names, record("0.0.0.0:443", A))
    hides = "takes precedence over every name"
    answer = add(run, "ipport=10.0.0.5:443", B)
    assert (
        f"note: ipport=10.0.0.5:443 {hides}: clients that connect to 10.0.0.5 for a.example,"
        f" b.example, c.example and 1 more now get {B}\n"
    ) in answer.err
    assert hides not in add(run, "ipport=10.0.0.6:443", A).err
    assert hides not in add(run, "ipport=10.0.0.7:443", B).err
    assert hides not in add(run, "ipport=10.0.0.5:8443", B).err
    assert hides not in add(run, "ipport=[::]:443", B).err


def test_the_central_store_is_hidden_too(run: Run, case: Case) -> None:
    case.write(record("443"))
    assert "for every host of the central store now get" in add(run, "ipport=10.0.0.5:443", B).err


def test_sites_share_the_record_of_an_address(run: Run, case: Case) -> None:
    """``delete``, ``update`` and ``rebind`` say so; one of a name is its own."""
    case.write(record("0.0.0.0:443", A), record("a.example:443", A), record("0.0.0.0:8443", B))
    assert f"note: ipport=0.0.0.0:443: {SHARED}" in run("rebind", A, B).err
    answer = run("update", "sslcert", "ipport=0.0.0.0:443", f"certhash={A}")
    assert f"note: ipport=0.0.0.0:443: {SHARED}\n" in answer.err
    assert SHARED not in run("update", "sslcert", "ipport=0.0.0.0:443", "usagecheck=disable").err
    assert SHARED in run("delete", "sslcert", "ipport=0.0.0.0:443").err
    assert SHARED not in run("delete", "sslcert", "hostnameport=a.example:443").err


def test_an_owner_with_a_copy_is_named_by_update(run: Run, case: Case) -> None:
    """SSTP keeps the hash of its own, and goes on using it."""
    case.write(record("0.0.0.0:443", A, appid=SSTP))
    answer = run("update", "sslcert", "ipport=0.0.0.0:443", f"certhash={B}")
    assert "note: SSTP keeps the thumbprint in SHA256CertificateHash below" in answer.err
    assert "Set-RemoteAccess -SslCertificate" in answer.err


def test_an_owner_with_a_copy_is_named_by_a_script_of_changes(run: Run, case: Case) -> None:
    """The script changes the record, and its owner goes on with the old certificate."""
    case.write(record("0.0.0.0:443", B, appid=SSTP), record("a.example:443", A))
    Path("new.toml").write_text(
        Path("sslbind.toml").read_text(encoding="utf-8").replace(B, "c" * 40), encoding="utf-8"
    )
    answer = run("-r", "new.toml", "export", "powershell", "--changes-from", "sslbind.toml")
    assert answer.err.count("SSTP keeps the thumbprint in SHA256CertificateHash below") == 1
    answer = run("-r", "sslbind.toml", "export", "powershell", "--changes-from", "sslbind.toml")
    assert "SSTP" not in answer.err
