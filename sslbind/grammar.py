"""netsh's lines: command words, quoting, tags and positions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import zip_longest

from sslbind.errors import BadValueError, SyntaxLineError
from sslbind.keys import (
    CCS,
    HOSTNAMEPORT,
    KINDS,
    SCOPEDCCS,
    Key,
    Kind,
    infer_key,
    parse_address,
    parse_key,
)
from sslbind.release import Release
from sslbind.tags import POSITIONAL, PROPERTIES, SSLFLAGS, TAGS, clean_hash
from sslbind.wording import join

CONTEXT = "http"
"""The netsh context that may precede every command."""

OBJECT_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "sslcert": KINDS,
    "sslsnicert": (HOSTNAMEPORT,),
    "sslccs": (CCS, SCOPEDCCS),
}
"""The objects that may follow a verb, and the kinds of key that each takes; ``sslcert`` first."""

VERBS: Mapping[str, tuple[str, ...]] = {
    "add": (*OBJECT_KINDS, "iplisten"),
    "update": (*OBJECT_KINDS, "sslpropertyex"),
    "delete": (*OBJECT_KINDS, "iplisten"),
    "show": (*OBJECT_KINDS, "iplisten"),
    "dump": (),
}
"""netsh's own words: each verb with its objects."""

NOT_MODELLED = ("urlacl", "timeout", "cacheparam", "cachestate", "servicestate", "setting", "cache")
"""Words of netsh http for what is not modelled here."""

MODELLED = "sslbind only models sslcert, sslpropertyex and iplisten"

UPDATE_SINCE = Release.W2019
"""The first release whose netsh has ``update sslcert`` (Windows 10 1703 brought its API)."""

HELP_WORDS = ("?", "/?", "help")
ADDRESS_NAMES = ("ipaddress", "address")
"""The tag of iplisten; old releases of netsh call it ``address``."""

_CONTEXT_LINES = ("pushd http", "popd", "http", "exit", "bye", "quit", "@echo off")
"""Lines that enter or leave netsh's http context; they do not affect bindings."""
_PROGRAMS = ("netsh", "netsh.exe", "sslbind")
_NAMED = re.compile(r"([A-Za-z0-9]+)=(.*)", re.DOTALL)
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*")+')
_QUOTED_GUID = re.compile(r"(?<==)'(\{[0-9A-Fa-f-]{36}\})'")


def match_word(word: str, words: Iterable[str]) -> str | None:
    """Return the one of ``words`` that ``word`` matches: itself or a unique prefix, without case.

    ``sslcert`` wins over words that only sslbind has, so that ``show ssl`` means the same
    as in netsh. None if nothing or more than one matches.
    """
    word = word.lower()
    fitting = [known for known in words if known.startswith(word)] if word else []
    if word in fitting or len(fitting) == 1:
        return word if word in fitting else fitting[0]
    return "sslcert" if "sslcert" in fitting else None


def is_context(word: str) -> bool:
    """Whether ``word`` is ``http``, or a prefix of it that is no other word."""
    return len(word) > 1 and CONTEXT.startswith(word.lower())


def split_line(line: str) -> list[str]:
    """Return the words of a script's line; double quotes group a word and are removed.

    So are PowerShell's quotes around the GUID of a tag, ``appid='{…}'``: a GUID never has
    quotes. Raises BadValueError if a quote is not closed.
    """
    if line.count('"') % 2:
        if line.endswith('"') and line[-2:-1].strip() and line.count('"') == 1:
            raise BadValueError(
                "the line has only a closing double quote", "remove the quote at the end"
            )
        raise BadValueError("a double quote is not closed", "close the quote on the same line")
    if "'{" in line:
        line = _QUOTED_GUID.sub(r"\1", line)
    if '"' not in line:
        return line.split()
    return [token.replace('"', "") for token in _TOKEN.findall(line)]


def is_command(line: str) -> bool:
    """Whether a stripped line of a script is a command, and not a comment or a context change."""
    word = line.split(None, 1)[0].lower() if line else ""
    comment = not word or word[0] == "#" or word == "rem" or word.startswith("::")
    return not comment and line.lower() not in _CONTEXT_LINES


