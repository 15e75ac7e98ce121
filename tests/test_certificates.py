"""Bytes in, certificates and keys out: every form that files have, and what is done with junk."""

from __future__ import annotations

import base64
import functools
import itertools
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import (
    CLIENT,
    NOW,
    PASSWORD,
    Issued,
    bag,
    ec_key,
    intermediate,
    issue,
    mail,
    openssl,
    openssl_pfx,
    root,
    rsa_key,
    web,
)

from sslbind.certificates import der, parsing
from sslbind.certificates.names import covers
from sslbind.certificates.parsing import (
    Bundle,
    Certificate,
    Identity,
    encode_chain,
    encode_key,
    identities,
    issued_by,
    names_issuer,
    read_bundle,
    self_signed,
)
from sslbind.errors import CertificateError, PasswordError, SslbindError

CHAIN = [web, intermediate, root]


def only(bundle: Bundle) -> Identity:
    (identity,) = identities(bundle)
    return identity


def indefinite(der: bytes) -> bytes:
    """The same content as BER with an indefinite length, as Java and some HSMs write it."""
    octets = der[1] - 0x80 if der[1] > 0x80 else 0
    return b"\x30\x80" + der[2 + octets :] + b"\x00\x00"


def utf16(pem: bytes) -> bytes:
    """The result of PowerShell's ``>``."""
    return b"\xff\xfe" + pem.decode().encode("utf-16-le")


# What a certificate is


def test_the_facts_of_a_certificate() -> None:
    """Names, dates and key are read once, thumbprints are those of the DER."""
    made = issue(
        "www.contoso.com",
        dns=["www.contoso.com", "*.contoso.com", "10.0.0.7"],
        ip=["10.0.0.5", "2001:db8::1"],
        issuer=intermediate(),
    )
    (one,) = read_bundle(made.pem).certificates
    assert (one.der, one.thumbprint, one.sha256) == (made.der, made.thumbprint, made.sha256)
    assert (one.subject, one.issuer) == ("CN=www.contoso.com", "CN=Test Intermediate")
    assert one.not_before == NOW - timedelta(days=30)
    assert one.not_after == NOW + timedelta(days=60)
    assert one.dns_names == ("www.contoso.com", "*.contoso.com")
    assert one.ip_names == ("10.0.0.5", "2001:db8::1")
    assert one.names == one.dns_names + one.ip_names
    assert one.eku == ("serverAuth",)
    assert (one.key_type, one.key_bits, one.signature_hash) == ("EC P-256", 256, "sha256")
    assert (one.is_ca, issued_by(one, one)) == (False, False)


def test_a_root_is_a_ca_that_signs_itself() -> None:
    """An absent extended key usage is None, which is not the same as an empty one."""
    (one,) = read_bundle(root().der).certificates
    assert (one.is_ca, issued_by(one, one), one.eku) == (True, True, None)


def test_a_common_name_is_no_name() -> None:
    """Browsers ignore the common name, and so do we (RFC 9525)."""
    (one,) = read_bundle(issue("cn.example").pem).certificates
    assert one.names == ()


def test_rsa_and_client_certificates() -> None:
    """The key type includes the size, the usages have names."""
    (one,) = read_bundle(issue("r", key=rsa_key(), eku=CLIENT).pem).certificates
    assert (one.key_type, one.key_bits, one.eku) == ("RSA 2048", 2048, ("clientAuth",))


@pytest.mark.parametrize("algorithm", ["ed25519", "ed448", "ec:secp384r1", "ec:brainpoolP256r1"])
def test_other_keys_match_their_certificates(algorithm: str) -> None:
    """Every kind of key that OpenSSL makes can be stored."""
    kind, _, curve = algorithm.partition(":")
    options = ["-pkeyopt", f"ec_paramgen_curve:{curve}"] if curve else []
    made = openssl(
        "req", "-x509", "-newkey", kind, *options, "-nodes", "-subj", "/CN=x", "-keyout", "-"
    )
    identity = only(read_bundle(made))
    assert identity.key is not None
    assert issued_by(identity.leaf, identity.leaf)
    assert identity.leaf.key_type.split()[-1].lower().replace("-", "") in (
        "ed25519",
        "ed448",
        "p384",
        "brainpoolp256r1",
    )


