"""The products with well-known application ids, and where each keeps a certificate of its own.

The source of an appid is in ``source``: a page of Microsoft, or the public code
that declares or uses it; otherwise where outputs of ``show`` have it.
"""

from __future__ import annotations

from typing import NamedTuple


class Owner(NamedTuple):
    """A product that makes bindings: its name on the command line, its full name, its appid.

    ``change`` is how its own tools change the certificate, ``copy`` where it also keeps the
    thumbprint, so that a change to HTTP.SYS's record alone does not last. ``shares`` are
    products whose records have this appid.
    """

    word: str
    name: str
    appid: str
    source: str
    change: str = ""
    copy: str = ""
    shares: tuple[str, ...] = ()

    @property
    def way(self) -> str:
        """Return, for a sentence, who changes its records."""
        return f"whose own tool changes it: {self.change}" if self.change else "which changes it"

    @property
    def second_place(self) -> str:
        """Return a sentence on where else a certificate must be changed; empty if nowhere."""
        if not self.copy:
            return ""
        return f"{self.name} keeps the thumbprint in {self.copy} too: {self.change}"


OWNERS = (
    Owner(
        "iis",
        "IIS",
        "{4dc3e181-e14b-4a21-b022-59fc669b0914}",
        "Learn: netsh http, appid of the examples",
        "IIS Manager, the bindings of the site",
        # Win32_TSGatewayServerSettings.SetCertificate "sets the certificate hash for HTTPS binding
        # on port 443 in IIS" (Learn); Exchange, WSUS and MECM have sites in IIS.
        shares=(
            "RD Gateway", "Exchange", "WSUS", "Configuration Manager", "SharePoint", "NDES",
            "Citrix StoreFront", "Azure DevOps Server",
        ),
    ),
    Owner(
        "iisexpress",
        "IIS Express",
        "{214124cd-d05b-4309-9af9-9caa44b2b74a}",
        "github.com/jexuswebserver/JexusManager, BindingUtility.cs",
        "IisExpressAdminCmd.exe setupsslUrl -url:https://localhost:PORT/ -CertHash:NEW",
    ),
    Owner(
        "wmsvc",
        "Web Management Service",
        "{d7d72267-fcf9-4424-9eec-7e1d8dcec9a9}",
        "Learn: the Web Management Service, netsh http add sslcert ipport=0.0.0.0:8172",
        "IIS Manager, Management Service, with the service stopped",
        r"SslCertificateHash below HKLM\SOFTWARE\Microsoft\WebManagement\Server",
    ),
    Owner(
        "adfs",
        "AD FS",
        "{5d89a20c-beab-4389-9447-324788eb944a}",
        "Learn: Manage TLS/SSL certificates in AD FS and WAP",
        "Set-AdfsSslCertificate -Thumbprint NEW",
        "the configuration of AD FS",
    ),
    Owner(
        "wap",
        "Web Application Proxy",
        "{f955c070-e044-456c-ac00-e9e4275b3f04}",
        "Learn: Manage TLS/SSL certificates in AD FS and WAP",
        "Set-WebApplicationProxySslCertificate -Thumbprint NEW",
        "the configuration of the proxy",
    ),
    Owner(
        "workfolders", "Work Folders", "{ce66697b-3aa0-49d1-bdbd-a25c8359fd5d}",
        "Learn: Deploying Work Folders, netsh http add sslcert",
    ),
    Owner(
        "winrm",
        "WinRM",
        "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}",
        "github.com/chef-cookbooks/winrm, the listener resource",
        "winrm set winrm/config/Listener?Address=*+Transport=HTTPS"
        ' @{CertificateThumbprint="NEW"}',
        "its HTTPS listener",
    ),
    Owner(
        "reportingservices",
        "Reporting Services",
        "{1d40ebc7-1983-4ac5-82aa-1e17a7ae9a0e}",
        "public scripts that bind the port of a report server, and outputs of show",
        "Report Server Configuration Manager, Web Service URL and Web Portal URL",
        "rsreportserver.config",
    ),
    Owner(
        "sstp",
        "SSTP",
        "{ba195980-cd49-458b-9e23-c84ee0adcd75}",
        "[MS-SSTP] 3.2.5.2, the GUID of its URI; captures",
        "Set-RemoteAccess -SslCertificate CERTIFICATE, then Restart-Service RemoteAccess",
        r"SHA256CertificateHash below HKLM\SYSTEM\CurrentControlSet\Services\SstpSvc\Parameters",
    ),
    Owner(
        "branchcache", "BranchCache", "{d673f5ee-a714-454d-8de2-492e4c1bd8f8}",
        "Learn: BranchCache deployment, netsh http add sslcert",
    ),
    Owner(
        "kdcproxy", "KDC Proxy", "{5d8e2743-ef20-4d38-8751-7e400f200e65}",
        "outputs of show on servers with KPSSVC",
    ),
    Owner(
        "octopus",
        "Octopus Server",
        "{e2096a4c-2391-4be1-9f17-e353f930e7f1}",
        "github.com/OctopusDeploy/OctopusDSC, cOctopusServerSslCertificate",
        "octopus.server ssl-certificate --thumbprint=NEW",
    ),
    Owner(
        "certify",
        "Certify The Web",
        "{c0a1e5ce-c001-c0de-ba5e-000000000042}",
        "github.com/webprofusion/certify, the script for the port of a service",
    ),
)  # fmt: skip
NOBODY = {
    "{00000000-0000-0000-0000-000000000000}": "the null GUID: records of programs that do not"
    " name themselves, ScreenConnect among them, and of httpcfg",
    "{00112233-4455-6677-8899-aabbccddeeff}": "the example of Microsoft's documentation on binding"
    " a port, copied into many scripts",
    "{12345678-1234-1234-1234-999999999999}": "an example that many guides have, and their readers",
}
"""The GUIDs that name no product, and where they come from."""
EXPRESS_PORTS = range(44300, 44400)
"""The ports that the installer of IIS Express binds to its own certificate (Learn: IIS Express)."""
OWNER_BY_WORD = {owner.word: owner for owner in OWNERS}
OWNER_BY_APPID = {owner.appid: owner for owner in OWNERS}


def owner_name(appid: str) -> str | None:
    """Return the product with a canonical ``{guid}``, or None if it is not known."""
    owner = OWNER_BY_APPID.get(appid)
    return owner.name if owner else None
