"""PowerShell commands that create, change or remove records without netsh, as effects.

Their effects are from Microsoft's documentation of the modules IISAdministration,
WebAdministration, NetworkTransition, ADFS and WebApplicationProxy. A line is read if its
values are literal; others are only reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sslbind.binding import DEFAULT_STORE
from sslbind.errors import BadValueError
from sslbind.formats.netsh.effects import Effect, site_key
from sslbind.keys import IPPORT, Key, parse_key
from sslbind.owners import OWNER_BY_WORD
from sslbind.tags import TAG_BY_NAME, Value

_IIS = OWNER_BY_WORD["iis"].appid
# -BindingInformation "*:443:"
_PARAMETER = re.compile(
    r"(?<![^\s(])-([A-Za-z]\w*)(?::\s*|\s+|(?=[);|]|$))"
    r"(?:\"([^\"]*)\"|'([^']*)'|((?!-[A-Za-z])[^\s\"';|)]+))?"
)
# IIS:\SslBindings\0.0.0.0!443!www.contoso.com
_PROVIDER = re.compile(
    r"IIS:\\SslBindings\\([^\s\"'|;)!]*)!([0-9]{1,5})(?:!([^\s\"'|;)]*))?", re.IGNORECASE
)
# Cert:\LocalMachine\My\8d90a17d2851f802b0a5619bf695b03544b8f5cb
_CERTIFICATE = re.compile(
    r"Cert:\\LocalMachine\\([^\\\s\"'|;)]+)(?:\\([0-9A-Fa-f]{40})\b)?", re.IGNORECASE
)
_SITE = re.compile(r"(\*|[0-9.]+|\[[^\]]*\]|):([0-9]{1,5}):([^:]*)")
# New-IISSiteBinding -Name shop …, or $binding.AddSslCertificate(
_COMMAND = re.compile(
    r"(?:^|(?<=[\s|;({=&]))(?P<name>New-IISSiteBinding|Remove-IISSiteBinding|New-IISSite"
    r"|New-WebBinding|(?:Add|Remove)-NetIPHttpsCertBinding"
    r"|Set-AdfsSslCertificate|Set-AdfsAlternateTlsClientBinding|Install-AdfsFarm|Add-AdfsFarmNode"
    r"|Set-WebApplicationProxySslCertificate|Install-WebApplicationProxy"
    r"|(?:New|Set|Remove|Clear)-Item(?:Property)?(?=[^|;]{0,400}IIS:\\SslBindings))(?![\w-])"
    r"|\.(?P<method>AddSslCertificate|RebindSslCertificate|RemoveSslCertificate)\s*\(",
    re.IGNORECASE,
)
_GETS = re.compile(r"\bGet-WebBinding\b(?P<parameters>[^|;]*)", re.IGNORECASE)
_ASSIGNS = re.compile(r"^\s*\$(\w+)\s*=\s*(?=\(?\s*(?:Get|New)-WebBinding\b)", re.IGNORECASE)
# $binding.AddSslCertificate('8d90…f5cb', 'My')
_CALLS = re.compile(
    r"(?:\$(?P<name>\w+)|\(\s*Get-WebBinding\b(?P<parameters>[^|;]*)\))"
    r"\.AddSslCertificate\s*\(\s*[\"'](?P<hash>[0-9A-Fa-f]{40})[\"']\s*,\s*[\"'](?P<store>\w+)[\"']",
    re.IGNORECASE,
)
_SERVICES = {
    "adfs": "changes the records of AD FS",
    "webapplicationproxy": "changes the records of Web Application Proxy",
}


class Cmdlets:
    """The lines of one script, in order: some depend on lines above.

    ``waiting`` are the https bindings of ``New-WebBinding`` that have no
    certificate yet, by the number of their line.
    """

    def __init__(self) -> None:
        self.waiting: dict[int, dict[str, str]] = {}
        self._variables: dict[str, str] = {}

    def effect(self, line: str, number: int) -> Effect | None:
        """Return what a line does; None if it does nothing to a record, as far as known."""
        assigned = _ASSIGNS.match(line)
        if assigned:
            self._variables[assigned[1].lower()] = line[assigned.end() :]
        found = _COMMAND.search(line)
        if found is None:
            return None
        if found["method"]:
            return self._method(line, found["method"])
        name, given = found["name"], parameters(line[found.end() :])
        low = name.lower()
        if low == "new-webbinding":
            return self._new_web_binding(given, number)
        made = _literal(low, line, given)
        if made is not None:
            return made
        return Effect("unclear", _provider_key(line), why=_sentence(name), removes="remove" in low)

    def unfinished(self) -> Iterator[tuple[int, str]]:
        """Yield the line of each site's binding without a certificate, and a sentence."""
        for number in self.waiting:
            yield (
                number,
                (
                    "New-WebBinding makes a binding of IIS, but no readable line gives it a"
                    " certificate"
                ),
            )

    def _new_web_binding(self, given: Mapping[str, str], number: int) -> Effect | None:
        if given.get("protocol", "http").lower() != "https":
            return None
        self.waiting[number] = {**given, "port": given.get("port", "443")}
        return Effect("none")

    def _method(self, line: str, method: str) -> Effect:
        unclear = Effect(
            "unclear",
            why=f"{method} changes the record of a site's binding",
            removes=method.lower().startswith("remove"),
        )
        call = _CALLS.search(line)
        if call is None:
            return unclear
        source = call["parameters"] or self._variables.get((call["name"] or "").lower(), "")
        wanted = {
            name: value
            for name, value in parameters(source).items()
            if name in ("name", "port", "hostheader", "ipaddress")
        }
        fitting = [
            number
            for number, one in self.waiting.items()
            if all(one.get(name, "").lower() == value.lower() for name, value in wanted.items())
        ]
        if len(fitting) != 1:
            return unclear
        site = self.waiting[fitting[0]]
        flags = site.get("sslflags", "0")
        key = None
        if flags in ("0", "1"):
            key = site_key(
                site.get("ipaddress", ""), site["port"], site.get("hostheader", ""), int(flags)
            )
        if key is None:
            return unclear
        del self.waiting[fitting[0]]
        return _add(key, call["hash"], call["store"])


