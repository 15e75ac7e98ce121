"""The certificate argument of a command: a file, ``-``, digits of a hash, or a name that it has."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sslbind.cli.passwords import passwords
from sslbind.cli.streams import read_input, shown_name
from sslbind.errors import BadValueError, SslbindError
from sslbind.provisioning import (
    MAX_FILE,
    certificate_reference,
    folder_files,
    is_digits,
    one_identity,
    parse_identities,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslbind.certificates.identity import Identity


def read_certificates(
    paths: Sequence[str], password_file: str | None = None, password_env: str | None = None
) -> tuple[tuple[Identity, ...], tuple[str, ...]]:
    """Return the certificates of files that belong together, and the reader's notes.

    A folder means the certificate files in it. A README among several files is skipped, as
    in certbot's ``live/NAME/*``.
    """
    files, notes = list[str](), list[str]()
    for path in paths:
        if not path:
            raise SslbindError(
                "the name of a file is empty",
                'in a hook, a variable such as "$RENEWED_LINEAGE" is not set',
            )
        if os.path.isdir(path):
            found, passed_over = folder_files(path)
            files += found
            notes += passed_over
            continue
        if len(paths) > 1 and os.path.splitext(os.path.basename(path))[0].upper() == "README":
            notes.append(f"passed over {shown_name(path)}")
            continue
        if re.fullmatch(r"[0-9A-Fa-f]{1,39}", path) and not os.path.exists(path):
            raise BadValueError(
                f"{path} is not a file, and a thumbprint needs 8 or more of its 40 digits"
            )
        files.append(path)
    contents = [(shown_name(path), read_input(path, MAX_FILE)) for path in files]
    identities, more = parse_identities(contents, passwords(password_file, password_env))
    return identities, (*notes, *more)


def named_certificate(
    text: str, password_file: str | None = None, password_env: str | None = None
) -> str | Identity:
    """Return ``text`` if it is digits or a name, else the end-entity certificate of its file."""
    reference = certificate_reference(text)
    if reference is not None:
        return reference
    found, _ = read_certificates((text,), password_file, password_env)
    return one_identity(found, shown_name(text))


def named_thumbprints(text: str) -> tuple[str, ...] | str:
    """Return ``text`` if it is digits or a name, else the thumbprints of its file."""
    reference = certificate_reference(text)
    if reference is not None:
        return (reference,) if is_digits(reference) else reference
    return tuple(one.leaf.thumbprint for one in read_certificates((text,))[0])
