"""The table: every line that both programs carry out, case by case.

A case starts from an empty state, and its lines run in order; what netsh is
given comes after the word ``netsh``. ``$words`` are filled in by ``values``.
The lines of one case have the ids ``name.1``, ``name.2`` and so on.

No line may touch a binding of somebody else: keys have the ports and names of
this test only, records its appid, nothing is deleted without a key, and the IP
listen list of the machine is read and never changed.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sslbind.keys import SCOPEDCCS, SNI_WILDCARD_SINCE
from sslbind.release import Release
from sslbind.tags import TAGS, Tag, Type

APPID = "{8f6d2a51-3c0e-4b7f-9a64-d1ff00e47a11}"
OTHER_APPID = "{8f6d2a51-3c0e-4b7f-9a64-d1ff00e47a12}"
OWN_APPIDS = (APPID, OTHER_APPID)
"""Anything with one of these was made by this test, and by nobody else."""

DOMAIN = "sslbind-differential.test"
NOWHERE = "00112233445566778899aabbccddeeff00112233"
"""A thumbprint that no certificate has."""
UNICODE_HOST = f"b\u00fccher.{DOMAIN}"
"""A host name that not every code page can encode, so that no listing has to show it."""
UPPER = "AABBCCDDEEFF00112233445566778899AABBCCDD"
"""Another, in capital letters."""


class Case(NamedTuple):
    """Lines that run in order, starting from an empty state.

    ``since`` is the first release on which they are run. ``ours`` says
    why sslbind answers differently on purpose; empty if it must answer exactly
    as netsh does. ``script`` is the content of ``$script``.
    """

    name: str
    lines: tuple[str, ...]
    since: Release = Release.W2012
    ours: str = ""
    script: str = ""


class Line(NamedTuple):
    """One line of a case, its ``$words`` filled in."""

    id: str
    text: str


def values(port: int, thumbprints: Mapping[str, str], script: str) -> dict[str, str]:
    """Return the value of each ``$word``; ``port`` is reserved for the test.

    ``thumbprints`` has those of the certificates ``a``, ``b`` and ``keyless``
    at least, ``script`` is the path of the file that ``-f`` and ``json=`` read.
    """
    return {
        **thumbprints,
        "a64": base64.b64encode(bytes.fromhex(thumbprints["a"])).decode(),
        "nowhere": NOWHERE,
        "appid": APPID,
        "appid2": OTHER_APPID,
        "domain": DOMAIN,
        "port": str(port),
        "script": script,
    }


def lines(case: Case, words: Mapping[str, str]) -> Iterator[Line]:
    """Give the lines of ``case``, filled in."""
    for number, text in enumerate(case.lines, 1):
        yield Line(f"{case.name}.{number}", string.Template(text).substitute(words))


RECORD = "certhash=$a appid=$appid certstorename=MY"
OTHER = "certhash=$b appid=$appid certstorename=MY"
IP, IP5, IP6 = "ipport=0.0.0.0:$port", "ipport=127.0.0.5:$port", "ipport=[::]:$port"
SNI, WILD = "hostnameport=www.$domain:$port", "hostnameport=*.$domain:$port"
CCS, SCOPED = "ccs=$port", "scopedccs=www.$domain:$port"
ADD, UPDATE = "http add sslcert", "http update sslcert"
SHOW, DELETE = "http show sslcert", "http delete sslcert"
ADDED = f"{ADD} {IP} {RECORD}"
SHOWN = f"{SHOW} {IP}"
HELP = "the help is in words of our own"
OURS = "netsh has no such word; sslbind takes it on purpose"
LATER = Release.W2019
"""The first release whose netsh has ``update``."""


def _round(name: str, key: str, since: Release = Release.W2012) -> Case:
    """Return a record's whole life, from the first add to a delete that finds nothing."""
    return Case(
        name,
        (
            f"{ADD} {key} {RECORD}",
            f"{SHOW} {key}",
            f"{ADD} {key} {OTHER}",
            f"{UPDATE} {key} {OTHER}",
            f"{SHOW} {key}",
            f"{DELETE} {key}",
            f"{SHOW} {key}",
            f"{DELETE} {key}",
        ),
        since,
    )


