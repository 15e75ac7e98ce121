"""Scripts of netsh lines: what ``netsh http dump`` writes, and batch files that bind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sslbind.binding import Binding, untagged_bits
from sslbind.formats import script_reader
from sslbind.formats.format import Contents, Delta, Format, Transition, Written
from sslbind.formats.transition import changed_tags, comment
from sslbind.grammar import UPDATE_SINCE
from sslbind.keys import CCS
from sslbind.release import Release
from sslbind.tags import PROPERTIES, SSLFLAGS, TAGS, Tag, Type

_RULE = "# -----------------------------------------\n"
_START = f"{_RULE}# HTTP bindings\n{_RULE}pushd http\n\n"
_END = "\npopd\n# End of HTTP bindings\n"
_QUOTED = set(" \t&|<>^()%!;,='`")
"""Characters that netsh, cmd or a shell would not leave alone outside quotes."""

_EXPANDED = set("%$`\\")
"""Characters that cmd or a shell gives a meaning inside quotes too; ``-f`` does not."""


class Script(NamedTuple):
    """A script, and a sentence for each thing that its lines cannot carry, or not safely."""

    text: str
    losses: tuple[str, ...]


def write(bindings: Iterable[Binding], iplisten: Iterable[str], release: Release) -> Script:
    """Return the script that makes the bindings and the listen list on an empty server.

    Tags at their default are left out: Server 2025 rejects an explicit
    ``revocationfreshnesstime=0``.
    """
    return _script(from_nothing(Contents(tuple(bindings), tuple(iplisten), release)))


def from_nothing(contents: Contents) -> Transition:
    """Return what makes ``contents`` on an empty server."""
    deltas = tuple(Delta(None, binding) for binding in contents.bindings)
    return Transition(deltas, contents.iplisten, (), contents.release)


def commands(delta: Delta, release: Release) -> list[list[str]]:
    """Return the words of each netsh line that changes one record, not quoted.

    The API under ``update`` takes a whole record, and whether netsh keeps a tag
    that is not named is not known: so an update names every flag that the
    release has. Text that is taken away, and numbers that go back to zero,
    which Server 2025 rejects, cannot be named: such a record is deleted and
    added again, as is any where netsh has no update. Raises ValueError where a
    value has a character that no netsh line can carry.
    """
    before, after = delta
    key = f"{delta.key.kind}={delta.key}"
    delete = ["delete", "sslcert", key]
    if after is None:
        return [delete]
    add = ["add", "sslcert", key, *_words(after, lambda tag: tag.name in after.values)]
    if before is None:
        return [add, *_properties(after)]
    changed = changed_tags(before, after)
    tags = [tag for tag in changed if tag in TAGS]
    unset = any(tag.type is not Type.FLAG and tag.name not in after.values for tag in tags)
    if tags and (unset or release < UPDATE_SINCE):
        return [delete, add, *_properties(after)]

    def named(tag: Tag) -> bool:
        flag = tag.type is Type.FLAG and tag.since <= release and delta.key.kind is not CCS
        return flag or tag in tags or tag.name in after.values

    update = ["update", "sslcert", key, *_words(after, named)]
    return [*([update] if tags else []), *_properties(after, before)]


def netsh_losses(binding: Binding, release: Release) -> list[str]:
    """Return a sentence for each thing that no netsh line of ``release`` carries."""
    name = f"{binding.key.kind}={binding.key}"
    bits = list(untagged_bits(binding))
    losses = [f"{name}: bit {bit.name} has no tag: no script carries it" for bit in bits]
    rest = [value for value in binding.other if value not in {bit.value for bit in bits}]
    if rest:
        losses.append(f"{name}: no script carries what has no tag: {', '.join(rest)}")
    tags = [*TAGS, *(one.tag for one in PROPERTIES)]
    late = [tag for tag in tags if tag.name in binding.values and tag.since > release]
    losses += [f"{name}: {tag.name} exists from {tag.since.title} on" for tag in late]
    if binding.key.kind.since > release:
        since = binding.key.kind.since
        losses.append(f"{name}: {binding.key.kind} exists from {since.title} on")
    values = {tag: value for tag, value in binding.values.items() if tag != SSLFLAGS.name}
    if Binding(binding.key, values).sslflags(release) != binding.sslflags(release):
        losses.append(
            f"{name}: sslflags={binding.sslflags(release)} is IIS's: no script carries it"
        )
    return losses


def _words(binding: Binding, named: Callable[[Tag], bool]) -> list[str]:
    words = []
    for tag in filter(named, TAGS):
        value = binding[tag.name]
        text = "" if value is None else tag.text(value)
        if '"' in text or not text.isprintable():
            raise ValueError(f"{tag.name} has a character that no netsh line can carry")
        words.append(f"{tag.name}={text}")
    return words


def _properties(binding: Binding, before: Binding | None = None) -> list[list[str]]:
    """Return the words of each ``update sslpropertyex``: of what is not as it was."""
    lines = []
    for number in dict.fromkeys(one.propertyid for one in PROPERTIES):
        group = [one.tag for one in PROPERTIES if one.propertyid == number]
        if any(binding[tag.name] != (before[tag.name] if before else tag.default) for tag in group):
            values = [f"{tag.name}={binding[tag.name]}" for tag in group]
            key = f"{binding.key.kind}={binding.key}"
            lines.append(["update", "sslpropertyex", key, f"propertyid={number}", *values])
    return lines


def _line(words: Sequence[str]) -> str:
    """Return words as one line, the values of tags in double quotes where they need them."""
    pairs = (word.partition("=") for word in words)
    return " ".join(
        f'{name}="{text}"' if _QUOTED.intersection(text) else f"{name}{equals}{text}"
        for name, equals, text in pairs
    )


def _expanded(binding: Binding) -> list[str]:
    return [
        f"{binding.key.kind}={binding.key}: {tag.name}={binding[tag.name]}:"
        " a shell or cmd would read more into that"
        for tag in TAGS
        if _EXPANDED.intersection(str(binding.values.get(tag.name, "")))
    ]


def _script(transition: Transition, *, comments: bool = False) -> Script:
    lines = [f"add iplisten ipaddress={address}" for address in transition.listen]
    losses: list[str] = []
    for delta in transition.deltas:
        name = f"{delta.key.kind}={delta.key}"
        lines += [comment(delta)] if comments else []
        try:
            lines += [_line(words) for words in commands(delta, transition.release)]
        except ValueError as error:
            lines.append(f"# {name}: {error}")
            losses.append(f"{name}: {error}")
        if delta.after is not None:
            losses += netsh_losses(delta.after, transition.release) + _expanded(delta.after)
    lines += [f"delete iplisten ipaddress={address}" for address in transition.unlisten]
    return Script(_START + "".join(f"{line}\n" for line in lines) + _END, tuple(losses))


def _export(contents: Contents) -> Written:
    script = _script(from_nothing(contents))
    return Written(script.text.encode(), script.losses)


def _changes(transition: Transition) -> Written:
    script = _script(transition, comments=True)
    return Written(script.text.encode(), script.losses)


FORMAT = Format(
    "netsh-script",
    "netsh lines, as 'netsh http dump' writes them; batch files are read too",
    script_reader.detect,
    script_reader.read,
    _export,
    _changes,
    rank=20,
)