def command_words(words: Sequence[str]) -> tuple[str, str, list[str]]:
    """Return the verb, the object and the remaining words of a line; the verb is empty if unknown.

    ``netsh`` and ``http`` may precede them.
    """
    if words and words[0].lower() in _PROGRAMS:
        words = words[1:]
    if words and is_context(words[0]):
        words = words[1:]
    verb = _command_word(words[0]) if words else None
    if verb is None:
        return "", "", []
    if not VERBS[verb]:
        return verb, "", list(words[1:])
    word = _command_word(words[1], verb) if len(words) > 1 else None
    return (verb, word, list(words[2:])) if word else ("", "", [])


@lru_cache(maxsize=256)  # a script repeats the same few on every line
def _command_word(word: str, verb: str = "") -> str | None:
    """Return the verb that ``word`` matches or, after ``verb``, the object."""
    return match_word(word, VERBS[verb] if verb else VERBS)


@cache
def tag_names(verb: str, word: str) -> tuple[str, ...]:
    """Return the names that may precede ``=`` after ``verb`` and the object ``word``."""
    if word == "iplisten":
        return () if verb == "show" else ADDRESS_NAMES
    kinds = tuple(kind.name for kind in OBJECT_KINDS.get(word, KINDS))
    if word == "sslpropertyex":
        return (*kinds, "propertyid", *(p.tag.name for p in PROPERTIES))
    if verb in ("add", "update"):
        return (*kinds, *(tag.name for tag in TAGS), SSLFLAGS.name, "json")
    return (*kinds, "json") if verb == "show" else kinds


def parse_words(verb: str, word: str, words: Sequence[str]) -> dict[str, str]:
    """Return the texts of a line's tags by name; a key without a tag has the name ``""``.

    A tag may be shortened to a prefix that is unique for the line's command. Bare values
    are the key and then, for add and update, certhash, appid and certstorename, unless they
    were named. Raises SyntaxLineError for an unknown tag, and BadValueError for a repeated
    tag and for a bare value without a position.
    """
    names = tag_names(verb, word)
    _refuse_blanks(words)
    texts: dict[str, str] = {}
    bare: list[str] = []
    for text in words:
        named = _NAMED.fullmatch(text)
        if named is None:
            if "=" in text:  # no bare value has '=': it is a misspelt tag
                raise _unknown(text.partition("=")[0], names)
            bare.append(text)
            continue
        name = _tag_name(verb, word, named[1])
        if name is None:
            raise _unknown(named[1], names)
        if name in texts:
            raise BadValueError(f"{name} is given twice: {texts[name]!r} and {named[2]!r}")
        texts[name] = named[2]
    if bare:
        _place(bare, texts, _places(verb, word, texts))
    return texts


@lru_cache(maxsize=256)  # as for the words before them
def _tag_name(verb: str, word: str, name: str) -> str | None:
    """Return the tag that ``name`` matches in such a line."""
    return match_tag(name, tag_names(verb, word))


def match_tag(name: str, names: Sequence[str]) -> str | None:
    """Return the one of ``names`` that ``name`` matches: itself or a unique prefix, without case.

    None if nothing or more than one matches. That netsh takes prefixes of tags is inferred
    from scripts in use: ``certstore=`` and ``hostname=`` are common.
    """
    low = name.lower()
    if low in names:
        return low
    fitting = [known for known in names if known.startswith(low)] if low else []
    return fitting[0] if len(fitting) == 1 else None


def _refuse_blanks(words: Sequence[str]) -> None:
    """Raise for spaces around an equals sign: ``ipport = 1.1.1.1:443``."""
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        name, equals, value = word.partition("=")
        if equals and name.strip() and name != name.rstrip():  # in quotes
            before, value, name = name.strip(), value.strip(), ""
        if not equals or (name and value):
            continue
        if not name and before and "=" not in before:
            shown = f"{before}={value or after}"
        elif name and not value and after and "=" not in after:
            shown = f"{name}={after}"
        else:
            continue
        hint = f"write the tag, '=' and the value without spaces: {shown}"
        if name:
            raise BadValueError(f"{name}= has a space before its value", hint)
        raise SyntaxLineError(f"{before} has a space before its '='", hint, word=name)


def _places(verb: str, word: str, texts: Mapping[str, str]) -> list[str]:
    """Return the tag names of bare values, in order."""
    if word == "iplisten":
        return [name for name in ADDRESS_NAMES[:1] if not texts]
    has_key = any(kind.name in texts for kind in KINDS)
    places = [] if has_key or ("json" in texts and verb != "show") else [""]
    if verb in ("add", "update") and word != "sslpropertyex":
        places += [name for name in POSITIONAL if name not in texts]
    return places


