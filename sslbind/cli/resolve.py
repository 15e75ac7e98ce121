"""``sslbind resolve``: which binding, and which certificate, answers a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from sslbind.answers.query import Query, no_address, of_address, of_url, parse_ipport
from sslbind.answers.reasons import Reason, because, explain, mark, never_used
from sslbind.answers.report import NO_TLS, Report, report, state
from sslbind.cli.app import HELP, NO, OK, UNASKED, App, format_option, pass_app
from sslbind.cli.streams import read_input, shown_name
from sslbind.cli.wildcards import one_file
from sslbind.errors import SslbindError
from sslbind.keys import IPPORT, Key
from sslbind.printable import printable
from sslbind.resolver import ANY_IPV4, ANY_IPV6, resolve, unused
from sslbind.session import Session
from sslbind.wording import minute


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
@click.option(
    "--strict",
    is_flag=True,
    help="Also exit 1 if a client would refuse the certificate, or if that is not known.",
)
@click.option("--explain", "explained", is_flag=True, help="Show how the answer was reached.")
@format_option()
@pass_app
def resolve_command(
    app: App,
    target: str | None,
    host: str | None,
    address: str | None,
    client_hello: str | None,
    strict: bool,
    explained: bool,
    format_: str,
) -> int:
    """Say which binding, and which certificate, answers a connection.

    \b
    sslbind resolve 10.0.0.5:443 www.contoso.com
    sslbind resolve '[2001:db8::5]:443'
    sslbind resolve https://www.contoso.com/

    HOST is the server name that the client sends (SNI), and checks in the certificate. A
    URL's addresses come from DNS, unless --address gives one. Without a target the whole
    table is printed; with just :443, that port's.

    Exit 0 if a certificate answers at every address that was asked for and, with --strict,
    a client that trusts the issuer accepts it. Otherwise 1, or 2 if the answer is unknown
    because a file covers other records, or does not record the central store. This is the
    certificate of the TLS handshake; the Host header selects the site later.

    JSON is one answer; for a URL without --address it is {"answers": [...]},
    for the table {"ports": [...]}.
    """  # noqa: D301  # click's own mark, and no backslash
    if target is None or (target[:1] == ":" and target[1:].isdecimal()):
        if host or address or client_hello or explained or strict:
            if target:
                raise no_address(target, target)
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
    return _code([one for one, _ in answers], strict=strict)


def _code(answers: Sequence[Report], *, strict: bool) -> int:
    """Return the exit code for the answers to one question."""
    if all(one.served and (one.accepts or not strict) for one in answers):
        return OK
    unanswered = any(one.answer.outcome == "unknown" and not one.unread for one in answers)
    return UNASKED if unanswered else NO


# The question.


def _asked_for(
    target: str, host: str | None, address: str | None, client_hello: str | None
) -> list[Query]:
    """Return the connections that the command line asks about."""
    if "://" not in target:
        if address:
            raise click.UsageError("--address needs a URL")
        return [_direct(target, host, client_hello)]
    if host or client_hello:
        raise click.UsageError("a URL already has a host name: leave out HOST")
    return of_url(target, address)


def _port(text: str) -> int:
    return parse_ipport(f"{ANY_IPV4}{text}").port


def _direct(target: str, host: str | None, client_hello: str | None) -> Query:
    """Return the connection to ADDRESS:PORT."""
    if host is not None and client_hello is not None:
        raise click.UsageError("HOST and --client-hello exclude each other")
    question = of_address(target, host)
    return question if client_hello is None else of_address(target, _read_hello(client_hello))


def _read_hello(path: str) -> str | None:
    from sslbind.answers.clienthello import MAX_SIZE, hello_name

    data = read_input(path, MAX_SIZE)
    try:
        return hello_name(data)
    except SslbindError as error:
        raise SslbindError(error.message, *error.hints, file=shown_name(path)) from None


# The answer.


def _answer(app: App, session: Session, question: Query, now: datetime) -> tuple[Report, Query]:
    """Return what answers a connection; print notes on what the answer depends on."""
    server = state(session)
    answer = resolve(server, question.address, question.port, question.name)
    found = report(session, answer, question.host, now)
    if session.stores is None:
        app.note(session.not_modelled)
    if question.address in (ANY_IPV4, ANY_IPV6):
        app.note(
            f"clients cannot connect to {question.address}: this is the answer for an address that"
            " has no binding of its own"
        )
    if answer.name == "":
        app.note(f"no binding can have the name {question.name!r:.100}")
    app.note(*(never_used(key, session.release) for key in unused(server, answer)))
    if found.broken is not None:
        app.hint(*found.broken.hints)
    return found, question


def _json(
    session: Session, found: Report, question: Query, explained: datetime | None
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
        reasons = _reasons(session, found, question, explained)
        document["explanation"] = [{"topic": one.topic, "text": one.text} for one in reasons]
    return document


def _reasons(session: Session, found: Report, question: Query, explained: datetime) -> list[Reason]:
    from sslbind.answers.sent import chain_reasons

    reasons = explain(session, found.answer, question.written, question.name)
    return [*reasons, *chain_reasons(session, found, explained)]


def _text(session: Session, found: Report, question: Query, explained: datetime | None) -> str:
    """Return the lines of the answer: what, what else, whether a client accepts it; then why."""
    answer = found.answer
    lines = [_place(question)] if question.found else []
    sure = "" if answer.outcome == "unknown" else f" ({mark(answer.documented)})"
    lines.append(f"{_what(found)}: {_reason(session, found)}{sure}")
    if answer.passed_over:
        lines.append(f"passed over: {', '.join(key.spec for key in answer.passed_over)}")
    if answer.outcome == "certificate":
        lines.append(_verdict(found))
    if explained is not None:
        reasons = _reasons(session, found, question, explained)
        lines += ["", *(f"{one.topic}: {one.text}" for one in reasons)]
    return "".join(f"{printable(line)}\n" for line in lines)


def _reason(session: Session, found: Report) -> str:
    """Return the reason for the answer, and why a record that was picked serves nothing."""
    answer = found.answer
    if answer.outcome == "unknown":
        rest = because(answer, session.registry.iplisten)
        return f"{found.doubt}; otherwise {_served(found, answer.otherwise or '')}: {rest}"
    reason = because(answer, session.registry.iplisten)
    return reason if found.broken is None else f"{found.broken}; {reason}"


def _what(found: Report) -> str:
    """Return the outcome, in a few words."""
    answer = found.answer
    return "unknown" if answer.outcome == "unknown" else _served(found, answer.outcome)


def _served(found: Report, outcome: str) -> str:
    """Return the certificate or the outcome, and the record behind it."""
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


def _place(question: Query) -> str:
    key = Key(IPPORT, question.address, question.port)
    return f"{key} {question.name}" if question.name else str(key)
