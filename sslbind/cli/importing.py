"""``sslbind import``: what servers and scripts have, as a registry."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import (
    HELP,
    IF_EXISTS,
    NO,
    OK,
    App,
    dry_run_option,
    format_option,
    pass_app,
)
from sslbind.cli.changes import describe
from sslbind.cli.streams import STANDARD_INPUT, read_input, shown_name
from sslbind.errors import SslbindError
from sslbind.files import reason
from sslbind.formats import formats
from sslbind.importing import Plan, apply, plan, with_certificates
from sslbind.keys import Key
from sslbind.printable import printable
from sslbind.registry.document import CertStoresSettings
from sslbind.registry.registry import MAX_SIZE, Registry
from sslbind.release import DEFAULT_RELEASE, Release
from sslbind.session import Change, Session
from sslbind.sources import Source, parse_source
from sslbind.tags import STORED
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.entry import Entry

FORMATS = {one.name: one for one in formats().values() if one.read}
_LISTED = "\n".join(f"    {name:<14}{one.title}" for name, one in FORMATS.items())


@click.command(
    "import",
    context_settings=HELP,
    help=f"""Read what holds bindings, and write it into the registry.

    FILE is told by its content ('-' or none: standard input). A record is taken
    as a fact: its certificate need not be in a store. The registry is made where
    there is none. Bad records are reported with file and line; with one, or with
    a conflict, nothing is written unless --partial, and the exit code is 1. With
    --each that is so for each file: the registries of the others are written.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
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
    help="A record or setting that is there with another value: a conflict; kept; changed where"
    " the document sets a tag; replaced.",
)
@click.option("--partial", is_flag=True, help="Write the good records beside bad ones.")
@click.option(
    "--each",
    "folder",
    metavar="FOLDER",
    help="Make one registry a file: FOLDER/NAME.toml, certificates in FOLDER/NAME.certs.",
)
@dry_run_option
@format_option()
@pass_app
def import_command(
    app: App,
    files: tuple[str, ...],
    name: str | None,
    if_exists: str,
    partial: bool,
    folder: str | None,
    dry_run: bool,
    format_: str,
) -> int:
    """Read the files, plan, and write once for each registry."""
    if folder is not None and app.registry_option is not None:
        raise click.UsageError("--each FOLDER and -r exclude each other")
    if folder is None and app.registry_path == STANDARD_INPUT:
        raise click.UsageError("-r - is read from standard input, and import writes a file")
    sources = [_source(path, name) for path in files or (STANDARD_INPUT,)]
    if folder is None:
        targets = [(app.registry_path, sources)]
    else:
        targets = [(_target(folder, source), [source]) for source in sources]
        _refuse_twice([path for path, _ in targets])
        if not dry_run:
            _make(folder)
    reports: list[dict[str, Any]] = []
    code = OK
    for path, group in targets:
        imports = _Import(app, path, group, if_exists, each=folder is not None)
        good = imports.run(partial=partial, dry_run=dry_run)
        code = code if good else NO
        reports.append(imports.json())
        if format_ != "json":
            app.echo(imports.text(dry_run=dry_run))
        for error in imports.errors():
            app.error(error)
        app.note(*imports.notes, imports.summary(dry_run=dry_run))
    if format_ == "json":
        app.json({"changed": any(one["changed"] for one in reports), "registries": reports})
    return code


