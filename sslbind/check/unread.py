"""The rule about records in a document that could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import Subject
from sslbind.wording import plural, some

if TYPE_CHECKING:
    from sslbind.keys import Key

_NAMED = 3


@rule("record-unreadable", "error")
def record_unreadable(subject: Subject) -> Iterator[Found]:
    """A capture or another document has a record, or a value of one, that could not be read.

    The server has the record; what it serves is not known. No rule concludes anything from
    a missing record on a port where one could not be read, so a server without findings may
    still have problems. Capture the server again, as UTF-8 text and without editing it, or
    correct the line. A masked value is a warning: the record exists, and its value stays
    unknown.
    """
    provenance = subject.registry.provenance
    bindings = [one for sites in provenance.sites for one in sites.bindings]
    for one in provenance.unread:
        told = any(one.line == site.line and one.message.startswith(str(site)) for site in bindings)
        if one.is_record and not told:  # rules about sites report what they have
            what = "a record could not be read" if one.key is None else "it could not be read"
            why = one.message.removeprefix(f"{one.key and one.key.spec}: ")
            yield Found(
                one.key,
                f"{what}: {why}",
                "capture the server again, or correct the line",
                file=one.file,
                line=one.line,
                about=one.message,
            )
    unknown: dict[str, list[Key]] = {}
    for name, key in provenance.partial:
        unknown.setdefault(name, []).append(key)
    groups: dict[tuple[Key, ...], list[str]] = {}
    for name, keys in unknown.items():
        groups.setdefault(tuple(keys), []).append(name)
    for found, names in groups.items():
        verb = "is" if len(names) == 1 else "are"
        values = "this value" if len(names) == 1 else "these values"
        yield Found(
            None,
            f"{some(names, _NAMED)} of {plural(len(found), 'binding')} {verb} not known:"
            f" {some([key.spec for key in found], _NAMED)}",
            f"capture the server again; rules about {values} find nothing there",
            severity="warn",
            line=subject.registry.line(found[0]),
            about=" ".join(names),
        )