def parameters(text: str) -> dict[str, str]:
    """Return the parameters of a command up to its end, their names in lower case.

    A switch has the value ``""``; one with a variable is left out.
    """
    text = re.split(r"[|;]", text, maxsplit=1)[0]
    found = {}
    for name, double, single, bare in _PARAMETER.findall(text):
        value = single or double or bare
        if not ("$" in (double or bare) and value.lower() not in ("$true", "$false")):
            found[name.lower()] = value
    return found


def _add(key: Key, thumbprint: str, store: str, appid: str = _IIS) -> Effect:
    values: dict[str, Value] = {
        "certhash": TAG_BY_NAME["certhash"].parse(thumbprint),
        "appid": TAG_BY_NAME["appid"].parse(appid),
        "certstorename": TAG_BY_NAME["certstorename"].parse(store),
    }
    return Effect("add", key, values)


def _literal(name: str, line: str, given: Mapping[str, str]) -> Effect | None:
    """Return what a line with literal values does, None for any other."""
    try:
        if name == "add-netiphttpscertbinding":
            return _ip_https(given)
        if name == "new-iissitebinding":
            return _site_binding(given)
        return _provided(name, line, given)
    except (KeyError, BadValueError):
        return None


def _ip_https(given: Mapping[str, str]) -> Effect | None:
    if given.get("nullencryption", "$false").lower() != "$false":
        return None
    store = given.get("certificatestorename", DEFAULT_STORE)
    return _add(
        parse_key(IPPORT, given["ipport"]), given["certificatehash"], store, given["applicationid"]
    )


def _provided(name: str, line: str, given: Mapping[str, str]) -> Effect | None:
    """Return what a command on a path of IIS's provider does."""
    key = _provider_key(line)
    if name == "remove-item" and key is not None:
        return Effect("delete", key)
    if name != "new-item" or key is None:
        return None
    certificate = _CERTIFICATE.search(line)
    thumbprint = given.get("thumbprint") or (certificate and certificate[2]) or ""
    return _add(key, thumbprint, certificate[1] if certificate else DEFAULT_STORE)


def _site_binding(given: Mapping[str, str]) -> Effect | None:
    if given.get("protocol", "https").lower() != "https":
        return Effect("none")
    flags = {"none": 0, "": 0, "sni": 1}.get(given.get("sslflag", "").lower())
    site = _SITE.fullmatch(given["bindinginformation"])
    store = _CERTIFICATE.fullmatch(given.get("certstorelocation", ""))
    if flags is None or site is None or store is None:
        return None
    key = site_key(site[1], site[2], site[3], flags)
    return key and _add(key, given["certificatethumbprint"], store[1])


def _provider_key(line: str) -> Key | None:
    place = _PROVIDER.search(line)
    if place is None or "$" in place[0]:
        return None
    address, port, host = place.groups()
    return site_key(address, port, host or "", 1 if host else 0)


def _sentence(name: str) -> str:
    low = name.lower()
    for part, sentence in _SERVICES.items():
        if part in low:
            return f"{name} {sentence}"
    if "nethttps" in low or "iphttps" in low:
        what = "removes every record of IP-HTTPS" if low[0] == "r" else "makes a record"
        return f"{name} {what}"
    what = {"r": "removes", "c": "removes", "s": "changes"}.get(low[0], "makes")
    return f"{name} {what} a record"
