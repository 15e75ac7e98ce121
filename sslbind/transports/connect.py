"""From a target to the transport that reaches it."""

from __future__ import annotations

from sslbind.targets import Target
from sslbind.transports.transport import Transport


def connect(target: Target) -> Transport:
    """Return the transport of ``target``; nothing is opened before its first ``run``.

    Raises SslbindError if a password that the target names cannot be read.
    """
    if target.transport == "command":
        from sslbind.transports.command import CommandTransport

        return CommandTransport(target.netsh, target.timeout, target.folder)
    if target.transport == "local":
        from sslbind.transports.local import LocalTransport

        return LocalTransport(target.timeout)
    if target.transport == "winrm":
        from sslbind.transports.winrm import WinrmTransport

        return WinrmTransport(target)
    from sslbind.transports.ssh import SshTransport

    return SshTransport(target.host, target.timeout, port=target.port, config=target.ssh_config)