def _central(name: str, key: str, since: Release) -> Case:
    """Return the life of a record that names no certificate."""
    return Case(
        name,
        (
            f"{ADD} {key} appid=$appid",
            f"{SHOW} {key}",
            f"{ADD} {key} appid=$appid",
            f"{UPDATE} {key} appid=$appid2",
            f"{SHOW} {key}",
            f"{DELETE} {key}",
            f"{SHOW} {key}",
            f"{DELETE} {key}",
        ),
        since,
    )


KINDS = (
    _round("ipport", IP),
    _round("ipport-address", IP5),
    _round("ipport-ipv6", IP6),
    _round("ipport-ipv6-address", "ipport=[::1]:$port"),
    _round("ipport-ipv6-long", "ipport=[0:0:0:0:0:0:0:1]:$port"),
    _round("hostnameport", SNI),
    _round("hostnameport-case", "hostnameport=WWW.$domain:$port"),
    _round("hostnameport-unicode", f"hostnameport={UNICODE_HOST}:$port"),
    _round("hostnameport-punycode", "hostnameport=xn--bcher-kva.$domain:$port"),
    _round("hostnameport-underscore", "hostnameport=a_b.$domain:$port"),
    _round("hostnameport-wildcard", WILD, SNI_WILDCARD_SINCE),
    _central("ccs", CCS, Release.W2012),
    _central("scopedccs", SCOPED, SCOPEDCCS.since),
)

MESSAGES = (
    Case("no-store", (f"{ADD} {IP} certhash=$a appid=$appid", SHOWN)),
    Case("no-store-sni", (f"{ADD} {SNI} certhash=$a appid=$appid", f"{SHOW} {SNI}")),
    Case("no-appid", (f"{ADD} {IP} certhash=$a certstorename=MY", SHOWN)),
    Case("no-hash", (f"{ADD} {IP} appid=$appid certstorename=MY", SHOWN)),
    Case("no-hash-sni", (f"{ADD} {SNI} appid=$appid certstorename=MY",)),
    Case("no-key", (f"{ADD} {RECORD}", f"{UPDATE} {RECORD}")),
    Case("nothing", (ADD, UPDATE)),
    Case("nowhere", (f"{ADD} {IP} certhash=$nowhere appid=$appid certstorename=MY", SHOWN)),
    Case("no-private-key", (f"{ADD} {IP} certhash=$keyless appid=$appid certstorename=MY", SHOWN)),
    Case("other-store", (f"{ADD} {IP} certhash=$a appid=$appid certstorename=Root", SHOWN)),
    Case("no-such-store", (f"{ADD} {IP} certhash=$a appid=$appid certstorename=Nowhere", SHOWN)),
    Case("store-case", (f"{ADD} {IP} certhash=$a appid=$appid certstorename=mY", SHOWN)),
    Case("store-quoted", (f'{ADD} {IP} certhash=$a appid=$appid certstorename="MY"', SHOWN)),
    Case(
        "store-spaces",
        (f'{ADD} {IP} certhash=$a appid=$appid certstorename="Remote Desktop"', SHOWN),
    ),
    Case("update-absent", (f"{UPDATE} {IP} {RECORD}", SHOWN), LATER),
    Case("unknown-tag", (f"{ADDED} foo=bar", SHOWN)),
    Case("unknown-tag-update", (ADDED, f"{UPDATE} {IP} {OTHER} foo=bar", SHOWN), LATER),
    Case("unknown-tag-show", (f"{SHOW} foo=bar",)),
    Case("unknown-tag-delete", (ADDED, f"{DELETE} {IP} foo=bar", SHOWN)),
    Case("twice", (f"{ADDED} usagecheck=enable usagecheck=disable", SHOWN)),
    Case("twice-same", (f"{ADDED} usagecheck=disable usagecheck=disable", SHOWN)),
    Case("two-keys", (f"{ADD} {IP} {SNI} {RECORD}", SHOWN, f"{SHOW} {SNI}")),
    Case("loose-word", (f"{ADDED} enable", SHOWN)),
    Case("unknown-object", ("http show nothing", "http add nothing")),
    Case("unknown-verb", ("http frobnicate", "http frobnicate sslcert")),
    Case("ccs-hash", (f"{ADD} {CCS} {RECORD}", f"{SHOW} {CCS}")),
    Case("ccs-option", (f"{ADD} {CCS} appid=$appid clientcertnegotiation=enable",)),
    Case("scopedccs-hash", (f"{ADD} {SCOPED} {RECORD}", f"{SHOW} {SCOPED}"), SCOPEDCCS.since),
    Case(
        "scopedccs-option",
        (f"{ADD} {SCOPED} appid=$appid disablehttp2=enable", f"{SHOW} {SCOPED}"),
        SCOPEDCCS.since,
    ),
    Case("no-appid-ccs", (f"{ADD} {CCS}", f"{SHOW} {CCS}")),
    Case("other-kind", (ADDED, f"{SHOW} {IP6}", f"{DELETE} {IP6}", SHOWN)),
)

