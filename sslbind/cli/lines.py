"""Run one netsh line: from its words to netsh's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sslbind import netsh_messages
from sslbind.binding import UNKNOWN, Binding
from sslbind.cli.app import NO, UNASKED, speaks_utf8
from sslbind.errors import (
    BadValueError,
    ExistsError,
    NetshError,
    NotFoundError,
    SyntaxLineError,
)
from sslbind.formats.netsh import show_writer
from sslbind.grammar import (
    OBJECT_KINDS,
    UPDATE_SINCE,
    check_properties,
    clean_texts,
    missing_key,
    parse_words,
    read_address,
    read_key,
)
from sslbind.keys import Key, Kind
from sslbind.printable import printable
from sslbind.registry.provenance import Unread
from sslbind.release import Release
from sslbind.session import Change, Session
from sslbind.tags import STORED, Value
from sslbind.wording import join, some


class Reply(NamedTuple):
    """The answer to one line: netsh's text, and the same for programs."""

    text: str
    code: int = 0
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    document: Callable[[], dict[str, Any]] = dict
    changes: tuple[Change, ...] = ()
    plan: str = ""
    """What a dry run prints about anything other than bindings."""
    usage: bool = False
    """Whether the text is netsh's usage of the command; the hints are more specific."""
    called: Callable[[str], str] = lambda _: ""
    """Return the name of a certificate by its thumbprint, empty if it is not known."""
    listing: Iterable[str] = ()
    """What follows the text, in pieces that are produced while they are written."""

    @property
    def pieces(self) -> Iterator[str]:
        """The whole text in pieces; they can be read only once."""
        yield self.text
        yield from self.listing


class LineOptions(NamedTuple):
    """What our options add to a netsh line."""

    if_exists: str = "fail"
    verify: bool = True
    force: bool = False
    missing_ok: bool = False
    yes: bool = False
    dry_run: bool = False
    netsh_update: bool = False
    cert: str | None = None
    appid: str | None = None
    host: str | None = None
    password_file: str | None = None
    password_env: str | None = None


def run_line(
    session: Session, verb: str, word: str, words: Sequence[str], options: LineOptions
) -> Reply:
    """Run one line in memory; raise SslbindError for what cannot be done."""
    if verb == "dump":
        return _dump(session)
    texts = parse_words(verb, word, words)
    notes = clean_texts(texts)
    if word == "iplisten":
        return _iplisten(session, verb, texts)
    if word == "sslpropertyex":
        answer = _properties(session, word, texts)
    elif verb == "show":
        return _show(session, word, texts)
    elif verb == "delete":
        answer = _delete(session, word, texts, options)
    else:
        answer = _write(session, verb, word, texts, options)
    return answer._replace(notes=notes + answer.notes) if notes else answer


def relies_on_us(answer: Reply) -> list[str]:
    """Return a note for each record in which an update kept tags that its line does not name."""
    return [
        f"{change.key.spec}: update keeps {join(change.kept)}, which the line does not name; netsh"
        " was reported to write whole records on Server 2025: name every tag, or use"
        " --netsh-update"
        for change in answer.changes
        if change.kept
    ]


def failure(verb: str, word: str, error: NetshError, release: Release) -> Reply:
    """Return netsh's answer to ``error``, with our own messages as hints."""
    document: dict[str, Any] = {
        "changed": False,
        "error": {"code": error.code, "message": error.message, "hints": [*error.hints]},
    }
    if isinstance(error, SyntaxLineError):
        text = (
            netsh_messages.missing_tag(verb, word, release)
            if error.missing
            else netsh_messages.unknown_tag(printable(error.word))
        )
    elif verb == "show" and error.code == 2:
        text = show_writer.NOT_FOUND
    else:
        shown = "delete" if verb == "delete" else "update" if verb == "update" else "add"
        text = netsh_messages.failed(shown, error.code, address=word == "iplisten")
    usage = isinstance(error, SyntaxLineError) and error.missing
    hints = error.message, *error.hints
    return Reply(text, NO, hints=hints, document=lambda: document, usage=usage)


def _dump(session: Session) -> Reply:
    from sslbind.formats.format import contents_of
    from sslbind.formats.netsh import script_writer

    contents = contents_of(session.registry, session.release)
    script = script_writer.write(contents.bindings, contents.iplisten, session.release)
    return Reply(script.text, notes=(*contents.left_out, *script.losses))


