"""``sslbind resolve``: which binding, and which certificate, answers a connection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from sslbind.answers.reasons import because, explain, mark, never_used
from sslbind.answers.report import NO_TLS, Report, host_checked, report, state
from sslbind.answers.sent import chain_reasons
from sslbind.cli.app import HELP, NO, OK, UNASKED, App, format_option, pass_app
from sslbind.cli.streams import read_input, shown_name
from sslbind.cli.wildcards import one_file
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import HOSTNAMEPORT, IPPORT, Key, parse_address, parse_host, parse_key
from sslbind.printable import printable
from sslbind.resolver import ANY_IPV4, ANY_IPV6, resolve, unused
from sslbind.session import NOT_MODELLED, Session
from sslbind.wording import minute


class Connection(NamedTuple):
    """A connection that is asked for: where to, what server name is sent, what is checked.

    ``written`` is the address as the user wrote it; ``name`` and ``host`` are
    None where none is sent, and none is checked. ``found``: DNS gave the address.
    """

    address: str
    port: int
    written: str
    name: str | None = None
    host: str | None = None
    found: bool = False


@click.command("resolve", context_settings=HELP)
@click.argument("target", required=False, metavar="[ADDRESS:PORT | URL]")
@click.argument("host", required=False, metavar="[HOST]")
@click.option("--address", metavar="IP", help="With a URL: connect there, without asking DNS.")
@click.option(
    "--client-hello",
    metavar="FILE",
    callback=one_file,
    help="Read the server name from a ClientHello, raw TLS records ('-': standard input).",
)
@click.option("--explain", "explained", is_flag=True, help="Say how the answer came about.")
@format_option()
@pass_app
def resolve_command(
    app: App,
    target: str | None,
    host: str | None,
    address: str | None,
    client_hello: str | None,
    explained: bool,
    format_: str,
) -> int:
    """Say which binding, and which certificate, answers a connection.

    \b
    sslbind resolve 10.0.0.5:443 www.contoso.com
    sslbind resolve '[2001:db8::5]:443'
    sslbind resolve https://www.contoso.com/

    HOST is the server name that the client sends (SNI), and checks in the
    certificate. A URL asks DNS for its addresses, unless --address has one.
    Without a target the whole table is printed, with :443 that of one port.

    Exit 0 where a certificate answers, at every address that was asked for,
    else 1, or 2 where the answer is unknown because a file is about other
    records, or does not record the central store. The certificate is what TLS
    shows; which site answers is settled later, by the Host header.

    JSON is one answer; for a URL without --address it is {"answers": [...]},
    for the table {"ports": [...]}.
    """  # noqa: D301  # click's own mark, and no backslash
    if target is None or (target[:1] == ":" and target[1:].isdecimal()):
        if host or address or client_hello or explained:
            if target:
                raise _no_address(target, target)
            raise click.UsageError("ADDRESS:PORT is missing")
        from sslbind.cli.resolve_table import print_ports

        return print_ports(app, _port(target) if target else None, format_)
    connections = _asked_for(target, host, address, client_hello)
    session, now = app.reading(), datetime.now(UTC)
    answers = [_answer(app, session, one, now) for one in connections]
    moment = now if explained else None
    if format_ == "json":
        documents = [_json(session, one, of, moment) for one, of in answers]
        app.json({"answers": documents} if "://" in target and not address else documents[0])
    else:
        app.echo("\n".join(_text(session, one, of, moment) for one, of in answers))
    if all(one.served for one, _ in answers):
        return OK
    unanswered = any(one.answer.outcome == "unknown" and not one.unread for one, _ in answers)
    return UNASKED if unanswered else NO


# What is asked.


def _asked_for(
    target: str, host: str | None, address: str | None, client_hello: str | None
) -> list[Connection]:
    """Return the connections that the command line asks for."""
    if "://" not in target:
        if address:
            raise click.UsageError("--address needs a URL")
        return [_direct(target, host, client_hello)]
    if host or client_hello:
        raise click.UsageError("a URL has its host name, and takes no other")
    return _from_url(target, address)


def _port(text: str) -> int:
    return _asked_key(f"{ANY_IPV4}{text}").port


def _asked_key(text: str) -> Key:
    """Return ADDRESS:PORT as a key; errors are ours, not netsh's."""
    try:
        return parse_key(IPPORT, text)
    except BadValueError as error:
        prefix = f"{IPPORT}="
        hints = [one.replace(prefix, "") for one in error.hints if HOSTNAMEPORT.name not in one]
        raise SslbindError(error.message.removeprefix(prefix), *hints) from None


