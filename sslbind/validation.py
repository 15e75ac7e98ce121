"""What netsh requires of a record before it is written: its tags, their values, the release.

``session`` checks whether the certificate exists.
"""

from __future__ import annotations

from collections.abc import Mapping

from sslbind import sslflags
from sslbind.binding import Binding, not_a_tag
from sslbind.errors import BadValueError, SyntaxLineError
from sslbind.keys import CCS, HOSTNAMEPORT, SNI_WILDCARD_SINCE, Key
from sslbind.release import Release
from sslbind.tags import SSLFLAGS, STORED, Value, lost_in_show


def build(
    key: Key,
    values: Mapping[str, Value],
    base: Binding | None,
    before: Binding | None,
    release: Release,
) -> Binding:
    """Return the binding that ``values`` make of ``base``; what ``before`` has beside tags is kept.

    Raises BadValueError for a name that no tag has and for a value that its tag
    or the others exclude, and SyntaxLineError for what ``release`` does not have and
    for a tag that is missing.
    """
    for name, value in values.items():
        if name not in STORED:
            raise not_a_tag(name)
        STORED[name].check(value)
        if isinstance(value, str) and (why := lost_in_show(value)):
            raise BadValueError(f"{name}={value!r} {why}", f"write another text for {name}")
    _check_release(key, values, release)
    _check_flags(key, values, release)
    merged = dict(base.values) if base else {}
    merged |= values
    flags = values.get(SSLFLAGS.name, 0)
    for tag in sslflags.FLAG_TAGS:
        if tag.site_flag and int(flags) & tag.site_flag.bit:
            merged[tag.name] = True
    stored = merged.get(SSLFLAGS.name)
    if stored is not None:  # bits and tags mean the same, and the tags are stored
        kept = int(stored) & (sslflags.SNI | sslflags.CENTRAL_CERT_STORE)
        merged[SSLFLAGS.name] = sslflags.effective(
            key.kind, merged | {SSLFLAGS.name: kept}, release
        )
    _check_required(key, merged, values)
    return Binding(key, merged, before.other if before else None)


def _check_release(key: Key, values: Mapping[str, Value], release: Release) -> None:
    since, what = key.kind.since, key.kind.name
    if key.kind is HOSTNAMEPORT and key.wildcard and since <= release < SNI_WILDCARD_SINCE:
        raise BadValueError(
            f"{what}={key}: wildcard names exist from {SNI_WILDCARD_SINCE.title} on",
            _release_hint(SNI_WILDCARD_SINCE, release),
        )
    for name in values:
        if since <= release:
            since, what = STORED[name].since, name
    if since > release:
        raise SyntaxLineError(
            f"{what} exists from {since.title} on", _release_hint(since, release), word=what
        )


def _release_hint(since: Release, release: Release) -> str:
    return (
        f"{release.title} is modelled; --windows {since}, or windows = "
        f'"{since}" in the registry, models a server that has it'
    )


def _check_flags(key: Key, values: Mapping[str, Value], release: Release) -> None:
    if SSLFLAGS.name not in values:
        return
    flags = int(values[SSLFLAGS.name])
    sslflags.check(key.kind, flags, release)
    for tag in sslflags.FLAG_TAGS:
        flag = tag.site_flag
        if flag and flags & flag.bit and values.get(tag.name) is False:
            raise BadValueError(
                f"sslflags={flags} has bit {flag.bit} ({flag.name}),"
                f" and {tag.name}=disable contradicts it",
                f"leave the bit or the tag out: sslflags={flags & ~flag.bit}",
            )


def _check_required(key: Key, merged: Mapping[str, Value], named: Mapping[str, Value]) -> None:
    kind = key.kind
    if not kind.certificate:
        for name in ("certhash", "certstorename"):
            if name in merged:
                raise BadValueError(
                    f"{key.spec}: {name} does not belong there; the central store gives"
                    " the certificate"
                )
    if kind is CCS:
        for name in named:
            tag = STORED[name]
            if name not in ("appid", SSLFLAGS.name) and named[name] != tag.default:
                raise BadValueError(
                    f"{key.spec}: {name}={tag.text(named[name])}: HTTP.SYS refuses options"
                    " other than the defaults on a ccs record"
                )
    required = ("appid", "certhash") if kind.certificate else ("appid",)
    missing = [name for name in required if name not in merged]
    if missing:
        raise SyntaxLineError(
            f"{key.spec} needs {' and '.join(missing)}",
            " ".join(f"{name}={_EXAMPLES[name]}" for name in missing),
            missing=True,
        )
    if kind is HOSTNAMEPORT and "certstorename" not in merged:
        raise BadValueError(
            f"{key.spec}: certstorename is missing, and records with a host name need it",
            "certstorename=MY is the usual store",
        )


_EXAMPLES = {"appid": "{GUID} or appid=iis", "certhash": "THUMBPRINT, or --cert FILE"}
