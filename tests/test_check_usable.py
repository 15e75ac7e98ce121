"""``check``: certificates and keys that Windows or clients refuse although the binding is right."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest
from check_cases import CCS, PROVIDER, STORES, Case, record
from conftest import Run
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pki import NOW, Issued, ec_key, intermediate, issue, mail, root, rsa_key, web

from sslbind.check import Subject, check
from sslbind.registry.registry import Registry
from sslbind.release import RELEASES
from sslbind.session import Session

KEY = "www.contoso.com:443"
IP = "10.0.0.5:443"
DAY = datetime.timedelta(days=1)


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def usage(*names: str) -> x509.KeyUsage:
    """A key usage with these bits."""
    bits = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{bit: bit in names for bit in bits.split()})


def made(
    *extensions: x509.ExtensionType,
    key: object = None,
    algorithm: hashes.HashAlgorithm | None = hashes.SHA256(),  # noqa: B008
    issuer: Issued | None = None,
    days: int = 60,
) -> Issued:
    """A certificate for www.contoso.com with more extensions."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.contoso.com")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(NOW + days * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("www.contoso.com")]), False)
    )
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    signer = issuer.key if issuer else key
    return Issued(builder.sign(signer, algorithm), key)  # type: ignore[arg-type]


def found(case: Case, rule: str, one: Issued, key: str = KEY, tags: str = "") -> tuple[str, str]:
    """The severity of the one finding of a rule, and its message without the thumbprint."""
    case.store(one)
    case.write(STORES, record(key, one, tags=tags))
    finding = case.only(rule)
    start = f"the certificate {one.thumbprint} "
    assert finding.message.startswith(start)
    return finding.severity, finding.message.removeprefix(start)


def nothing(case: Case, rule: str, one: Issued, key: str = KEY, tags: str = "") -> bool:
    case.store(one)
    case.write(STORES, record(key, one, tags=tags))
    return case.check(ids=[rule]) == []


def test_key_usage(case: Case) -> None:
    """As IIS Manager makes them; the command takes another certificate from the operator."""
    one = made(usage("key_encipherment", "data_encipherment"))
    severity, message = found(case, "cert-key-usage", one)
    assert severity == "error"
    assert message == (
        "has the key usage keyEncipherment, dataEncipherment, without digitalSignature: Chrome and"
        " Edge refuse it, and Schannel offers neither ECDHE nor TLS 1.3 with it"
    )
    assert case.only("cert-key-usage").command == f"sslbind rebind {one.thumbprint} NEW.pfx"
    renewed(case, "cert-key-usage")


def renewed(case: Case, rule: str) -> None:
    """The command of a finding takes a certificate as it should be."""
    new = issue("new", dns=("www.contoso.com",))
    Path("NEW.pfx").write_bytes(new.pfx())
    assert case.mend(rule).endswith(" NEW.pfx")


@pytest.mark.parametrize("bits", [("digital_signature",), None], ids=["signs", "absent"])
def test_key_usage_that_is_fine(case: Case, bits: Sequence[str] | None) -> None:
    assert nothing(case, "cert-key-usage", made(*([] if bits is None else [usage(*bits)])))


KEYS = {
    "p521": (
        lambda: ec.generate_private_key(ec.SECP521R1()),
        "EC P-521, but Windows, like browsers, only offers P-256",
    ),
    "brainpool": (
        lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        "EC brainpoolP256r1, but Windows, like browsers, only offers P-256 and P-384",
    ),
    "secp256k1": (lambda: ec.generate_private_key(ec.SECP256K1()), "EC secp256k1, but Windows"),
    "ed25519": (
        ed25519.Ed25519PrivateKey.generate,
        "Ed25519, which Schannel does not use (inferred)",
    ),
}


@pytest.mark.parametrize(("make", "words"), KEYS.values(), ids=KEYS)
def test_key_type(case: Case, make: object, words: str) -> None:
    assert callable(make)
    key = make()
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    severity, message = found(case, "cert-key-type", made(key=key, algorithm=algorithm))
    assert severity == "error"
    assert message.startswith(f"has a key of the type {words}")
    renewed(case, "cert-key-type")


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=["p256", "p384"])
def test_keys_that_are_fine(case: Case, curve: ec.EllipticCurve) -> None:
    assert nothing(case, "cert-key-type", made(key=ec.generate_private_key(curve)))
    assert nothing(case, "cert-key-type", made(key=rsa.generate_private_key(65537, 1024)))