SPELLINGS = (
    Case("words-short", (f"http ad ssl {IP} {RECORD}", f"http sh ssl {IP}", f"http del ssl {IP}")),
    Case("words-shorter", (f"http a sslc {IP} {RECORD}", f"http s sslc {IP}", f"http d sslc {IP}")),
    Case("words-context", (f"ht add sslcert {IP} {RECORD}", f"htt show sslcert {IP}")),
    Case("words-case", (f"HTTP Add SslCert {IP} {RECORD}", f"Http SHOW SSLCERT {IP}")),
    Case(
        "tags-case",
        (f"{ADD} IPPort=0.0.0.0:$port CertHash=$a APPID=$appid CertStoreName=MY", SHOWN),
    ),
    Case("values-case", (f"{ADDED} usagecheck=DISABLE dsmapperusage=Enable", SHOWN)),
    Case("tags-short", (f"{ADD} ipp=0.0.0.0:$port certh=$a app=$appid certs=MY", SHOWN)),
    Case("tags-short-one", (f"{ADDED} usage=disable", SHOWN)),
    Case("order", (f"{ADD} certstorename=MY appid=$appid certhash=$a {IP}", SHOWN)),
    Case("order-options", (f"{ADD} usagecheck=disable {RECORD} {IP}", SHOWN)),
    Case(
        "positions",
        (
            f"{ADD} 0.0.0.0:$port $a $appid MY",
            f"{SHOW} 0.0.0.0:$port",
            f"{DELETE} 0.0.0.0:$port",
            SHOWN,
        ),
    ),
    Case("position-of-key", (f"{ADD} 0.0.0.0:$port {RECORD}", f"{DELETE} 0.0.0.0:$port")),
    Case("position-ipv6", (f"{ADD} {IP6} {RECORD}", f"{SHOW} [::]:$port", f"{DELETE} [::]:$port")),
    Case(
        "position-host",
        (f"{ADD} {SNI} {RECORD}", f"{SHOW} www.$domain:$port", f"{DELETE} www.$domain:$port"),
    ),
    Case("hash-case", (f"{ADD} {IP} certhash={UPPER} appid=$appid certstorename=MY",)),
    Case("appid-case", (f"{ADD} {IP} certhash=$a appid={APPID.upper()} certstorename=MY", SHOWN)),
    Case("spaces", (f"http  add   sslcert  {IP}   {RECORD}", SHOWN)),
    Case("equals-apart", (f"{ADD} ipport = 0.0.0.0:$port {RECORD}", SHOWN)),
    Case("host-found-by-case", (f"{ADD} {SNI} {RECORD}", f"{SHOW} hostnameport=WWW.$domain:$port")),
    Case("port-zeros", (f"{ADD} ipport=0.0.0.0:0$port {RECORD}", SHOWN)),
    Case("address-zeros", (f"{ADD} ipport=127.000.000.005:$port {RECORD}", f"{SHOW} {IP5}")),
    Case("ipv6-upper", (f"{ADD} ipport=[FE80::A]:$port {RECORD}",
                        f"{SHOW} ipport=[fe80::a]:$port")),
    Case("ipv6-mapped", (f"{ADD} ipport=[::ffff:127.0.0.5]:$port {RECORD}",
                         f"{SHOW} ipport=[::ffff:127.0.0.5]:$port")),
)  # fmt: skip

