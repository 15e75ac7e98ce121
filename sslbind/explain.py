r"""Explanations: what an error, an event, a rule, a flag or an appid means, and how to fix it.

What goes wrong comes from netsh's and IIS's own behaviour and Windows' event
log; the words of rules from the rules, flags from ``sslflags`` and ``tags``,
owners from ``owners``, the order of a lookup from ``resolver``. How a request
flows comes from posts of Microsoft's IIS engineers, who say "context switch";
between kernel mode and user mode the term is mode switch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from sslbind import check, sslflags
from sslbind.errors import BadValueError, RefusedError, SslbindError
from sslbind.keys import KINDS
from sslbind.netsh_messages import SYSTEM_TEXTS
from sslbind.owners import OWNER_BY_APPID, OWNER_BY_WORD, OWNERS
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.resolver import State, resolve
from sslbind.tags import MAX_NUMBER, TAG_BY_NAME
from sslbind.wording import join

_SORTS = ("error", "event", "rule")
"""Optional words before a topic."""
_HRESULT = 0x80070000  # FACILITY_WIN32: the lower half is a Windows error code


class Detail(NamedTuple):
    """A sentence, and whether it is documented (True), inferred (False) or neither is known."""

    text: str
    documented: bool | None = None


class Explanation(NamedTuple):
    """What something means, why it happens, and how to fix it."""

    title: str
    means: str
    why: tuple[Detail, ...] = ()
    fix: tuple[str, ...] = ()


def explain(words: Sequence[str], release: Release) -> Explanation:
    """Return what ``words`` mean on ``release``: ``1312``, ``sslflags 129``, ``no-default-ssl``.

    Raises RefusedError for an appid of an unknown product, and SslbindError,
    with the closest topic, for an unknown one.
    """
    topic, *rest = words[1:] if words[0].lower() in _SORTS and len(words) > 1 else words
    topic = topic.lower()
    if topic == "sslflags" and len(rest) == 1:
        return _sslflags(rest[0], release)
    if topic == "appid" and len(rest) == 1:
        return _appid(rest[0])
    if not rest:
        if topic in ("flow", "update"):
            return _flow(release) if topic == "flow" else _UPDATE
        code = _code(topic)
        if code in ERRORS:
            return ERRORS[code]
        if code in EVENTS:
            return EVENTS[code]
        if topic in check.rules():
            return _rule(topic)
    raise _unknown(words)


def topics() -> Mapping[str, Mapping[str, str]]:
    """Return everything that can be explained by its sort, each with a line about it."""
    return {
        "rules": {rule.id: _plain(rule.summary) for rule in check.rules().values()},
        "errors": {str(code): one.means for code, one in ERRORS.items()},
        "events": {str(code): one.means for code, one in EVENTS.items()},
        "owners": {f"appid {owner.word}": owner.name for owner in OWNERS},
        "others": {
            "sslflags N": "The bits of IIS's sslFlags, and the tags that are the same settings",
            "flow": "The path of a request, and the lookup of its certificate",
            "update": "What becomes of the tags that an update does not name",
        },
    }


def _unknown(words: Sequence[str]) -> SslbindError:
    asked = printable(" ".join(words))
    if words[0].lower() in ("sslflags", "appid"):
        form = "sslflags N" if words[0].lower() == "sslflags" else "appid {GUID}"
        return SslbindError(f"{asked!r} is not explained", f"sslbind explain {form}")
    known = [topic for sort in topics().values() for topic in sort]
    close = get_close_matches(" ".join(words).lower(), known, n=1, cutoff=0.5)
    hints = [f"did you mean {close[0]}?"] if close else []
    return SslbindError(
        f"{asked!r} is not explained", *hints, "sslbind explain lists what can be explained"
    )


def _code(text: str) -> int | None:
    """Return a Windows error code or an event's number; an HRESULT in any form is its code."""
    try:
        hexadecimal = text.startswith("0x") or (text.startswith("8007") and len(text) == 8)
        number = int(text, 16 if hexadecimal else 10) if len(text) <= 16 else -1
    except ValueError:
        return None
    number &= 0xFFFFFFFF
    return number & 0xFFFF if number & 0xFFFF0000 == _HRESULT else number


