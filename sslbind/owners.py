"""The products with well-known application ids."""

from __future__ import annotations

from typing import NamedTuple


class Owner(NamedTuple):
    """A product that makes bindings: its name on the command line, its full name, its appid."""

    word: str
    name: str
    appid: str


OWNERS = (
    Owner("iis", "IIS", "{4dc3e181-e14b-4a21-b022-59fc669b0914}"),
    Owner("iisexpress", "IIS Express", "{214124cd-d05b-4309-9af9-9caa44b2b74a}"),
    Owner("wmsvc", "Web Management Service", "{d7d72267-fcf9-4424-9eec-7e1d8dcec9a9}"),
    Owner("adfs", "AD FS", "{5d89a20c-beab-4389-9447-324788eb944a}"),
    Owner("wap", "Web Application Proxy", "{f955c070-e044-456c-ac00-e9e4275b3f04}"),
    Owner("workfolders", "Work Folders", "{ce66697b-3aa0-49d1-bdbd-a25c8359fd5d}"),
    Owner("winrm", "WinRM", "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}"),
    Owner("reportingservices", "Reporting Services", "{1d40ebc7-1983-4ac5-82aa-1e17a7ae9a0e}"),
    Owner("sstp", "SSTP", "{ba195980-cd49-458b-9e23-c84ee0adcd75}"),
    Owner("branchcache", "BranchCache", "{d673f5ee-a714-454d-8de2-492e4c1bd8f8}"),
    Owner("kdcproxy", "KDC Proxy", "{5d8e2743-ef20-4d38-8751-7e400f200e65}"),
)
OWNER_BY_WORD = {owner.word: owner for owner in OWNERS}
OWNER_BY_APPID = {owner.appid: owner for owner in OWNERS}


def owner_name(appid: str) -> str | None:
    """Return the product with a canonical ``{guid}``, or None if it is not known."""
    owner = OWNER_BY_APPID.get(appid)
    return owner.name if owner else None
