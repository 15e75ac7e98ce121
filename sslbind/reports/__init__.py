"""The output formats for other programs: plain findings in, text out."""

from __future__ import annotations

import os

from sslbind.check import Finding


def repository_path(path: str) -> str:
    """Return ``path`` as in a repository: with forward slashes, and relative.

    A file that is not below the current folder keeps its absolute path.
    """
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive
        relative = os.pardir
    inside = relative.split(os.sep)[0] != os.pardir
    return (relative if inside else os.path.abspath(path)).replace(os.sep, "/")


def paragraphs(finding: Finding) -> list[str]:
    """Return the text of a finding: its sentence, and the advice and the command if any."""
    return [text for text in (finding.sentence, finding.advice, finding.command) if text]
