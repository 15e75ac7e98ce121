"""``sslbind resolve`` without a connection: the whole table, as ``apachectl -S`` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sslbind.answers.table import STEPS, Port, PortBinding, Table
from sslbind.cli.app import NO, OK, App
from sslbind.cli.progress import progress
from sslbind.cli.unread import unread_json
from sslbind.printable import printable
from sslbind.session import Session
from sslbind.wording import plural, some

_FIRST = {
    "wildcard-hostnameport": "names with their own binding go to",
    "scopedccs": "the name goes to",
    "ipv4-wildcard": "IPv6 goes to",
}
_SHOWN, _LISTED, _WIDEST = 3, 20, 60


def print_ports(app: App, port: int | None, format_: str) -> int:
    """Print the table of every port, or of one."""
    session = app.reading()
    with progress() as session.progress:
        ports = list(Table(session).ports(port))
    if session.stores is None:
        app.note(session.not_modelled)
    provenance = session.registry.provenance
    unread = [one for one in provenance.unread if one.is_record and (not port or one.on(port))]
    code = NO if unread else OK
    if format_ == "json":
        document: dict[str, Any] = {
            "windows": str(session.release),
            "ports": [_json(session, p) for p in ports],
        }
        if unread:
            document["unread"] = [unread_json(one) for one in unread]
        app.json(document)
        return code
    if not ports and not unread:
        app.note("no binding" + (f" on port {port}" if port else ""))
    for place, one in enumerate(ports):
        app.echo("\n" if place else "")
        app.echo_lines(f"{printable(line)}\n" for line in _lines(session, one))
    return code


def _json(session: Session, port: Port) -> dict[str, Any]:
    return {
        "port": port.port,
        "candidates": [
            {
                **one.key.to_json(),
                "step": one.step,
                "certificate": one.thumbprint
                and {"thumbprint": one.thumbprint, "file": one.file, "names": [*one.names]},
                "files": one.files,
                "unusable": one.unusable,
                "file": session.registry.path,
                "line": one.line,
                "used": not one.unused,
                # Thousands of names below one wildcard would drown the rest of the answer.
                "shadowed_by": [
                    key.to_json() for key in (*one.exact[:_LISTED], *one.first)[:_LISTED]
                ],
                "shadowed_by_count": len(one.exact) + len(one.first),
                "note": one.note or None,
            }
            for one in port.candidates
        ],
        "otherwise": port.otherwise,
    }


def _lines(session: Session, port: Port) -> Iterator[str]:
    """Yield the lines of a port's table."""
    exact = [str(one.key) for one in port.candidates if one.step == "ipport" and not one.unused]
    except_ = f"; not on {some(exact, _SHOWN)}" if exact else ""
    specs = [one.key.spec for one in port.candidates]
    width = min(_WIDEST, max(map(len, specs), default=0))
    listed = session.registry.iplisten
    only = f", listening on {some(listed, _SHOWN)} only" if listed else ""
    yield f"port {port.port}, {session.release.title}{only}"
    step = ""
    for spec, one in zip(specs, port.candidates, strict=True):
        if one.step != step:
            step = one.step
            yield f"  {STEPS[step]}{'' if step == 'ipport' else except_}:"
        yield from _rows(session, one, f"{spec:{width}}")
    if port.unread:
        yield "  could not be read:"
    for unread in port.unread:
        known = unread.key.spec if unread.key is not None else "a record"
        yield f"    {known:{width}}  {unread.place}"
    yield f"  everyone else: {port.otherwise}"


def _rows(session: Session, one: PortBinding, spec: str) -> Iterator[str]:
    certificate = one.key.kind.certificate
    served = _served(one.thumbprint, one.names, one.files, one.unusable, certificate=certificate)
    yield f"    {spec}  {served}  {session.registry.path}:{one.line}"
    if one.note:
        yield f"      {one.state}: {one.note}"
    if one.first:
        yield f"      {_FIRST[one.step]} {some([key.spec for key in one.first], _SHOWN)}"


@lru_cache(maxsize=1000)  # thousands of records share a certificate
def _served(
    thumbprint: str | None,
    names: Sequence[str],
    files: int | None,
    unusable: int | None,
    *,
    certificate: bool,
) -> str:
    """Return what a record serves: a certificate with its names, or files of the central store."""
    serves = thumbprint or _count(files, unusable)
    if certificate and not thumbprint:
        serves = "a certificate that is not known"
    return f"{serves}  {some(names, _SHOWN)}" if names else serves


def _count(files: int | None, unusable: int | None) -> str:
    if files is None:
        return "files not known"
    return plural(files, "file") + (f", {unusable} of them unusable" if unusable else "")