def _show(session: Session, word: str, texts: Mapping[str, str]) -> Reply:
    as_json = texts.get("json", "disable").lower()
    if as_json not in ("enable", "disable"):
        raise BadValueError(f"json={texts['json']}: must be enable or disable")
    key = read_key(word, texts)
    found: Sequence[Binding]
    if key is not None:
        binding = session.registry.get(key)
        found = [binding] if binding else []
    else:
        kinds = OBJECT_KINDS[word]
        found = [b for b in session.registry.bindings.values() if b.key.kind in kinds]
    missing = key is not None and not found
    unread = _unread(session, key, OBJECT_KINDS[word])
    if unread or (missing and key is not None and session.registry.provenance.may_have(key)):
        return _show_unread(session, found, unread, as_json=as_json == "enable")
    hints = (f"there is no binding {key.spec}", *_near(session, key)) if missing and key else ()
    if as_json == "enable":
        from sslbind.formats.netsh import show_json

        text = show_json.write(found, status=2 if missing else 0, ascii_only=not speaks_utf8())
        return Reply(text, int(missing), (), hints)
    if missing:
        return Reply(show_writer.NOT_FOUND, NO, (), hints)
    return Reply("", listing=show_writer.pieces(found, session.release))


def _unread(session: Session, key: Key | None, kinds: Sequence[Kind]) -> list[Unread]:
    """Return the records that could not be read and may be among those asked for."""
    if key is not None and session.registry.get(key) is not None:
        return []
    return [
        one
        for one in session.registry.provenance.unread
        if one.is_record
        and (key is None or one.may_be(key))
        and (one.key.kind if one.key is not None else one.kind) in (None, *kinds)
    ]


def _show_unread(
    session: Session, found: Sequence[Binding], unread: Sequence[Unread], *, as_json: bool
) -> Reply:
    """Return the answer if records could not be read: it lists them, without values."""
    release = session.release
    if as_json:
        from sslbind.formats.netsh import show_json

        text = show_json.write(found, ascii_only=not speaks_utf8())
    else:
        text = show_writer.show(found, release)
        for one in unread:
            kind = one.key.kind if one.key is not None else one.kind
            text += show_writer.unread(kind, str(one.key or UNKNOWN), release)
    if unread:
        return Reply(text, NO, (), tuple(f"could not be read: {one.place}" for one in unread))
    only = some(sorted(key.spec for key in session.registry.provenance.only or ()), 3)
    path = session.registry.path
    return Reply(text, UNASKED, (), (f"{path} only covers {only or 'a part of a server'}",))


def _near(session: Session, key: Key) -> tuple[str, ...]:
    """Return a hint that lists the bindings on the port that was asked for."""
    same = [k.spec for k in session.registry.bindings if k.port == key.port]
    if not same:
        return ("sslbind list shows the bindings",)
    return (f"bindings on port {key.port}: {some(same, 5)}",)


def _write(
    session: Session, verb: str, word: str, texts: dict[str, str], options: LineOptions
) -> Reply:
    if "json" in texts:
        return _write_json(session, verb, texts, options)
    key = read_key(word, texts)
    if key is None:
        raise missing_key(word)
    values = _values(session, texts)
    if options.cert is not None and options.netsh_update:
        raise BadValueError("--cert and --netsh-update exclude each other")
    if options.cert is not None:
        change = _bind_certificate(session, verb, key, values, options)
    else:
        change = _change_binding(session, verb, key, values, options)
    if verb == "update" and session.release < UPDATE_SINCE:
        note = (
            f"the netsh of {session.release.title} has no update; it came with {UPDATE_SINCE.title}"
        )
        change = change._replace(notes=(*change.notes, note))
    return _changed(session, verb, change)


def _change_binding(
    session: Session, verb: str, key: Key, values: Mapping[str, Value], options: LineOptions
) -> Change:
    """Add or update one binding in memory."""
    if verb == "update":
        return session.update(key, values, verify=options.verify, whole=options.netsh_update)
    return session.add(
        key, values, if_exists=options.if_exists, verify=options.verify, force=options.force
    )


def _bind_certificate(
    session: Session, verb: str, key: Key, values: Mapping[str, Value], options: LineOptions
) -> Change:
    """Carry out an add or update with ``--cert``."""
    from datetime import UTC, datetime

    from sslbind.cli.provision import named_certificate
    from sslbind.provisioning import bind_certificate, check_certificate_allowed, cleaned

    check_certificate_allowed(key, values)  # before asking for a password
    session.expect(key, values, update=verb == "update", if_exists=options.if_exists)
    text = options.cert or ""
    change = bind_certificate(
        session,
        key,
        values,
        named_certificate(text, options.password_file, options.password_env),
        datetime.now(UTC),
        update=verb == "update",
        if_exists=options.if_exists,
        verify=options.verify,
        force=options.force,
        dry_run=options.dry_run,
    )
    return change._replace(notes=(*cleaned(text), *change.notes))


def _write_json(
    session: Session, verb: str, texts: Mapping[str, str], options: LineOptions
) -> Reply:
    """Run ``json=FILE``, with the names of ``show … json=enable``."""
    from sslbind.files import read_file
    from sslbind.formats.encoding import decode_text
    from sslbind.formats.netsh import show_json

    if len(texts) > 1:
        raise BadValueError(f"json={texts['json']}: json=FILE allows no other tag")
    file = texts["json"]
    entries = show_json.read(decode_text(read_file(file, 64 << 20), file), file)
    checkpoint = session.editable.checkpoint()
    try:
        changes = [
            _change_binding(session, verb, key, _values(session, dict(tags)), options)
            for key, tags in entries
        ]
    except NetshError:
        session.editable.rollback(checkpoint)
        raise
    return Reply(
        netsh_messages.done(verb),
        notes=(*(note for change in changes for note in change.notes), show_json.CARRIED),
        document=lambda: {"changed": any(change.action != "unchanged" for change in changes)},
        changes=tuple(changes),
    )


