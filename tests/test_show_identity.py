"""What ``show`` prints of a record that ``add`` made reads back as that record, in each release."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, A, Run
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import printable_text

from sslbind import Binding
from sslbind.errors import BadValueError
from sslbind.formats.netsh import show_writer
from sslbind.keys import IPPORT, Key
from sslbind.release import RELEASES, Release
from sslbind.sources import parse_source
from sslbind.tags import CTL_IDENTIFIER, CTL_STORE, STORE, lost_in_show

PRINTED = [one for one in RELEASES.values() if one >= Release.W2008]


@given(text=printable_text, release=st.sampled_from(PRINTED))
@example(text="xxxx", release=Release.W2022)
@example(text="redacted", release=Release.W2008)
@example(text="a  b", release=Release.W2016)
@example(text="(NULL", release=Release.W2019)
@example(text="x <-- why?", release=Release.W2025)
@example(text="Enabled", release=Release.W2012)
def test_every_text(text: str, release: Release) -> None:
    """Every text that ``add`` takes is the same after ``show`` and ``import``."""
    assume(not lost_in_show(text))
    values = {"certhash": A, "appid": IIS, CTL_IDENTIFIER.name: text}
    for tag in (STORE, CTL_STORE):
        try:
            values[tag.name] = str(tag.check(text))
        except BadValueError:
            values[tag.name] = "MY"
    record = Binding(Key(IPPORT, "10.0.0.5", 443), values)
    shown = show_writer.show([record], release)
    source = parse_source(shown.encode(), "web01.txt")
    assert [one for one, _ in source.imported.records] == [record]


@pytest.mark.parametrize("text", ["(null)", "?", "x ", " x", "a\u200bb", "\u2800"], ids=ascii)
@pytest.mark.parametrize("tag", [STORE.name, CTL_IDENTIFIER.name, CTL_STORE.name])
@pytest.mark.parametrize("verb", ["add", "update"])
def test_refused(run: Run, bare: Path, verb: str, tag: str, text: str) -> None:
    """What ``show`` prints for something else is error 87, with the reason."""
    if verb == "update":
        run("add", "sslcert", "10.0.0.5:443", A, IIS, "MY")
    before = bare.read_bytes()
    more = () if tag == STORE.name else (f"{STORE.name}=MY",)
    line = (verb, "sslcert", "ipport=10.0.0.5:443", f"certhash={A}", f"appid={IIS}", *more)
    result = run(*line, f"{tag}={text}")
    assert (result.code, result.out) == (1, "The parameter is incorrect.\n")
    assert "show prints" in result.err
    assert bare.read_bytes() == before


def test_a_file_that_has_it(run: Run, bare: Path) -> None:
    """A registry that has such a text already is read, and its other tags can be changed."""
    bare.write_text(
        f'version = 1\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        'sslctlidentifier = "x "\n'
    )
    assert run("update", "sslcert", "10.0.0.5:443", "dsmapperusage=enable").code == 0
    assert 'sslctlidentifier = "x "' in bare.read_text()
