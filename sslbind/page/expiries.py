"""When certificates expire: the timeline, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterator

from sslbind.page.contents import CertificateUse, ReportContents
from sslbind.page.markup import badge, count, table, text
from sslbind.page.timeline import timeline
from sslbind.wording import day, plural, some

_MOST = 300
"""How many certificates the table lists; each binding has its date in the map of its port."""
_FIRST = 30
_SHOWN = 3
_STATUS = {"expired": "bad", "due": "warn", "ok": "ok", "unknown": "off"}
_WORDS = {"expired": "expired", "due": "expires soon", "ok": "ok", "unknown": "not known"}
COLUMNS = ("Expires", "Days left", "Status", "Names", "Used by", "Thumbprint")


def expiry_section(contents: ReportContents) -> str:
    """Return the section; one sentence if no certificate is known."""
    certificates = contents.certificates
    if not certificates:
        body = "<p>No expiry date is known: no certificate can be read.</p>"
    else:
        caption = f"{plural(len(certificates), 'certificate')}, the first to expire on top"
        rows = _rows(contents)
        more = len(certificates) - _MOST
        body = timeline(certificates, contents.moment) + table(
            "ends", caption, COLUMNS, rows, _FIRST
        )
        if more > 0:
            body += f"<p>{count(more)} more expire later than all of these.</p>"
    return (
        '<section id="ends" aria-labelledby="ends-title">'
        f'<h2 id="ends-title">When certificates expire</h2>{body}</section>\n'
    )


def _rows(contents: ReportContents) -> Iterator[str]:
    several = len(contents.servers) > 1
    for one in contents.certificates[:_MOST]:
        row, moment = one.row, contents.moment
        status = row.status(moment.now, moment.window)
        end = day(row.not_after) if row.not_after else ""
        yield (
            f'<tr class="{_STATUS[status]}"><td>{end}<td>{one.days_left(moment.now)}'
            f"<td>{badge(_STATUS[status], _WORDS[status])}"
            f'<th scope="row">{text(some(row.names or (row.key,), _SHOWN))}'
            f"<td>{text(_places(one, several=several))}<td><code>{text(row.thumbprint)}</code>\n"
        )


def _places(one: CertificateUse, *, several: bool) -> str:
    words = (f"{server} {key}" if several else key for server, key in one.places)
    return some(words, _SHOWN)
