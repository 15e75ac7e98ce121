"""``sslbind serve``: a server that answers as HTTP.SYS would, in the foreground."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sslbind.cli.app import HELP, OK, App, pass_app
from sslbind.engines.places import parse_moves, shown
from sslbind.engines.serving import HaproxyServer
from sslbind.errors import SslbindError
from sslbind.wording import plural

if TYPE_CHECKING:
    from types import FrameType

_PAUSE = 1.0  # seconds between two checks of the files


@click.command("serve", context_settings=HELP)
@click.option(
    "--engine",
    type=click.Choice(["haproxy"]),
    default="haproxy",
    show_default=True,
    expose_value=False,
    help="The server to run.",
)
@click.option(
    "--map",
    "maps",
    metavar="OLD=NEW",
    multiple=True,
    help="Serve a port on another port (443=8443), or an address on another address"
    " (10.0.0.5=127.0.0.5); repeatable.",
)
@click.option("--watch", is_flag=True, help="Reload when the registry or its certificates change.")
@pass_app
def serve_command(app: App, maps: tuple[str, ...], watch: bool) -> int:
    """Serve the registry with HAProxy, until Ctrl-C.

    At each address and port, each name is answered as resolve predicts. Addresses that this
    machine does not have are skipped, with a note. What HAProxy cannot do is listed, as
    export haproxy does.
    """
    gc.enable()  # unlike other runs, this one is long
    moves = parse_moves(maps)
    with _stopping() as stop, HaproxyServer(app.reading, moves) as server:
        _tell(app, server)
        while not stop.wait(_PAUSE):
            server.check_alive()
            if watch and server.changed():
                _reload(app, server)
    return OK


def _tell(app: App, server: HaproxyServer) -> None:
    app.note(*server.served.losses)
    for address in server.served.elsewhere:
        app.note(
            f"{address} is not an address of this machine, and is skipped;"
            f" --map {address}=127.0.0.1 serves it on 127.0.0.1"
        )
    for one in server.served.listeners:
        names = plural(len(one.names), "name") if one.names else "the same for every name"
        what = names if one.serves else "every connection is refused"
        click.echo(f"{shown(one.address, one.port)}  {what}")
    app.note("press Ctrl-C to stop")


def _reload(app: App, server: HaproxyServer) -> None:
    """Serve the current files; if that is impossible, keep serving the previous state."""
    try:
        if server.reload():
            click.echo("reloaded")
            app.note(*server.served.losses)
    except SslbindError as error:
        app.error(error)
        app.note("the previous state is still served")


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or a termination signal sets."""
    stop = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        stop.set()

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
