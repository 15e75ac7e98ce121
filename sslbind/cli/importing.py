"""``sslbind import``: what servers and scripts have, as a registry."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sslbind.certificates.deferral import attempts
from sslbind.cli.app import (
    HELP,
    IF_EXISTS,
    NO,
    OK,
    UNASKED,
    App,
    dry_run_option,
    format_option,
    pass_app,
)
from sslbind.cli.changes import describe
from sslbind.cli.passwords import password_options
from sslbind.cli.provision import read_certificates
from sslbind.cli.streams import STANDARD_INPUT, is_server, read_input, shown_name
from sslbind.cli.wildcards import all_files, one_file
from sslbind.errors import SslbindError, reason
from sslbind.folders import make_folder
from sslbind.formats import formats
from sslbind.imports import Import
from sslbind.keys import Key
from sslbind.printable import printable, shows
from sslbind.registry.document import CertStoresSettings
from sslbind.registry.registry import MAX_SIZE
from sslbind.session import Change
from sslbind.sources import Source, parse_source
from sslbind.tags import STORED

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.identity import Identity

FORMATS = {one.name: one for one in formats().values() if one.read}
_LISTED = "\n".join(f"    {name:<14}{one.title}" for name, one in FORMATS.items())


@click.command(
    "import",
    context_settings=HELP,
    help=f"""Read bindings from files, scripts or servers, and write them into the registry.

    The format of FILE is recognised by content ('-' or none: standard input);
    @NAME, @GROUP and @all are servers of the targets file, read now. import does
    not verify certificates: they need not be in a store. If the registry does
    not exist, it is made. Bad records are reported with file and line. With a
    bad record or a conflict, nothing is written unless --partial, and the exit
    code is 1; with --each, this applies to each file separately.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("files", nargs=-1, callback=all_files, metavar="[FILE]...")
@click.option(
    "--from",
    "name",
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help="Format of FILE; by default it is recognised by content.",
)
@click.option(
    "--if-exists",
    type=click.Choice(IF_EXISTS),
    default="fail",
    show_default=True,
    help="What to do with a record or setting that has another value: report a conflict; keep it;"
    " change the tags that the document sets; replace it.",
)
@click.option("--partial", is_flag=True, help="Write the good records even if others are bad.")
@click.option(
    "--each",
    "folder",
    metavar="FOLDER",
    help="Make one registry for each file: FOLDER/NAME.toml, certificates in FOLDER/NAME.certs.",
)
@click.option(
    "--certs",
    metavar="FOLDER",
    callback=one_file,
    help="Store the certificates in and below FOLDER that the records use; no keys are needed.",
)
@password_options
@dry_run_option
@format_option()
@pass_app
def import_command(
    app: App,
    /,
    files: tuple[str, ...],
    name: str | None,
    if_exists: str,
    partial: bool,
    folder: str | None,
    certs: str | None,
    dry_run: bool,
    format_: str,
    **passwords: str | None,
) -> int:
    """Read the files, plan, and write once for each registry."""
    if folder is not None and app.registry_option is not None:
        raise click.UsageError("--each FOLDER and -r exclude each other")
    if folder is None and app.registry_path == STANDARD_INPUT:
        raise click.UsageError("-r - is standard input, and import writes a file")
    sources, code = _sources(app, files or (STANDARD_INPUT,), name, each=folder is not None)
    identities = None if certs is None else _certificates(app, certs, **passwords)
    targets = _targets(app, sources, folder, dry_run=dry_run)
    make = functools.partial(
        Import, if_exists=if_exists, release=app.release_option, identities=identities
    )
    reports: list[dict[str, Any]] = []
    would = False
    for path, group in targets:
        stores = CertStoresSettings().path if folder is None else f"{_stem(path)}.certs"
        done = make(path, group, stores=stores)
        for attempt in attempts():
            with attempt:
                good = done.run(datetime.now(UTC), partial=partial, dry_run=dry_run)
        code = code if good else max(code, NO)
        would = would or done.would_write
        reports.append(_document(done))
        if format_ != "json":
            text = _text(done, dry_run=dry_run)
            app.echo(text if folder is None else _with_name(path, text))
        for error in done.errors():
            app.error(error)
        app.note(*done.notes, _summary(done, dry_run=dry_run))
    if format_ == "json":
        document = {"changed": any(one["changed"] for one in reports), "registries": reports}
        app.json(document | ({"would_change": would, "dry_run": True} if dry_run else {}))
    return code


def _targets(
    app: App, sources: Sequence[Source], folder: str | None, *, dry_run: bool
) -> Sequence[tuple[str, Sequence[Source]]]:
    """Return each registry to write, with what goes into it."""
    if folder is None:
        return [(app.registry_file, sources)]
    targets = [(_target(folder, source), [source]) for source in sources]
    _refuse_twice([path for path, _ in targets])
    if not dry_run:
        _make(folder)
    return targets


def _certificates(app: App, folder: str, **passwords: str | None) -> tuple[Identity, ...]:
    """Return the certificates in a folder and below it."""
    from sslbind.certificates.contents import CERTIFICATE_SUFFIXES, KEY_SUFFIX

    if not os.path.isdir(folder):
        raise SslbindError("is not a folder", "--certs takes a folder of certificates", file=folder)
    files = sorted(
        os.path.join(path, name)
        for path, _, names in os.walk(folder)
        for name in names
        if os.path.splitext(name)[1].lower() in (*CERTIFICATE_SUFFIXES, KEY_SUFFIX)
    )
    found, notes = read_certificates(files or [folder], **passwords)
    app.note(*notes)
    return found


