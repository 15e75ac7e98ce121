"""netsh inside the quotes of another command that runs it.

``Invoke-Expression``, ``cmd /c``, ``powershell -Command`` and ``Start-Process``.
"""

from __future__ import annotations

import re

# cmd /c "netsh http add sslcert …"
_RUNS = re.compile(
    r"(?:^|(?<=[\s&|;({=]))(?:(?:Invoke-Expression|iex)(?:\s+-Command)?"
    r"|cmd(?:\.exe)?\s+/[ck]|(?:powershell|pwsh)(?:\.exe)?(?:\s+-\w+(?:\s+[\w.]+)?)*?\s+-c(?:ommand)?)"
    r"\s+(?P<quote>[\"'])(?P<inner>.*)(?P=quote)\s*;?\s*$",
    re.IGNORECASE,
)
# Start-Process netsh.exe -ArgumentList 'http add sslcert …'
_STARTS = re.compile(
    r"(?:^|(?<=[\s&|;({=]))(?:Start-Process|saps)\s+(?:-FilePath\s+)?[\"']?"
    r"(?:[A-Za-z]:\\[^\"'<>|]{0,200}\\)?netsh(?:\.exe)?[\"']?\s+-A(?:rgs|rgumentList)?\s+(?P<rest>.*)$",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(r"\s*,?\s*(?:@\(\s*)?(?:\"((?:[^\"`]|`.|\"\")*)\"|'((?:[^']|'')*)')")
_MAX_DEPTH = 4


def unwrapped(line: str) -> str:
    """Return an equivalent of ``line`` without quotes around netsh."""
    for _ in range(_MAX_DEPTH):
        found = _RUNS.search(line)
        if found and "netsh" in found["inner"].lower():
            line = line[: found.start()] + _content(found["inner"], found["quote"])
            continue
        started = _STARTS.search(line)
        if started is None:
            break
        words = []
        at = 0
        while argument := _ARGUMENT.match(started["rest"], at):
            double, single = argument.groups()
            words.append(_content(double, '"') if double is not None else _content(single, "'"))
            at = argument.end()
        if not words:
            break
        line = f"{line[: started.start()]}netsh {' '.join(words)}"
    return line


def _content(text: str, quote: str) -> str:
    """Return the content of a quoted string: doubled quotes and PowerShell's escapes resolved."""
    text = text.replace(quote * 2, quote)
    return text.replace('`"', '"') if quote == '"' else text