def _rule(id_: str) -> Explanation:
    rule = check.rules()[id_]
    sites = "--sites applicationHost.config " if rule.sites else ""
    return Explanation(
        f"{id_} ({rule.severity})",
        f"{_plain(rule.summary)}.",
        tuple(Detail(_plain(part)) for part in rule.details.split("\n\n") if part),
        (
            f"sslbind check {sites}--select {id_} shows each finding and how to fix it",
            f'[[Suppress]] with rule = "{id_}" and a reason silences it in one registry',
        ),
    )


def _plain(text: str) -> str:
    """Return text of a docstring on one line, without its marks."""
    return " ".join(text.replace("``", "").split())


_UPDATE = Explanation(
    "update sslcert",
    "Changes the tags that are named; the others keep their values.",
    (
        Detail(
            "this differs from netsh, reported of Server 2025: an update that did not name"
            " dsmapperusage turned it off, as the API under it writes a whole record",
            documented=False,
        ),
    ),
    (
        "name every tag in a script that netsh runs too; what export and dump write does",
        "--netsh-update puts the tags that are not named back to their defaults",
    ),
)

_SITE_BITS = {
    sslflags.SNI: "the record is found by the server name that the client sends (hostnameport)",
    sslflags.CENTRAL_CERT_STORE: "the certificate is a file of the central store (ccs)",
}
_BASES = (
    "legacy binding: by address and port, with neither SNI nor central store",
    "SNI: by the server name, with a certificate of its own",
    "central store, SNI not enforced",
    "central store, SNI enforced",
)


def _sslflags(text: str, release: Release) -> Explanation:
    try:
        flags = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        flags = -1
    if not 0 <= flags <= MAX_NUMBER:
        raise SslbindError(
            f"sslflags {printable(text)}: must be a number from 0 to {MAX_NUMBER}",
            "sslbind explain sslflags 129",
        )
    bits = [1 << place for place in range(flags.bit_length()) if flags >> place & 1]
    tags = {tag.site_flag.bit: tag.name for tag in sslflags.FLAG_TAGS if tag.site_flag}
    why = [Detail(_bit(bit, tags, release), True) for bit in bits]
    but = "" if sslflags.SINCE.keys() >= set(bits) else ", except the unknown bits"
    for kind in KINDS:
        try:
            sslflags.check(kind, flags & sum(sslflags.SINCE), max(Release))
        except BadValueError as error:
            why.append(Detail(f"{kind}: wrong, {error.message.partition(': ')[2]}", True))
        else:
            why.append(Detail(f"{kind}: fits{but}", True))
    sum_ = " + ".join(f"{bit} {_bit_name(bit)}" for bit in bits)
    means = _BASES[flags & sum(_SITE_BITS)] + (f"; {flags} = {sum_}" if bits else "")
    fixes = [
        f"sslbind update sslcert KEY {tags[bit]}=enable has the same meaning as bit {bit}"
        for bit in bits
        if bit in tags
    ]
    return Explanation(
        f"sslFlags {flags}",
        f"{means}.",
        tuple(why),
        (*fixes, "sslbind check --select 'sslflags-*' finds records with invalid sslflags"),
    )


def _bit(bit: int, tags: Mapping[int, str], release: Release) -> str:
    since = sslflags.SINCE.get(bit)
    if since is None:
        return f"{bit}: this bit is not known in any Windows release"
    what = f"the same setting as the tag {tags[bit]}" if bit in tags else _SITE_BITS[bit]
    newer = f", and {release.title} is modelled" if since > release else ""
    return f"{bit} {_bit_name(bit)}: {what}; from {since.title} on{newer}"


def _bit_name(bit: int) -> str:
    return sslflags.names(bit) if bit in sslflags.SINCE else "(unknown)"


def _appid(text: str) -> Explanation:
    words = ", ".join(OWNER_BY_WORD)
    try:
        braced = text if text.lower() in OWNER_BY_WORD else f"{{{text.strip('{}')}}}"
        appid = str(TAG_BY_NAME["appid"].parse(braced))
    except BadValueError:
        close = get_close_matches(text.lower(), OWNER_BY_WORD, n=1)
        hint = f"did you mean {close[0]}?" if close else f"a {{GUID}}, or one of {words}"
        raise RefusedError(f"appid {printable(text)} is neither a GUID nor known", hint) from None
    owner = OWNER_BY_APPID.get(appid)
    if owner is None:
        raise RefusedError(f"{appid} does not belong to a known product", f"known are {words}")
    causes = [
        Detail("the appid only identifies the owner of a record", False),
        Detail("its owner may write the record again, or delete it", False),
    ]
    if owner.copy:
        causes.append(Detail(f"it keeps the thumbprint in {owner.copy} too, and goes on using it"))
    if owner.shares:
        causes.append(Detail(f"records of {join(owner.shares)} have this appid as well"))
    causes.append(Detail(f"the appid is known from: {owner.source}"))
    return Explanation(
        f"{owner.name} ({owner.word})",
        f"Records with the appid {owner.appid} belong to {owner.name}.",
        tuple(causes),
        (
            *([f"its own tool changes the certificate: {owner.change}"] if owner.change else []),
            f"sslbind list --appid {owner.word} lists its records",
            f"appid={owner.word} in a command means it",
        ),
    )


