"""A WinRS endpoint: what a Windows server's WinRM does for one program with standard input.

Create, Command, Send, Receive, Signal and Delete of [MS-WSMV], Basic over TLS. The
program is run when its input ends; its output is in the code page that the shell
was asked for, 437 without one, as Windows has it.
"""

from __future__ import annotations

import base64
import ssl
import subprocess
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import trustme

RSP = "{http://schemas.microsoft.com/wbem/wsman/1/windows/shell}"
_NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
)
_STATE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/"


class Endpoint:
    """A server with ``programs``: an argv for each name that a client may start."""

    def __init__(self, ca: trustme.CA, programs: dict[str, Sequence[str]]) -> None:
        self.programs = programs
        self.password = "correct horse"
        self.options: list[dict[str, str]] = []
        self.commands: list[str] = []
        self.actions: list[str] = []
        self.output: tuple[bytes, bytes, int] = (b"", b"", 0)
        self.input = b""
        self.hangs = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                given = base64.b64encode(f"admin:{endpoint.password}".encode()).decode()
                if self.headers.get("Authorization") != f"Basic {given}":
                    self.answer(401, b"")
                else:
                    self.answer(*endpoint.answer(ET.fromstring(data)))

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: ET.Element) -> tuple[int, bytes]:
        """Return the HTTP status and the envelope that a request is answered with."""
        header = {one.tag.partition("}")[2]: one for one in request[0]}
        action = str(header["Action"].text).rpartition("/")[2]
        self.actions.append(action)
        if "OptionSet" in header:
            self.options.append({o.attrib["Name"]: o.text or "" for o in header["OptionSet"]})
        body = request[1]
        status, content = 200, ""
        if action == "Create":
            content = f"<rsp:Shell><rsp:ShellId>{uuid.uuid4()}</rsp:ShellId></rsp:Shell>"
        elif action == "Command":
            line = body[0]
            self.commands.append(" ".join(one.text or "" for one in line))
            self.input = b""
            content = f"<rsp:CommandId>{uuid.uuid4()}</rsp:CommandId>"
            content = f"<rsp:CommandResponse>{content}</rsp:CommandResponse>"
        elif action == "Send":
            stream = body[0][0]
            self.input += base64.b64decode(stream.text or "")
            if stream.attrib.get("End", "").lower() == "true":
                self.run()
        elif action == "Receive" and self.hangs:
            status, content = 500, _fault()
        elif action == "Receive":
            content = self.received(str(body[0][0].attrib["CommandId"]))
        envelope = (
            f"<s:Envelope {_NAMESPACES}><s:Header><a:RelatesTo>{header['MessageID'].text}"
            f"</a:RelatesTo></s:Header><s:Body>{content}</s:Body></s:Envelope>"
        )
        return status, envelope.encode()

    def run(self) -> None:
        """Run the program on what was sent, in the shell's code page."""
        name, *arguments = self.commands[-1].split()
        program = [*self.programs[name], *arguments]
        done = subprocess.run(program, input=self.input, capture_output=True, check=False)
        page = {"65001": "utf-8"}.get(self.options[0].get("WINRS_CODEPAGE", ""), "cp437")
        output = done.stdout.decode().encode(page, "replace")
        self.output = (output, done.stderr, done.returncode)

    def received(self, command: str) -> str:
        """Return output, errors and the exit code, all at once."""
        output, errors, code = self.output
        streams = "".join(
            f'<rsp:Stream Name="{name}" CommandId="{command}">{base64.b64encode(data).decode()}'
            "</rsp:Stream>"
            for name, data in (("stdout", output), ("stderr", errors))
            if data
        )
        return (
            f'<rsp:ReceiveResponse>{streams}<rsp:CommandState CommandId="{command}"'
            f' State="{_STATE}Done"><rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>'
            "</rsp:ReceiveResponse>"
        )


def _fault() -> str:
    """Return what Windows answers while a program runs and prints nothing."""
    return (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>timed out"
        '</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/'
        'wsman/1/wsmanfault" Code="2150858793" Machine="server"><f:Message>timed out</f:Message>'
        "</f:WSManFault></s:Detail></s:Fault>"
    )
