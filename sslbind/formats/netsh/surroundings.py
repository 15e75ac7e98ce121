"""What consoles, pipelines and documents put around the lines of a script.

Prompts of cmd, PowerShell and netsh; the time, the level and the mark that a
pipeline's log has before each line (``##[command]`` of Azure Pipelines,
``[command]`` of GitHub Actions); the names, dashes and quotes of YAML; the quotes of a
JSON list of lines, as Ansible's ``stdout_lines``; and a Markdown document's backticks.
"""

from __future__ import annotations

import re

_TIME = (
    r"\[?(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ])?[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    r"(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?\]?(?=[ \t])"
)
_LEVEL = (
    r"\[?(?:VERBOSE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|TRACE)"
    r"(?:\][ \t]*:?|:|(?=[ \t]))"
)
_MARK = (
    r"##\[\w+\]|\[command\]|[+-](?=[ \t])|\$(?=[ \t])|>(?=[ \t])|[\w.-]+[ \t]+\|(?=[ \t])"
    r"|(?:run|cmd|command|script|[\w.]*win_(?:command|shell)):(?=[ \t])"
)
# PS C:\Users\admin>, [web01]: PS C:\>, C:\Windows\system32>
_PROMPT = (  # a web page may have taken the backslashes of cmd's
    r"(?:\[[\w.-]+\]:[ \t]*)?PS(?:[ \t][^>\n]{0,200})?>+"
    r"|[A-Za-z]:(?:\\[^<>|\"\n]{0,200}|[^\s:<>|\"]{0,200})>"
)
# netsh, "C:\Windows\System32\netsh.exe", New-WebBinding, $thumbprint
_TOOL = (
    r"&?[ \t]*\"?(?:[A-Za-z]:\\[^\"<>|=\n]{0,200}\\)?"
    r"(?:netsh|sslbind|httpcfg|reg)(?:\.exe)?\"?[ \t]"
    r"|\w+-[A-Za-z]\w*(?:[ \t]|$)|[$(]"
)
# 2026-01-31T10:00:00Z [info] C:\> before a line of netsh
_BEFORE = re.compile(
    rf"^[ \t]*+(?=[^\n])(?:(?:{_TIME}|{_LEVEL}|{_MARK})[ \t]*+)*+(?:(?:{_PROMPT})[ \t]*+)?"
    rf"(?={_TOOL})",
    re.IGNORECASE | re.MULTILINE,
)
_NETSH_PROMPT = re.compile(r"^[ \t]*+netsh(?:[ \t]\w+)*+>[ \t]*+", re.IGNORECASE | re.MULTILINE)
# a line of JSON: "run": "netsh http add sslcert …",
_JSON_LINE = re.compile(
    r"^[ \t]*+(?:\"[\w ]+\"[ \t]*+:[ \t]*+)?\"([^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+)\"[ \t]*+,?[ \t]*+$",
    re.MULTILINE,
)
# quoted in YAML: - "netsh http add sslcert …", run: 'netsh http add sslcert …'
_YAML_LINE = re.compile(
    r"^[ \t]*+(?:-[ \t]++)?(?:[\w.]++:[ \t]++)?(?P<quote>[\"'])(?=netsh[ \t]|httpcfg[ \t])"
    r"(?P<command>[^\n]*)(?P=quote)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_BACKTICKS = re.compile(r"^[ \t]*+`+((?!`)[^\n]*?[^`\n])`+[ \t]*+$", re.MULTILINE)
_JSON_ESCAPE = re.compile(r"\\(.)")


def plain(text: str) -> str:
    """Return ``text`` with as many lines, without what surrounds those that hold a command."""
    if '"' in text:
        text = _JSON_LINE.sub(_from_json, text)
    text = _YAML_LINE.sub(_from_yaml, text)
    if "`" in text:
        text = _BACKTICKS.sub(_from_markdown, text)
    text = _NETSH_PROMPT.sub("", text)
    return _BEFORE.sub("", text)


def _from_json(line: re.Match[str]) -> str:
    content = line[1]
    if "netsh" not in content.lower() and "httpcfg" not in content.lower():
        return line[0]
    return _JSON_ESCAPE.sub(r"\1", content)


def _from_yaml(line: re.Match[str]) -> str:
    content = line["command"]
    if line["quote"] == '"':
        return _JSON_ESCAPE.sub(r"\1", content)
    return content.replace("''", "'")


def _from_markdown(line: re.Match[str]) -> str:
    return line[1] if "netsh" in line[1].lower() else line[0]
