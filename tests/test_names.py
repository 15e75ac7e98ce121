"""Which names of a certificate cover which host: RFC 9525."""

from __future__ import annotations

import pytest

from sslbind.certificates.names import ascii_name, covers


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("www.contoso.com", "www.contoso.com"),
        ("WWW.contoso.COM", "www.Contoso.com"),
        ("www.contoso.com", "www.contoso.com."),
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("xn--mnchen-3ya.de", "MÜNCHEN.DE"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("*.contoso.com", "www.contoso.com"),
        ("*.münchen.de", "www.xn--mnchen-3ya.de"),
        ("*.contoso.com", "xn--mnchen-3ya.contoso.com"),
        ("*.contoso.com", "*.contoso.com"),
        ("my_host.contoso.com", "my_host.contoso.com"),
        ("localhost", "localhost"),
        ("10.0.0.5", "10.0.0.5"),
        ("2001:db8::1", "2001:0DB8:0:0::1"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_covered(name: str, host: str) -> None:
    """Names compare without case, in either form; a wildcard is one label; addresses are values."""
    assert covers(["other.example", name], host)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("www.contoso.com", "contoso.com"),
        ("*.contoso.com", "contoso.com"),
        ("*.contoso.com", "a.b.contoso.com"),
        ("*.com", "contoso.com"),
        ("*", "localhost"),
        ("w*.contoso.com", "www.contoso.com"),
        ("www.*.com", "www.contoso.com"),
        ("a.*.contoso.com", "a.b.contoso.com"),
        ("www.contoso.com", "*.contoso.com"),
        ("*.b.contoso.com", "*.contoso.com"),
        ("*.0.0.5", "10.0.0.5"),
        ("10.0.0.5", "::ffff:10.0.0.5"),
        ("", ""),
        ("..", ".."),
        ("", "a..b"),
        ("\x00www.contoso.com", "www.contoso.com"),
        ("www.contoso.com", "www.contoso.com\x00.evil.example"),
        ("\ud800", "\ud800"),
    ],
)
def test_not_covered(name: str, host: str) -> None:
    """Nothing else covers anything: no partial wildcard, no parent, no empty or broken name."""
    assert not covers([name], host)


def test_no_names_cover_nothing() -> None:
    """A certificate without names covers no host."""
    assert not covers([], "www.contoso.com")


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "-a.example", "a b", "a/b", "10.0.0.5", "[::1]", "1.2.3", "x" * 64,
             "a." * 130 + "example", "*", "a.*.b", "ü" * 80 + ".de", "xn--\u2764.\ud800"],
)  # fmt: skip
def test_what_is_no_host_name(text: str) -> None:
    """A ValueError says why a text is not a host name, and nothing else is raised."""
    with pytest.raises(ValueError, match=r"\w"):
        ascii_name(text)
