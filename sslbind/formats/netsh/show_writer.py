"""The text of ``netsh http show sslcert``, byte for byte, in each release's layout.

Confirmed by output of real servers: the modern layout (2012 and later), that of Windows 7
and 2008 R2, the lines of each release, the extended properties. Not known: the
order in which the kinds are listed, and what an empty listing looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from sslbind.binding import UNKNOWN, Binding, alike
from sslbind.keys import IPPORT, KINDS, Kind
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import BITS, PROPERTIES, STORED, TAGS, Bit, Tag

HEADER = "\nSSL Certificate bindings:\n-------------------------\n\n"
NOT_FOUND = f"{HEADER}The system cannot find the file specified.\n\n"

_OLD_LAST = Release.W2008R2
_BATCH = 100
"""Records that are printed in one piece."""
_NO_TRAILING_SPACE = {"certhash"}
"""In the old layout text and numbers end in a space, except these."""


def show(bindings: Iterable[Binding], release: Release) -> str:
    """Return the whole listing; only the header if there is no binding."""
    return "".join(pieces(bindings, release))


def pieces(bindings: Iterable[Binding], release: Release) -> Iterator[str]:
    """Yield the listing in pieces; it is never entirely in memory, being larger than a registry."""
    block = _old_block if release <= _OLD_LAST else _modern_block(release)
    yield HEADER
    rest = iter(bindings)
    while batch := "".join([block(binding) + "\n" for binding in islice(rest, _BATCH)]):
        yield batch


def unread(kind: Kind | None, key: str, release: Release) -> str:
    """Return the lines of a record that could not be read, every value UNKNOWN."""
    lines = [f"{_label((kind or IPPORT).label)}{key}\n"]
    lines += [f"{_label(field.label)}{UNKNOWN}\n" for field in lines_of(release)]
    return "".join(lines) + "\n"


def lines_of(release: Release) -> list[Tag | Bit]:
    """Return what the lines of a record show, after its key and before extended properties."""
    rows: list[tuple[int, Tag | Bit]] = [(tag.line, tag) for tag in _tags(release)]
    if release > _OLD_LAST:
        rows += [(bit.line, bit) for bit in BITS if bit.label and bit.since <= release]
    return [field for _, field in sorted(rows, key=lambda row: row[0])]


def _old_block(binding: Binding) -> str:
    lines = [f"    {binding.key.kind.label:<24}: {binding.key} \n"]
    for tag in _tags(_OLD_LAST):
        value = _value(binding, tag)
        if isinstance(tag.default, bool):
            lines.append(f"    {tag.label}    : {value}\n")
        else:
            space = "" if tag.name in _NO_TRAILING_SPACE else " "
            lines.append(f"    {tag.label:<24}{_gap(tag.label, 24)}: {value}{space}\n")
    return "".join(lines)


def _modern_block(release: Release) -> Callable[[Binding], str]:
    """Return a function that prints one binding as ``release`` does."""
    fields = lines_of(release)
    template = "".join(f"{_label(field.label)}%s\n" for field in fields)
    if release >= Release.W2022:
        fields += [one.tag for one in PROPERTIES]
        template += _properties_template()
    # Most records leave most tags at their defaults: that text is made once.
    defaults = [
        field.show(field.default) if isinstance(field, Tag) else "Disabled" for field in fields
    ]
    places = {field.name: place for place, field in enumerate(fields) if isinstance(field, Tag)}
    bits = [(place, field) for place, field in enumerate(fields) if isinstance(field, Bit)]
    labels = {kind: _label(kind.label) for kind in KINDS}

    @alike
    def lines(binding: Binding) -> str:
        texts = defaults.copy()
        for name, value in binding.values.items():
            place = places.get(name)
            if place is not None:
                texts[place] = printable(STORED[name].show(value))
        for place, bit in bits:
            texts[place] = _bit_word(bit, on=binding.bit(bit))
        for name in binding.unknown & places.keys():
            texts[places[name]] = UNKNOWN
        return template % tuple(texts)

    def block(binding: Binding) -> str:
        return f"{labels[binding.key.kind]}{binding.key}\n{lines(binding)}"

    return block


def _value(binding: Binding, tag: Tag) -> str:
    """Return a value as it is printed; UNKNOWN for what netsh never prints, a value not known."""
    return UNKNOWN if tag.name in binding.unknown else printable(tag.show(binding[tag.name]))


def _tags(release: Release) -> list[Tag]:
    return [tag for tag in sorted(TAGS, key=lambda tag: tag.line) if tag.since <= release]


def _label(label: str) -> str:
    return f"    {label:<29}: " if len(label) <= 28 else f"    {label} : "


def _gap(label: str, width: int) -> str:
    return " " if len(label) >= width else ""


def _bit_word(bit: Bit, *, on: bool) -> str:
    if bit.late:
        return "Set" if on else "Not Set"
    return "Enabled" if on else "Disabled"


def _properties_template() -> str:
    lines = ""
    for number in dict.fromkeys(p.propertyid for p in PROPERTIES):
        lines += f" Extended Properties:\n{_label('PropertyId')}{number}\n"
        lines += "".join(f"{_label(p.tag.label)}%s\n" for p in PROPERTIES if p.propertyid == number)
    return lines