# PEM


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_pem_in_any_order(order: tuple[int, ...]) -> None:
    """The leaf, its chain from the issuer upward and the key are found in any order."""
    parts = [web().pem, intermediate().pem, root().pem, web().key_pem()]
    identity = only(read_bundle(b"".join(parts[at] for at in order)))
    assert identity.leaf.thumbprint == web().thumbprint
    assert [one.thumbprint for one in identity.chain] == [
        intermediate().thumbprint,
        root().thumbprint,
    ]
    assert identity.key is not None
    assert identity.key.spki == identity.leaf.spki


@pytest.mark.parametrize(
    "dress",
    [
        lambda pem: b"\xef\xbb\xbf" + pem,
        lambda pem: pem.replace(b"\n", b"\r\n"),
        lambda pem: pem.replace(b"\n", b"\r"),
        utf16,
        lambda pem: (
            b" 0 s:CN = www\n   i:CN = ca\n" + pem.replace(b"-----BEGIN", b"\nx\n-----BEGIN")
        ),
        lambda pem: b"-----BEGIN CERTIFICATE-----\ncut short\n" + pem,
        lambda pem: pem + pem,
        lambda pem: pem.rstrip(),
    ],
    ids=["bom", "crlf", "cr", "utf-16", "text", "unfinished", "twice", "no end of line"],
)
def test_pem_in_any_dress(dress: functools.partial[bytes]) -> None:
    """Byte order marks, line ends and text around the blocks do not matter."""
    bundle = read_bundle(dress(web().key_pem() + web().pem + intermediate().pem))
    assert len(bundle.certificates) == 2
    assert only(bundle).key is not None


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_private_keys_of_every_form(
    form: PrivateFormat, password: bytes | None, encoding: Encoding, kind: str
) -> None:
    """PKCS#8, PKCS#1 and SEC 1, encrypted or not, become the same PKCS#8."""
    if form is PrivateFormat.TraditionalOpenSSL and encoding is Encoding.DER:
        password = None  # the old encryption exists for PEM only
    made = issue("k", key=rsa_key() if kind == "rsa" else ec_key("k"))
    (key,) = read_bundle(made.key_pem(password, form, encoding), [PASSWORD]).keys
    assert encode_key(key) == made.key_pem()


@pytest.mark.parametrize("options", ["-scrypt", "-v1 PBE-SHA1-3DES", "-v2 des3", "-iter 100000"])
def test_encrypted_keys_of_openssl(options: str) -> None:
    """Old and new ciphers of encrypted keys open, even after a wrong password."""
    made = openssl(
        *["pkcs8", "-topk8", *options.split(), "-passout", f"pass:{PASSWORD.decode()}"],
        stdin=web().key_pem(),
    )
    (key,) = read_bundle(made, [b"wrong", PASSWORD]).keys
    assert encode_key(key) == web().key_pem()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(
    ("passwords", "message"),
    [
        ([], "the private key is protected by a password; none was given"),
        ([b"hunter2"], "the password does not open the private key"),
        ([b"hunter2", b"hunter3"], "the 2 passwords do not open the private key"),
    ],
)
def test_an_encrypted_key_that_does_not_open(
    form: PrivateFormat, passwords: list[bytes], message: str
) -> None:
    """The error says so, and holds no password."""
    with pytest.raises(PasswordError) as caught:
        read_bundle(web().pem + web().key_pem(PASSWORD, form), passwords)
    assert caught.value.message == message


@pytest.mark.parametrize("header", [b"AES-256-CBC,00", b"DES-EDE3-CBC,", b"ROT-13,0011", b"AES"])
def test_an_encrypted_key_with_a_broken_header(header: bytes) -> None:
    """A cipher without its initial value, or an unknown one, does not crash the parser."""
    made = web().key_pem(PASSWORD, PrivateFormat.TraditionalOpenSSL)
    broken = re.sub(rb"DEK-Info: .*", b"DEK-Info: " + header, made)
    with pytest.raises(CertificateError, match="an unknown cipher"):
        read_bundle(broken, [PASSWORD])


def test_locked_keys_can_be_counted() -> None:
    """The index continues if a key is locked: the certificate is there all the same."""
    bundle = read_bundle(web().pem + web().key_pem(PASSWORD), keep_locked=True)
    assert (len(bundle.certificates), bundle.keys, bundle.locked) == (1, (), 1)