def _with_name(path: str, text: str) -> str:
    """Return the lines of ``text`` prefixed with their registry."""
    named = (
        line if line[:1] == " " else f"{printable(path)}: {line}" for line in text.splitlines()
    )
    return "".join(f"{line}\n" for line in named)


def _text(done: Import, *, dry_run: bool) -> str:
    """Return the plan: one line per record or setting, and one per tag that changes."""
    would = dry_run or not done.written
    add, put = ("would add", "would set") if would else ("added", "set")
    lines = [f"{put} {one.name} = {_shown(one.after)}\n" for one in done.plan.settings]
    lines += [
        f"{add} {one.key.spec} {one.certhash or 'served by the central store'}\n"
        for one in done.plan.added
    ]
    lines += [
        describe(Change(one.key, done.before[one.key], one), would=would)
        for one in done.plan.changed
    ]
    lines += [
        f"conflict {one.name}: {_shown(one.before)} -> {_shown(one.after)}\n"
        for one in done.plan.setting_conflicts
    ]
    for one in done.plan.conflicts:
        summary = describe(Change(one.wanted.key, one.before, one.wanted), would=True)
        lines.append(f"conflict {summary.removeprefix('would update ')}")
    return "".join(lines)


def _summary(done: Import, *, dry_run: bool) -> str:
    """Return the counts in one sentence."""
    changed = "" if done.written else "would be "
    settings, certificates = len(done.plan.settings), len(done.certificates)
    counts = (
        (len(done.plan.added), f"{changed}added"),
        (len(done.plan.changed), f"{changed}changed"),
        (settings, f"{'setting' if settings == 1 else 'settings'} {changed}changed"),
        (len(done.plan.same), "the same"),
        (len(done.plan.kept) + len(done.plan.kept_settings), "kept"),
        (done.conflicts, "in conflict"),
        (done.bad, "bad"),
        (certificates, f"{'certificate' if certificates == 1 else 'certificates'} stored"),
    )
    summary = ", ".join(f"{count} {word}" for count, word in counts if count) or "no record"
    if not dry_run and not done.written:
        summary += "; nothing was written"
    if done.bad and not done.conflicts and not done.empty and not done.written:
        summary += "; --partial writes the others"
    return f"{done.path}: {summary}"


def _document(done: Import) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "registry": done.path,
        "changed": done.written,
        "windows": str(done.release),
        "settings": [
            {"name": one.name, "before": one.before, "after": one.after}
            for one in done.plan.settings
        ],
        "added": [_key(one.key) for one in done.plan.added],
        "updated": [
            {**_key(one.key), "tags": _tags(done.before[one.key], one)} for one in done.plan.changed
        ],
        "unchanged": [_key(one) for one in done.plan.same],
        "kept": [_key(one) for one in done.plan.kept],
        "conflicts": [
            {
                **_key(one.wanted.key),
                "file": one.file,
                "line": one.line,
                "tags": _tags(one.before, one.wanted),
            }
            for one in done.plan.conflicts
        ]
        + [
            {
                "kind": None,
                "key": None,
                "file": one.file,
                "line": None,
                "tags": {one.name: [one.before, one.after]},
            }
            for one in done.plan.setting_conflicts
        ],
        "bad": [
            {"file": source.file, "line": bad.line, "message": bad.message}
            for source in done.sources
            for bad in source.imported.bad
        ],
        "certificates": [
            {"store": one.store, "thumbprint": one.thumbprint} for one in done.certificates
        ],
        "notes": done.notes,
    }


def _sources(
    app: App, files: Sequence[str], name: str | None, *, each: bool
) -> tuple[list[Source], int]:
    """Return what was read, and the exit code so far.

    With ``each``, a server that cannot be read is reported and left out.
    """
    sources, code = [], OK
    for path in app.spelled_out(files):
        try:
            sources.append(_source(app, path, name))
        except SslbindError as error:
            if not (each and is_server(path)):
                raise
            app.error(error)
            code = UNASKED
    return sources, code


def _source(app: App, path: str, name: str | None) -> Source:
    if is_server(path):
        return app.live([path]).source(path)
    return parse_source(read_input(path, MAX_SIZE), shown_name(path), name)


def _target(folder: str, source: Source) -> str:
    if is_server(source.file):
        return os.path.join(folder, f"{source.file[1:]}.toml")
    stem = _stem(source.file)
    name = "".join(char if shows(char) and not char.isspace() else "-" for char in stem)
    return os.path.join(folder, f"{name}.toml")


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _make(folder: str) -> None:
    """Make the folder; if it stays empty, it is removed when the command ends."""
    if os.path.isdir(folder):
        return
    try:
        make_folder(folder, 0o777)
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None

    def remove_empty() -> None:
        with contextlib.suppress(OSError):
            os.rmdir(folder)

    click.get_current_context().call_on_close(remove_empty)


def _refuse_twice(paths: Sequence[str]) -> None:
    for path in paths:
        if paths.count(path) > 1:
            raise SslbindError(f"two files would make {path}", "import them one at a time with -r")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(value) or "every address" if isinstance(value, tuple) else str(value)
    return printable(text)


def _tags(before: Binding, after: Binding) -> dict[str, list[object]]:
    """Return what differs between two records: both effective values, by tag."""
    found = {name: [before[name], after[name]] for name in STORED if before[name] != after[name]}
    old, new = before.other, after.other
    others = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return found | {f"Other.{name}": [old.get(name), new.get(name)] for name in others}


def _key(key: Key) -> dict[str, str]:
    return {"kind": key.kind.name, "key": str(key)}
