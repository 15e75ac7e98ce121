"""``reg add`` below HTTP.SYS's key, and ``httpcfg`` of Windows Server 2003: lines as effects.

httpcfg's options are those of its documentation in the Support Tools of 2003.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sslbind.errors import BadValueError
from sslbind.formats.netsh.effects import HTTP_KEYS, Effect, stored_values
from sslbind.keys import IPPORT, KIND_BY_TABLE, Key, parse_key
from sslbind.tags import MAX_NUMBER, TAG_BY_NAME, TAGS, Type, Value

_REG = re.compile(r"(?:^|[&|;({]\s*)@?\"?reg(?:\.exe)?\"?\s+(add|delete)\s+(.*)$", re.IGNORECASE)
# httpcfg set ssl -i 0.0.0.0:443 -h …
_HTTPCFG = re.compile(
    r"(?:^|[&|;({]\s*)@?\"?httpcfg(?:\.exe)?\"?\s+(set|delete)\s+ssl\b(.*)$", re.IGNORECASE
)
_WORD = re.compile(r'"[^"]*"|[^\s"]+')
_TABLES = {table.lower(): kind for table, kind in KIND_BY_TABLE.items()}
NO_OWNER = "{00000000-0000-0000-0000-000000000000}"
"""The owner that httpcfg records where none is named."""


def effect(line: str) -> Effect | None:
    """Return what a line of either tool does to a record, None for any other line."""
    found = _REG.search(line) if "bindinginfo" in line.lower() else None
    if found:
        return _reg(found[1].lower(), _words(found[2]))
    found = _HTTPCFG.search(line)
    return _httpcfg(found[1].lower(), _words(found[2])) if found else None


def _words(text: str) -> list[str]:
    return [word.strip('"') for word in _WORD.findall(text)]


def _options(words: list[str], mark: str) -> dict[str, str]:
    """Return the options that take a value, by their letter."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return {
        word[1:].lower(): "" if after[:1] == mark else after
        for word, after in pairs
        if word[:1] == mark
    }


def _reg(verb: str, words: list[str]) -> Effect:
    place = HTTP_KEYS.search(words[0].rstrip("\\")) if words else None
    unclear = Effect("unclear", why=f"reg {verb} changes what HTTP.SYS stores", removes=True)
    if place is None:
        return unclear
    try:
        key = parse_key(_TABLES[place[1].lower()], place[2])
    except BadValueError:
        return unclear
    options = _options(words[1:], "/")
    name, data = options.get("v", ""), options.get("d", "")
    if verb == "delete" and not {"v", "ve", "va"} & options.keys():
        return Effect("delete", key)
    number = int(data, 0) if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9}", data) else -1
    values = stored_values(name, number) if 0 <= number <= MAX_NUMBER else {}
    if verb == "delete" or not values:
        return unclear._replace(key=key, why=f"reg {verb} changes {name or 'values'} of {key.spec}")
    return Effect("update", key, values, why=f"sets {name} to {number}")


def _httpcfg(verb: str, words: list[str]) -> Effect:
    options = _options(words, "-")
    try:
        key: Key | None = parse_key(IPPORT, options.get("i", ""))
    except BadValueError:
        return Effect("unclear", why="httpcfg names no address and port (-i)", removes=True)
    if verb == "delete":
        return Effect("delete", key)
    try:
        return Effect("add", key, httpcfg_values(options))
    except BadValueError as error:
        return Effect("unclear", key, why=f"httpcfg: {error.message}", removes=True)


_HTTPCFG_VALUES = {
    "h": "SslCertHash", "g": "AppId", "c": "SslCertStoreName",
    "r": "DefaultSslRevocationFreshnessTime", "x": "DefaultSslRevocationUrlRetrievalTimeout",
    "t": "DefaultSslCtlIdentifier", "n": "DefaultSslCtlStoreName",
}  # fmt: skip
"""The registry value that each option sets; those of ``_HTTPCFG_BITS`` hold flags."""
_HTTPCFG_BITS = {"m": "DefaultSslCertCheckMode", "f": "DefaultFlags"}


def httpcfg_values(options: Mapping[str, str]) -> dict[str, Value]:
    """Return the tags that httpcfg's options, by their letter, set; raise BadValueError."""
    values: dict[str, Value] = {"appid": NO_OWNER}
    tags = {tag.value: tag for tag in TAGS if tag.type is not Type.FLAG}
    for letter, value in _HTTPCFG_VALUES.items():
        text = options.get(letter, "")
        if text and text != "(null)":
            values[tags[value].name] = tags[value].parse(text)
    for letter, name in _HTTPCFG_BITS.items():
        text = options.get(letter, "") or "0"
        if not re.fullmatch(r"0|[1-9][0-9]{0,9}", text):
            raise BadValueError(f"{text!r} is not a number")
        values |= stored_values(name, int(text))
    return {
        name: value
        for name, value in values.items()
        if not (TAG_BY_NAME[name].type is Type.FLAG and value == TAG_BY_NAME[name].default)
    }
