"""``sslbind init``: a new registry."""

from __future__ import annotations

import os
from typing import Literal

import click

from sslbind.cli.app import HELP, App, format_option, pass_app
from sslbind.printable import printable
from sslbind.registry.document import CertStoresSettings
from sslbind.registry.registry import Registry
from sslbind.release import DEFAULT_RELEASE


@click.command("init", context_settings=HELP)
@click.option(
    "--keys",
    type=click.Choice(["here", "elsewhere"]),
    default="here",
    show_default=True,
    help="Where private keys are: here in certs/, or elsewhere, for example on the servers.",
)
@format_option()
@pass_app
def init_command(app: App, keys: Literal["here", "elsewhere"], format_: str) -> None:
    """Create a registry file and, beside it, certs/ for the certificate stores.

    The file is the one of --registry, by default sslbind.toml here; --windows RELEASE is
    written into it. With --keys elsewhere certificates need no private key, for example
    because the keys stay on the servers. certs/ gets a .gitignore that keeps private keys
    out of git.
    """
    registry = Registry.create(app.registry_file, app.release_option or DEFAULT_RELEASE, keys)
    if format_ == "json":
        app.json({"changed": True, "registry": registry.path})
        return
    stores = os.path.join(os.path.dirname(registry.path), CertStoresSettings().path, "")
    keyless = " without private keys" if keys == "elsewhere" else ""
    app.echo(
        f"made {printable(registry.path)} for {registry.settings.release.title},"
        f" and {printable(stores)} for certificates{keyless}\n"
    )