def _direct(target: str, host: str | None, client_hello: str | None) -> Connection:
    """Return the connection to ADDRESS:PORT."""
    if host is not None and client_hello is not None:
        raise click.UsageError("HOST and --client-hello exclude each other")
    if target in (":", "*") or target.startswith("*:"):
        raise _no_address(target, ":443")
    _refuse_name(target)
    key = _asked_key(target)
    if client_hello is not None:
        host = _read_hello(client_hello)
    written = target.rpartition(":")[0]
    return Connection(key.host, key.port, written, host, host_checked(host))


def _no_address(target: str, port: str) -> SslbindError:
    return SslbindError(
        f"{target}: the address is missing",
        f"give an address of the server, for example 10.0.0.5{port}",
    )


def _refuse_name(target: str) -> None:
    """Raise SslbindError where ``target`` is a host name, with or without a port."""
    if target.isdecimal():
        hint = f"sslbind resolve :{target} prints the table of a port"
        raise SslbindError(f"{target}: the address is missing", hint)
    text = target if ":" in target else f"{target}:443"
    try:
        key = parse_key(HOSTNAMEPORT, text)
    except BadValueError:
        return
    raise SslbindError(
        f"{target!r} has a host name where an address belongs",
        f"sslbind resolve https://{key}/ asks DNS for its addresses",
        f"sslbind resolve 10.0.0.5:{key.port} {key.host} asks for one of them",
    )


def _read_hello(path: str) -> str | None:
    from sslbind.answers.clienthello import MAX_SIZE, hello_name

    data = read_input(path, MAX_SIZE)
    try:
        return hello_name(data)
    except SslbindError as error:
        raise SslbindError(error.message, *error.hints, file=shown_name(path)) from None


