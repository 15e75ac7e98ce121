"""The targets file: which servers there are, how each is reached, which registry each follows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.formats.encoding import decode_text
from sslbind.registry.document import read_toml
from sslbind.registry.source import Path, first_lines, locate

FILE = "targets.toml"
VARIABLE = "SSLBIND_TARGETS"
VERSION = 1
MARK = "@"
"""What a target or group starts with if a file could also be meant."""
ALL = "all"
LOCAL = "local"
"""This machine; it needs no targets file."""
TRANSPORTS = ("ssh", "winrm", "local", "command")
AUTHENTICATIONS = ("negotiate", "kerberos", "ntlm", "basic")
JOBS = 10
TIMEOUT = 60
MAX_SIZE = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
_UNSAFE = re.compile(r"""[\s'"`$;&<>|(){}*?!#~^]|^-|[^ -~]""")
"""What a host must not contain: ssh_config's ProxyCommand may pass it to a shell."""


class Target(NamedTuple):
    """One server. Paths are absolute or relative to the working folder, as ``open`` takes them."""

    name: str
    transport: str = "ssh"
    host: str = ""
    registry: str = ""
    groups: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    netsh: tuple[str, ...] = ()
    """The argv of the command transport."""
    folder: str | None = None
    """The working folder of that argv: the folder of the targets file."""
    ssh_config: str | None = None
    """What ssh reads instead of the user's configuration."""
    port: int | None = None
    https: bool = True
    authentication: str = "negotiate"
    user: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    ca_file: str | None = None
    line: int | None = None

    @property
    def probed(self) -> tuple[str, ...]:
        """The names or addresses at which to probe the server; raise SslbindError for none."""
        hosts = self.probe or (self.host.rpartition("@")[2],)
        if not all(hosts):
            raise SslbindError(
                f"{self.name}: it is not known where this target is probed",
                'probe = ["10.0.0.5"] in the targets file says it',
            )
        return hosts


class Targets(NamedTuple):
    """A targets file as it was read."""

    file: str
    targets: Mapping[str, Target]
    groups: Mapping[str, tuple[str, ...]]
    """The names of the targets of each group, in the order of the file."""
    jobs: int = JOBS

    def select(self, words: Iterable[str]) -> list[Target]:
        """Return the targets that ``words`` name, each once: ``web01``, ``@front``, ``@all``.

        Raises SslbindError, with what is close, for a word that names nothing.
        """
        found: dict[str, Target] = {}
        for word in words:
            found.update((one.name, one) for one in self._named(word))
        return list(found.values())

    def _named(self, word: str) -> Iterator[Target]:
        name = word.removeprefix(MARK).casefold()
        if name == ALL:
            yield from self.targets.values()
            return
        spelled = {one.casefold(): one for one in self.targets}
        grouped = {one.casefold(): one for one in self.groups}
        if name in spelled:
            yield self.targets[spelled[name]]
        elif name in grouped:
            yield from (self.targets[one] for one in self.groups[grouped[name]])
        elif name == LOCAL:
            yield Target(LOCAL, LOCAL)
        else:
            from difflib import get_close_matches

            close = get_close_matches(name, [*spelled, *grouped], n=1)
            known = {**spelled, **grouped}
            raise SslbindError(
                f"{word} is not a target or a group of {self.file}",
                f"did you mean {MARK}{known[close[0]]}?" if close else "sslbind targets lists them",
            )


class _ProblemError(Exception):
    """What is wrong, and at which path; the line is looked up later."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def find_targets(option: str | None, registry: str) -> str:
    """Return the path of the targets file.

    It is ``option``, else ``$SSLBIND_TARGETS``, else ``targets.toml`` beside ``registry``.
    """
    beside = os.path.join(os.path.dirname(registry), FILE)
    return option or os.environ.get(VARIABLE) or beside


def open_targets(option: str | None, registry: str, words: Iterable[str]) -> Targets:
    """Return the targets file to use; without one, ``words`` may only name this machine.

    See ``find_targets``. Raises SslbindError.
    """
    path = find_targets(option, registry)
    named = option or os.environ.get(VARIABLE)
    here = all(word.removeprefix(MARK).casefold() == LOCAL for word in words)
    if here and not named and not os.path.lexists(path):
        return Targets(path, {}, {})
    return read_targets(path)


def read_targets(path: str) -> Targets:
    """Read a targets file; raise SslbindError with the line and what is wrong there."""
    if not os.path.lexists(path):
        raise SslbindError(
            "does not exist: it says which servers there are",
            f"--targets FILE, ${VARIABLE} or {FILE} beside the registry",
            "one server needs none: --host admin@web01, or local for this machine",
            file=path,
        )
    text = decode_text(read_file(path, MAX_SIZE), path)
    try:
        return _targets(read_toml(text, path), path, text)
    except _ProblemError as problem:
        line = locate(text, problem.path) or 1
        raise SslbindError(problem.message, file=path, line=line) from None


def _targets(data: Mapping[str, Any], file: str, text: str) -> Targets:
    for name in data:
        if name not in ("version", "defaults", "Target"):
            raise _ProblemError((name,), f"{name!r} is not a table or setting of a targets file")
    version = data.get("version")
    if type(version) is not int:
        raise _ProblemError(("version",), f"a targets file starts with version = {VERSION}")
    if version != VERSION:
        raise _ProblemError(
            ("version",), f"version = {version} is not known; this sslbind reads {VERSION}"
        )
    defaults = _checked(("defaults",), data.get("defaults", {}), _DEFAULTS)
    jobs = defaults.pop("jobs", JOBS)
    tables = data.get("Target", {})
    if not isinstance(tables, dict):
        raise _ProblemError(("Target",), "Target must be a table: [Target.web01]")
    _once(("Target",), tables)
    lines = first_lines(text)
    targets = {
        name: _target(name, body, defaults, file, lines.get(("Target", name)))
        for name, body in tables.items()
    }
    return Targets(file, targets, _groups(targets), jobs)


def _target(
    name: str, body: object, defaults: Mapping[str, Any], file: str, line: int | None
) -> Target:
    path = ("Target", name)
    _check_name(path, name)
    own = _checked(path, body, _OPTIONS)
    values = {**{key: value for key, value in defaults.items() if key in _OPTIONS}, **own}
    transport = values.setdefault("transport", "ssh")
    for key in own:
        if key in _ONLY and transport not in _ONLY[key]:
            raise _ProblemError((*path, key), f"{key} does not go with transport = {transport!r}")
    if transport == "command" and not values.get("netsh"):
        raise _ProblemError(path, 'transport = "command" needs netsh = ["PROGRAM", "ARGUMENT", …]')
    if values.get("authentication") == "basic" and values.get("https") is False:
        raise _ProblemError(path, 'authentication = "basic" sends the password: it needs https')
    folder = os.path.dirname(file)
    values = {
        key: value for key, value in values.items() if transport in _ONLY.get(key, (transport,))
    }
    for key in _PATHS & values.keys():
        values[key] = os.path.join(folder, values[key])
    for key in ("groups", "probe", "netsh"):
        values[key] = tuple(values.get(key, ()))
    values["host"] = values.get("host") or (name if transport in ("ssh", "winrm") else "")
    values.setdefault("registry", os.path.join(folder, f"{name}.toml"))
    return Target(name, **values, folder=folder or None, line=line)


def _checked(path: Path, body: object, options: Mapping[str, _Check]) -> dict[str, Any]:
    """Return a table whose keys are known and whose values have the right type."""
    if not isinstance(body, dict):
        raise _ProblemError(path, f"{'.'.join(path)} must be a table: [{'.'.join(path)}]")
    for key, value in body.items():
        if key not in options:
            raise _ProblemError((*path, key), f"{key!r} is not a setting of [{'.'.join(path)}]: "
                           + ", ".join(options))  # fmt: skip
        wrong = options[key](value)
        if wrong:
            raise _ProblemError((*path, key), f"{key} must be {wrong}, not {_shown(value)}")
    return dict(body)


def _shown(value: object) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python does not convert integers of thousands of digits
        return "an integer of thousands of digits"


def _check_name(path: Path, name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise _ProblemError(path, f"{name!r} is not a name: letters, digits, '.', '_' and '-'")
    if name.casefold() in _RESERVED:
        raise _ProblemError(path, f"{name!r} already means {_RESERVED[name.casefold()]}")


def _once(path: Path, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise _ProblemError((*path, name), f"{name!r} and {other!r} are one name")


def _groups(targets: Mapping[str, Target]) -> dict[str, tuple[str, ...]]:
    """Return the targets of each group; two spellings of a name are a mistake."""
    groups: dict[str, list[str]] = {}
    names = {name.casefold(): name for name in targets}
    spelled: dict[str, str] = {}
    for target in targets.values():
        path = ("Target", target.name, "groups")
        for group in target.groups:
            if _NAME.fullmatch(group) is None:
                raise _ProblemError(
                    path, f"{group!r} is not a name: letters, digits, '.', '_' and '-'"
                )
            if group.casefold() in _RESERVED:
                raise _ProblemError(path, f"{group!r} already means {_RESERVED[group.casefold()]}")
            if group.casefold() in names:
                raise _ProblemError(path, f"the group {group!r} has the name of a target")
            other = spelled.setdefault(group.casefold(), group)
            if other != group:
                raise _ProblemError(path, f"{group!r} and {other!r} are one name")
            if target.name not in groups.setdefault(group, []):
                groups[group].append(target.name)
    return {group: tuple(members) for group, members in groups.items()}


# What a value may be: a check returns what it must be, or nothing if it is that.

_Check = Callable[[object], str]


def _text(value: object) -> str:
    good = isinstance(value, str) and value != "" and value.isprintable()
    return "" if good else "text in quotes"


def _texts(value: object) -> str:
    good = isinstance(value, list) and not any(map(_text, value))
    return "" if good else "a list of texts in quotes"


def _host(value: object) -> str:
    good = not _text(value) and _UNSAFE.search(str(value)) is None
    return "" if good else "a host as ssh takes it, such as admin@web01.contoso.com"


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _number(low: int, high: int) -> _Check:
    def check(value: object) -> str:
        good = type(value) is int and low <= value <= high
        return "" if good else f"a whole number from {low} to {high}"

    return check


def _one_of(words: Sequence[str]) -> _Check:
    def check(value: object) -> str:
        return "" if value in words else " or ".join(f'"{word}"' for word in words)

    return check


_RESERVED = {ALL: "every target", LOCAL: "this machine"}
_OPTIONS: Mapping[str, _Check] = {
    "transport": _one_of(TRANSPORTS),
    "host": _host,
    "registry": _text,
    "groups": _texts,
    "probe": _texts,
    "timeout": _number(1, 3600),
    "netsh": _texts,
    "ssh_config": _text,
    "port": _number(1, 65535),
    "https": _flag,
    "authentication": _one_of(AUTHENTICATIONS),
    "user": _text,
    "password_file": _text,
    "password_env": _text,
    "ca_file": _text,
}
_ONLY: Mapping[str, Sequence[str]] = {
    "host": ("ssh", "winrm"),
    "netsh": ("command",),
    "ssh_config": ("ssh",),
    "port": ("ssh", "winrm"),
    "https": ("winrm",),
    "authentication": ("winrm",),
    "user": ("winrm",),
    "password_file": ("winrm",),
    "password_env": ("winrm",),
    "ca_file": ("winrm",),
}
"""The transports that a setting applies to; all if it is not listed."""
_PATHS = {"registry", "ssh_config", "password_file", "ca_file"}
_DEFAULTS: Mapping[str, _Check] = {
    "jobs": _number(1, 1000),
    **{name: check for name, check in _OPTIONS.items() if name not in ("host", "groups", "probe")},
}
