r"""``sslbind ccs``: turn the Central Certificate Store on and off, show what its files serve.

The settings are those of ``HKLM\SOFTWARE\Microsoft\IIS\CentralCertProvider``,
in ``[CentralCertProvider]`` of the registry.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import HELP, OK, App, CommandGroup, dry_run_option, format_option, pass_app
from sslbind.cli.ccs_put import ENABLE, no_location, put
from sslbind.cli.progress import progress
from sslbind.cli.wildcards import one_file
from sslbind.errors import SslbindError
from sslbind.keys import CCS, SCOPEDCCS
from sslbind.printable import printable
from sslbind.registry.document import CentralCertProvider
from sslbind.session import Session

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralFile
    from sslbind.keys import Key

COLUMNS = ("file", "serves", "names", "days left", "opens", "sealed")
_ANOTHER = f"{ENABLE} sets another folder"
_UNREADABLE = "the folder of the central store cannot be read"


@click.group("ccs", cls=CommandGroup, context_settings=HELP)
def ccs_command() -> None:
    """The Central Certificate Store: a folder of HOST.pfx files that serve a port."""


ccs_command.add_command(put)


@ccs_command.command("enable", context_settings=HELP)
@click.argument("folder", required=False)
@click.option(
    "--password-file",
    metavar="FILE",
    callback=one_file,
    help="The file with the one password of all PFX files.",
)
@dry_run_option
@format_option()
@pass_app
def enable(
    app: App, folder: str | None, password_file: str | None, dry_run: bool, format_: str
) -> int:
    """Turn the central store on; FOLDER defaults to the one in the registry.

    FOLDER and the password's FILE are stored as given, relative to the folder of the
    registry file. They need not exist here: only the servers may see a share. A FOLDER
    inside the registry's gets a .gitignore that keeps its PFX files out of git.
    """
    for what, path in (("FOLDER", folder), ("--password-file", password_file)):
        if path == "":
            raise click.UsageError(f"{what} is empty, which is not a path")
    with app.editing(dry_run=dry_run) as session:
        old = session.registry.settings.central_store
        given = old or CentralCertProvider()
        location = folder or given.location
        if location is None:
            raise no_location(session)
        new = CentralCertProvider(True, location, password_file or given.password_file)
        session.editable.set_central_store(new)
    _tell(app, old, new, dry_run=dry_run, format_=format_)
    _note_absent(app, session, new)
    if not dry_run:  # also where a killed run did not come so far
        _keep_out_of_git(app, session, new)
    if password_file and _inside(session, password_file):
        app.note("keep the file of --password-file out of git: it opens every PFX file")
    if session.release < CCS.since:
        app.note(f"the central store was introduced in {CCS.since.title}")
    elif not _records(session):
        app.note("no binding uses the central store: sslbind add sslccs 443 appid=iis")
    return OK


@ccs_command.command("disable", context_settings=HELP)
@dry_run_option
@format_option()
@pass_app
def disable(app: App, dry_run: bool, format_: str) -> int:
    """Turn the central store off; its folder and password file stay in the registry."""
    with app.editing(dry_run=dry_run) as session:
        old = session.registry.settings.central_store
        new = (old or CentralCertProvider())._replace(enabled=False)
        if old is not None:
            session.editable.set_central_store(new)
    _tell(app, old or new, new, dry_run=dry_run, format_=format_)
    if new != old and (records := _records(session)):
        app.note(f"{_named(records)}: while it is disabled, nothing is served there from its files")
    return OK


@ccs_command.command("show", context_settings=HELP)
@format_option()
@pass_app
def show(app: App, format_: str) -> int:
    """Show whether it is enabled, its folder, its files and the records that use it.

    The password itself is never shown, only the file that holds it.
    """
    session = app.reading()
    settings = session.registry.settings.central_store or CentralCertProvider()
    records = _records(session)
    count = _count(app, session)
    if format_ == "json":
        rows = [{"kind": key.kind.name, "key": str(key)} for key in records]
        app.json(_settings_json(settings) | {"files": count, "records": rows})
        return OK
    lines = (
        ("enabled", "yes" if settings.enabled else "no"),
        ("folder", settings.location or f"none: {ENABLE}"),
        ("password file", settings.password_file or "none"),
        ("files", "-" if count is None else str(count)),
        ("records", _named(records) or "none"),
    )
    app.echo("".join(f"{name + ':':<14} {printable(value)}\n" for name, value in lines))
    return OK


@ccs_command.command("list", context_settings=HELP)
@format_option("table", "json", "tsv")
@pass_app
def list_(app: App, format_: str) -> int:
    """List the files: what each serves, the names inside, days left, whether it opens.

    "serves" is a host, or *.PARENT, according to the file's name; "-" if no connection can
    use it, and a note says why. Disabling the store does not change the list.

    "opens" is also yes for a file without a password. Windows may not open such a file if a
    password is set (inferred). "sealed" says which algorithms protect it; "explain
    pfx-too-new" says which releases open it.
    """
    session = app.reading()
    with progress() as session.progress:
        store = session.central_store
        if store is None:
            raise no_location(session)
        if problem := store.unreadable:
            raise SslbindError(f"{_UNREADABLE}: {problem}", _ANOTHER, file=store.folder)
        files = store.files()
    now = datetime.now(UTC)
    if format_ == "json":
        app.json({"files": [_file_json(one, now) for one in files]})
        return OK
    rows = [_row(one, now) for one in files]
    if format_ == "tsv":
        app.echo("".join("\t".join(map(printable, row)) + "\n" for row in rows))
    elif rows:
        from sslbind.cli.table import print_table

        print_table(COLUMNS, rows, spare=("serves", "names"), below="sealed")
    else:
        app.note("there are no PFX files: HOST.pfx serves a host, _.PARENT.pfx those below one")
    app.note(*(f"{one.file} serves no host: {one.why}" for one in files if one.why))
    return OK


def _tell(
    app: App,
    old: CentralCertProvider | None,
    new: CentralCertProvider,
    *,
    dry_run: bool,
    format_: str,
) -> None:
    changed = new != old
    if format_ == "json":
        action = "updated" if changed else "unchanged"
        document = {"changed": changed and not dry_run, "action": action, **_settings_json(new)}
        app.json(document | {"would_change": changed, "dry_run": True} if dry_run else document)
    elif changed:
        verb = "enable" if new.enabled else "disable"
        lines = [f"would {verb} the central store\n" if dry_run else f"{verb}d the central store\n"]
        before = old.table if old else {}
        for name, value in new.table.items():
            if value != before.get(name):
                shown = [_shown(one) for one in (before.get(name), value)]
                lines.append(f"    {name}: {shown[0]} -> {shown[1]}\n")
        app.echo("".join(lines))
    if not changed:
        app.note("unchanged")


def _shown(value: bool | str | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "(null)" if value is None else printable(value)


def _settings_json(settings: CentralCertProvider) -> dict[str, Any]:
    return {
        "enabled": settings.enabled,
        "folder": settings.location,
        "password_file": settings.password_file,
    }


def _note_absent(app: App, session: Session, settings: CentralCertProvider) -> None:
    """Note each of the paths that does not exist as seen from here.

    What was given as the password file may be the password, and is not repeated.
    """
    for what, path, there in (
        (f"the folder {settings.location}", settings.location, os.path.isdir),
        ("the password file", settings.password_file, os.path.isfile),
    ):
        if path and not there(session.registry.resolve_path(path)):
            app.note(f"{what} does not exist as seen from this machine")


def _inside(session: Session, path: str) -> bool:
    """Whether a path of the registry is inside the registry's folder, where git may see it."""
    home, real = (os.path.realpath(session.registry.resolve_path(one)) for one in ("", path))
    return os.path.join(real, "").startswith(os.path.join(home, ""))


