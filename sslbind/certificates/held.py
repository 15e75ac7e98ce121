"""The certificate stores of a captured server: certificates without keys, and no files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.certificates.contents import Branch, FileContents
from sslbind.certificates.entry import Entry
from sslbind.certificates.stores import CertStores
from sslbind.digest import thumbprint
from sslbind.errors import CertificateError

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate, Identity


class HeldStores(CertStores):
    """The content of a document: each certificate (DER) with its store; read, never written.

    ``path`` is the document's; its certificates count as files below it.
    """

    def __init__(self, path: str, held: Sequence[tuple[str, bytes]]) -> None:
        super().__init__(os.path.join(path, "certificates"), keys_elsewhere=True)
        self._path = path
        self._stores = {store.casefold(): store for store, _ in reversed(held)}
        self._held = {
            f"{self._stores[store.casefold()]}/{thumbprint(data)}.cer": data for store, data in held
        }

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Raise CertificateError: there is nothing to write to."""
        if self._writing:  # never
            yield
        raise CertificateError(
            "has no certificate stores that can be written",
            "sslbind import creates a registry from it",
            file=self._path,
        )

    def load(self, entry: Entry, *, check_keys: bool = True) -> Identity:  # noqa: ARG002
        """Return the certificate of ``entry``; its chain and key are not in its file."""
        from sslbind.certificates.parsing import Identity

        (leaf,) = self.certificates(entry.file)
        return Identity(leaf, (), None)

    def certificates(self, file: str) -> tuple[Certificate, ...]:
        """Return the certificate that ``file`` represents."""
        from sslbind.certificates.parsing import read_bundle

        return read_bundle(self._held[file]).certificates

    def _scan(self) -> dict[str, FileContents]:
        from sslbind.certificates.facts import facts_of

        if self._files is None:
            self._files = {
                file: FileContents([], [Branch(facts_of(one))], [])
                for file in self._held
                for one in self.certificates(file)
            }
        return self._files

    def _spelling(self) -> dict[str, str]:
        return {store: store for store in sorted(self._stores.values())}

    def _require_own(self, thumbprint: str, store: str) -> None:  # noqa: ARG002
        return None