class _Import:
    """One registry, and the sources that go into it; ``each``: it is the only one of its file."""

    def __init__(
        self, app: App, path: str, sources: Sequence[Source], if_exists: str, *, each: bool
    ) -> None:
        self.app = app
        self.path = path
        self.sources = list(sources)
        self.if_exists = if_exists
        self.each = each
        self.plan = Plan()
        self.before: Mapping[Key, Binding] = {}
        self.certificates: list[Entry] = []
        self.notes: list[str] = []
        self.written = False
        self.empty = False

    @property
    def release(self) -> Release:
        """``--windows``, else the newest that a source tells, else the default."""
        told = [one.imported.release for one in self.sources if one.imported.release]
        return self.app.release_option or max(told, default=DEFAULT_RELEASE)

    @property
    def bad(self) -> int:
        """How many records could not be read."""
        return sum(len(one.imported.bad) for one in self.sources)

    @property
    def conflicts(self) -> int:
        """How many records and settings are there with another value."""
        return len(self.plan.conflicts) + len(self.plan.setting_conflicts)

    def run(self, *, partial: bool, dry_run: bool) -> bool:
        """Plan and, unless a dry run, write; return whether everything went in."""
        with self._opened(lock=not dry_run) as registry:
            new = not os.path.lexists(self.path)
            session = Session(registry, self.app.release_option)
            self._prepare(session)
            self.before = registry.bindings
            self.plan = plan(registry, self.sources, self.if_exists)
            self._note_unknown()
            nothing = not (self.plan.added or self.plan.settings)
            self.empty = new and nothing and not any(map(_of_a_server, self.sources))
            good = not (self.bad or self.conflicts or self.empty)
            if (good or (partial and not self.empty)) and not dry_run:
                apply(registry, self.plan)
                self._store(session)
                self.written = registry.save() or bool(self.certificates)
        return good

    def _opened(self, *, lock: bool) -> AbstractContextManager[Registry]:
        """Open the registry; a new one has stores where a source tells what is in them."""
        stores = None
        if any(one.imported.certificates is not None for one in self.sources):
            stores = f"{_stem(self.path)}.certs" if self.each else CertStoresSettings().path
        return self.app.opened(
            self.path, lambda path: Registry.making(path, self.release, stores=stores, lock=lock)
        )

    def _prepare(self, session: Session) -> None:
        """Find certificates for the records that come without one; collect what was noted."""
        now = datetime.now(UTC)
        self.sources = [
            one._replace(imported=with_certificates(one.imported, session.stores, now))
            for one in self.sources
        ]
        for source in self.sources:
            imported = source.imported
            if imported.release and imported.release != session.release:
                self.notes.append(
                    f"{source.file} is from {imported.release.title}, and"
                    f" {session.release.title} is modelled"
                )
            self.notes += (f"{source.file}: {note}" for note in imported.notes)
            if imported.certificates and session.stores is None:
                self.notes.append(
                    f"{source.file}: its certificates are left out, for {self.path} has no"
                    ' [CertStores]: add it, with path = "certs" and privatekeys = "elsewhere", and'
                    " import again"
                )

    def _note_unknown(self) -> None:
        """Say where an added record has tags at their defaults that nobody knows."""
        for source in self.sources:
            carried, keys = source.imported.carried, {one.key for one in self.plan.added}
            if carried is not None and any(one.key in keys for one, _ in source.imported.records):
                self.notes.append(
                    f"{source.file}: of the records that are added only {join(sorted(carried))}"
                    " are known: their other tags are at the defaults"
                )

    def _store(self, session: Session) -> None:
        for source in self.sources:
            for store, der in source.imported.certificates or ():
                from sslbind.certificates.parsing import identities, read_bundle

                if session.stores is not None:
                    entry, changed = session.stores.add(identities(read_bundle(der))[0], store)
                    self.certificates += [entry] if changed else []

    def text(self, *, dry_run: bool) -> str:
        """Return the plan: a line a record or setting, and a line a tag that changes."""
        would = dry_run or not self.written
        add, put = ("would add", "would set") if would else ("added", "set")
        lines = [f"{put} {one.name} = {_shown(one.after)}\n" for one in self.plan.settings]
        lines += [
            f"{add} {one.key.spec} {one.certhash or 'served by the central store'}\n"
            for one in self.plan.added
        ]
        lines += [
            describe(Change(one.key, self.before[one.key], one), would=would)
            for one in self.plan.changed
        ]
        lines += [
            f"conflict {one.name}: {_shown(one.before)} -> {_shown(one.after)}\n"
            for one in self.plan.setting_conflicts
        ]
        for one in self.plan.conflicts:
            told = describe(Change(one.wanted.key, one.before, one.wanted), would=True)
            lines.append(f"conflict {told.removeprefix('would update ')}")
        return "".join(lines)

    def errors(self) -> Iterator[SslbindError]:
        """Give an error, with file and line, for each record and setting that did not go in."""
        for source in self.sources:
            for bad in source.imported.bad:
                yield SslbindError(bad.message, *bad.hints, file=source.file, line=bad.line)
        for one in self.plan.conflicts:
            name = one.wanted.key.spec
            yield _conflict(name, one.file, one.line, within=one.within)
        for setting in self.plan.setting_conflicts:
            yield _conflict(setting.name, setting.file, None, within=setting.within)
        if self.empty and not self.bad and not self.conflicts:
            for source in self.sources:
                yield SslbindError("has no record: nothing to make a registry of", file=source.file)

    def summary(self, *, dry_run: bool) -> str:
        """Return the counts in one sentence."""
        changed = "" if self.written else "would be "
        settings, certificates = len(self.plan.settings), len(self.certificates)
        counts = (
            (len(self.plan.added), f"{changed}added"),
            (len(self.plan.changed), f"{changed}changed"),
            (settings, f"{'setting' if settings == 1 else 'settings'} {changed}changed"),
            (len(self.plan.same), "the same"),
            (len(self.plan.kept) + len(self.plan.kept_settings), "kept"),
            (self.conflicts, "in conflict"),
            (self.bad, "bad"),
            (certificates, f"{'certificate' if certificates == 1 else 'certificates'} stored"),
        )
        told = ", ".join(f"{count} {word}" for count, word in counts if count) or "no record"
        if not dry_run and not self.written:
            told += "; nothing was written"
        if self.bad and not self.conflicts and not self.empty and not self.written:
            told += "; --partial writes the others"
        return f"{self.path}: {told}"

    def json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "registry": self.path,
            "changed": self.written,
            "windows": str(self.release),
            "settings": [
                {"name": one.name, "before": one.before, "after": one.after}
                for one in self.plan.settings
            ],
            "added": [_key(one.key) for one in self.plan.added],
            "updated": [
                {**_key(one.key), "tags": _tags(self.before[one.key], one)}
                for one in self.plan.changed
            ],
            "unchanged": [_key(one) for one in self.plan.same],
            "kept": [_key(one) for one in self.plan.kept],
            "conflicts": [
                {
                    **_key(one.wanted.key),
                    "file": one.file,
                    "line": one.line,
                    "tags": _tags(one.before, one.wanted),
                }
                for one in self.plan.conflicts
            ]
            + [
                {
                    "kind": None,
                    "key": None,
                    "file": one.file,
                    "line": None,
                    "tags": {one.name: [one.before, one.after]},
                }
                for one in self.plan.setting_conflicts
            ],
            "bad": [
                {"file": source.file, "line": bad.line, "message": bad.message}
                for source in self.sources
                for bad in source.imported.bad
            ],
            "certificates": [
                {"store": one.store, "thumbprint": one.thumbprint} for one in self.certificates
            ],
            "notes": self.notes,
        }


