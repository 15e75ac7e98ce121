"""The path of a request through HTTP.SYS, and the order in which it looks for a certificate.

How a request flows comes from posts of Microsoft's IIS engineers, who say "context
switch"; between kernel mode and user mode the term is mode switch. The order of
the lookup is the resolver's.
"""

from __future__ import annotations

from typing import NamedTuple

from sslbind.explanations.explanation import Detail, Explanation
from sslbind.release import Release
from sslbind.resolver import State, resolve

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
        r"\Parameters, from SP1 on; without client certificates, RC2 or PCT, and a new"
        " certificate requires a restart of the HTTP service",
    ),
)
_IIS7 = (_Flow("IIS 7 and later", _SHORT_WAY, "; SSL is always in kernel mode"),)
_ADDRESS, _PORT, _NAME = "2001:db8::5", 443, "www.contoso.com"


def explain_flow(release: Release) -> Explanation:
    """Return the path of a request, and the lookup on ``release``."""
    own = _IIS6 if release < Release.W2008 else _IIS7
    here = f" (as on {release.title}, which is modelled)"
    flows = [Detail(f"{one.text}{here if one in own else ''}", True) for one in _IIS6 + _IIS7]
    answer = resolve(State(release, {}), _ADDRESS, _PORT, _NAME)
    steps = [
        Detail(f"lookup {number}, {step.name}: {step.tried}", step.documented)
        for number, step in enumerate(answer.steps, 1)
    ]
    return Explanation(
        "The path of a request, and the lookup of its certificate",
        "A request is decrypted, served and encrypted again; going from kernel mode to user mode,"
        " or back, is a mode switch. During the handshake HTTP.SYS looks for a record, in the"
        f" order below for a client that connects to [{_ADDRESS}]:{_PORT} and asks for {_NAME}"
        f" on {release.title}; the first record found answers; without one the handshake"
        " fails.",
        (*flows, *steps),
        (
            "sslbind resolve ADDRESS:PORT HOST --explain does the same lookup with your records",
            "sslbind --windows RELEASE explain flow shows the order of another release",
        ),
    )
