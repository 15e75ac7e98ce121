"""The sentences that netsh prints for success and failure, and its help.

Success and failure of add and delete are confirmed by real servers, as is the
answer to a missing tag; that of update, of an unknown tag and the failures of
the IP listen list are inferred.
"""

from __future__ import annotations

from sslbind.grammar import ADDRESS_NAMES, OBJECT_KINDS
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, KINDS, SNI_WILDCARD_SINCE, Kind
from sslbind.release import Release
from sslbind.tags import PROPERTIES, TAGS, Type

SYSTEM_TEXTS = {
    2: "The system cannot find the file specified.",
    5: "Access is denied.",
    87: "The parameter is incorrect.",
    183: "Cannot create a file when that file already exists.",
    1312: "A specified logon session does not exist. It may already have been terminated.",
}
BAD_SYNTAX = (
    "The syntax supplied for this command is not valid. Check help for the correct syntax.\n"
)
MISSING = (
    "One or more essential parameters were not entered.\n"
    "Verify the required parameters, and reenter them.\n"
)

_DONE = {"add": "added", "update": "updated", "delete": "deleted"}
_FAILED = {"add": "add", "update": "update", "delete": "deletion"}


def done(verb: str, *, address: bool = False) -> str:
    """Return what netsh prints when ``verb`` worked."""
    subject = "IP address" if address else "SSL Certificate"
    return f"\n{subject} successfully {_DONE[verb]}\n\n"


def failed(verb: str, code: int, *, address: bool = False) -> str:
    """Return what netsh prints when ``verb`` failed with a Windows error ``code``."""
    if code == 87:
        return f"{SYSTEM_TEXTS[code]}\n"
    subject = "IP address" if address else "SSL Certificate"
    return f"\n{subject} {_FAILED[verb]} failed, Error: {code}\n{SYSTEM_TEXTS[code]}\n"


def unknown_tag(word: str) -> str:
    """Return the answer to a tag that does not exist."""
    return f"'{word}' is not a valid argument for this command.\n{BAD_SYNTAX}"


def missing_tag(verb: str, word: str, release: Release) -> str:
    """Return the answer to a line that lacks a tag: the sentences and the usage."""
    return f"{MISSING}{BAD_SYNTAX}{usage(verb, word, release)}"


def unknown_command(words: str) -> str:
    """Return the answer to a command that does not exist."""
    return f"The following command was not found: {words}.\n"


def iplisten(addresses: tuple[str, ...]) -> str:
    """Return the text of ``show iplisten``."""
    title = "IP addresses present in the IP listen list:"
    lines = "".join(f"    {address}\n" for address in addresses)
    return f"\n{title}\n{'-' * len(title)}\n\n{lines}\n"


def usage(verb: str, word: str, release: Release) -> str:
    """Return netsh's help of one command: its syntax, then what each parameter means."""
    return f"\nUsage: {_syntax(verb, word, release)}\n{_parameters(verb, word, release)}\n"


def _kinds(word: str, release: Release) -> tuple[Kind, ...]:
    order = (HOSTNAMEPORT, IPPORT, CCS, *KINDS)  # as netsh's help has them
    kinds = OBJECT_KINDS.get(word, KINDS)
    return tuple(kind for kind in dict.fromkeys(order) if kind in kinds and kind.since <= release)


def _syntax(verb: str, word: str, release: Release) -> str:
    if verb == "dump":
        return verb
    if word == "iplisten":
        return f"{verb} iplisten" + (
            "" if verb == "show" else f" [ {ADDRESS_NAMES[0]}= ] <IP address>"
        )
    key = " | ".join(f"{kind}={kind.syntax}" for kind in _kinds(word, release))
    lines = [f"{verb} {word} [{key}]" if verb == "show" else f"{verb} {word} {key}"]
    if verb == "show":
        lines.append("[json=enable]")
    elif word == "sslpropertyex":
        lines.append("propertyid=0|1")
        lines += [f"[{p.tag.name}={p.tag.type.value}]" for p in PROPERTIES]
    elif verb in ("add", "update"):
        for tag in sorted(TAGS, key=lambda tag: tag.name != "appid"):
            if tag.since <= release:
                text = f"{tag.name}={_syntax_word(tag.type)}"
                required = tag.name == "appid" and verb == "add"
                lines.append(text if required else f"[{text}]")
    return "\n        ".join(lines)


def _syntax_word(type_: Type) -> str:
    return type_.value if type_ in (Type.GUID, Type.FLAG, Type.NUMBER) else Type.TEXT.value


def _parameters(verb: str, word: str, release: Release) -> str:
    if verb == "dump":
        return "\nPrints a script that makes the bindings and the listen list anew.\n"
    if word == "iplisten":
        return "\nThe addresses that HTTP.SYS listens on; an empty list means every address.\n"
    rows = [(kind.name, key_help(kind, release)) for kind in _kinds(word, release)]
    if word == "sslpropertyex":
        rows += [("propertyid", "0 for receivewindow, 1 for the maxsettings tags")]
        rows += [(p.tag.name, p.tag.summary) for p in PROPERTIES]
    elif verb in ("add", "update"):
        rows += [(tag.name, tag.summary) for tag in TAGS if tag.since <= release]
    elif verb == "show":
        rows.append(("json", "enable prints JSON in place of text"))
    body = "".join(f"        {name:<42} {text}\n" for name, text in rows)
    return f"\nParameters\n\n        {'Tag':<42} Value\n{body}"


def key_help(kind: Kind, release: Release) -> str:
    """Return what a key of ``kind`` looks like, with examples; a phrase for help."""
    if kind is IPPORT:
        return "address and port: 10.0.0.5:443, 0.0.0.0:443 (all IPv4), [::]:443"
    if kind is CCS:
        return "port that the Central Certificate Store serves: 443"
    if kind is HOSTNAMEPORT:
        star = ", *.contoso.com:443" if release >= SNI_WILDCARD_SINCE else ""
        return f"host name (SNI) and port: www.contoso.com:443{star}"
    return "host name and port that the Central Certificate Store serves"
