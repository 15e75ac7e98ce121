"""The script that recreates a registry: netsh lines, as ``netsh http dump`` writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sslbind.binding import Binding, untagged_bits
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import PROPERTIES, TAGS

_RULE = "# -----------------------------------------\n"
_START = f"{_RULE}# HTTP bindings\n{_RULE}pushd http\n\n"
_END = "\npopd\n# End of HTTP bindings\n"
_QUOTED = set(" \t&|<>^()%!;,=")
"""Characters that netsh, cmd or a shell would not leave alone outside quotes."""

_EXPANDED = set("%$`\\")
"""Characters that cmd or a shell gives a meaning inside quotes too; ``-f`` does not."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and a sentence for each thing that its lines cannot carry, or not safely."""

    text: str
    losses: tuple[str, ...]


def write(bindings: Iterable[Binding], iplisten: Iterable[str], release: Release) -> Script:
    """Return the script that makes the bindings and the listen list on an empty server.

    Tags at their default are left out: Server 2025 rejects an explicit
    ``revocationfreshnesstime=0``.
    """
    lines = [f"add iplisten ipaddress={address}" for address in iplisten]
    losses: list[str] = []
    for binding in bindings:
        try:
            lines += [add_line(binding), *_property_lines(binding)]
        except ValueError as error:
            lines.append(f"# {binding.key.kind}={binding.key}: {printable(str(error))}")
            losses.append(f"{binding.key.kind}={binding.key}: {error}")
        losses += _losses(binding, release)
    return Script(_START + "".join(line + "\n" for line in lines) + _END, tuple(losses))


def add_line(binding: Binding) -> str:
    """Return the ``add sslcert`` line of one binding.

    Raises ValueError where a value has a double quote, which no netsh line can
    carry.
    """
    words = [f"{binding.key.kind}={binding.key}"]
    words += [
        f"{tag.name}={_quote(tag.text(binding.values[tag.name]))}"
        for tag in TAGS
        if tag.name in binding.values
    ]
    return f"add sslcert {' '.join(words)}"


def _property_lines(binding: Binding) -> list[str]:
    lines = []
    for number in dict.fromkeys(p.propertyid for p in PROPERTIES):
        group = [p.tag.name for p in PROPERTIES if p.propertyid == number]
        if any(name in binding.values for name in group):
            words = " ".join(f"{name}={binding[name]}" for name in group)
            key = f"{binding.key.kind}={binding.key}"
            lines.append(f"update sslpropertyex {key} propertyid={number} {words}")
    return lines


def _quote(text: str) -> str:
    if '"' in text or not text.isprintable():
        raise ValueError(f"{text!r} has a character that no netsh line can carry")
    return f'"{text}"' if _QUOTED.intersection(text) else text


def _losses(binding: Binding, release: Release) -> list[str]:
    name = f"{binding.key.kind}={binding.key}"
    derived = Binding(
        binding.key, {tag: value for tag, value in binding.values.items() if tag != "sslflags"}
    )
    losses = [
        f"{name}: bit {bit.name} has no tag: no script carries it" for bit in untagged_bits(binding)
    ]
    if binding.other and not losses:
        losses = [f"{name}: no script carries what has no tag: {', '.join(binding.other)}"]
    late = [tag for tag in TAGS if tag.name in binding.values and tag.since > release]
    losses += [f"{name}: {tag.name} exists from {tag.since.title} on" for tag in late]
    losses += [
        f"{name}: {tag.name}={binding[tag.name]}: a shell or cmd would read more into that"
        for tag in TAGS
        if _EXPANDED.intersection(str(binding.values.get(tag.name, "")))
    ]
    if binding.key.kind.since > release:
        since = binding.key.kind.since
        losses.append(f"{name}: {binding.key.kind} exists from {since.title} on")
    if derived.sslflags(release) != binding.sslflags(release):
        losses.append(
            f"{name}: sslflags={binding.sslflags(release)} is IIS's: no script carries it"
        )
    return losses