def _place(bare: Sequence[str], texts: dict[str, str], places: Sequence[str]) -> None:
    """Give each bare value its name; refuse an obvious mistake."""
    key = next((f"{kind}={texts[kind.name]}" for kind in KINDS if kind.name in texts), None)
    for place, text in zip_longest(places, bare):
        if text is None:
            break
        pieces = place != "" and "certhash" in texts and re.fullmatch(r"[0-9A-Fa-f]{1,8}", text)
        hint = "put a value with spaces in double quotes, and write a tag as tag=value"
        if pieces:
            hint = "write the thumbprint without spaces, or in quotes"
        elif key and re.search(r":[0-9]+$", text):
            hint = f"the key is {key}; a line has exactly one"
        elif place is not None and text.lower() not in ("enable", "disable"):
            texts[place] = text
            continue
        raise BadValueError(f"{text!r} is not expected here", hint)


def read_key(word: str, texts: Mapping[str, str]) -> Key | None:
    """Return the key of a parsed line, None if it has none.

    Raises BadValueError for two keys, for a kind that the object does not
    take, and for a value that is not a key.
    """
    kinds = OBJECT_KINDS.get(word, KINDS)
    named = [kind for kind in kinds if kind.name in texts]
    given = [f"{kind}={texts[kind.name]}" for kind in named]
    if len(given) > 1:
        raise BadValueError(f"{given[0]} and {given[1]}: a line has exactly one key")
    if named:
        return parse_key(named[0], texts[named[0].name])
    if "" not in texts:
        return None
    if len(kinds) == 1:
        return parse_key(kinds[0], texts[""])
    key = infer_key(texts[""], scoped=word == "sslccs")
    if key.kind not in kinds:
        wanted = " or ".join(f"{kind}={kind.syntax}" for kind in kinds)
        raise BadValueError(f"{word} takes {wanted}, and {texts['']!r} is {key.kind}")
    return key


def missing_key(word: str) -> SyntaxLineError:
    """Return the error for a line of the object ``word`` that has no key."""
    kinds = " or ".join(f"{kind}={kind.syntax}" for kind in OBJECT_KINDS.get(word, ()))
    return SyntaxLineError("the key is missing", kinds or "a key of any kind", missing=True)


def read_address(texts: Mapping[str, str]) -> str:
    """Return the canonical address of an iplisten line; raise SyntaxLineError if there is none."""
    text = next((texts[name] for name in ADDRESS_NAMES if name in texts), None)
    if text is None:
        raise SyntaxLineError("ipaddress is missing", "ipaddress=10.0.0.5", missing=True)
    return parse_address(text.removeprefix("[").removesuffix("]"))


def check_properties(texts: Mapping[str, str]) -> None:
    """Raise unless an sslpropertyex line gives exactly the values of one propertyid."""
    groups: dict[str, list[str]] = {}
    for prop in PROPERTIES:
        groups.setdefault(str(prop.propertyid), []).append(prop.tag.name)
    group = texts.get("propertyid")
    if group is None:
        raise SyntaxLineError("propertyid is missing", "propertyid=0 or 1", missing=True)
    if group not in groups:
        raise BadValueError(f"propertyid={group}: must be {' or '.join(groups)}")
    for name in (prop.tag.name for prop in PROPERTIES):
        if name in texts and name not in groups[group]:
            raise BadValueError(f"{name} does not belong to propertyid={group}")
    missing = [name for name in groups[group] if name not in texts]
    if missing:
        raise SyntaxLineError(f"propertyid={group} needs {' and '.join(missing)}", missing=True)


def clean_texts(texts: dict[str, str]) -> tuple[str, ...]:
    """Clean a pasted certhash in place; return a sentence for what was removed."""
    if "certhash" not in texts:
        return ()
    texts["certhash"], removed = clean_hash(texts["certhash"])
    if not removed:
        return ()
    return (f"certhash was pasted with {', '.join(removed)}, which sslbind removed",)


def _unknown(name: str, names: Sequence[str]) -> SyntaxLineError:
    from difflib import get_close_matches

    message = f"{name!r} is not a valid argument for this command"
    fitting = [known for known in names if known.startswith(name.lower())] if name else []
    if len(fitting) > 1:
        meant = f"it could be {join(fitting)}: write one of them in full"
        return SyntaxLineError(message, meant, word=name)
    close = get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean {close[0]}=?" if close else "valid here: " + (" ".join(names) or "no tag")
    return SyntaxLineError(message, hint, word=name)