def _values(session: Session, texts: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of the tags on a line."""
    try:
        return {name: _parsed(name, text) for name, text in texts.items() if name in STORED}
    except BadValueError as error:
        text = texts.get("certhash")
        if text is None or not error.message.startswith("certhash="):
            raise
        from sslbind.provisioning import not_a_thumbprint

        raise not_a_thumbprint(session, text, error) from None


@lru_cache(maxsize=4096)  # the lines of a script often repeat certificates, owners and stores
def _parsed(name: str, text: str) -> Value:
    return STORED[name].parse(text)


def _changed(session: Session, verb: str, change: Change) -> Reply:
    changed = change.action != "unchanged" or change.stored

    def document() -> dict[str, Any]:
        binding = change.after or change.before
        record = binding and binding.to_json(session.release)
        return {"changed": changed, "action": change.action, "binding": record}

    notes = (*change.notes, *_others(change)) if changed else (*change.notes, "unchanged")
    done = "update" if change.action == "updated" else verb
    text = netsh_messages.done(done)
    return Reply(text, 0, notes, (), document, (change,), called=session.called)


def _others(change: Change) -> tuple[str, ...]:
    """Return notes on bindings and files that a change of certificate leaves behind or affects."""
    from sslbind import consequences

    before, after = change.before, change.after
    if before is None or (after is not None and after.certhash == before.certhash):
        return ()
    shared = consequences.shared([before])
    notes = (shared,) if shared else ()
    return notes if after is None else (*notes, *consequences.copies([after]))


def _properties(session: Session, word: str, texts: dict[str, str]) -> Reply:
    key = read_key(word, texts)
    if key is None:
        raise missing_key(word)
    check_properties(texts)
    return _changed(session, "update", session.set_properties(key, _values(session, texts)))


def _delete(session: Session, word: str, texts: dict[str, str], options: LineOptions) -> Reply:
    key = read_key(word, texts)
    selectors = [name for name in ("cert", "appid", "host") if getattr(options, name) is not None]
    if key is not None and selectors:
        raise BadValueError(f"a key and --{selectors[0]} exclude each other")
    if key is None and not selectors:
        raise SyntaxLineError(
            "the key is missing", "a key, or --cert, --appid or --host", missing=True
        )
    if key is not None:
        change = session.delete(key, missing_ok=options.missing_ok)
        return _changed(session, "delete", change)
    return _delete_selected(session, word, options)


def _delete_selected(session: Session, word: str, options: LineOptions) -> Reply:
    from sslbind.cli.selection import select

    kinds = OBJECT_KINDS[word]
    found = [
        binding.key
        for binding in select(session, options.cert, options.appid, options.host)
        if binding.key.kind in kinds
    ]
    names = ", ".join(key.spec for key in found)
    if not found and not options.missing_ok:
        raise NotFoundError(
            "no binding is selected", "check with sslbind list and the same options"
        )
    if len(found) > 1 and not options.yes and not options.dry_run:
        raise BadValueError(
            f"{len(found)} bindings are selected; deleting more than one needs --yes", names
        )
    changes = tuple(session.delete(key) for key in found)
    document = {
        "changed": bool(changes),
        "action": "deleted" if changes else "unchanged",
        "deleted": [key.to_json() for key in found],
    }
    note = f"deleted {names}" if names else "unchanged"
    if options.dry_run:
        note = f"selected {names}" if names else "unchanged"
    return Reply(netsh_messages.done("delete"), 0, (note,), (), lambda: document, changes)


def _iplisten(session: Session, verb: str, texts: Mapping[str, str]) -> Reply:
    addresses = session.registry.iplisten
    if verb == "show":
        return Reply(netsh_messages.iplisten(addresses))
    address = read_address(texts)
    if verb == "add":
        if address in addresses:
            raise ExistsError(f"{address} is already in the IP listen list")
        session.editable.set_iplisten((*addresses, address))
    else:
        if address not in addresses:
            listed = ", ".join(addresses) or "empty: HTTP.SYS listens on every address"
            raise NotFoundError(f"{address} is not in the IP listen list", f"it is {listed}")
        session.editable.set_iplisten(tuple(a for a in addresses if a != address))
    return Reply(
        netsh_messages.done(verb, address=True),
        document=lambda: {"changed": True, "iplisten": [*session.registry.iplisten]},
        plan=f"would {verb} {address} {'to' if verb == 'add' else 'from'} the IP listen list\n",
    )