BAD_KEYS = tuple(
    Case(f"bad-{name}", (f"{ADD} {key} {RECORD}",))
    for name, key in (
        ("ipport-empty", "ipport="),
        ("ipport-no-port", "ipport=0.0.0.0"),
        ("ipport-port-0", "ipport=0.0.0.0:0"),
        ("ipport-port-65536", "ipport=0.0.0.0:65536"),
        ("ipport-port-text", "ipport=0.0.0.0:https"),
        ("ipport-host", "ipport=www.$domain:$port"),
        ("ipport-star", "ipport=*:$port"),
        ("ipport-short", "ipport=127.1:$port"),
        ("ipport-256", "ipport=127.0.0.256:$port"),
        ("ipport-ipv6-bare", "ipport=:::$port"),
        ("ipport-zone", "ipport=[fe80::1%1]:$port"),
        ("hostnameport-no-port", "hostnameport=www.$domain"),
        ("hostnameport-address", "hostnameport=127.0.0.5:$port"),
        ("hostnameport-star-alone", "hostnameport=*:$port"),
        ("hostnameport-star-inside", "hostnameport=www.*.$domain:$port"),
        ("hostnameport-dot", "hostnameport=www.$domain.:$port"),
        ("hostnameport-dots", "hostnameport=www..$domain:$port"),
        ("hostnameport-space", 'hostnameport="www $domain:$port"'),
    )
)
BAD_CENTRAL = tuple(
    Case(f"bad-{name}", (f"{ADD} {key} appid=$appid",), since)
    for name, key, since in (
        ("ccs-text", "ccs=https", Release.W2012),
        ("ccs-port-0", "ccs=0", Release.W2012),
        ("ccs-port-65536", "ccs=65536", Release.W2012),
        ("ccs-address", "ccs=0.0.0.0:$port", Release.W2012),
        ("scopedccs-port", "scopedccs=$port", SCOPEDCCS.since),
        ("scopedccs-address", "scopedccs=127.0.0.5:$port", SCOPEDCCS.since),
    )
)
BAD_VALUES = tuple(
    Case(f"bad-{name}", (f"{ADD} {IP} {words}",), ours=ours)
    for name, words, ours in (
        ("hash-39", f"certhash={'a' * 39} appid=$appid certstorename=MY", ""),
        ("hash-64", f"certhash={'a' * 64} appid=$appid certstorename=MY", ""),
        ("hash-text", f"certhash={'g' * 40} appid=$appid certstorename=MY", ""),
        ("hash-empty", "certhash= appid=$appid certstorename=MY", ""),
        ("hash-mark", "certhash=\u200e$a appid=$appid certstorename=MY",
         "sslbind removes the invisible mark, and says so"),
        ("hash-colons", "certhash=a1:$nowhere appid=$appid certstorename=MY", ""),
        ("appid-bare", f"certhash=$a appid={APPID.strip('{}')} certstorename=MY", ""),
        ("appid-quotes", f"certhash=$a appid='{APPID}' certstorename=MY", ""),
        ("appid-text", "certhash=$a appid={nothing} certstorename=MY", ""),
        ("appid-empty", "certhash=$a appid= certstorename=MY", ""),
        ("store-empty", "certhash=$a appid=$appid certstorename=", ""),
    )
)  # fmt: skip
OWN_WORDS = (
    Case("own-sslsnicert", (f"http add sslsnicert {SNI} {RECORD}",), ours=OURS),
    Case("own-sslccs", (f"http show sslccs {CCS}",), ours=OURS),
)

HELPS = tuple(
    Case(
        f"help-{verb}",
        tuple(f"http {verb} sslcert {word}" for word in ("?", "/?", "help")),
        Release.W2012 if verb != "update" else LATER,
        ours=HELP,
    )
    for verb in ("add", "update", "show", "delete")
)