# How a request flows.

_KERNEL = "HTTP.SYS"
_FILTER, _WORKER = "HTTPFilter in lsass.exe", "the worker process"


class _Flow(NamedTuple):
    """The path of a request and its response; every stop except HTTP.SYS is in user mode."""

    name: str
    stops: tuple[str, ...]
    note: str

    @property
    def text(self) -> str:
        switches = 2 * sum(stop != _KERNEL for stop in self.stops)
        cryptography = 2 * self.stops.count(_FILTER)
        way = " -> ".join(("request", *self.stops, "response"))
        extra = f", {cryptography} of them for cryptography" if cryptography else ""
        return f"{self.name}: {way}: {switches} mode switches{extra}{self.note}"


_SHORT_WAY = (_KERNEL, _WORKER, _KERNEL)
_IIS6 = (
    _Flow(
        "IIS 6, SSL in user mode",
        (_KERNEL, _FILTER, _KERNEL, _WORKER, _KERNEL, _FILTER, _KERNEL),
        "",
    ),
    _Flow(
        "IIS 6 with EnableKernelSSL",
        _SHORT_WAY,
        r"; EnableKernelSSL = 1 (DWORD) below HKLM\System\CurrentControlSet\Services\HTTP"
        r"\Parameters, from SP1 on; no client certificates, RC2 or PCT then, and a new"
        " certificate needs a restart of the HTTP service",
    ),
)
_IIS7 = (_Flow("IIS 7 and later", _SHORT_WAY, "; SSL is always in kernel mode"),)
_ADDRESS, _PORT, _NAME = "2001:db8::5", 443, "www.contoso.com"


def _flow(release: Release) -> Explanation:
    own = _IIS6 if release < Release.W2008 else _IIS7
    here = f" (so on {release.title}, which is modelled)"
    flows = [Detail(f"{one.text}{here if one in own else ''}", True) for one in _IIS6 + _IIS7]
    answer = resolve(State(release, {}), _ADDRESS, _PORT, _NAME)
    steps = [
        Detail(f"lookup {number}, {step.name}: {step.tried}", step.documented)
        for number, step in enumerate(answer.steps, 1)
    ]
    return Explanation(
        "The path of a request, and the lookup of its certificate",
        "A request is decrypted, served and encrypted again; going from kernel mode to user mode,"
        " or back, is a mode switch. In the handshake HTTP.SYS looks for one record, in the order"
        f" below for a client that connects to [{_ADDRESS}]:{_PORT} and asks for {_NAME} on"
        f" {release.title}; the first record found answers; without one the handshake"
        " fails.",
        (*flows, *steps),
        (
            "sslbind resolve ADDRESS:PORT HOST --explain does the same lookup with your records",
            "sslbind --windows RELEASE explain flow shows the order of another release",
        ),
    )


# Windows error codes, as netsh and IIS show them.

