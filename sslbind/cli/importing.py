"""``sslbind import``: what servers and scripts have, as a registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import NO, OK, STANDARD_INPUT, App, dry_run_option, pass_app
from sslbind.cli.changes import describe
from sslbind.cli.main import HELP
from sslbind.errors import SslbindError
from sslbind.files import reason
from sslbind.formats import formats
from sslbind.importing import Plan, Source, plan, read_source, unknown, with_certificates
from sslbind.operations import Change, Session
from sslbind.printable import printable
from sslbind.registry import Registry
from sslbind.release import DEFAULT_RELEASE, Release

if TYPE_CHECKING:
    from sslbind.binding import Binding

FORMATS = {one.name: one for one in formats().values() if one.read}
_LISTED = "\n".join(f"    {name:<14}{one.title}" for name, one in FORMATS.items())


@click.command(
    "import",
    context_settings=HELP,
    help=f"""Read what holds bindings, and write it into the registry.

    FILE is told by its content ('-' or none: standard input). A record is taken
    as a fact: its certificate need not be in a store. The registry is made where
    there is none. Bad records are reported with file and line; with one, or with
    a conflict, nothing is written unless --partial, and the exit code is 1.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--format",
    "name",
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help="What FILE is, where content does not tell.",
)
@click.option(
    "--if-exists",
    type=click.Choice(["fail", "keep", "update", "reset"]),
    default="fail",
    show_default=True,
    help="A record that is there with other values: a conflict; kept; changed where the"
    " document sets a tag; replaced.",
)
@click.option("--partial", is_flag=True, help="Write the good records beside bad ones.")
@click.option(
    "--each", "folder", metavar="FOLDER", help="Make one registry a file: FOLDER/NAME.toml."
)
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@dry_run_option
@pass_app
def import_command(
    app: App,
    files: tuple[str, ...],
    name: str | None,
    if_exists: str,
    partial: bool,
    folder: str | None,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Read the files, plan, and write once for each registry."""
    sources = [_source(path, name) for path in files or (STANDARD_INPUT,)]
    if folder is None:
        targets = [(app.registry_path, sources)]
    else:
        targets = [(_target(folder, source), [source]) for source in sources]
        _make(folder)
        _refuse_twice([path for path, _ in targets])
    reports: list[dict[str, Any]] = []
    code = OK
    for path, group in targets:
        imports = _Import(app, path, group, if_exists)
        good = imports.run(partial=partial, dry_run=dry_run)
        code = code if good else NO
        reports.append(imports.json())
        if not as_json:
            app.echo(imports.text(dry_run=dry_run))
        app.hint(*imports.complaints())
        app.note(*imports.notes, imports.summary(dry_run=dry_run))
    if as_json:
        app.json({"changed": any(one["changed"] for one in reports), "registries": reports})
    return code


class _Import:
    """One registry, and the sources that go into it."""

    def __init__(self, app: App, path: str, sources: Sequence[Source], if_exists: str) -> None:
        self.app = app
        self.path = path
        self.sources = list(sources)
        self.if_exists = if_exists
        self.plan = Plan()
        self.before: dict[Any, Binding] = {}
        self.notes: list[str] = []
        self.written = False

    @property
    def release(self) -> Release:
        """``--windows``, else the newest that a source tells, else the default."""
        told = [one.imported.release for one in self.sources if one.imported.release]
        return self.app.release_option or max(told, default=DEFAULT_RELEASE)

    def run(self, *, partial: bool, dry_run: bool) -> bool:
        """Plan and, unless a dry run, write; return whether everything went in."""
        certificates = any(one.imported.certificates for one in self.sources)
        with Registry.making(self.path, self.release, stores=certificates) as registry:
            session = Session(registry, self.app.release_option)
            self._prepare(session)
            self.before = dict(registry.bindings)
            self.plan = plan(self.before, self.sources, self.if_exists)
            good = not self.plan.conflicts and not any(one.imported.bad for one in self.sources)
            for binding in (*self.plan.added, *self.plan.changed):
                registry.put(binding)
            self._settings(registry)
            if (good or partial) and not dry_run:
                self._store(session)
                self.written = registry.save()
        return good

    def _prepare(self, session: Session) -> None:
        """Find certificates for the records that come without one; collect what was noted."""
        self.sources = [
            one._replace(imported=with_certificates(one.imported, session.stores))
            for one in self.sources
        ]
        for source in self.sources:
            told = source.imported.release
            if told and told != session.release:
                self.notes.append(
                    f"{source.file} is from {told.title}, and {session.release.title} is modelled"
                )
            self.notes += (f"{source.file}: {note}" for note in source.imported.notes)

    def _settings(self, registry: Registry) -> None:
        """Take the listen list and the central store over, where the registry has none."""
        for source in self.sources:
            central = source.imported.central
            if central is not None and registry.settings.central_store is None:
                registry.set_central_store(central)
            wanted = source.imported.iplisten
            if wanted is None or wanted == registry.iplisten:
                continue
            if registry.iplisten and self.if_exists in ("fail", "keep"):
                self.notes.append(f"{source.file}: its IP listen list is another; kept as it was")
            else:
                registry.set_iplisten(wanted)

    def _store(self, session: Session) -> None:
        for source in self.sources:
            for store, der in source.imported.certificates or ():
                from sslbind.certificates import identities, read_bundle

                if session.stores is not None:
                    session.stores.add(identities(read_bundle(der))[0], store)

    def text(self, *, dry_run: bool) -> str:
        """Return the plan: a line a record, and a line a tag that changes."""
        would = dry_run or not self.written
        add = "would add" if would else "added"
        lines = [
            f"{add} {one.key.kind}={one.key} {one.certhash or 'served by the central store'}\n"
            for one in self.plan.added
        ]
        lines += [
            describe(Change(one.key, self.before[one.key], one), would=would)
            for one in self.plan.changed
        ]
        for one in self.plan.conflicts:
            told = describe(Change(one.wanted.key, one.before, one.wanted), would=True)
            lines.append(f"conflict {told.removeprefix('would update ')}")
        return "".join(lines)

    def complaints(self) -> list[str]:
        """Return a sentence, with file and line, for each record that did not go in."""
        found = [
            f"{_place(source.file, bad.line)}: {'; '.join((bad.message, *bad.hints))}"
            for source in self.sources
            for bad in source.imported.bad
        ]
        found += [
            f"{_place(one.file, one.line)}: {one.wanted.key.kind}={one.wanted.key} is there with"
            " other values; --if-exists keep, update or reset says what becomes of it"
            for one in self.plan.conflicts
        ]
        return found

    def summary(self, *, dry_run: bool) -> str:
        """Return the counts in one sentence."""
        bad = sum(len(one.imported.bad) for one in self.sources)
        counts = (
            (len(self.plan.added), "added"), (len(self.plan.changed), "changed"),
            (len(self.plan.same), "the same"), (len(self.plan.kept), "kept"),
            (len(self.plan.conflicts), "in conflict"), (bad, "bad"),
        )  # fmt: skip
        told = ", ".join(f"{count} {word}" for count, word in counts if count) or "no record"
        state = "" if self.written else "; nothing was written"
        return f"{self.path}: {told}{'' if dry_run else state}"

    def json(self) -> dict[str, Any]:
        """Return the same for programs."""
        return {
            "registry": self.path,
            "changed": self.written,
            "windows": str(self.release),
            "added": [_key(one.key) for one in self.plan.added],
            "updated": [_key(one.key) for one in self.plan.changed],
            "unchanged": [_key(one) for one in self.plan.same],
            "kept": [_key(one) for one in self.plan.kept],
            "conflicts": [
                {**_key(one.wanted.key), "file": one.file, "line": one.line}
                for one in self.plan.conflicts
            ],
            "bad": [
                {"file": source.file, "line": bad.line, "message": bad.message}
                for source in self.sources
                for bad in source.imported.bad
            ],
        }


def _source(path: str, name: str | None) -> Source:
    source = read_source(path, name)
    if source is None:
        raise unknown(path)
    return source


def _target(folder: str, source: Source) -> str:
    name = os.path.splitext(os.path.basename(source.file))[0].replace(" ", "-")
    return os.path.join(folder, f"{name}.toml")


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None


def _refuse_twice(paths: Sequence[str]) -> None:
    for path in paths:
        if paths.count(path) > 1:
            raise SslbindError(
                f"two files would make {path}", "import them one after the other with -r"
            )


def _place(file: str, line: int | None) -> str:
    return printable(file if line is None else f"{file}:{line}")


def _key(key: Any) -> dict[str, str]:
    return {"kind": key.kind.name, "key": str(key)}
