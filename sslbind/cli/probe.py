"""``sslbind probe``: what a server really serves, compared with what ``resolve`` says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sslbind.cli.app import HELP, NO, OK, App, format_option, options, pass_app
from sslbind.cli.monitoring import NagiosCommand, nagios_answer
from sslbind.cli.progress import progress
from sslbind.cli.streams import is_server
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import HOSTNAMEPORT, IPPORT, parse_address, parse_host, parse_key
from sslbind.printable import printable
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.wording import plural

if TYPE_CHECKING:
    from sslbind.probing.connections import Connection
    from sslbind.probing.verdict import Prober, Result

JOBS = 32
"""Simultaneous connections: enough for slow servers, without flooding any."""


class ProbeRequest(NamedTuple):
    """The connections to compare with one registry."""

    session: Session
    connections: Sequence[Connection]


probe_options = options(
    click.option(
        "--all", "everything", is_flag=True, help="Every name and address of the registry."
    ),
    click.option(
        "--address",
        "addresses",
        metavar="IP",
        multiple=True,
        help="With --all: the address of the server, instead of DNS; repeatable.",
    ),
    click.option(
        "--map",
        "maps",
        metavar="PORT=PORT",
        multiple=True,
        help="Connect to the second port for records on the first: 443=8443; repeatable.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.1, 60),
        default=5,
        show_default=True,
        help="Seconds for one connection with its handshake.",
    ),
    click.option(
        "--verbose", "-v", is_flag=True, help="With --all: also print connections that agree."
    ),
    format_option("text", "json", "prometheus", "nagios"),
)


@click.command("probe", cls=NagiosCommand, context_settings=HELP)
@click.argument("place", required=False, metavar="[ADDRESS:PORT | TARGET]")
@click.argument("more", nargs=-1, metavar="[HOST | TARGET]...")
@probe_options
@pass_app
def probe_command(
    app: App,
    place: str | None,
    more: tuple[str, ...],
    everything: bool,
    addresses: tuple[str, ...],
    maps: tuple[str, ...],
    timeout: float,
    verbose: bool,
    format_: str,
) -> int:
    """Connect as a client, and compare the certificate served with what resolve says.

    \b
    sslbind probe 10.0.0.5:443 www.contoso.com
    sslbind probe www.contoso.com:443
    sslbind probe --all --address 10.0.0.5
    sslbind probe @front

    HOST is the server name that is sent. A name in place of ADDRESS is looked up, and sent.
    With --all every name and address of the registry is tried, with a made-up name below
    each wildcard; names are looked up in DNS, or tried at each --address. A TARGET or
    @GROUP is compared with the registry that it follows, at its host or at the "probe"
    addresses of the targets file.

    Nothing but a handshake is sent. Any TLS version and any certificate is accepted: what
    counts is which one is served. An expired certificate is reported, but still agrees if
    it is the right one.

    Exit 0 if every connection is as resolve says, else 1; nagios: 2 if one is not, or if a
    served certificate has expired, 3 if nothing could be probed.
    """  # noqa: D301  # click's own mark, and no backslash
    with nagios_answer(app, format_) as answer:
        if everything == (place is not None):
            raise click.UsageError("give ADDRESS:PORT with or without HOST, or --all, or TARGET")
        if addresses and not everything:
            raise click.UsageError("--address needs --all")
        ports = dict(map(_mapping, maps))
        words = () if place is None else (place, *more)
        several = everything or bool(words and _names_target(app, words[0]))
        if words and several:
            requests = _of_targets(app, words, ports)
        else:
            requests = [_of_registry(app, words, addresses, ports)]
        now = datetime.now(UTC)
        results = _probe(requests, now, timeout)
        answer.code = _write(app, results, now, verbose or not several, format_)
    return answer.code


def _mapping(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})[=:]([0-9]{1,5})", text)
    if match is None or not all(0 < int(one) < 65536 for one in match.groups()):
        raise click.UsageError(f"--map {text!r} is not two ports such as 443=8443")
    return int(match[1]), int(match[2])


def _names_target(app: App, word: str) -> bool:
    """Whether a word is a target: it starts with @, or the targets file has the name."""
    if is_server(word):
        return True
    if ":" in word:
        return False
    try:
        return bool(app.live([word]).targets.select([word]))
    except SslbindError:
        return False


def _of_registry(
    app: App, words: Sequence[str], addresses: Iterable[str], ports: Mapping[int, int]
) -> ProbeRequest:
    """Return one connection, or all connections of the registry."""
    from sslbind.probing.connections import connections_of

    if len(words) > 2:
        raise click.UsageError(f"only one HOST can be sent, and {printable(words[2])} is another")
    session = app.reading()
    if session.stores is None:
        app.note(session.not_modelled)
    if words:
        one = _one(words[0], words[1] if words[1:] else None, ports)
        if all(key.port != one.port for key in session.registry.bindings):
            app.note(f"the registry has no binding on port {one.port}")
            _hint_map(app, session, one, words)
        return ProbeRequest(session, [one])
    with progress() as session.progress:
        asked = connections_of(session, [_address(one) for one in addresses], ports)
    app.note(*asked.notes)
    return ProbeRequest(session, asked.connections)


def _of_targets(app: App, words: Sequence[str], ports: Mapping[int, int]) -> list[ProbeRequest]:
    """Return the connections of each target, with the registry that it follows."""
    from sslbind.probing.connections import addresses_of, connections_of

    sessions: dict[str, Session] = {}
    requests = []
    for target in app.live(words).select(words):
        path = target.registry
        if path not in sessions:
            sessions[path] = Session(Registry.open(path), app.release_option)
        session = sessions[path]
        addresses = [one for host in target.probed for one in addresses_of(host)]
        asked = connections_of(session, addresses, ports)
        app.note(*asked.notes)
        named = [one._replace(server=target.name) for one in asked.connections]
        requests.append(ProbeRequest(session, named))
    return requests


def _hint_map(app: App, session: Session, one: Connection, words: Sequence[str]) -> None:
    """Print the command that compares a server on another port with the registry."""
    ports = sorted({key.port for key in session.registry.bindings})
    if ports and one.to == one.port:
        port = 443 if 443 in ports else ports[0]
        place = f"{words[0].removesuffix(str(one.port))}{port}"
        line = " ".join(["sslbind probe", place, *words[1:], f"--map {port}={one.port}"])
        app.hint(f"to compare it with the bindings on port {port}: {printable(line)}")


def _one(place: str, host: str | None, ports: Mapping[int, int]) -> Connection:
    from sslbind.probing.connections import Connection

    name = None if host is None else _host(host)
    try:
        key = parse_key(IPPORT, place)
    except BadValueError as error:
        try:
            named = parse_key(HOSTNAMEPORT, place)
        except BadValueError:
            named = None
        if named is None or named.wildcard:
            hints = [_as_asked(one) for one in error.hints]
            raise SslbindError(error.message.removeprefix(f"{IPPORT}="), *hints) from None
        if host is not None:
            raise SslbindError(
                f"{place} has a host name instead of an address",
                f"sslbind probe {named} looks up its addresses and sends the name",
            ) from None
        return Connection("", named.port, named.host, ports.get(named.port, named.port))
    return Connection(key.host, key.port, name, ports.get(key.port, key.port))


def _as_asked(hint: str) -> str:
    """Return a hint about a key as one about the words of this command."""
    found = re.fullmatch(r"(?:ipport|hostnameport)=(\S+) has one", hint)
    return f"sslbind probe {found[1]}" if found else hint.replace(f"{IPPORT}=", "")


def _host(text: str) -> str:
    try:
        host = parse_host(text)
    except BadValueError as error:
        raise SslbindError(error.message, *error.hints) from None
    if host.startswith("*"):
        raise SslbindError(f"{text}: a wildcard is not a name that a client sends")
    return host


def _address(text: str) -> str:
    try:
        return parse_address(text.removeprefix("[").removesuffix("]"))
    except BadValueError as error:
        raise SslbindError(f"--address {error.message}", *error.hints) from None


def _probe(requests: Sequence[ProbeRequest], now: datetime, timeout: float) -> list[Result]:
    """Look names up, then probe, many at once; return the results in the order of the requests."""
    from sslbind.parallel import in_parallel
    from sslbind.probing.connections import located, refuse_many
    from sslbind.probing.verdict import Prober

    every = [one for request in requests for one in dict.fromkeys(request.connections)]
    found = dict(in_parallel(every, located, JOBS)) if every else {}
    refuse_many(sum(map(len, found.values())))
    waiting = []
    for session, connections in requests:
        prober: Prober = Prober(session, now, timeout)
        there = dict.fromkeys(one for asked in connections for one in found[asked])
        waiting += [(prober, one, prober.expect(one)) for one in there]
    results: dict[Connection, Result] = {}
    with progress(f"of {len(waiting)} connections probed") as advance:
        work = in_parallel(waiting, lambda one: one[0].probe(one[1], one[2]), JOBS)
        for count, ((_, connection, _), result) in enumerate(work if waiting else (), 1):
            results[connection] = result
            if advance is not None:
                advance(count)
    return [results[connection] for _, connection, _ in waiting]


def _write(
    app: App, results: Sequence[Result], now: datetime, everything: bool, format_: str
) -> int:
    """Write the answer in the chosen format; return the exit code."""
    if format_ == "nagios":
        from sslbind.reports import probe_nagios

        code, text = probe_nagios.report(results)
        app.echo(text)
        return code
    if format_ == "json":
        app.json({"probes": [_json(one) for one in results]})
    elif format_ == "prometheus":
        from sslbind.reports import probe_prometheus

        app.echo_utf8(probe_prometheus.report(results, now))
    else:
        shown = [one for one in results if everything or one.status != "match" or one.expired]
        app.echo("".join(f"{_text(one)}\n" for one in shown))
        app.note(_summary(results))
    return OK if all(one.status == "match" for one in results) else NO


def _text(result: Result) -> str:
    word = "ok" if result.status == "match" else result.status
    return printable(f"{result.connection}: {word}: {result.message}")


def _summary(results: Sequence[Result]) -> str:
    count = len(results)
    if not count:
        return "nothing was probed"
    wrong = sum(one.status != "match" for one in results)
    expired = sum(one.expired for one in results)
    text = f"{plural(count, 'connection')} probed: "
    text += f"{count - wrong} as resolve says, {wrong} not" if wrong else "all as resolve says"
    return text + (f"; {expired} with a certificate that is not valid now" if expired else "")


def _json(result: Result) -> dict[str, Any]:
    connection, expected, shown = result.connection, result.expected, result.shown
    served = None
    if result.served is not None:
        certificate = result.certificate
        served = {
            "thumbprint": result.served,
            "subject": certificate and certificate.subject,
            "names": [*certificate.names] if certificate else [],
            "not_after": certificate and certificate.not_after.isoformat(),
            "expired": result.expired,
        }
    return {
        "server": connection.server or None,
        "address": connection.address or None,
        "port": connection.port,
        "connected_port": connection.to,
        "name": connection.name,
        "status": result.status,
        "expected": {
            "outcome": expected.outcome,
            "thumbprint": expected.thumbprint,
            "binding": expected.binding and expected.binding.to_json(),
        },
        "handshake": shown and shown.outcome,
        "tls_version": (shown and shown.version) or None,
        "seconds": shown and round(shown.seconds, 4),
        "served": served,
        "message": result.message,
    }
