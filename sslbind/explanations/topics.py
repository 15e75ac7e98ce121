"""``explain``: one topic by its name, in any spelling of a code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from sslbind import check
from sslbind.errors import SslbindError
from sslbind.explanations.alerts import ALERTS
from sslbind.explanations.alerts import NAMES as ALERT_NAMES
from sslbind.explanations.clients import CLIENTS
from sslbind.explanations.codes import CODES, NAMES, UPDATE, parse_code, spelled
from sslbind.explanations.events import EVENTS
from sslbind.explanations.explanation import Explanation
from sslbind.explanations.flow import explain_flow
from sslbind.explanations.nouns import (
    explain_appid,
    explain_rule,
    explain_sslflags,
    explain_tag,
    plain,
)
from sslbind.explanations.statuses import STATUSES
from sslbind.keys import KIND_BY_NAME
from sslbind.owners import OWNER_BY_WORD, OWNERS
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import SSLFLAGS, STORED

_GUID = re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?")


def explain(words: Sequence[str], release: Release) -> Explanation:
    """Return what ``words`` mean on ``release``; raise SslbindError, as ``look_up`` does.

    The error suggests the closest topic.
    """
    found = look_up(words, release)
    if found is None:
        raise unknown_topic(words)
    return found


def look_up(words: Sequence[str], release: Release) -> Explanation | None:
    """Return what ``words`` mean: ``1312``, ``sslflags 129``, ``no-default-ssl``, ``alert 40``.

    A word of ``SORTS`` may precede a topic. None if it is not a topic. Raises
    RefusedError for an appid of an unknown product, SslbindError for sslFlags that
    are not a number.
    """
    sort, *rest = words
    sort = sort.strip().lower()
    if not rest:
        candidates = (find(sort, release) for find in SORTS.values())
        return next((one for one in candidates if one), None)
    if len(rest) > 1:
        return None
    if sort == SSLFLAGS.name:
        return explain_sslflags(rest[0], release)
    if sort == "appid":
        return explain_appid(rest[0])
    return SORTS[sort](rest[0].strip().lower(), release) if sort in SORTS else None


def _rule(text: str, _: Release) -> Explanation | None:
    return explain_rule(text) if text in check.rules() else None


def _error(text: str, _: Release) -> Explanation | None:
    number = NAMES.get(text.upper()) or parse_code(text)
    return CODES.get(number) if number is not None else None


def _event(text: str, _: Release) -> Explanation | None:
    number = _number(text)
    return EVENTS.get(number) if number is not None else None


def _number(text: str) -> int | None:
    """Return a number of at most five digits: Python refuses to read one of thousands."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None


def _status(text: str, _: Release) -> Explanation | None:
    return STATUSES.get(text)


def _alert(text: str, _: Release) -> Explanation | None:
    number = ALERT_NAMES.get(text)
    if number is None:
        number = _number(text)
    return ALERTS.get(number) if number is not None else None


def _browser(text: str, _: Release) -> Explanation | None:
    return CLIENTS.get(text.upper().removeprefix("NET::"))


def _tag(text: str, release: Release) -> Explanation | None:
    return explain_tag(text, release) if text in STORED or text in KIND_BY_NAME else None


def _owner(text: str, _: Release) -> Explanation | None:
    return explain_appid(text) if text in OWNER_BY_WORD or _GUID.fullmatch(text) else None


def _other(text: str, release: Release) -> Explanation | None:
    if text == "flow":
        return explain_flow(release)
    return UPDATE if text == "update" else None


SORTS: Mapping[str, Callable[[str, Release], Explanation | None]] = {
    "rule": _rule,
    "error": _error,
    "event": _event,
    "http": _status,
    "alert": _alert,
    "browser": _browser,
    "tag": _tag,
    "owner": _owner,
    "topic": _other,
}
"""The sorts of topics, in the order in which a bare word is looked up; each takes lower case."""


def topics() -> Mapping[str, Mapping[str, str]]:
    """Return everything that can be explained, by sort, each with a line about it."""
    return {
        "rules": {rule.id: plain(rule.summary) for rule in check.rules().values()},
        "errors": {spelled(code): one.means for code, one in CODES.items()},
        "events": {str(code): one.means for code, one in EVENTS.items()},
        "alerts": {f"alert {code}": one.means for code, one in ALERTS.items()},
        "http": {f"http {code}": one.means for code, one in STATUSES.items()},
        "browsers": {name: one.means for name, one in CLIENTS.items()},
        "tags": {
            name: f"{tag.summary[0].upper()}{tag.summary[1:]}" for name, tag in STORED.items()
        },
        "owners": {f"appid {owner.word}": owner.name for owner in OWNERS},
        "others": {
            "sslflags N": "The bits of IIS's sslFlags, and the tags that are the same settings",
            "flow": "The path of a request, and the lookup of its certificate",
            "update": "What happens to the tags that an update does not name",
        },
    }


def unknown_topic(words: Sequence[str]) -> SslbindError:
    """Return the error for an unknown topic, with the closest one."""
    asked = " ".join(words)
    # A number with similar digits means something else.
    known = [topic for sort in topics().values() for topic in sort if not topic[0].isdigit()]
    near = [] if parse_code(asked) is not None else known
    close = get_close_matches(asked.lower(), near, n=1, cutoff=0.5)
    hints = [f"did you mean {close[0]}?"] if close else []
    return SslbindError(
        f"{printable(asked)!r} is not a known topic",
        *hints,
        "sslbind explain lists what can be explained",
    )