def _source(path: str, name: str | None) -> Source:
    return parse_source(read_input(path, MAX_SIZE), shown_name(path), name)


def _target(folder: str, source: Source) -> str:
    name = re.sub(r"[\s\ud800-\udfff]", "-", _stem(source.file))  # what TOML has no text for
    return os.path.join(folder, f"{name}.toml")


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _make(folder: str) -> None:
    """Make the folder; where nothing comes into it, it goes again when the command ends."""
    try:
        os.makedirs(folder)
    except FileExistsError:
        return
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None

    def remove_empty() -> None:
        with contextlib.suppress(OSError):
            os.rmdir(folder)

    click.get_current_context().call_on_close(remove_empty)


def _refuse_twice(paths: Sequence[str]) -> None:
    for path in paths:
        if paths.count(path) > 1:
            raise SslbindError(
                f"two files would make {path}", "import them one after the other with -r"
            )


def _of_a_server(source: Source) -> bool:
    """Whether a document tells of a whole server, so that no record means no binding."""
    return source.format.whole_server and not source.imported.bad


def _conflict(name: str, file: str, line: int | None, *, within: bool) -> SslbindError:
    if within:
        return SslbindError(
            f"{name} appears twice, with different values",
            "one file holds one server: import them into registries of their own with --each",
            file=file,
            line=line,
        )
    return SslbindError(
        f"{name} is there with other values",
        "--if-exists keep, update or reset says what becomes of it",
        file=file,
        line=line,
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(value) or "every address" if isinstance(value, tuple) else str(value)
    return printable(text)


def _tags(before: Binding, after: Binding) -> dict[str, list[object]]:
    """Return what differs in two records: by tag, both values in force."""
    found = {name: [before[name], after[name]] for name in STORED if before[name] != after[name]}
    old, new = before.other, after.other
    others = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return found | {f"Other.{name}": [old.get(name), new.get(name)] for name in others}


def _key(key: Key) -> dict[str, str]:
    return {"kind": key.kind.name, "key": str(key)}
