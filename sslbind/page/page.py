"""The file itself, with style and script inside; nothing is loaded from anywhere.

The policy in it (Content Security Policy, level 3) allows the one style and the
two scripts by their hashes and forbids everything else, so that injected markup would not
run.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections import Counter
from hashlib import sha256

from sslbind.files import read_file
from sslbind.moments import Window
from sslbind.page.contents import ReportContents
from sslbind.page.expiries import expiry_section
from sslbind.page.findings import findings_section
from sslbind.page.markup import count, text
from sslbind.page.portmap import map_section
from sslbind.page.sidebyside import comparison_section
from sslbind.version import VERSION
from sslbind.wording import minute, plural, some

_FOLDER = os.path.dirname(__file__)
_EARLY = 'document.documentElement.classList.add("js")'
_SHOWN = 5


def page(contents: ReportContents) -> str:
    """Return the report as one HTML document."""
    style, script = _file("style.css"), _file("script.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(_EARLY)} {_hash(script)};"
        " base-uri 'none'; form-action 'none'"
    )
    title = f"TLS bindings of {some((one.name for one in contents.servers), _SHOWN)}"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n<script>{_EARLY}</script>\n"
        f'</head>\n<body>\n{_header(title, contents)}<main id="main">\n'
        f"{findings_section(contents)}{expiry_section(contents)}{map_section(contents)}"
        f"{comparison_section(contents)}</main>\n"
        f"<footer><p>Made by sslbind {VERSION}. This page loads nothing and sends"
        f" nothing.</p></footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _header(title: str, contents: ReportContents) -> str:
    links = {
        "attention": "What needs attention",
        "ends": "When certificates expire",
        "map": "Who answers",
        "servers": "Servers side by side",
    }
    if contents.comparison is None:
        del links["servers"]
    nav = "".join(f'<a href="#{id_}">{word}</a>' for id_, word in links.items())
    return (
        '<a class="skip" href="#main">Skip to the report</a>\n'
        f"<header><h1>{text(title)}</h1><p>As of {minute(contents.moment.now)}</p>"
        f'{_figures(contents)}<nav aria-label="Sections">{nav}</nav></header>\n'
    )


def _figures(contents: ReportContents) -> str:
    """Return the numbers that give the overview."""
    window = contents.moment.window
    ends = Counter(one.row.status(contents.moment.now, window) for one in contents.certificates)
    soon = f"expire within {window}" if isinstance(window, Window) else "expire soon"
    found = contents.severities
    unread = sum(bool(one.problem) for one in contents.servers)
    bindings = sum(one.bindings for one in contents.servers)
    figures = [
        (bindings, plural(bindings, "binding").partition(" ")[2], ""),
        (found["error"], "errors" if found["error"] != 1 else "error", "bad"),
        (found["warn"], "warnings" if found["warn"] != 1 else "warning", "warn"),
        (ends["expired"], "expired", "bad"),
        (ends["due"], soon, "warn"),
    ]
    if len(contents.servers) > 1:
        figures.insert(0, (len(contents.servers), "servers", ""))
    if unread:
        figures.append((unread, "unreadable", "bad"))
    items = "".join(
        f'<li class="{kind if number else ""}"><b>{count(number)}</b> {text(word)}</li>'
        for number, word, kind in figures
    )
    return f'<ul class="figures">{items}</ul>'


def _file(name: str) -> str:
    return read_file(os.path.join(_FOLDER, name)).decode("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
