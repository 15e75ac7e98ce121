"""``sslbind targets``: list the servers, and check which of them answer."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import HELP, NO, OK, App, format_option, pass_app
from sslbind.cli.progress import progress
from sslbind.printable import printable, printable_json
from sslbind.targets import Target, Targets, find_targets, read_targets
from sslbind.wording import plural

if TYPE_CHECKING:
    from sslbind.live import Reading

_METHODS = {"capture": "capture.ps1", "netsh-show": "netsh"}
_NONE = "-"


@click.command("targets", context_settings=HELP)
@click.argument("names", nargs=-1, metavar="[TARGET]...")
@click.option(
    "--check", is_flag=True, help="Read each server now: whether it answers, how, and in what time."
)
@format_option("table", "tsv", "json", "ansible")
@pass_app
def targets_command(app: App, names: tuple[str, ...], check: bool, format_: str) -> int:
    """List the servers of the targets file, or only those of TARGET.

    TARGET is a name, a group or all. With --check each is read, in parallel, as @NAME would
    be: how (capture.ps1 or netsh), which release it has, how many bindings, and the seconds
    it took; exit 1 if any cannot be read. The format ansible is an Ansible inventory.
    """
    if check and format_ == "ansible":
        raise click.UsageError("--check and --format ansible exclude each other")
    targets = read_targets(find_targets(app.targets_option, app.registry_path))
    chosen = targets.select(names or ("all",))
    readings = _read(targets, chosen) if check else {}
    if format_ == "ansible":
        app.echo(_inventory(targets, chosen))
    elif format_ == "json":
        app.json({"targets": [_plain(one, readings.get(one.name)) for one in chosen]})
    else:
        rows = [_row(one, readings.get(one.name)) for one in chosen]
        if format_ == "tsv":
            app.echo("".join("\t".join(row) + "\n" for row in rows))
        else:
            from sslbind.cli.table import print_table

            print_table(_CHECKED if check else _LISTED, rows, spare=("host",), below="groups")
    failed = [one for one in readings.values() if one.error is not None]
    for one in failed:
        if one.error is not None:
            app.error(one.error)
    if check:
        read = len(readings) - len(failed)
        app.note(f"{read} of {plural(len(readings), 'server')} can be read")
    return NO if failed else OK


def _read(targets: Targets, chosen: Sequence[Target]) -> dict[str, Reading]:
    from sslbind.live import read_all

    found: dict[str, Reading] = {}
    with progress(f"of {len(chosen)} servers read") as advance:
        for reading in read_all(chosen, targets.jobs):
            found[reading.target.name] = reading
            if advance is not None:
                advance(len(found))
    return found


_LISTED = ("name", "transport", "host", "registry", "groups")
_CHECKED = ("name", "transport", "host", "status", "read by", "windows", "bindings", "seconds")


def _row(target: Target, reading: Reading | None) -> tuple[str, ...]:
    head = (target.name, target.transport, _host(target))
    if reading is None:
        groups = ",".join(target.groups) or _NONE
        return tuple(map(printable, (*head, target.registry or _NONE, groups)))
    cells: tuple[str, ...] = (_status(reading), _NONE, _NONE, _NONE)
    if reading.source is not None:
        imported = reading.source.imported
        release = str(imported.release) if imported.release else _NONE
        cells = ("ok", _METHODS[reading.source.format.name], release, str(len(imported.records)))
    return tuple(map(printable, (*head, *cells, f"{reading.seconds:.1f}")))


def _status(reading: Reading) -> str:
    from sslbind.live import UnreadableError

    if reading.error is None:
        return "ok"
    return "unreadable" if isinstance(reading.error, UnreadableError) else "unreachable"


def _host(target: Target) -> str:
    return target.host or (" ".join(target.netsh) if target.netsh else "this machine")


def _plain(target: Target, reading: Reading | None) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "target": target.name,
        "transport": target.transport,
        "host": target.host or None,
        "registry": target.registry or None,
        "groups": [*target.groups],
        "probe": [*target.probe],
    }
    if reading is None:
        return plain
    source = reading.source
    release = source and source.imported.release
    return {
        **plain,
        "status": _status(reading),
        "readBy": source and _METHODS[source.format.name],
        "windows": str(release) if release else None,
        "bindings": source and len(source.imported.records),
        "seconds": round(reading.seconds, 3),
        "message": None if reading.error is None else str(reading.error),
    }


def _inventory(targets: Targets, chosen: Sequence[Target]) -> str:
    """Return a static inventory: JSON, which Ansible's yaml plugin reads from a file or a pipe."""
    children: dict[str, Any] = {}
    for one in chosen:
        group = f"sslbind_{one.transport}"
        made = children.setdefault(group, {"hosts": {}, "vars": _CONNECTIONS[one.transport]})
        made["hosts"][one.name] = _variables(one)
    names = {one.name for one in chosen}
    for group, members in targets.groups.items():
        hosts: dict[str, Any] = {name: {} for name in members if name in names}
        if hosts:
            children[re.sub("[.-]", "_", group)] = {"hosts": hosts}
    return printable_json(json.dumps({"all": {"children": children}}, indent=2)) + "\n"


_CONNECTIONS: dict[str, dict[str, str]] = {
    "ssh": {
        "ansible_connection": "ssh",
        "ansible_shell_type": "cmd",
    },  # the default shell of sshd on Windows
    "winrm": {"ansible_connection": "psrp"},
    "local": {"ansible_connection": "local"},
    "command": {"ansible_connection": "local"},
}
"""The variables that all servers of a transport share; group_vars of the group override them."""


def _variables(target: Target) -> dict[str, Any]:
    """Return what Ansible must know about a server: how to reach it, and its registry."""
    found: dict[str, Any] = {"sslbind_registry": os.path.abspath(target.registry)}
    if not target.host:
        return found
    user, _, host = target.host.rpartition("@")
    found["ansible_host"] = host
    if target.user or user:
        found["ansible_user"] = target.user or user
    if target.port is not None:
        found["ansible_port"] = target.port
    if target.ssh_config is not None:
        found["ansible_ssh_common_args"] = f"-F {shlex.quote(os.path.abspath(target.ssh_config))}"
    if target.transport == "winrm":
        found["ansible_psrp_protocol"] = "https" if target.https else "http"
        found["ansible_psrp_auth"] = target.authentication
    return found