def test_a_trusted_certificate() -> None:
    """OpenSSL's TRUSTED CERTIFICATE is read as a certificate, without its trust settings."""
    made = openssl("x509", "-trustout", "-addtrust", "serverAuth", stdin=root().pem)
    bundle = read_bundle(made)
    assert only(bundle).leaf.thumbprint == root().thumbprint
    assert bundle.notes == ("the trust settings of a TRUSTED CERTIFICATE are ignored",)


def test_other_blocks_are_passed_over_with_a_note() -> None:
    """EC PARAMETERS repeat what the key says; anything else is noted."""
    dh = b"-----BEGIN DH PARAMETERS-----\nMAYCAQUCAQI=\n-----END DH PARAMETERS-----\n"
    parameters = openssl("ecparam", "-name", "prime256v1")
    bundle = read_bundle(parameters + web().pem + dh)
    assert bundle.notes == ("a DH PARAMETERS is ignored",)


def test_no_exception_and_no_repr_shows_a_secret() -> None:
    """Neither the bytes of a key nor a password is in a repr."""
    bundle = read_bundle(web().pem + web().key_pem(PASSWORD), [PASSWORD])
    secret = web().key_pem().splitlines()[1].decode()
    text = repr(bundle) + repr(only(bundle))
    assert secret not in text
    assert PASSWORD.decode() not in text
    assert "Key object" not in text


# DER, PKCS#7 and PKCS#12


def test_der() -> None:
    """A DER certificate is one, even if its text contains PEM."""
    assert only(read_bundle(web().der)).leaf.thumbprint == web().thumbprint
    odd = issue("-----BEGIN CERTIFICATE-----")
    assert only(read_bundle(odd.der)).leaf.thumbprint == odd.thumbprint


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("ber", [False, True])
def test_pkcs7(encoding: Encoding, ber: bool) -> None:
    """PKCS#7 gives certificates and never a key, in PEM and DER, and in BER without a warning."""
    data = bag(root(), web(), intermediate(), encoding=encoding)
    if ber and encoding is Encoding.DER:
        data = indefinite(data)
    identity = only(read_bundle(data))
    assert identity.leaf.thumbprint == web().thumbprint
    assert len(identity.chain) == 2
    assert identity.key is None


LEGACY = {
    "modern": [],
    "rc2": ["-legacy"],
    "3des": ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    "no mac": ["-nomac"],
    "no iterations": ["-noiter", "-nomaciter"],
}


@functools.cache
def legacy(form: str, password: bytes = PASSWORD) -> bytes:
    return openssl_pfx(web(), *LEGACY[form], password=password)


@pytest.mark.parametrize("form", LEGACY)
def test_pfx_of_every_age(form: str) -> None:
    """Modern AES, and the RC2 and 3DES that Windows Server wrote for twenty years."""
    identity = only(read_bundle(legacy(form), [b"wrong", PASSWORD]))
    assert identity.leaf.thumbprint == web().thumbprint
    assert identity.key is not None
    assert encode_key(identity.key) == web().key_pem()


@pytest.mark.parametrize("form", LEGACY)
def test_pfx_with_an_empty_password(form: str) -> None:
    """An empty password is tried without being asked for."""
    assert only(read_bundle(legacy(form, b""))).key is not None


@pytest.mark.parametrize("form", LEGACY)
@pytest.mark.parametrize(
    ("passwords", "message"),
    [
        ([], "the PFX file is protected by a password; none was given"),
        ([b"hunter2"], "the password does not open the PFX file"),
    ],
)
def test_pfx_that_does_not_open(form: str, passwords: list[bytes], message: str) -> None:
    """A missing password and a wrong one are distinguished."""
    with pytest.raises(PasswordError) as caught:
        read_bundle(legacy(form), passwords)
    assert caught.value.message == message


def test_pfx_without_encryption_and_with_a_chain() -> None:
    """A bare PFX opens without a password, and its chain is kept."""
    identity = only(read_bundle(web().pfx(chain=[root(), intermediate()])))
    assert len(identity.chain) == 2
    assert identity.key is not None