def _from_url(url: str, address: str | None) -> list[Connection]:
    """Return a connection for each address that the URL's host has, or for ``address`` alone."""
    from urllib.parse import urlsplit

    if not url.isprintable():  # urlsplit would pass over some of it
        raise SslbindError(f"{url!r} is not a URL: it has a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SslbindError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme != "https":
        raise SslbindError(
            f"{url!r} is not an https URL, and only these have a certificate",
            f"for example https://{parts.hostname or 'www.contoso.com'}/",
        )
    if not parts.hostname or port == 0:
        missing = "port 0 is not a port" if parts.hostname else "it has no host name"
        raise SslbindError(
            f"{url!r} is not a URL: {missing}", "for example https://www.contoso.com/"
        )
    name = parts.hostname
    literal = _literal(name)
    host = literal or _named(url, name)
    if address is not None:
        addresses = [_asked_address(address)]
    else:
        addresses = [literal] if literal else _addresses(host)
    sent = None if literal else name
    found = address is None and literal is None
    return [Connection(one, port or 443, one, sent, host, found) for one in addresses]


def _literal(name: str) -> str | None:
    try:
        return parse_address(name)
    except BadValueError:
        return None


def _named(url: str, name: str) -> str:
    try:
        host = parse_host(name)
    except BadValueError as error:
        raise SslbindError(f"{url!r}: {error.message}", *error.hints) from None
    if host.startswith("*"):
        raise SslbindError(f"{url!r}: a client cannot connect to a wildcard")
    return host


def _asked_address(text: str) -> str:
    try:
        return parse_address(text.removeprefix("[").removesuffix("]"))
    except BadValueError as error:
        raise SslbindError(f"--address {error.message}", *error.hints) from None


def _addresses(host: str) -> list[str]:
    """Return the addresses that the resolver of this machine has for ``host``, in its order."""
    import socket

    from sslbind.certificates.names import ascii_name

    try:
        found = socket.getaddrinfo(ascii_name(host), None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: a name that DNS cannot have
        why = error.strerror if isinstance(error, OSError) else error
        raise SslbindError(
            f"{host} has no address here: {why}",
            "--address IP names the address to use, without asking DNS",
        ) from None
    texts = (str(one[4][0]).partition("%")[0] for one in found)
    return list(dict.fromkeys(map(parse_address, texts)))


# What is answered.


def _answer(
    app: App, session: Session, connection: Connection, now: datetime
) -> tuple[Report, Connection]:
    """Return what answers a connection; print notes on what the answer depends on."""
    server = state(session)
    answer = resolve(server, connection.address, connection.port, connection.name)
    found = report(session, answer, connection.host, now)
    if session.stores is None:
        app.note(NOT_MODELLED)
    if connection.address in (ANY_IPV4, ANY_IPV6):
        app.note(
            f"no client connects to {connection.address}: this is the answer for an address"
            " without a record of its own"
        )
    if answer.name == "":
        app.note(f"no binding can have the name {connection.name!r:.100}")
    app.note(*(never_used(key, session.release) for key in unused(server, answer)))
    if found.broken is not None:
        app.hint(*found.broken.hints)
    return found, connection


def _json(
    session: Session, found: Report, connection: Connection, explained: datetime | None
) -> dict[str, Any]:
    answer, step = found.answer, found.answer.step
    record = answer.binding
    certificate = {"thumbprint": found.thumbprint, "file": found.file} if found.thumbprint else None
    unknown: dict[str, Any] = {}
    if answer.outcome == "unknown":
        unknown = {
            "undecided": [key.to_json() for key in answer.undecided],
            "otherwise": {
                "outcome": answer.otherwise,
                "binding": record and record.key.to_json(),
                "certificate": certificate,
            },
        }
        record = step = certificate = None
    document: dict[str, Any] = {
        "address": answer.address,
        "port": answer.port,
        "name": answer.name,
        "windows": str(session.release),
        "outcome": answer.outcome,
        "documented": answer.documented,
        "step": step and step.name,
        "binding": record and record.key.to_json(),
        "certificate": certificate,
        "verified": found.verified,
        "client": {
            "accepts": found.accepts,
            "problems": [{"id": one.id, "message": one.message} for one in found.problems],
        },
        "passed_over": [key.to_json() for key in answer.passed_over],
        "steps": [
            {"step": one.name, "tried": one.tried, "hit": one.hit, "documented": one.documented}
            for one in answer.steps
        ],
        "reason": _reason(session, found),
        **unknown,
    }
    if explained is not None:
        reasons = explain(session, answer, connection.written, connection.name)
        reasons += chain_reasons(session, found, explained)
        document["explanation"] = [{"topic": one.topic, "text": one.text} for one in reasons]
    return document


def _text(
    session: Session, found: Report, connection: Connection, explained: datetime | None
) -> str:
    """Return the answer in lines: what, what else, whether a client accepts it; then why."""
    answer = found.answer
    lines = [_place(connection)] if connection.found else []
    sure = "" if answer.outcome == "unknown" else f" ({mark(answer.documented)})"
    lines.append(f"{_what(found)}: {_reason(session, found)}{sure}")
    if answer.passed_over:
        lines.append(f"passed over: {', '.join(key.spec for key in answer.passed_over)}")
    if answer.outcome == "certificate":
        lines.append(_verdict(found))
    if explained is not None:
        reasons = explain(session, answer, connection.written, connection.name)
        reasons += chain_reasons(session, found, explained)
        lines += ["", *(f"{one.topic}: {one.text}" for one in reasons)]
    return "".join(f"{printable(line)}\n" for line in lines)


def _reason(session: Session, found: Report) -> str:
    """Return why the answer is what it is, and why a record that was picked serves nothing."""
    answer = found.answer
    if answer.outcome == "unknown":
        rest = because(answer, session.registry.iplisten)
        return f"{found.doubt}; otherwise {_served(found, answer.otherwise or '')}: {rest}"
    reason = because(answer, session.registry.iplisten)
    return reason if found.broken is None else f"{found.broken}; {reason}"


def _what(found: Report) -> str:
    """Return what happens, in a few words."""
    answer = found.answer
    return "unknown" if answer.outcome == "unknown" else _served(found, answer.outcome)


def _served(found: Report, outcome: str) -> str:
    """Return the certificate or the outcome, and by which record."""
    answer = found.answer
    what = outcome
    if outcome == "certificate":
        what = found.thumbprint or "a certificate that is not known"
    return f"{what} by {answer.binding.key.spec}" if answer.binding is not None else what


def _verdict(found: Report) -> str:
    """Return whether a client accepts the certificate."""
    if not found.served:
        return f"no client can connect: {NO_TLS.message}"
    if found.until is None:
        return "client check skipped: certificates are not modelled"
    verb = "accepts" if found.accepts else "refuses"
    problems = "; ".join(problem.message for problem in found.problems)
    asked_for = f" for {found.host}" if found.host else ""
    line = f"a client that trusts the issuer {verb} it{asked_for}"
    if found.accepts:
        line += f" until {minute(found.until)}"
    if problems:
        line += f", but {problems}" if found.accepts else f": {problems}"
    return line if found.host else f"{line}; no name was checked"


def _place(connection: Connection) -> str:
    key = Key(IPPORT, connection.address, connection.port)
    return f"{key} {connection.name}" if connection.name else str(key)