def test_no_san(case: Case) -> None:
    """A record of an address has no name to compare, and is reported all the same."""
    none = issue("www.contoso.com")
    assert found(case, "cert-no-san", none, IP) == (
        "warn",
        "has no subject alternative name, and clients ignore the common name",
    )
    renewed(case, "cert-no-san")
    assert nothing(case, "cert-no-san", web(), IP)


STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])
OCSP = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP,
            x509.UniformResourceIdentifier("http://ocsp.example"),
        )
    ]
)


def test_must_staple(case: Case) -> None:
    """An error if there is no response, a warning if it depends on the machine's settings."""
    start = "requires a stapled OCSP response (Must-Staple), but "
    one = made(STAPLE, OCSP)
    assert nothing(case, "cert-must-staple", one, IP)
    severity, message = found(case, "cert-must-staple", one)
    assert severity == "warn"
    assert message == (
        f"{start}HTTP.SYS staples for such records only if EnableOcspStaplingForSni is 1: Firefox"
        " refuses it"
    )
    off = "disableocspstapling = true"
    severity, message = found(case, "cert-must-staple", one, IP, off)
    assert (severity, message) == (
        "error",
        f"{start}the record turns stapling off: Firefox refuses it",
    )
    assert case.mend("cert-must-staple").endswith("disableocspstapling=disable")
    severity, message = found(case, "cert-must-staple", made(STAPLE), IP)
    assert (severity, message) == (
        "error",
        f"{start}has no URL to get one from: Firefox refuses it",
    )
    renewed(case, "cert-must-staple")
    assert nothing(case, "cert-must-staple", made(OCSP))


def test_sha512(case: Case) -> None:
    """An info up to Server 2012 R2, and nothing from 2016 on."""
    one = made(algorithm=hashes.SHA512())
    case.store(one)
    case.write(STORES, record(IP, one))
    said = {word: [f.severity for f in case.check(ids=["cert-weak"], windows=word)]
            for word in ("2008r2", "2012r2", "2016", "2022")}  # fmt: skip
    assert said == {"2008r2": ["info"], "2012r2": ["info"], "2016": [], "2022": []}


def test_lets_encrypt_on_2022(case: Case) -> None:
    """A modern public certificate has no finding, in a store and in the central store."""
    le = made(
        usage("digital_signature"),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectKeyIdentifier(b"1234"),
        x509.CRLDistributionPoints(
            [
                x509.DistributionPoint(
                    [x509.UniformResourceIdentifier("http://crl.example/1.crl")], None, None, None
                )
            ]
        ),
        issuer=intermediate(),
    )
    case.store(root(), store="Root", key=False)
    case.store(intermediate(), store="CA", key=False)
    case.store(le, chain=(intermediate(),))
    case.central("www.contoso.com.pfx", le, chain=(intermediate(),))
    case.write(STORES, PROVIDER, record("0.0.0.0:443", le), record("[::]:443", le), record("443"))
    assert case.check() == []


@pytest.mark.parametrize(("life", "left", "warned"), [(6, 1, True), (6, 3, False), (45, 16, False), (45, 14, True), (90, 31, False), (90, 29, True), (365, 31, False), (365, 29, True)])  # noqa: E501  # fmt: skip
def test_soon(case: Case, life: int, left: int, warned: bool) -> None:
    """Within 30 days, or the last third of a short life."""
    start = NOW - (life - left) * DAY
    one = issue("x", dns=("www.contoso.com",), start=start, end=NOW + left * DAY)
    case.store(one)
    case.write(STORES, record(IP, one))
    subject = Subject(Session(Registry.open()), NOW)
    assert [f.rule for f in check(subject, ["cert-expires-soon"])] == ["cert-expires-soon"] * warned


# Authorities