def test_pfx_without_a_key() -> None:
    """A PFX may hold certificates only."""
    made = openssl_pfx(web(), "-nokeys")
    assert only(read_bundle(made, [PASSWORD])).key is None


def test_pfx_in_ber() -> None:
    """BER with indefinite lengths opens without a warning, or is an error of ours."""
    made = indefinite(web().pfx())
    try:
        assert only(read_bundle(made)).leaf.thumbprint == web().thumbprint
    except CertificateError as error:
        assert "PFX" in error.message


def test_pfx_password_from_a_windows_file() -> None:
    """A password that is not UTF-8 is taken for Windows-1252, and never shown in an error."""
    made = web().pfx("Schlüssel".encode())
    assert only(read_bundle(made, ["Schlüssel".encode("cp1252")])).key is not None
    with pytest.raises(PasswordError):
        read_bundle(made, [b"\xff\x81"])


def test_hostile_rounds_are_refused_at_once() -> None:
    """A PFX cannot keep the machine busy for hours."""
    made = openssl_pfx(web(), "-iter", "100000")
    for at in range(2, 4):  # the MAC, and the ciphers
        hostile = b"\x02\x03\x7f\xff\xff".join(made.rsplit(b"\x02\x03\x01\x86\xa0", at - 1))
        start = time.monotonic()
        with pytest.raises(CertificateError, match=r" \d{7,8} rounds"):
            read_bundle(hostile, [PASSWORD])
        assert time.monotonic() - start < 1


@pytest.mark.parametrize("digest", ["md5", "ripemd160", "sha512"])
def test_hostile_rounds_of_any_mac(digest: str) -> None:
    """The MAC is found by its position, whatever its digest."""
    made = openssl_pfx(web(), "-macalg", digest, "-iter", "100000", "-nomaciter")
    assert der.rounds(made) in (200_001, 200_000)
    made = openssl_pfx(web(), "-macalg", digest, "-iter", "100000")
    head, _, tail = made.rpartition(b"\x02\x03\x01\x86\xa0")
    with pytest.raises(CertificateError, match=r" \d{7,8} rounds"):
        read_bundle(head + b"\x02\x03\x7f\xff\xff" + tail, [PASSWORD])


@functools.cache
def hostile_key(rounds: int) -> bytes:
    """An encrypted key that asks for ``rounds``."""
    made = openssl(
        *["pkcs8", "-topk8", "-iter", "100000", "-outform", "DER", "-passout", "pass:x"],
        stdin=web().key_pem(),
    )
    return made.replace(b"\x02\x03\x01\x86\xa0", b"\x02\x03" + rounds.to_bytes(3, "big"))


