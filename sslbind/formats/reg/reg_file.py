r"""Exports of Windows' registry (.reg), as ``reg export`` and regedit write them.

Reads any control set of HKEY_LOCAL_MACHINE, or of a hive that was loaded below
it under another name; the current one where there are several. Writes what
``reg import`` puts into an offline hive, or what two servers are compared by.
What has no tag is in ``[….Other]``; see ``other``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from io import BytesIO

from sslbind.formats.format import Contents, Format, Written
from sslbind.formats.imported import BadOnes, BadRecord, Imported
from sslbind.formats.left_out import breaks_off, elision, joined_to_another, without_key
from sslbind.formats.reg import http_parameters
from sslbind.formats.reg.http_parameters import LISTEN_LIST
from sslbind.formats.reg.reg_key import Data, RegKey
from sslbind.formats.reg.reg_text import (
    BadLine,
    Elision,
    KeyLine,
    Statement,
    ValueLine,
    is_reg,
    parse,
)
from sslbind.formats.reg.reg_text import write as write_text
from sslbind.keys import KIND_BY_TABLE
from sslbind.printable import printable
from sslbind.tags import TAGS

_PATH = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
_SYSTEM = r"(?:HKLM|HKEY_LOCAL_MACHINE)?\\(?:[^\\]+\\)?"
# HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\HTTP\Parameters\SslBindingInfo
_PARAMETERS = re.compile(
    rf"{_SYSTEM}(CurrentControlSet|ControlSet\d{{3}})\\Services\\HTTP\\Parameters(?:\\(.*))?",
    re.IGNORECASE | re.DOTALL,
)
# HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services
_ABOVE = re.compile(
    rf"{_SYSTEM}(CurrentControlSet|ControlSet\d{{3}})(?:\\Services(?:\\HTTP)?)?", re.IGNORECASE
)
_SELECT = re.compile(rf"{_SYSTEM}Select", re.IGNORECASE)
_CURRENT = "currentcontrolset"
_TABLES = {table.lower() for table in KIND_BY_TABLE}
_MAX_DEPTH = 24
"""Keys below a record's: Windows has no keys that deep, and a registry file stops at 32."""
_HASH = TAGS[0].value.lower()
_NAMES = {tag.value.lower() for tag in TAGS}
_COMMENT = """\
TLS bindings of HTTP.SYS: to be compared, or for the hive of a server that is
not running. Importing them on a live server is not a supported way to bind, as
HTTP.SYS reads these keys when it starts; 'netsh http add sslcert' is."""


def read(text: str, file: str) -> Imported:
    """Return the records of one document; raise SslbindError if it is not one.

    The document is read as what it does to an empty registry: what it deletes
    itself is gone. What is neither a binding nor the listen list is passed
    over, and a note reports it.
    """
    reader = Reader()
    for statement in parse(text, file):
        reader.take(statement)
    return reader.imported(ended=text.endswith("\n"))


def write(contents: Contents) -> Written:
    """Return the document: UTF-16 with its mark, as Windows writes it, and what it lacks."""
    losses: list[str] = []
    data = BytesIO()
    data.write(codecs.BOM_UTF16_LE)
    keys = ((_PATH + below, key) for below, key in http_parameters.write(contents, losses))
    for text in write_text(keys, _COMMENT):
        data.write(text.encode("utf-16-le"))
    return Written(data.getvalue(), tuple(losses))