def authority(
    days: int, *, start: int = -300, name: str = "Two Faces", key: bytes = b"one"
) -> Issued:
    """One of several certificates of an authority's key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root().certificate.subject)
        .public_key(ec_key("faces").public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + start * DAY)
        .not_valid_after(NOW + days * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(key), critical=False)
    )
    return Issued(builder.sign(root().key, hashes.SHA256()), ec_key("faces"))


def under(issuer: Issued) -> Issued:
    """A certificate below one, by its key identifier."""
    identifier = x509.AuthorityKeyIdentifier(b"one", None, None)
    return made(identifier, issuer=issuer)


def test_ambiguous(case: Case) -> None:
    """Two certificates of one authority, one of which ends before what it signed."""
    old, new = authority(5, start=-300), authority(900, start=-200)
    leaf = under(new)
    case.store(root(), store="Root", key=False)
    case.store(old, new, store="CA", key=False)
    case.store(leaf)
    case.write(STORES, record(IP, leaf), windows="2022")
    finding = case.only("cert-chain-ambiguous")
    assert (finding.severity, finding.key) == ("info", IP)
    assert finding.message.startswith(
        "2 CA certificates in the stores have the key that signed 1 certificate: Windows picks"
        f" CN=Two Faces {new.thumbprint[:8]} "
    )
    assert case.mend("cert-chain-ambiguous") == f"sslbind store delete {old.thumbprint}"


def test_not_ambiguous(case: Case) -> None:
    """Cross-signed authorities that are all valid for long enough are normal."""
    leaf = under(authority(900))
    case.store(authority(800), authority(900, start=-200), store="CA", key=False)
    case.store(leaf)
    case.write(STORES, record(IP, leaf))
    assert case.check(ids=["cert-chain-ambiguous"]) == []


def test_root_not_self_signed(case: Case) -> None:
    """An info; an error where client certificates are asked for."""
    case.store(intermediate(), store="Root", key=False)
    case.store(root(), store="Root", key=False)
    case.store(web())
    case.write(STORES, record(KEY, web()))
    finding = case.only("root-not-self-signed")
    assert finding.severity == "info"
    assert finding.message == "the store Root holds CN=Test Intermediate, which CN=Test Root signed"
    case.write(STORES, record(KEY, web(), tags="clientcertnegotiation = true"))
    finding = case.only("root-not-self-signed")
    assert finding.severity == "error"
    assert finding.message.endswith("signed: clients with certificates get 403.16")
    words = (finding.advice or "").partition("instead: ")[2].partition(",")[0].split()
    assert case.run(*words).code == 0
    case.mend("root-not-self-signed")
    assert case.check(ids=["cert-chain-incomplete", "cert-chain-expired"]) == []


def test_ctl_too_long(case: Case) -> None:
    """What the subjects of a store take up in a handshake, of which 16 kB is sent."""
    many = [issue(f"Authority number {number} " + "x" * 40, ca=True) for number in range(180)]
    case.store(*many, store="Clients", key=False)
    case.store(web())
    case.write(STORES, record(KEY, web(), tags='sslctlstorename = "Clients"'))
    assert case.check(ids=["ctl-too-long"]) == []
    case.store(*[issue(f"More authority {n} " + "x" * 40, ca=True) for n in range(60)], store="Clients", key=False)  # noqa: E501  # fmt: skip
    finding = case.only("ctl-too-long")
    assert finding.message.startswith("sslctlstorename=Clients: the list of its issuers has 1")
    assert finding.message.endswith(" bytes, and Schannel truncates it at 16384")
    Path("ISSUER.pem").write_bytes(many[0].pem)
    assert "store add ISSUER.pem --store ClientIssuers" in (finding.advice or "")
    assert case.run("store", "add", "ISSUER.pem", "--store", "ClientIssuers").code == 0
    assert case.mend("ctl-too-long") == (
        f"sslbind update sslcert hostnameport={KEY} sslctlstorename=ClientIssuers"
    )
    assert case.check(ids=["ctl-store"]) == []


def test_chain_in_file(case: Case) -> None:
    """Files whose issuer is not in the modelled CA store; one finding per issuer."""
    case.store(authority(900), store="CA", key=False)
    case.store(mail())
    case.central("www.contoso.com.pfx", web(), chain=(intermediate(),))
    case.central("mail.contoso.com.pfx", mail(), chain=(intermediate(),))
    case.write(STORES, PROVIDER, record("443"))
    finding = case.only("ccs-chain-in-file")
    assert finding.message == (
        f"the issuer CN=Test Intermediate is in {CCS}mail.contoso.com.pfx and 1 more file, and not"
        " in the store CA: Windows may not send it (inferred)"
    )
    Path("ISSUER.pem").write_bytes(intermediate().pem)
    case.mend("ccs-chain-in-file")


# What is said when such a certificate is added


def test_notes(case: Case) -> None:
    """One note with all of it, from every command that takes a certificate; none for a good one."""
    key = ec.generate_private_key(ec.SECP521R1())
    bad = made(usage("key_encipherment"), key=key, days=9000)
    Path("bad.pem").write_bytes(bad.pem + bad.key_pem())
    Path("good.pem").write_bytes(web().pem + web().key_pem())
    case.write(STORES, record("10.0.0.6:443", web()))
    case.store(web())
    note = (
        f"note: the certificate {bad.thumbprint} has the key usage keyEncipherment, without"
        " digitalSignature: Chrome and Edge refuse it, and Schannel offers neither ECDHE nor"
        " TLS 1.3 with it; it has a key of the type EC P-521, but Windows, like browsers,"
        " only offers P-256 and P-384\n"
    )
    for words in (
        ("add", "sslcert", IP, "--cert", "bad.pem", "appid=iis"),
        ("update", "sslcert", IP, "--cert", "bad.pem"),
        ("store", "add", "bad.pem"),
        ("rebind", web().thumbprint, "bad.pem", "--force"),
        ("renew", "bad.pem"),
    ):
        done = case.run(*words)
        assert done.err.count(note) == 1, words
    for words in (
        ("store", "add", "good.pem"),
        ("rebind", bad.thumbprint, "good.pem", "--force"),
    ):
        done = case.run(*words)
        assert (done.code, "key usage" in done.err) == (0, False)


SITES = """<configuration><system.applicationHost><sites><site name="x" id="1"><bindings>
<binding protocol="https" bindingInformation="*:443:www.contoso.com" sslFlags="1" />
<binding protocol="https" bindingInformation="*:8443:www.contoso.com" sslFlags="1" />
</bindings></site></sites></system.applicationHost></configuration>
"""


@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
def test_notes_of_import(run: Run, good: bool) -> None:
    """``import`` says the same about the certificate that it chooses for a site."""
    end = datetime.datetime.now(datetime.UTC) + 30 * DAY  # the choice has no other clock
    days = (end - NOW).days
    one = made(usage("digital_signature" if good else "key_encipherment"), days=days)
    note = (
        f"note: applicationHost.config: the certificate {one.thumbprint} has the key usage"
        " keyEncipherment, without digitalSignature: Chrome and Edge refuse it, and Schannel offers"
        " neither ECDHE nor TLS 1.3 with it\n"
    )
    Path("one.pem").write_bytes(one.pem + one.key_pem())
    Path("applicationHost.config").write_text(SITES)
    assert run("init").code == 0
    assert run("-q", "store", "add", "one.pem").code == 0
    done = run("import", "applicationHost.config")
    assert (done.code, done.err.count(note)) == (0, 0 if good else 1)


@pytest.mark.slow
def test_no_noise(case: Case) -> None:
    """A healthy farm with many names and certificates has no certificate findings."""
    day = NOW - 10 * DAY
    farm = [
        issue(f"www{n}.contoso.com", dns=(f"www{n}.contoso.com",), issuer=intermediate(),
              start=day, end=day + 90 * DAY, key=rsa_key() if n % 4 == 0 else None)
        for n in range(60)
    ]  # fmt: skip
    case.store(root(), store="Root", key=False)
    case.store(intermediate(), store="CA", key=False)
    case.store(*farm, chain=(intermediate(),))
    for one in farm[::2]:
        name = one.certificate.subject.rfc4514_string().removeprefix("CN=")
        case.central(f"{name}.pfx", one, chain=(intermediate(),))
    default = record("0.0.0.0:443", farm[0]) + record("[::]:443", farm[0])
    names = (record(f"www{n}.contoso.com:443", one) for n, one in enumerate(farm))
    case.write(STORES, PROVIDER, default, record("443"), *names)
    for windows in RELEASES:
        if RELEASES[windows] >= RELEASES["2012"]:
            assert case.check(windows=windows) == [], windows
