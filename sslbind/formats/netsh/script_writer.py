"""Scripts of netsh lines: what ``netsh http dump`` writes, and batch files that bind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from sslbind.binding import Binding, untagged_bits
from sslbind.errors import SslbindError
from sslbind.formats.format import Contents, Delta, Format, Transition, Written
from sslbind.formats.netsh import script_reader
from sslbind.formats.transition import changed_tags, comment
from sslbind.grammar import UPDATE_SINCE
from sslbind.keys import CCS, HOSTNAMEPORT
from sslbind.release import Release
from sslbind.tags import CTL_IDENTIFIER, PROPERTIES, SSLFLAGS, STORE, TAGS, Tag, Type

_RULE = "# -----------------------------------------\n"
_RUN = "# Run it with: netsh -f FILE   (netsh continues after a line that fails)\n"
_START = f"{_RULE}# HTTP bindings\n{_RULE}pushd http\n\n"
_END = "\npopd\n# End of HTTP bindings\n"
_QUOTED = set(" \t&|<>^()%!;,='`")
"""Characters that netsh, cmd or a shell interpret outside quotes."""

_EXPANDED = set("%$`\\!\u201c\u201d\u201e")
"""Characters that cmd, PowerShell or sh interpret even inside quotes; ``netsh -f`` does not."""


Render = Callable[[Sequence[Sequence[str]], Delta | None], list[str]]
"""Returns the lines of a script for the words of the netsh lines of one change.

