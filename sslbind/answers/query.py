"""The question of ``resolve``: a connection to an address, or to the host of a URL."""

from __future__ import annotations

from typing import NamedTuple

from sslbind.answers.report import host_checked
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import HOSTNAMEPORT, IPPORT, Key, parse_address, parse_host, parse_key


class Query(NamedTuple):
    """The connection in question: where to, which server name is sent, which name is checked.

    ``written`` is the address as the user wrote it; ``name`` and ``host`` are
    None if none is sent, and none is checked. ``found``: DNS gave the address.
    """

    address: str
    port: int
    written: str
    name: str | None = None
    host: str | None = None
    found: bool = False


def of_address(target: str, name: str | None) -> Query:
    """Return the question of a client that connects to ``ADDRESS:PORT`` and sends ``name``.

    Raises SslbindError if it is not an address and a port, with a hint at what was meant.
    """
    if target in (":", "*") or target.startswith("*:"):
        raise no_address(target, ":443")
    _refuse_name(target)
    key = parse_ipport(target)
    written = target.rpartition(":")[0]
    return Query(key.host, key.port, written, name, host_checked(name))


def of_url(url: str, address: str | None = None) -> list[Query]:
    """Return a question for each address that DNS has for the URL's host, or for ``address``.

    Raises SslbindError if it is not an https URL, and for a host without an address.
    """
    from urllib.parse import urlsplit

    if not url.isprintable():  # urlsplit would drop some of them
        raise SslbindError(f"{url!r} is not a URL: it has a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SslbindError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme != "https":
        raise SslbindError(
            f"{url!r} is not an https URL",
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
    return [Query(one, port or 443, one, sent, host, found) for one in addresses]


def parse_ipport(text: str) -> Key:
    """Return ADDRESS:PORT as a key; errors are ours, not netsh's."""
    try:
        return parse_key(IPPORT, text)
    except BadValueError as error:
        prefix = f"{IPPORT}="
        hints = [one.replace(prefix, "") for one in error.hints if HOSTNAMEPORT.name not in one]
        raise SslbindError(error.message.removeprefix(prefix), *hints) from None


def no_address(target: str, port: str) -> SslbindError:
    """Return the error for a target without an address; ``port`` is that of the example."""
    return SslbindError(
        f"{target}: the address is missing",
        f"give an address of the server, for example 10.0.0.5{port}",
    )


def _refuse_name(target: str) -> None:
    """Raise SslbindError if ``target`` is a host name, with or without a port."""
    if target.isdecimal():
        hint = f"sslbind resolve :{target} prints the table of a port"
        raise SslbindError(f"{target}: the address is missing", hint)
    text = target if ":" in target else f"{target}:443"
    try:
        key = parse_key(HOSTNAMEPORT, text)
    except BadValueError:
        return
    raise SslbindError(
        f"{target!r} has a host name instead of an address",
        f"sslbind resolve https://{key}/ looks up its addresses in DNS",
        f"sslbind resolve 10.0.0.5:{key.port} {key.host} resolves one of them",
    )


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
    """Return the addresses that this machine's resolver returns for ``host``, in its order."""
    import socket

    from sslbind.certificates.names import ascii_name

    try:
        found = socket.getaddrinfo(ascii_name(host), None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: not a possible DNS name
        why = error.strerror if isinstance(error, OSError) else error
        raise SslbindError(
            f"{host} cannot be looked up: {why}",
            "--address IP names the address to use, without asking DNS",
        ) from None
    texts = (str(one[4][0]).partition("%")[0] for one in found)
    return list(dict.fromkeys(map(parse_address, texts)))