def test_no_form_hides_rounds() -> None:
    """A salt in pieces and indefinite lengths are BER, and are still counted."""
    made = hostile_key(0x7FFFFF)
    assert der.rounds(made) == 0x7FFFFF
    at = made.index(der._DERIVATIONS[0]) + len(der._DERIVATIONS[0])
    _, salt, _ = der.element(made, at) or (0, 0, 0)
    _, start, end = der.element(made, salt) or (0, 0, 0)
    pieces = b"\x24\x80" + made[salt:end] + b"\x04\x00\x00\x00"
    parameters = b"\x30\x80" + pieces + made[end : end + 5] + b"\x00\x00"
    pbkdf2 = b"\x06\x09" + der._DERIVATIONS[0] + parameters
    assert start < end
    assert der.rounds(b"\x30\x80\x30\x80" + pbkdf2 + b"\x00\x00\x00\x00") == 0x7FFFFF
    content = b"\x30" + bytes((len(pbkdf2),)) + pbkdf2
    split = b"".join(b"\x04\x01" + content[n : n + 1] for n in range(len(content)))
    pfx = b"\x30\x80\x02\x01\x03\x30\x80\xa0\x80\x24\x80" + split + b"\x00\x00" * 4
    assert der.rounds(pfx) == 0x7FFFFF
    for broken in (pfx[:-2], b"\x30\x80\x02\x01\x03" + b"\x30\x80" * 5000):
        with pytest.raises(CertificateError, match="a PFX file cannot be read"):
            read_bundle(broken)


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_files_that_need_no_rewriting(data: st.DataObject) -> None:
    """If nothing has to be rewritten, the file itself is the result."""
    whole = bytearray(data.draw(st.sampled_from([web().der, web().pfx(PASSWORD), web().pfx()])))
    for _ in range(data.draw(st.integers(0, 2))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = der._normal_end(bytes(whole))
    if end:
        rewritten, _ = der._Normal(bytes(whole)).element(0, len(whole), 0)
        assert rewritten == whole[:end]


def test_rounds_and_keys_of_a_file_add_up() -> None:
    """Many keys with many rounds each are as bad as one with very many."""
    block = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n%s-----END ENCRYPTED PRIVATE KEY-----\n"
    made = block % base64.encodebytes(hostile_key(1_500_000))
    assert read_bundle(made * 2, keep_locked=True).locked == 2
    with pytest.raises(CertificateError, match="4500000 rounds"):
        read_bundle(made * 3, keep_locked=True)
    with pytest.raises(CertificateError, match="more than 100 private keys"):
        read_bundle(web().key_pem() * 101)


def test_many_names_are_compared_quickly() -> None:
    """The names of a certificate are normalised once."""
    names = tuple(f"n{n}.example" for n in range(10_000))
    start = time.monotonic()
    assert all(covers(list(names), f"N{n}.example") for n in range(1000))
    assert not covers(names, "10.0.0.5")
    assert time.monotonic() - start < 10


def test_hostile_scrypt_is_refused() -> None:
    """An encrypted key cannot ask for gigabytes of memory."""
    made = openssl(
        *["pkcs8", "-topk8", "-scrypt", "-outform", "DER", "-passout", "pass:x"],
        stdin=web().key_pem(),
    )
    with pytest.raises(CertificateError, match="rounds"):
        read_bundle(
            made.replace(b"\x02\x02\x40\x00", b"\x02\x02\x7f\xff").replace(
                b"\x02\x01\x08", b"\x02\x01\x7f"
            ),
            [b"x"],
        )


# What belongs together


def test_a_key_of_another_certificate() -> None:
    """A key that matches no certificate of the bundle is refused, naming the certificates."""
    with pytest.raises(CertificateError) as caught:
        identities(read_bundle(web().pem + mail().key_pem()))
    assert caught.value.message == (
        f"the private key does not match the certificate {web().thumbprint}"
    )


def test_a_pfx_with_the_key_of_another_certificate() -> None:
    """The same in a PFX, whose parser does not check."""
    made = pkcs12.serialize_key_and_certificates(
        None, ec_key("stray"), None, [web().certificate], NoEncryption()
    )
    with pytest.raises(CertificateError, match="does not match"):
        identities(read_bundle(made))


def test_the_key_of_an_issuer() -> None:
    """A CA's key is not stored in passing."""
    with pytest.raises(
        CertificateError, match=f"belongs to the issuer {intermediate().thumbprint}"
    ):
        identities(read_bundle(web().pem + intermediate().pem + intermediate().key_pem()))


def test_certificates_without_a_key_are_taken() -> None:
    """A certificate alone is an identity without a key."""
    assert only(read_bundle(web().pem)).key is None


@pytest.mark.parametrize(
    ("data", "found"),
    [(web().key_pem(), "a private key but no certificate"), (None, "no certificate")],
)
def test_no_certificate_at_all(data: bytes | None, found: str) -> None:
    """A key alone, or nothing, is not an identity."""
    with pytest.raises(CertificateError, match=f"it holds {found}"):
        identities(read_bundle(data) if data else Bundle())


def test_files_are_joined() -> None:
    """A certificate in one file and its key in another belong together."""
    bundle = read_bundle(web().pem) + read_bundle(web().key_pem()) + read_bundle(web().pem)
    assert len(bundle.certificates) == 1
    assert only(bundle).key is not None


def test_several_leaves_are_several_identities() -> None:
    """Unrelated and sister certificates each keep their chain and key."""
    alone = issue("alone.example")
    bundle = read_bundle(
        alone.pem + web().pem + intermediate().pem + mail().pem + mail().key_pem() + alone.key_pem()
    )
    found = {
        one.leaf.thumbprint: (len(one.chain), one.key is not None) for one in identities(bundle)
    }
    assert found == {
        alone.thumbprint: (0, True),
        web().thumbprint: (1, False),
        mail().thumbprint: (1, True),
    }


def test_a_renewed_certificate_has_the_same_key() -> None:
    """One key may serve two certificates."""
    renewed = issue("www.contoso.com", issuer=intermediate())
    found = identities(read_bundle(web().pem + renewed.pem + web().key_pem()))
    assert [one.key is not None for one in found] == [True, True]


def test_cross_signed_issuers_both_stay() -> None:
    """If a CA has two certificates, both stay in the chain."""
    other = issue("Other Root", ca=True)
    crossed = issue("Test Root", issuer=other, ca=True, key=ec_key("Test Root"))
    parts = [other, crossed, web(), root(), intermediate()]
    chain = only(read_bundle(b"".join(one.pem for one in parts))).chain
    assert {one.thumbprint for one in chain} == {
        one.thumbprint for one in (intermediate(), crossed, root(), other)
    }
    assert chain[0].thumbprint == intermediate().thumbprint


def test_certificates_that_signed_each_other() -> None:
    """A circular chain has no end, and does not hang."""
    one = issue("A", ca=True)
    other = issue("B", ca=True, issuer=one)
    circle = issue("A", ca=True, issuer=other, key=ec_key("A"))
    assert len(identities(read_bundle(other.pem + circle.pem))) == 1


def test_issued_by() -> None:
    """The signature counts, not the name alone."""
    leaf, real, fake = (
        read_bundle(one.pem).certificates[0]
        for one in (
            web(),
            intermediate(),
            issue("Test Intermediate", ca=True, issuer=root(), key=ec_key("fake")),
        )
    )
    assert issued_by(leaf, real)
    assert not issued_by(leaf, fake)
    assert not issued_by(real, leaf)


def test_key_identifiers_save_a_signature() -> None:
    """A scan identifies the issuer by name and key identifier; else it checks the signature."""
    forged = issue("Test Intermediate", ca=True, key=ec_key("another"))
    leaf, real, fake = (
        read_bundle(one.pem).certificates[0] for one in (web(), intermediate(), forged)
    )
    assert names_issuer(leaf, real)
    assert not names_issuer(leaf, fake)

    def changed(one: Certificate, **facts: Any) -> Certificate:
        return Certificate.of(one._replace(**facts), one.der)

    leaf, fake = changed(leaf, issuer_key_id=b"1"), changed(fake, key_id=b"1")
    assert names_issuer(leaf, fake)
    assert names_issuer(leaf, changed(real, key_id=b"2"))
    assert not names_issuer(leaf, changed(fake, subject="CN=Other"))


def test_what_is_written_is_read_again() -> None:
    """The chain is written leaf first, the key as PKCS#8; OpenSSL reads both."""
    identity = only(read_bundle(root().pem + web().pem + intermediate().pem + web().key_pem()))
    assert identity.key is not None
    assert encode_chain(identity) == web().pem + intermediate().pem + root().pem
    assert encode_key(identity.key) == web().key_pem()
    assert only(read_bundle(encode_chain(identity) + encode_key(identity.key))) == identity


# Made for development


def test_self_signed() -> None:
    """P-256, its names, for servers, not a CA, valid from now on; and OpenSSL agrees."""
    made = self_signed(["Müller.example", "*.contoso.com", "localhost"], ["127.0.0.1"], 30, NOW)
    leaf = made.leaf
    assert leaf.dns_names == ("xn--mller-kva.example", "*.contoso.com", "localhost")
    assert leaf.ip_names == ("127.0.0.1",)
    assert (leaf.not_before, leaf.not_after) == (NOW, NOW + timedelta(days=30))
    assert (leaf.eku, leaf.is_ca, leaf.key_type) == (("serverAuth",), False, "EC P-256")
    assert issued_by(leaf, leaf)
    assert made.key is not None
    assert made.key.spki == leaf.spki
    text = openssl("x509", "-noout", "-text", stdin=encode_chain(made)).decode()
    assert "X509v3 Key Usage: critical\n                Digital Signature\n" in text
    assert "CA:FALSE" in text


@pytest.mark.parametrize(
    ("dns", "ip", "days", "message"),
    [
        ([], [], 30, "a certificate needs a name"),
        (["a..b"], [], 30, "--dns a..b: a label is empty"),
        (["10.0.0.5"], [], 30, "--dns 10.0.0.5: an address"),
        (["a\x1b[31m"], [], 30, r"--dns a\\x1b\[31m: a label"),
        (["\u2028.example"], [], 30, r"--dns \\u2028.example: not an international host name"),
        ([], ["10.0.0.256"], 30, "--ip 10.0.0.256: not an address"),
        (["a.example"], [], 0, "a certificate cannot be valid for 0 days"),
        (["a.example"], [], 10**7, "10000000 days are beyond the year 9999"),
        (["a.example"], [], 10**12, "days are beyond the year 9999"),
    ],
)
def test_self_signed_refuses(dns: list[str], ip: list[str], days: int, message: str) -> None:
    """Impossible requests are refused with the value that is wrong."""
    with pytest.raises(CertificateError, match=message):
        self_signed(dns, ip, days, NOW)


# Hostile and broken bytes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty"),
        (b"hello", "it is not PEM, DER, PKCS#7 or PFX"),
        (b"0", "it is not PEM, DER"),
        (b"-----BEGIN CERTIFICATE-----\n", "but a PEM block that does not end"),
        (b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----", "but X509 CRL"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", "a certificate cannot be"),
        (
            b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----",
            "a private key cannot be",
        ),
        (b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----", "a PKCS#7 file cannot be read"),
        (web().der[:-1], "it is not PEM, DER"),
        (b"x" * ((16 << 20) + 1), "16777217 bytes are too many for a certificate file"),
    ],
)
def test_what_is_no_certificate_file(data: bytes, message: str) -> None:
    """The error says what was found."""
    with pytest.raises(CertificateError) as caught:
        read_bundle(data)
    assert message in str(caught.value)
    assert not isinstance(caught.value, PasswordError)


