"""Certificates with extensions that nobody needs here: taken, with a note; no library's words."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from conftest import Run
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import NOW, ec_key, root, web

from sslbind.certificates import der
from sslbind.certificates.der import encode
from sslbind.certificates.extensions import dotted, parts, read_extensions
from sslbind.certificates.parsing import identities, issued_by, read_bundle
from sslbind.errors import CertificateError

SAN, EKU, USAGE, BASIC = "2.5.29.17", "2.5.29.37", "2.5.29.15", "2.5.29.19"
DNS = encode(0x82, b"www.contoso.com")
EDI = encode(0xA5, encode(0xA1, encode(0x0C, b"party")))
X400 = encode(0xA3, encode(0x30, b""))


def odd(*extensions: tuple[str, bytes]) -> bytes:
    """A certificate in DER with these extensions, as they are."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root().certificate.subject)
        .public_key(ec_key("odd").public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW.replace(year=NOW.year + 1))
    )
    for oid, value in extensions:
        made = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(made, critical=False)
    return builder.sign(root().key, hashes.SHA256()).public_bytes(Encoding.DER)


GOOD_SAN = (SAN, encode(0x30, DNS))
CASES = {
    "edi-party-name": ((SAN, encode(0x30, DNS + EDI)),),
    "x400-address": ((SAN, encode(0x30, X400 + DNS)),),
    "bad-sct": (GOOD_SAN, ("1.3.6.1.4.1.11129.2.4.2", b"\x04\x02zz")),
    "bad-policies": (GOOD_SAN, ("2.5.29.32", b"\x30\x03\x02\x01\x05")),
    "bad-constraints": (GOOD_SAN, ("2.5.29.30", b"\x30\x03\x02\x01\x05")),
    "bad-basic": (GOOD_SAN, (BASIC, b"\x30\x04\x01\x02\xff\xff")),
    "bad-points": (GOOD_SAN, ("2.5.29.31", b"junk")),
}


@pytest.mark.parametrize("extensions", CASES.values(), ids=CASES)
def test_taken(extensions: tuple[tuple[str, bytes], ...]) -> None:
    """Names, dates and key count; a note says that something was passed over."""
    data = odd(*extensions)
    bundle = read_bundle(data)
    (one,) = bundle.certificates
    assert one.names == ("www.contoso.com",)
    assert one.key_type == "EC P-256"
    [note] = bundle.notes
    assert note == (
        f"the certificate {one.thumbprint} has an extension that cannot be read, and is used"
        " without it"
    )
    assert [found.leaf for found in identities(bundle)] == [one]


def rebuilt(field: int, value: bytes, extension: bytes = b"") -> bytes:
    """A certificate whose field (0 is the version) is another one, with one more extension."""
    whole = odd(GOOD_SAN)
    outer = der.elements(whole, *der.elements(whole, 0, len(whole))[0][1:])
    inner = der.elements(whole, *outer[0][1:])
    fields = [encode(tag, whole[start:end]) for tag, start, end in inner]
    fields[field] = value
    if extension:
        _, start, end = der.elements(whole, *inner[-1][1:])[0]
        fields[-1] = encode(0xA3, encode(0x30, whole[start:end] + extension))
    rest = b"".join(encode(tag, whole[start:end]) for tag, start, end in outer[1:])
    return encode(0x30, encode(0x30, b"".join(fields)) + rest)


def common_name(value: bytes) -> bytes:
    return encode(0x30, encode(0x31, encode(0x30, encode(6, b"\x55\x04\x03") + value)))


VERSION, SIGNED, SUBJECT, SPKI = 0, 2, 5, 6
THIRD = encode(0xA0, encode(2, b"\x02"))
ECDSA, DSA = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06072a8648ce380401")
REFUSED = {
    "dsa-inherited": (
        rebuilt(SPKI, encode(0x30, encode(0x30, DSA) + encode(3, b"\0" + encode(2, b"\x05")))),
        "DSA",
        "sha256",
        "CN=odd",
    ),
    "critical-false": (
        rebuilt(
            VERSION,
            THIRD,
            encode(0x30, encode(6, b"\x55\x1d\x13") + encode(1, b"\0") + encode(4, b"0\0")),
        ),
        "EC P-256",
        "sha256",
        "CN=odd",
    ),
    "null-parameters": (
        rebuilt(SIGNED, encode(0x30, ECDSA + b"\x05\0")),
        "EC P-256",
        "sha256",
        "CN=odd",
    ),
    "version-7": (
        rebuilt(VERSION, encode(0xA0, encode(2, b"\x06"))),
        "EC P-256",
        "sha256",
        "CN=odd",
    ),
    "bad-utf8": (
        rebuilt(SUBJECT, common_name(encode(12, b"\xff\xfe"))),
        "EC P-256",
        "sha256",
        "a name that cannot be read (",
    ),
    "odd-name": (
        rebuilt(SUBJECT, common_name(b"\x69\x02ab")),
        "EC P-256",
        "sha256",
        "a name that cannot be read (",
    ),
    "other-key-and-name": (
        rebuilt(SPKI, encode(0x30, encode(0x30, DSA) + encode(3, b"\0"))),
        "DSA",
        "sha256",
        "CN=odd",
    ),
}


