"""The subject of a check with other records: what it knew of the former ones is forgotten."""

from __future__ import annotations

from functools import cached_property

import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import OTHER as OTHER_OWNER
from conftest import Run
from pki import NOW, mail, web

from sslbind.check import Subject
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.sites import SiteBinding, Sites, parse_information

PROPERTIES = [name for name, one in vars(Subject).items() if isinstance(one, cached_property)]
HERE = (
    record("0.0.0.0:443", web(), tags="sslflags = 4"),
    record("www.contoso.com:443", web()),
    record("443"),
)
ELSEWHERE = (record("0.0.0.0:443", mail()), record("10.0.0.9:8443", mail(), appid=OTHER_OWNER))
SITES = Sites(
    "applicationHost.config",
    tuple(
        SiteBinding("shop", "https", text, *parse_information(text))
        for text in ("*:443:www.contoso.com", "10.0.0.9:8443:")
    ),
)


def subject(case: Case, *parts: str) -> Subject:
    case.write(STORES, *parts)
    return Subject(Session(Registry.open()), NOW, sites=[SITES])


@pytest.mark.parametrize("central", ["off", "on"])
def test_nothing_of_other_records_is_left(run: Run, central: str) -> None:
    """All that ``after`` gives is what a new subject with these records would give."""
    case = Case(run)
    case.store(web(), mail())
    case.central("www.contoso.com.pfx", web())
    off = PROVIDER.replace("true", "false")
    before = subject(case, off, *HERE)
    whole = subject(case, PROVIDER if central == "on" else off, *ELSEWHERE)
    seen = {name: getattr(before, name) for name in PROPERTIES}
    after = before.after(whole.bindings, "ccs" if central == "on" else None)
    for name in PROPERTIES:
        assert getattr(after, name) == getattr(whole, name), name
        assert getattr(before, name) is seen[name], name