def test_too_many_certificates() -> None:
    """A file of thousands of certificates is refused before their chains are ordered."""
    der = web().der
    many = b"".join(
        b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
        % base64.encodebytes(der[:-2] + n.to_bytes(2, "big"))
        for n in range(parsing.MAX_CERTIFICATES + 1)
    )
    with pytest.raises(CertificateError, match="more than 1000 certificates"):
        read_bundle(many)


def test_many_issuers_of_one_name_take_no_hours() -> None:
    """The chains of hostile certificates are ordered in bounded time."""
    der = root().der
    many = [
        b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
        % base64.encodebytes(der[:-2] + n.to_bytes(2, "big"))
        for n in range(300)
    ]
    start = time.monotonic()
    identities(read_bundle(b"".join(many)))
    assert time.monotonic() - start < 20


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Real files of every form, for mutation."""
    made: list[Issued] = [web(), intermediate(), root()]
    pem = b"".join(one.pem for one in made)
    return (
        pem + web().key_pem(),
        web().der,
        web().key_pem(encoding=Encoding.DER),
        web().key_pem(PASSWORD),
        web().key_pem(PASSWORD, PrivateFormat.TraditionalOpenSSL),
        web().pfx(chain=made[1:]),
        *(legacy(form) for form in LEGACY),
        bag(*made, encoding=Encoding.DER),
        bag(*made),
        openssl("x509", "-trustout", stdin=root().pem),
    )


def read_all(data: bytes) -> None:
    try:
        identities(read_bundle(data, [PASSWORD]))
    except SslbindError as error:
        assert PASSWORD.decode() not in str(error)


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    """Whatever the bytes, only an SslbindError is raised, and no warning is given."""
    read_all(data)
    read_all(b"0" + data)
    label = b"PRIVATE KEY" if data[:1] > b"\x80" else b"CERTIFICATE"
    armour = b"-----BEGIN %s-----\n%s-----END %s-----\n"
    read_all(armour % (label, base64.encodebytes(data), label))


@pytest.mark.slow
@pytest.mark.usefixtures("opened_here")
@settings(max_examples=examples(500), deadline=None)
@given(st.data())
def test_mutated_files(data: st.DataObject) -> None:
    """Real files with bytes changed, cut and inserted raise nothing else either."""
    content = bytearray(data.draw(st.sampled_from(seeds())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        match data.draw(st.sampled_from(["change", "cut", "insert", "drop"])):
            case "change":
                content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=8))
            case _:
                del content[at : at + data.draw(st.integers(1, 20))]
    read_all(bytes(content))