_NAMES = {
    2: "ERROR_FILE_NOT_FOUND",
    5: "ERROR_ACCESS_DENIED",
    87: "ERROR_INVALID_PARAMETER",
    183: "ERROR_ALREADY_EXISTS",
    1312: "ERROR_NO_SUCH_LOGON_SESSION",
}
_WHY = {
    2: ("there is no record with this key", "the port or the spelling of the key differs"),
    5: (
        "the console is not elevated: only administrators change HTTP.SYS's records",
        "in a pipeline, the account that its agent runs as is not an administrator",
    ),
    87: (
        (
            "the hash was pasted from the certificate window, with U+200E or another invisible"
            " character at its start, or with spaces or colons in it"
        ),
        "the hash has 64 digits: it is a SHA-256, and certhash is a SHA-1 of 40",
        "bare braces in PowerShell, or single quotes in cmd, around a GUID that may be wrong too",
        "a hostnameport record without certstorename",
        "a host name given to ipport, or a key without its port",
    ),
    183: ("a record with this key exists, of this owner or of another",),
    1312: (
        "the certificate has no private key: a .cer was imported, and not the .pfx",
        "the certificate is not in the store that certstorename names",
        "it was imported for the user, and not for the machine",
        (
            "the key set is broken: an import in IIS without 'allow export', access rights on"
            " MachineKeys, KeySpec 2, or a temporary key"
        ),
    ),
}
_FIX = {
    2: (
        "sslbind list shows the records that exist",
        "sslbind delete sslcert KEY --missing-ok succeeds if there is none",
    ),
    5: ("run netsh in an elevated console; sslbind needs rights to the registry only",),
    87: (
        "sslbind accepts such a hash, and reports what it removed",
        "quote the GUID as appid='{GUID}' in PowerShell, or name the owner: appid=iis",
        "sslbind add sslcert ? explains every tag",
    ),
    183: (
        "sslbind show sslcert KEY shows the record and its owner",
        "sslbind update sslcert KEY TAG=VALUE changes it",
        "sslbind add sslcert KEY TAG=VALUE --if-exists update adds or changes it",
    ),
    1312: (
        "sslbind store list shows the stores that have the certificate, and whether with its key",
        "sslbind store add FILE.pfx --store MY adds the certificate with its key",
        "sslbind store verify THUMBPRINT checks the certificate, its key and its chain",
    ),
}
ERRORS = {
    code: Explanation(
        f"Error {code} (0x{_HRESULT | code:08X}), {name}",
        SYSTEM_TEXTS[code],
        tuple(map(Detail, _WHY[code])),
        _FIX[code],
    )
    for code, name in _NAMES.items()
}
"""Windows error codes, and what they mean for a binding."""

_UNUSABLE = (
    Detail("the certificate has no private key, or its key set is broken (see 1312)"),
    Detail("the certificate is not in the store that the record names"),
)
EVENTS = {
    36870: Explanation(
        "Event 36870, Schannel",
        "The private key of the server's certificate is not accessible; the handshake fails.",
        (*_UNUSABLE, Detail("the service has no right to read the key below MachineKeys")),
        (
            "sslbind store verify reports keys that are missing, locked or do not match",
            "sslbind store add FILE.pfx adds the certificate with its key",
            "sslbind explain 1312 lists what else breaks a key",
        ),
    ),
    36874: Explanation(
        "Event 36874, Schannel",
        "Client and server have no cipher suite in common; the handshake fails.",
        (
            Detail("the record, or the machine, turns off the TLS versions that the client has"),
            Detail("no suite that both know goes with the key of the certificate, RSA or EC"),
        ),
        (
            "sslbind check --select no-tls-version-left finds records without any TLS version",
            "sslbind resolve ADDRESS:PORT HOST --explain shows which versions a record allows",
        ),
    ),
    36888: Explanation(
        "Event 36888, Schannel",
        "The server sent a fatal alert and ended the handshake; 40 is handshake_failure.",
        (
            Detail("no cipher suite or TLS version fits: event 36874 goes with it"),
            Detail("the record that was picked has no certificate that can be used"),
        ),
        (
            "sslbind resolve ADDRESS:PORT HOST --explain shows which record answers, and why",
            "sslbind check finds the records that cannot serve",
        ),
    ),
    15021: Explanation(
        "Event 15021, HttpEvent",
        "A record names a certificate that HTTP.SYS cannot use; its connections fail.",
        (*_UNUSABLE, Detail("the certificate was renewed, and the record kept the old hash")),
        (
            "sslbind check --select 'cert-*' finds such records",
            "sslbind rebind OLD NEW gives every record of a certificate the new one",
            "sslbind store add FILE.pfx adds a certificate with its key",
        ),
    ),
    15300: Explanation(
        "Event 15300, HttpEvent",
        "A record was deleted.",
        (
            Detail("an administrator, or the owner of the record, deleted it"),
            Detail(
                "the IIS configuration has property 5506 below customMetadata, a leftover that"
                " makes bindings vanish"
            ),
        ),
        (
            "sslbind list shows the records that should exist",
            "sslbind check --sites applicationHost.config finds property 5506: explain legacy-5506",
        ),
    ),
    15301: Explanation(
        "Event 15301, HttpEvent",
        "A record was created.",
        (Detail("netsh, IIS or another owner added it"),),
        ("sslbind list shows what should be there; there is nothing to fix",),
    ),
}
"""Windows events that go with bindings."""