class Reader:
    """The keys that a document makes, and what it does besides."""

    def __init__(self) -> None:
        self._sets: dict[str, RegKey] = {}
        self._key: RegKey | None = None
        """Where values go; None in a key that is passed over."""
        self._record: RegKey | None = None
        self._in_select = False
        self._select = 0
        self._bad: list[BadRecord] = BadOnes()
        self._passed: set[str] = set()
        self._path = ""
        self._deleted = 0
        self._line = 0
        """The line of the last key."""
        self._names: dict[str, Data | None] = {}
        """The values that were set since then."""
        self._again = self._noticed = False

    def take(self, statement: Statement) -> None:
        """Do what one statement says."""
        if isinstance(statement, KeyLine):
            self.enter(statement)
        elif isinstance(statement, ValueLine):
            self.set(statement)
        elif isinstance(statement, Elision):
            self._bad.append(elision(statement.line, statement.text))
        else:
            self.fail(statement)

    def enter(self, line: KeyLine) -> None:
        """Go to a key, or delete it."""
        self._names = {}
        self._again = self._noticed = False
        self._line = line.line
        self._path = line.path.lower()
        self._key = self._record = None
        self._in_select = bool(_SELECT.fullmatch(line.path))
        above = _ABOVE.fullmatch(line.path)
        if above and line.delete:
            self._delete(above[1].lower(), ())
        found = _PARAMETERS.fullmatch(line.path)
        if found is None:
            return
        names = found[2].split("\\") if found[2] else []
        if names and names[0].lower() not in _TABLES:
            return
        if line.delete:
            self._delete(found[1].lower(), names)
            return
        key = self._sets.setdefault(found[1].lower(), RegKey("Parameters", line.line))
        for depth, name in enumerate(names):
            key = key.key(name, line.line)
            if depth == 1:
                self._record = key
            if depth > _MAX_DEPTH:
                self.fail(BadLine(line.line, "the key is nested too deeply"))
                return
        self._key = key

    def set(self, line: ValueLine) -> None:
        """Set a value of the key, or delete it."""
        self._notice(line.name, line.data, line.line)
        if self._in_select and line.name.lower() == "current" and line.data:
            self._select = int.from_bytes(line.data.bytes, "little")
        elif self._key is None or (self._at_top and line.name.lower() != LISTEN_LIST.lower()):
            self._passed.add(self._path)
        elif line.data is not None:
            self._key.set(line.name, line.data, line.line)
        elif self._at_top:
            self._key.set(line.name, Data.texts(()), line.line)
        elif self._key.values.pop(line.name.lower(), None) is None:
            self._deleted += 1

    def fail(self, line: BadLine) -> None:
        """Keep what is wrong with a line: with its record, or alone; ignore it in other keys."""
        bad = BadRecord(line.line, line.message)
        self._notice(line.name, None, line.line)
        if line.is_key:
            self._noticed = True
            self._key = self._record = None
            self._bad.append(bad)
        elif self._record is not None:
            self._record.problem = self._record.problem or bad
        elif self._key is not None:
            self._bad.append(bad)

    def imported(self, *, ended: bool = True) -> Imported:
        """Return what the control set in use has.

        Where the document has not ``ended`` with a line end and its last record is
        bad, what may follow is bad too.
        """
        used = self._used()
        imported = http_parameters.read(self._sets.get(used, RegKey("")))
        notes = [*self._notes(used), *imported.notes]
        bad = [*self._bad, *imported.bad]
        if not ended and any((one.line or 0) >= self._line for one in bad):
            bad.append(breaks_off(self._line))
        return imported._replace(bad=tuple(bad), notes=tuple(notes))

    def _notice(self, name: str, data: Data | None, line: int) -> None:
        """Note values that belong to a record whose key is lost, cut or misspelt.

        A thumbprint in no record, or another one in the same record; two values again.
        """
        folded = name.lower()
        if self._record is None:
            lost = folded == _HASH or (not self._path and folded in _NAMES)
            lost = lost and not self._noticed and _may_hold_records(self._path)
            self._bad += [without_key(line)] if lost else []
            self._noticed = self._noticed or lost
            return
        if data is None or self._noticed:
            return
        again = folded in self._names and folded != next(reversed(self._names))
        if again and (self._again or (folded == _HASH and self._names[folded] != data)):
            message = f"sets {printable(name)} again: a line with another key may be missing"
            self._record.problem = self._record.problem or BadRecord(line, message)
            self._bad.append(joined_to_another(line))
            self._noticed = True
        self._again = self._again or again
        self._names[folded] = data

    @property
    def _at_top(self) -> bool:
        return any(self._key is key for key in self._sets.values())

    @property
    def _selected(self) -> str:
        return f"controlset{self._select:03}"

    def _delete(self, control_set: str, names: Sequence[str]) -> None:
        root = self._sets.get(control_set)
        parent = root and root.find(names[:-1])
        if names and parent and parent.keys.pop(names[-1].lower(), None):
            return
        if names or not self._sets.pop(control_set, None):
            self._deleted += 1

    def _used(self) -> str:
        usual = next((one for one in (_CURRENT, self._selected) if one in self._sets), None)
        return usual or min(self._sets, default=_CURRENT)

    def _notes(self, used: str) -> list[str]:
        notes = []
        if len(self._sets) > 1:
            others = ", ".join(sorted(name for name in self._sets if name != used))
            guess = ""
            if used not in (_CURRENT, self._selected):
                guess = (
                    ": a guess, as the file does not have the key Select, or what that names; to"
                    " choose, export one control set alone"
                )
            notes.append(f"{used} is read, and not {others}{guess}")
        if self._passed:
            keys = "1 key" if len(self._passed) == 1 else f"{len(self._passed)} keys"
            notes.append(f"ignored: {keys} with values that are not bindings")
        if self._deleted:
            deletions = "1 deletion" if self._deleted == 1 else f"{self._deleted} deletions"
            notes.append(
                f"{deletions} of what the file does not set: an import deletes"
                " nothing; 'sslbind delete sslcert KEY' does"
            )
        return notes


def _may_hold_records(path: str) -> bool:
    """Whether values below a key that is no record may be a record's, as its name is cut."""
    found = _PARAMETERS.fullmatch(path)
    first = (found[2] or "").partition("\\")[0] if found else ""
    return not path or (found is not None and first[:3] == "ssl"[: len(first)])


FORMAT = Format(
    "reg", "export of Windows' registry (.reg)", detect=is_reg, read=read, write=write, rank=10
)
