"""Rules about the records of one port: which of them hide others."""

from __future__ import annotations

from collections.abc import Iterator

from sslbind.check.rule import Found, rule
from sslbind.check.subject import Subject
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS


@rule("no-default-ssl", "warn")
def no_default_ssl(subject: Subject) -> Iterator[Found]:
    """A port has SNI or CCS records and no wildcard IP record.

    A client that sends no server name, or one that no record has, gets no
    certificate: the connection is reset. Monitoring probes, old clients and
    load balancers are the usual ones. An ipport record for 0.0.0.0 answers them.
    """
    for port, kinds in sorted(subject.ports.items()):
        named = [one for kind in (HOSTNAMEPORT, SCOPEDCCS, CCS) for one in kinds[kind]]
        if not named or any(one.key.wildcard for one in kinds[IPPORT]):
            continue
        first = named[0]
        thumbprint = first.certhash or "THUMBPRINT"
        yield Found(
            first.key,
            f"port {port} has records for names and none for every address, such as"
            f" 0.0.0.0:{port}",
            "No default SSL site has been created. To support browsers without SNI capabilities,"
            " it is recommended to create a default SSL site.",
            subject.command(
                "add", "sslcert", f"ipport=0.0.0.0:{port}", f"certhash={thumbprint}", "appid=iis",
                f"certstorename={first.store or 'MY'}",
            ),
        )  # fmt: skip