SCRIPTS = (
    Case(
        "script",
        ('-f "$script"', SHOWN, f"{SHOW} {SNI}"),
        script=f"{ADDED}\n{ADD} {SNI} {RECORD}\n",
    ),
    Case(
        "script-context",
        ('-f "$script"', SHOWN),
        script=f"pushd http\nadd sslcert {IP} {RECORD}\npopd\n",
    ),
    Case(
        "script-failure",
        ('-f "$script"', SHOWN, f"{SHOW} {SNI}"),
        script=f"{ADDED}\n{ADDED}\n{ADD} {SNI} {RECORD}\n",
    ),
    Case(
        "script-comments",
        ('-f "$script"', SHOWN),
        script=f"# a comment\nrem another\n\n{ADDED}\n",
    ),
    Case("script-unknown", ('-f "$script"', SHOWN), script=f"http frobnicate\n{ADDED}\n"),
    Case("script-netsh", ('-f "$script"', SHOWN), script=f"netsh {ADDED}\n"),
    Case("script-quotes", ('-f "$script"', SHOWN), script=f'{ADD} {IP} certhash="$a" '
         'appid="$appid" certstorename="MY"\n'),
    Case("script-delete", (ADDED, '-f "$script"', SHOWN), script=f"{DELETE} {IP}\n"),
)  # fmt: skip

_ENTRY = '{"IpPort": "0.0.0.0:$port", "ConfigType": 1, "GuidString": "$appid", "SslHash": "$a64"}'
LISTINGS = (
    Case("listing-empty", (SHOW,)),
    Case(
        "listing",
        (
            f"{ADD} {SNI} {RECORD}",
            f"{ADD} {CCS} appid=$appid",
            f"{ADD} ipport=127.0.0.6:$port {RECORD}",
            f"{ADD} {IP5} {RECORD}",
            f"{ADD} {IP6} {RECORD}",
            f"{ADD} {IP} {RECORD}",
            f"{ADD} hostnameport=a.$domain:$port {RECORD}",
            SHOW,
        ),
    ),
    Case(
        "listing-scopedccs",
        (f"{ADD} {SCOPED} appid=$appid", f"{ADD} {CCS} appid=$appid", f"{ADD} {IP} {RECORD}", SHOW),
        SCOPEDCCS.since,
    ),
    Case("listing-of-release", (ADDED, f"{ADD} {SNI} {RECORD}", SHOW)),
    Case("json-empty", (f"{SHOW} json=enable",), LATER),
    Case("json", (ADDED, f"{SHOWN} json=enable", f"{SHOWN} json=disable"), LATER),
    Case("json-sni", (f"{ADD} {SNI} {RECORD}", f"{SHOW} {SNI} json=enable"), LATER),
    Case("json-ccs", (f"{ADD} {CCS} appid=$appid", f"{SHOW} {CCS} json=enable"), LATER),
    Case("json-absent", (f"{SHOWN} json=enable",), LATER),
    Case("json-bad", (f"{SHOWN} json=yes",), LATER),
    Case("json-listing", (ADDED, f"{ADD} {SNI} {RECORD}", f"{SHOW} json=enable"), LATER),
    Case(
        "json-add",
        ('http add sslcert json="$script"', SHOWN),
        LATER,
        script='{"SslCertificateBindings": [' + _ENTRY + '], "message": "", "status": 0}\n',
    ),
    Case("dump", (ADDED, f"{ADD} {SNI} {RECORD} disablehttp2=enable", "http dump"),
         ours="netsh's dump has the URL reservations, caches and timeouts too"),
    Case("iplisten", ("http show iplisten",)),
    Case("iplisten-bad", ("http add iplisten ipaddress=nowhere", "http add iplisten")),
)  # fmt: skip

