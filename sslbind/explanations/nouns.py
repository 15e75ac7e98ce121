"""The words of the product: a rule of ``check``, IIS's sslFlags, a tag, the owner of a record.

Rules explain themselves by their docstrings; flags come from ``sslflags`` and
``tags``, owners from ``owners``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from sslbind import check, sslflags
from sslbind.errors import BadValueError, RefusedError, SslbindError
from sslbind.explanations.explanation import Detail, Explanation
from sslbind.keys import KIND_BY_NAME, KINDS
from sslbind.netsh_messages import key_help
from sslbind.owners import NOBODY, OWNER_BY_APPID, OWNER_BY_WORD
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import MAX_NUMBER, SSLFLAGS, STORED, TAG_BY_NAME, Tag, Type
from sslbind.wording import join


def explain_rule(id_: str) -> Explanation:
    """Return what a rule of ``check`` finds, and why that matters: its docstring."""
    rule = check.rules()[id_]
    sites = "--sites applicationHost.config " if rule.sites else ""
    return Explanation(
        f"{id_} ({rule.severity})",
        f"{plain(rule.summary)}.",
        tuple(Detail(plain(part)) for part in rule.details.split("\n\n") if part),
        (
            f"sslbind check {sites}--select {id_} shows each finding and how to fix it",
            f'[[Suppress]] with rule = "{id_}" and a reason silences it in one registry',
        ),
    )


def plain(text: str) -> str:
    """Return text of a docstring on one line, without its marks."""
    return " ".join(text.replace("``", "").split())


_SITE_BITS = {
    sslflags.SNI: "the record is found by the server name that the client sends (hostnameport)",
    sslflags.CENTRAL_CERT_STORE: "the certificate is a file of the central store (ccs)",
}
_BASES = (
    "legacy binding: by address and port, with neither SNI nor central store",
    "SNI: by the server name, with its own certificate",
    "central store, SNI not enforced",
    "central store, SNI enforced",
)


def explain_sslflags(text: str, release: Release) -> Explanation:
    """Return what the bits of IIS's sslFlags mean; raise SslbindError if it is not a number."""
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


def explain_appid(text: str) -> Explanation:
    """Return whose an appid is, a GUID or an owner's word; raise RefusedError if unknown."""
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
        about = NOBODY.get(appid)
        hints = [about] if about else []
        raise RefusedError(
            f"{appid} does not belong to a known product", *hints, f"known are {words}"
        )
    causes = [
        Detail("the appid only identifies the owner of a record", False),
        Detail("its owner may rewrite the record, or delete it", False),
    ]
    if owner.copy:
        causes.append(
            Detail(f"it also keeps the thumbprint in {owner.copy}, and continues to use it")
        )
    if owner.shares:
        causes.append(Detail(f"records of {join(owner.shares)} also have this appid"))
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


_VALUES = {
    "appid": ("sslbind explain appid {GUID} says whose it is",),
    SSLFLAGS.name: ("sslbind explain sslflags N explains the bits of a value",),
}


def explain_tag(name: str, release: Release) -> Explanation:
    """Return what a tag of a binding, or the tag of a key, is for."""
    if name in KIND_BY_NAME:
        kind = KIND_BY_NAME[name]
        return Explanation(
            f"{name}={kind.syntax}",
            f"The key of a record: {key_help(kind, release)}.",
            (Detail(f"from {kind.since.title} on", True),),
            (
                "sslbind explain flow shows the lookup order of the kinds",
                "sslbind list shows the records",
            ),
        )
    tag = STORED[name]
    example = "enable" if tag.type is Type.FLAG else tag.type.value
    return Explanation(
        f"{name}={tag.type.value}",
        f"{capitalized(tag.summary)}.",
        tuple(_facts(tag, release)),
        (
            *_VALUES.get(name, ()),
            f"sslbind update {_object(tag)} KEY {name}={example}",
            f"sslbind add sslcert ? explains every tag of {release.title}",
        ),
    )


def capitalized(phrase: str) -> str:
    """Return a phrase that begins a sentence."""
    return phrase[0].upper() + phrase[1:]


def _object(tag: Tag) -> str:
    """Return netsh's word for what has the tag: a record, or a property of it."""
    return "sslcert" if tag.value or tag is SSLFLAGS else "sslpropertyex"


def _facts(tag: Tag, release: Release) -> Iterator[Detail]:
    newer = f", and {release.title} is modelled" if tag.since > release else ""
    yield Detail(f"from {tag.since.title} on{newer}", True)
    if tag.default is not None:
        yield Detail(f"without it: {tag.text(tag.default)}", True)
    if tag.label:
        yield Detail(f"show prints it as '{tag.label}'", True)
    if tag.value:
        bit = f", bit 0x{tag.bit:X}{' when disabled' * tag.inverted}" if tag.bit else ""
        yield Detail(f"stored in the Windows registry as {tag.value}{bit}", True)
    if tag.site_flag:
        flag = tag.site_flag
        yield Detail(
            f"bit {flag.bit} {flag.name} of IIS's sslFlags, from {flag.since.title} on", True
        )
    if tag.removes:
        yield Detail(f"if enabled, it turns off {join(tag.removes, 'and')}", True)