The change is None for the listen list. Raises ValueError if no line carries the words.
"""


class Script(NamedTuple):
    """A script, and a sentence for everything that its lines cannot carry, or not safely."""

    text: str
    losses: tuple[str, ...]


def write(bindings: Iterable[Binding], iplisten: Iterable[str], release: Release) -> Script:
    """Return the script that creates the bindings and the listen list on an empty server.

    Tags at their default are left out: Server 2025 rejects an explicit
    ``revocationfreshnesstime=0``.
    """
    contents = Contents(tuple(bindings), tuple(iplisten), release)
    text, losses = assemble(from_nothing(contents), lambda change, _: [*map(netsh_line, change)])
    expanded = (loss for binding in contents.bindings for loss in _expanded(binding))
    return Script(_START + text + _END, (*losses, *expanded))


def from_nothing(contents: Contents) -> Transition:
    """Return what makes ``contents`` on an empty server."""
    deltas = tuple(Delta(None, binding) for binding in contents.bindings)
    return Transition(deltas, contents.iplisten, (), contents.release)


def commands(delta: Delta, release: Release) -> list[list[str]]:
    """Return the words of each netsh line that changes one record, not quoted.

    The API under ``update`` takes a whole record, and it is not known whether netsh keeps a
    tag that is not named: so an update names every flag of the release. A record that no
    update can produce (``replaced``) is deleted and added again, but not if the add cannot
    work. Tags that the release lacks are left out. Raises ValueError if no netsh line of it
    can carry the record.
    """
    before, after, unknown = delta
    kind = delta.key.kind
    if kind.since > release:
        raise ValueError(f"{kind} exists from {kind.since.title} on")
    key = delta.key.spec
    delete = ["delete", "sslcert", key]
    if after is None:
        return [delete]
    add = ["add", "sslcert", key, *_words(after, release, lambda tag: tag.name in after.values)]
    if before is None:
        return [add, *_properties(after, release)]
    if replaced(delta, release):
        for why in refusals(after, release):
            raise ValueError(why)
        return [delete, add, *_properties(after, release)]
    changed = changed_tags(before, after, unknown)

    def named(tag: Tag) -> bool:
        flag = tag.type is Type.FLAG and kind is not CCS
        return flag or tag in changed or tag.name in after.values

    lines = _properties(after, release, changed)
    if any(tag in TAGS and tag.since <= release for tag in changed):
        lines.insert(0, ["update", "sslcert", key, *_words(after, release, named)])
    return lines


def replaced(delta: Delta, release: Release) -> str:
    """Return why a change of a record is a delete and an add, a sentence; else empty.

    An update cannot remove text, nor reset numbers to zero, which Server 2025 rejects.
    """
    before, after, unknown = delta
    if before is None or after is None:
        return ""
    changed = [tag for tag in changed_tags(before, after, unknown) if tag.since <= release]
    tags = [tag for tag in changed if tag in TAGS]
    if tags and release < UPDATE_SINCE:
        return f"netsh of {release.title} does not have update: deleted and added again"
    if any(tag.type is not Type.FLAG and tag.name not in after.values for tag in tags):
        return "an update cannot remove a value: deleted and added again"
    return ""


def refusals(binding: Binding, release: Release) -> list[str]:
    """Return a sentence for each reason why HTTP.SYS of ``release`` refuses the record."""
    found = []
    if binding.key.kind is HOSTNAMEPORT and STORE.name not in binding.values:
        found.append(f"{STORE.name} is missing, and records with a host name need it")
    if CTL_IDENTIFIER.name in binding.values and release >= Release.W2012:
        found.append(f"{CTL_IDENTIFIER.name} is refused from {Release.W2012.title} on")
    return found


def refused(transition: Transition) -> list[str]:
    """Return a sentence, with the record, for each refusal of the target."""
    return [
        f"{delta.key.spec}: {why}"
        for delta in transition.deltas
        if delta.after is not None
        for why in refusals(delta.after, transition.release)
    ]


def require_netsh(release: Release) -> None:
    """Raise SslbindError if ``release`` has no netsh http."""
    if release is Release.W2003:
        raise SslbindError(
            f"{release.title} has no netsh http; --windows 2022 writes for a newer one"
        )


def assemble(transition: Transition, render: Render, *, comments: bool = False) -> Script:
    """Return the lines of a transition as ``render`` writes them, and what they lose.

    With ``comments`` each change has a comment line before it. A record that
    cannot be made has a comment in place of its lines.
    """
    lines: list[str] = []
    losses = [*transition.losses]

    def listed(verb: str, addresses: Sequence[str], sentence: str) -> None:
        if comments and addresses and sentence:
            lines.append(f"# {sentence}")
        for address in addresses:
            lines.extend([f"# {verb} ipaddress={address}"] if comments else [])
            lines.extend(render([[verb, "iplisten", f"ipaddress={address}"]], None))

    listed("add", transition.listen, transition.listening)
    for delta in transition.deltas:
        name = delta.key.spec
        lines += [comment(delta)] if comments else []
        try:
            made = render(commands(delta, transition.release), delta)
        except ValueError as error:
            lines.append(f"# {name}: {error}")
            losses.append(f"{name}: {error}")
        else:
            why = replaced(delta, transition.release)
            lines += [*([f"# {why}"] if why and comments else []), *made]
        losses += netsh_losses(delta, transition.release)
    listed("delete", transition.unlisten, "" if transition.listen else transition.listening)
    return Script("".join(f"{line}\n" for line in lines), tuple(dict.fromkeys(losses)))


def netsh_losses(delta: Delta, release: Release) -> list[str]:
    """Return a sentence for everything that no netsh line of ``release`` can carry."""
    before, binding, unknown = delta
    if binding is None:
        return []
    name = binding.key.spec
    bits = list(untagged_bits(binding))
    losses = [f"{name}: bit {bit.name} has no tag: scripts cannot carry it" for bit in bits]
    rest = [value for value in binding.other if value not in {bit.value for bit in bits}]
    if rest:
        losses.append(f"{name}: scripts cannot carry values without a tag: {', '.join(rest)}")
    changed = changed_tags(before, binding, unknown) if before else ()
    losses += [
        f"{name}: {tag.name} exists from {tag.since.title} on"
        for tag in (*TAGS, *(one.tag for one in PROPERTIES))
        if tag.since > release and (tag.name in binding.values or tag in changed)
    ]
    values = {tag: value for tag, value in binding.values.items() if tag != SSLFLAGS.name}
    if Binding(binding.key, values).sslflags(release) != binding.sslflags(release):
        losses.append(
            f"{name}: sslflags={binding.sslflags(release)} belongs to IIS: scripts cannot carry it"
        )
    return losses


def _words(binding: Binding, release: Release, named: Callable[[Tag], bool]) -> list[str]:
    """Return the words of the tags to name that ``release`` has."""
    words = []
    for tag in filter(named, TAGS):
        if tag.since > release:
            continue
        value = binding[tag.name]
        text = "" if value is None else tag.text(value)
        if '"' in text or not text.isprintable():
            raise ValueError(f"{tag.name} has a character that a netsh line cannot carry")
        words.append(f"{tag.name}={text}")
    return words


def _properties(
    binding: Binding, release: Release, changed: Collection[Tag] | None = None
) -> list[list[str]]:
    """Return the words of each ``update sslpropertyex``: of what changed, or has been set."""
    lines = []
    for number in dict.fromkeys(one.propertyid for one in PROPERTIES):
        group = [
            one.tag for one in PROPERTIES if one.propertyid == number and one.tag.since <= release
        ]
        if any(tag.name in binding.values if changed is None else tag in changed for tag in group):
            values = [f"{tag.name}={binding[tag.name]}" for tag in group]
            key = binding.key.spec
            lines.append(["update", "sslpropertyex", key, f"propertyid={number}", *values])
    return lines


def netsh_line(words: Sequence[str]) -> str:
    """Return words as one line, the values of tags in double quotes where they need them."""
    pairs = (word.partition("=") for word in words)
    return " ".join(
        f'{name}="{text}"' if _QUOTED.intersection(text) else f"{name}{equals}{text}"
        for name, equals, text in pairs
    )


def _expanded(binding: Binding) -> list[str]:
    return [
        f"{binding.key.spec}: {tag.name}={binding[tag.name]}: a shell would interpret it"
        for tag in TAGS
        if _EXPANDED.intersection(str(binding.values.get(tag.name, "")))
    ]


def _safe_line(words: Sequence[str]) -> str:
    """Return words as one line; raise ValueError for what sh or cmd would execute."""
    for word in words:
        name, _, text = word.partition("=")
        if _EXPANDED.intersection(text):
            raise ValueError(
                f"{name} has a character that sh, cmd or PowerShell would interpret;"
                " export powershell can carry it"
            )
    return netsh_line(words)


def _export(contents: Contents) -> Written:
    return _written(from_nothing(contents), comments=False)


def _changes(transition: Transition) -> Written:
    return _written(transition, comments=True)


def _written(transition: Transition, *, comments: bool) -> Written:
    require_netsh(transition.release)
    text, losses = assemble(
        transition, lambda change, _: [*map(_safe_line, change)], comments=comments
    )
    script = _RUN + _START + text + _END
    return Written(script.encode(), tuple(dict.fromkeys((*losses, *refused(transition)))))


FORMAT = Format(
    "netsh-script",
    "netsh lines, as 'netsh http dump' writes them; batch files are read too",
    script_reader.detect,
    script_reader.read,
    _export,
    _changes,
    rank=20,
    strict_encoding=True,
)