def taken(data: bytes) -> bool:
    """Whether cryptography reads a certificate: old versions only warn of what newer ones refuse.

    A KeyError is what newer ones raise for a name of an unknown type.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(x509.load_der_x509_certificate(data).subject.rfc4514_string())
        except (ValueError, KeyError, x509.InvalidVersion):
            return False


@pytest.mark.parametrize(("data", "key", "digest", "subject"), REFUSED.values(), ids=REFUSED)
def test_refused_as_a_whole(data: bytes, key: str, digest: str, subject: str, run: Run) -> None:
    """What a strict parser takes nothing of is taken without the part that it stumbles over."""
    refused = not taken(data)
    bundle = read_bundle(data)
    [one] = bundle.certificates
    assert (one.names, one.key_type, one.signature_hash) == (("www.contoso.com",), key, digest)
    assert (one.not_before, one.der, one.odd) == (NOW, data, refused)
    assert one.subject.startswith(subject)
    note = (
        f"the certificate {one.thumbprint} has a part that cannot be read, and is used without it"
    )
    assert bundle.notes == (note,) * refused
    assert not (refused and issued_by(one, one))
    Path("odd.cer").write_bytes(data)
    assert run("init").code == 0
    done = run("store", "add", "odd.cer", "--store", "CA")
    assert (done.code, done.err.count("a part that cannot be read")) == (0, int(refused))
    assert run("store", "list").code == 0
    assert run("check").code in (0, 1)


def test_what_stays_refused() -> None:
    """Where a date cannot be read, nothing can be said of the certificate."""
    whole = odd(GOOD_SAN)
    with pytest.raises(CertificateError, match="a certificate cannot be read"):
        read_bundle(whole.replace(b"260601120000Z", b"269901120000Z"))


def test_the_rest_of_it() -> None:
    """Every extension that matters is read by itself then."""
    data = odd(
        (SAN, encode(0x30, DNS + EDI + encode(0x87, bytes((10, 0, 0, 5))))),
        (EKU, encode(0x30, encode(6, bytes.fromhex("2b06010505070301")))),
        (USAGE, b"\x03\x02\x05\xa0"),
        (BASIC, b"\x30\x03\x01\x01\xff"),
        ("2.5.29.14", encode(4, b"own")),
        ("2.5.29.35", encode(0x30, encode(0x80, b"above"))),
        ("1.3.6.1.5.5.7.1.24", b"\x30\x03\x02\x01\x05"),
    )
    (one,) = read_bundle(data).certificates
    assert (one.dns_names, one.ip_names) == (("www.contoso.com",), ("10.0.0.5",))
    assert one.eku == ("serverAuth",)
    assert one.key_usage == ("digitalSignature", "keyEncipherment")
    assert (one.is_ca, one.must_staple, one.ocsp) == (True, True, False)
    assert (one.key_id, one.issuer_key_id) == (b"own", b"above")


def test_both_readers_agree() -> None:
    """Of a certificate that is as it should be, both read the same."""
    (one,) = read_bundle(web().der).certificates
    found = read_extensions(web().der)
    assert (found.dns_names, found.is_ca, found.key_usage) == (one.dns_names, one.is_ca, None)
    assert found.eku == ("1.3.6.1.5.5.7.3.1",)
    assert parts(web().der).key[:1] == b"\x30"


def test_an_empty_usage() -> None:
    (one,) = read_bundle(odd(GOOD_SAN, (EKU, b"\x30\x00"))).certificates
    assert one.eku == ()


def test_object_identifiers() -> None:
    assert dotted(bytes.fromhex("2a864886f70d010701")) == "1.2.840.113549.1.7.1"
    assert dotted(b"\x88\x37") == "2.999"
    assert dotted(b"") == "?"


WHOLE = (web().der, odd(*CASES["edi-party-name"]))


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_no_words_of_a_library(data: st.DataObject) -> None:
    """Whatever is changed in a certificate, it is taken, or refused in words of ours."""
    whole = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_bundle(bytes(whole))
    except CertificateError as error:
        assert error.message in {
            "a certificate cannot be read: it is damaged, or in an unknown format",
            "it is not PEM, DER, PKCS#7 or PFX",
        } or error.message.startswith(("a private key cannot", "a PFX file cannot", "a PKCS#7"))
    else:
        assert found.certificates
