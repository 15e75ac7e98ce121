"""International host names: UTS 46, and one canonical form wherever a host is named."""

from __future__ import annotations

from pathlib import Path

import idna
import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import IIS, Run
from hypothesis import example, given
from hypothesis import strategies as st
from pki import issue

from sslbind.certificates.central import stem_of, stems_for
from sslbind.certificates.names import ascii_name, covers
from sslbind.errors import BadValueError
from sslbind.hosts import ascii_host
from sslbind.keys import parse_host

NAMES = {
    "sigma-inside": ("ΟΔΟΣ-1.gr", "οδοσ-1.gr", "xn---1-k9b7bby.gr"),
    "sigma-at-the-end": ("ΟΔΟΣ.gr", "οδοσ.gr", "xn--pxavbq.gr"),
    "final-sigma": ("οδος.gr", "οδος.gr", "xn--pxavbm.gr"),
    "heart": ("I❤.WS", "i❤.ws", "xn--i-7iq.ws"),
    "heart-as-emoji": ("i❤\ufe0f.ws", "i❤.ws", "xn--i-7iq.ws"),
    "snowman": ("☃.net", "☃.net", "xn--n3h.net"),
    "beyond-16-bits": ("💩.la", "💩.la", "xn--ls8h.la"),
    "sharp-s": ("FASS.straße.de", "fass.straße.de", "fass.xn--strae-oqa.de"),
    "wide": ("\uff57\uff57\uff57\uff0eexample\u3002", "www.example", "www.example"),
    "underscore": ("_ü.example", "_ü.example", "xn--_-eha.example"),
    "arabic": ("الف.example", "الف.example", "xn--mgb6ci.example"),
    "wildcard": ("*.I❤.ws", "*.i❤.ws", "*.xn--i-7iq.ws"),
}


@pytest.mark.parametrize(("text", "host", "wire"), NAMES.values(), ids=NAMES)
def test_one_form(text: str, host: str, wire: str) -> None:
    """Every spelling is one name: as a key, in certificates, and in the central store's files."""
    assert parse_host(text) == parse_host(wire) == parse_host(host) == host
    assert ascii_name(text) == ascii_name(host) == ascii_host(host) == wire
    assert covers([wire], text) or text.count(".") < 2
    assert covers([text], host) or text.count(".") < 2
    stem = host.replace("*", "_")
    assert stems_for([wire]) == (stem,)
    assert stem_of(f"{stem}.pfx") == stem


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ü/a.example", "label 'ü/a' has a character that host names cannot have"),
        ("ü a.example", "label 'ü a' has a character that host names cannot have"),
        ("ü..example", "a label is empty"),
        ("ü" * 70 + ".example", "a label is longer than 63 characters"),
        ("-ü.example", "Label must not start or end with a hyphen"),
        ("\u0301ü.example", "Label begins with an illegal combining character"),
        ("❤\u200d❤.example", "has a joiner where it joins nothing"),
    ],
    ids=["slash", "blank", "empty", "long", "hyphen", "accent", "joiner"],
)
def test_no_host_names(text: str, reason: str) -> None:
    with pytest.raises(BadValueError, match="is not a host name: ") as caught:
        parse_host(text)
    assert reason in caught.value.message


@pytest.mark.parametrize("text", ["xn--a", "xn--zzzzzz", "xn--99999999999", "xn--i-7iqx", "xn---"])
def test_labels_that_are_none(text: str) -> None:
    """What looks like an A-label, and is not one that UTS 46 makes, stays as it is."""
    assert parse_host(f"{text.upper()}.example") == f"{text}.example"


LABELS = st.text(
    st.one_of(st.characters(max_codepoint=0x7FF), st.sampled_from("❤☃💩σςΣßıİ·-_ü\u200d\ufe0f")),
    min_size=1,
    max_size=12,
)


@given(LABELS)
@example("Σ")
@example("ﬁ")
def test_forms_agree(label: str) -> None:
    """The canonical form is its own, and that of its A-label; a host is one for everybody."""
    try:
        host = parse_host(f"{label}.example")
    except BadValueError:
        return
    assert parse_host(host) == host
    wire = ascii_host(host)
    assert wire.isascii()
    assert parse_host(wire) == host
    assert parse_host(label.upper() + ".example") == parse_host(label.upper() + ".example.")


@given(LABELS)
def test_idna_2008(label: str) -> None:
    """What IDNA 2008 takes after the mapping is taken, and is the same name."""
    try:
        wire = idna.encode(f"{label}.example", uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return
    if not wire.startswith("xn--") and not label.isascii():  # it was mapped to plain letters
        assert ascii_host(parse_host(f"{label}.example")) == wire
    elif wire.isascii() and "." in wire:
        assert parse_host(f"{label}.example") == parse_host(wire)


@pytest.mark.parametrize("asked", ["i❤.ws", "I❤.WS", "i❤\ufe0f.ws", "xn--i-7iq.ws"])
def test_in_the_registry(run: Run, asked: str) -> None:
    """Added as one form, found, resolved and deleted as any other."""
    heart = issue("heart", dns=("xn--i-7iq.ws",))
    Path("heart.pem").write_bytes(heart.pem + heart.key_pem())
    assert run("init").code == 0
    assert run("add", "sslcert", f"{asked}:443", "--cert", "heart.pem", f"appid={IIS}").code == 0
    assert '"i❤.ws:443"' in Path("sslbind.toml").read_text(encoding="utf-8")
    for other in ("i❤.ws", "xn--i-7iq.ws", "I❤\ufe0f.ws"):
        answer = run("resolve", "10.0.0.5:443", other)
        assert answer.out.startswith(heart.thumbprint), answer
        assert "does not cover" not in answer.out
    assert run("check", "--at", "2026-06-01").out.count("cert-host-mismatch") == 0
    assert run("delete", "sslcert", "hostnameport=xn--i-7iq.ws:443").code == 0


def test_in_the_central_store(run: Run) -> None:
    """A sigma at the end of a capital word, and a heart: ``ccs put`` names, ``resolve`` finds."""
    case = Case(run)
    both = issue("both", dns=("xn---1-k9b7bby.gr", "xn--i-7iq.ws"))
    Path("both.pem").write_bytes(both.pem + both.key_pem())
    Path("ccs").mkdir()
    case.write(PROVIDER, STORES, record("443"))
    assert run("ccs", "put", "both.pem").code == 0
    assert sorted(path.name for path in Path("ccs").glob("*.pfx")) == [
        "i❤.ws.pfx",
        "οδοσ-1.gr.pfx",
    ]
    for asked in ("ΟΔΟΣ-1.gr", "xn---1-k9b7bby.gr", "i❤.ws", "I❤.ws"):
        assert run("resolve", "10.0.0.5:443", asked).out.startswith(both.thumbprint)
    Path("ccs/οδοσ-1.gr.pfx").rename("ccs/ΟΔΟΣ-1.gr.pfx")
    assert run("resolve", "10.0.0.5:443", "ΟΔΟΣ-1.gr").out.startswith(both.thumbprint)
    assert case.check(ids=["ccs-name-mismatch"]) == []