UPDATES = (
    Case(
        "update-keeps",
        (
            f"{ADDED} usagecheck=disable dsmapperusage=enable revocationfreshnesstime=600",
            SHOWN,
            f"{UPDATE} {IP} {OTHER}",
            SHOWN,
        ),
        LATER,
    ),
    Case("update-one-tag", (ADDED, SHOWN, f"{UPDATE} {IP} usagecheck=disable", SHOWN), LATER),
    Case("update-hash", (ADDED, f"{UPDATE} {IP} certhash=$b", SHOWN), LATER),
    Case("update-hash-appid", (ADDED, f"{UPDATE} {IP} certhash=$b appid=$appid", SHOWN), LATER),
    Case(
        "update-appid",
        (ADDED, f"{UPDATE} {IP} certhash=$a appid=$appid2 certstorename=MY", SHOWN),
        LATER,
    ),
    Case("update-nothing", (ADDED, f"{UPDATE} {IP}", SHOWN), LATER),
    Case(
        "update-nowhere",
        (ADDED, f"{UPDATE} {IP} certhash=$nowhere appid=$appid certstorename=MY", SHOWN),
        LATER,
    ),
    Case("update-same", (ADDED, f"{UPDATE} {IP} {RECORD}", SHOWN), LATER),
    Case("zero-freshness", (f"{ADDED} revocationfreshnesstime=0", SHOWN)),
    Case("zero-timeout", (f"{ADDED} urlretrievaltimeout=0", SHOWN)),
)

PROPERTY = "http update sslpropertyex"
PROPERTY_LINES = (
    Case(
        "property-0",
        (ADDED, f"{PROPERTY} {IP} propertyid=0 receivewindow=2097152", SHOWN),
        Release.W2022,
    ),
    Case(
        "property-1",
        (
            ADDED,
            f"{PROPERTY} {IP} propertyid=1 maxsettingsperframe=100 maxsettingsperminute=200",
            SHOWN,
        ),
        Release.W2022,
    ),
    Case("property-absent", (f"{PROPERTY} {IP} propertyid=0 receivewindow=1",), Release.W2022),
    Case("property-bad", (ADDED, f"{PROPERTY} {IP} propertyid=9 receivewindow=1"), Release.W2022),
    Case("property-alone", (ADDED, f"{PROPERTY} {IP} propertyid=1"), Release.W2022),
)

TWO_VALUES = {
    Type.NUMBER: ("600", "900"),
    Type.TEXT: ("differential", "other"),
    Type.STORE: ("Root", "CA"),
}
"""A value, and another, of the tags that are not ``enable|disable``."""
WRONG = {
    Type.FLAG: ("yes", ""),
    Type.NUMBER: ("-1", "4294967296"),
    Type.TEXT: ("",),
    Type.STORE: ("",),
}
REQUIRED = {"certhash", "appid", "certstorename"}


def _pair(tag: Tag) -> tuple[str, str]:
    """Return a value that is not the default of ``tag``, and another."""
    if tag.type is Type.FLAG:
        return ("disable", "enable") if tag.default else ("enable", "disable")
    return TWO_VALUES[tag.type]


def _tag(tag: Tag) -> Case:
    """Return a tag's case: set by add, not named by update, named by update."""
    value, other = _pair(tag)
    added = (f"{ADDED} {tag.name}={value}", SHOWN)
    updated = (
        f"{UPDATE} {IP} {OTHER}",
        SHOWN,
        f"{UPDATE} {IP} {RECORD} {tag.name}={other}",
        SHOWN,
    )
    return Case(f"tag-{tag.name}", (*added, *updated), max(tag.since, Release.W2012))


def _bad(tag: Tag) -> Case:
    """Return the case of a tag's wrong values."""
    wrong = tuple(f"{ADDED} {tag.name}={text}" for text in WRONG[tag.type])
    return Case(f"bad-{tag.name}", wrong, max(tag.since, Release.W2012))


OPTIONS = tuple(tag for tag in TAGS if tag.name not in REQUIRED)
CASES = (
    *KINDS,
    *(_tag(tag) for tag in OPTIONS),
    *MESSAGES,
    *SPELLINGS,
    *BAD_KEYS,
    *BAD_CENTRAL,
    *BAD_VALUES,
    *(_bad(tag) for tag in OPTIONS),
    *UPDATES,
    *PROPERTY_LINES,
    *LISTINGS,
    *SCRIPTS,
    *HELPS,
    *OWN_WORDS,
)
"""Every case, in the order in which they run."""