def _keep_out_of_git(app: App, session: Session, settings: CentralCertProvider) -> None:
    """Add a .gitignore to the folder if it exists, is writable and is inside the registry's."""
    location = settings.location or ""
    folder = session.registry.resolve_path(location)
    if not (_inside(session, location) and os.path.isdir(folder) and os.access(folder, os.W_OK)):
        return
    from sslbind.files import ignore_keys

    try:
        written = ignore_keys(folder)
    except SslbindError as error:  # the store is enabled anyway
        app.note(f"keep the PFX files in {location} out of git: {error}")
        return
    if written:
        app.note(f"{location.rstrip('/')}/.gitignore was written: it keeps PFX files out of git")


def _count(app: App, session: Session) -> int | None:
    """Return how many PFX files there are, None if they cannot be counted; a note says why."""
    store = session.central_store
    if store is None:
        return None
    if problem := store.unreadable:
        app.note(f"{store.folder}: {_UNREADABLE}: {problem}")
        return None
    return len(store.names())


def _records(session: Session) -> list[Key]:
    return [key for key in session.registry.bindings if key.kind in (CCS, SCOPEDCCS)]


def _named(records: list[Key]) -> str:
    return ", ".join(key.spec for key in records)


def _opens(file: CentralFile) -> str:
    if file.usable:
        return "yes"
    if file.entry.locked:
        return "locked"
    return "no key" if file.entry.thumbprint else file.problem


def _days_left(file: CentralFile, now: datetime) -> int | None:
    end = file.entry.not_after
    return None if end is None else (end - now).days


def _row(file: CentralFile, now: datetime) -> tuple[str, ...]:
    left = _days_left(file, now)
    return (
        file.file,
        file.name or "-",
        ", ".join(file.entry.names) or "-",
        "-" if left is None else str(left),
        _opens(file),
        str(file.entry.sealed or "-"),
    )


def _file_json(file: CentralFile, now: datetime) -> dict[str, Any]:
    entry = file.entry
    return {
        "file": file.file,
        "serves": file.name,
        "why": file.why or None,
        "thumbprint": entry.thumbprint or None,
        "names": [*entry.names],
        "not_after": entry.not_after and entry.not_after.isoformat(),
        "days_left": _days_left(file, now),
        "opens": file.usable,
        "problem": file.problem or None,
        "sealed": str(entry.sealed) if entry.sealed else None,
    }
