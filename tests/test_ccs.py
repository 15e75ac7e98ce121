"""The central store: file names decide who is served, and no name leads out of the folder."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pki import PASSWORD, intermediate, issue, mail, openssl_pfx, root, web
from tools import links, refusal

from sslbind.certificates.central import CentralStore, stem_of
from sslbind.errors import CertificateError, PasswordError, SslbindError
from sslbind.resolver import central_stems, server_name

RECORDS: list[list[tuple[str, Any]]] = []
_WATCHED = ("open", "os.listdir", "os.scandir")


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if RECORDS and event in _WATCHED and not importing():
        RECORDS[-1].append((event, args[0]))


def importing() -> bool:
    """Whether Python is loading a module, which opens files itself."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
    return False


sys.addaudithook(_watch)


@contextmanager
def audited() -> Iterator[list[tuple[str, Any]]]:
    """Yield the files that are opened and the folders that are listed in the block."""
    RECORDS.append([])
    try:
        yield RECORDS[-1]
    finally:
        RECORDS.pop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "ccs"
    path.mkdir()
    return path


def settle() -> None:
    """Make the folder as old as one that was not changed recently."""
    time.sleep(0.03)


# Names


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("www.contoso.com.pfx", "www.contoso.com"),
        ("WWW.Contoso.com.PFX", "www.contoso.com"),
        ("_.contoso.com.pfx", "_.contoso.com"),
        ("münchen.example.pfx", "münchen.example"),
        (unicodedata.normalize("NFD", "MÜNCHEN.example.pfx"), "münchen.example"),
        ("straße.example.pfx", "straße.example"),
        ("xn--mnchen-3ya.example.pfx", None),
        ("www.XN--mnchen-3ya.example.pfx", None),
        ("*.contoso.com.pfx", None),
        ("www.contoso.com.pem", None),
        ("www.contoso.com", None),
        ("www.contoso.com..pfx", None),
        ("\uff57ww.contoso.com.pfx", None),
        ("www\u00ad.contoso.com.pfx", None),
        ("10.0.0.5.pfx", None),
        ("a b.pfx", None),
        (".pfx", None),
        (".hidden.pfx", None),
        ("..pfx", None),
    ],
)
def test_stem_of(file: str, stem: str | None) -> None:
    """A file serves its name in any case, in Unicode and in either normal form; nothing else."""
    assert stem_of(file) == stem


def test_lookup_by_any_spelling(folder: Path) -> None:
    """The file of a host is found whatever its case and its normal form."""
    decomposed = unicodedata.normalize("NFD", "müller.example")
    for name in ("WWW.contoso.com.pfx", f"{decomposed}.PFX", "_.Contoso.com.pfx"):
        (folder / name).write_bytes(b"")
    store = CentralStore(str(folder))
    assert store.file("www.contoso.com") == "WWW.contoso.com.pfx"
    assert store.file("müller.example") == f"{decomposed}.PFX"
    assert store.file("_.contoso.com") == "_.Contoso.com.pfx"
    assert store.file("shop.contoso.com") is None
    assert store.file("WWW.contoso.com") is None  # no stem: what is asked for is canonical
    assert "www.contoso.com" in store
    assert "shop.contoso.com" not in store


def test_of_two_spellings_one_serves(folder: Path) -> None:
    """The canonical spelling serves, else the first; the other file is reported as unused."""
    for name in ("www.contoso.com.pfx", "WWW.contoso.com.pfx", "Mail.x.pfx", "MAIL.x.pfx"):
        (folder / name).write_bytes(web().pfx())
    if len(os.listdir(folder)) < 4:
        pytest.skip("the file system has no case")
    store = CentralStore(str(folder))
    assert store.file("www.contoso.com") == "www.contoso.com.pfx"
    assert store.file("mail.x") == "MAIL.x.pfx"
    assert [(one.file, one.name, one.why) for one in store.files()] == [
        ("MAIL.x.pfx", "mail.x", ""),
        ("Mail.x.pfx", None, "MAIL.x.pfx already serves mail.x"),
        ("WWW.contoso.com.pfx", None, "www.contoso.com.pfx already serves www.contoso.com"),
        ("www.contoso.com.pfx", "www.contoso.com", ""),
    ]


def test_a_folder_is_no_file(folder: Path) -> None:
    """What only looks like a file serves nobody; nor does a hidden file or one in a subfolder."""
    (folder / "www.contoso.com.pfx").mkdir()
    (folder / "Shop.contoso.com.pfx").mkdir()
    (folder / ".hidden.pfx").write_bytes(b"")
    (folder / "below").mkdir()
    (folder / "below" / "a.contoso.com.pfx").write_bytes(b"")
    store = CentralStore(str(folder))
    assert "www.contoso.com" not in store
    assert "shop.contoso.com" not in store
    assert "a.contoso.com" not in store
    assert (store.files(), store.names()) == ((), [])


# Passwords


def test_one_password_for_all_or_none(folder: Path, tmp_path: Path) -> None:
    """A file opens without a password or with the common one, whatever program wrote it."""
    password_file = tmp_path / "password"
    password_file.write_bytes(PASSWORD + b"\r\n")
    (folder / "open.contoso.com.pfx").write_bytes(web().pfx())
    (folder / "locked.contoso.com.pfx").write_bytes(web().pfx(PASSWORD, [intermediate()]))
    (folder / "old.contoso.com.pfx").write_bytes(openssl_pfx(web(), "-legacy"))
    (folder / "other.contoso.com.pfx").write_bytes(web().pfx(b"another"))
    store = CentralStore(str(folder), password_file=str(password_file))
    assert {one.file.partition(".")[0]: one.usable for one in store.files()} == {
        "open": True,
        "locked": True,
        "old": True,
        "other": False,
    }
    for stem in ("open", "locked", "old"):
        assert store.opens(f"{stem}.contoso.com")
        assert store.load(f"{stem}.contoso.com").leaf.thumbprint == web().thumbprint
    assert not store.opens("other.contoso.com")
    assert len(store.load("locked.contoso.com").chain) == 1


def test_a_locked_file_says_where_its_password_belongs(folder: Path) -> None:
    """Without the password a file does not open, and the hint names the setting."""
    (folder / "www.contoso.com.pfx").write_bytes(web().pfx(PASSWORD))
    store = CentralStore(str(folder))
    assert not store.opens("www.contoso.com")
    with pytest.raises(PasswordError) as caught:
        store.load("www.contoso.com")
    assert caught.value.hints == (
        "set PrivateKeyPasswordFile in [CentralCertProvider] to a file with its password",
    )
    assert store.files()[0].entry.locked


def test_what_a_file_holds(folder: Path) -> None:
    """A PFX without its key, one of issuers only and one of junk are listed with the problem."""
    (folder / "a.x.pfx").write_bytes(web().pem)
    (folder / "b.x.pfx").write_bytes(b"junk")
    (folder / "c.x.pfx").write_bytes(mail().pfx(chain=[root(), intermediate()]))
    store = CentralStore(str(folder))
    assert [(one.usable, one.entry.problem) for one in store.files()] == [
        (False, "has no private key"),
        (False, "cannot be used: it is not PEM, DER, PKCS#7 or PFX"),
        (True, None),
    ]
    assert [one.problem for one in store.files()] == [
        "has no private key",
        "cannot be used: it is not PEM, DER, PKCS#7 or PFX",
        "",
    ]
    assert [store.opens(f"{stem}.x") for stem in "abc"] == [False, False, True]
    with pytest.raises(CertificateError) as caught:
        store.load("b.x")
    assert caught.value.hints == (
        "replace it with a PFX file that has the certificate and its private key",
    )


def test_a_folder_that_cannot_be_read(folder: Path) -> None:
    """An empty folder can be read; a missing one gives the reason."""
    assert CentralStore(str(folder)).unreadable == ""
    assert CentralStore(str(folder / "gone")).unreadable == refusal(folder / "gone")


# Hostile names, and what a lookup costs


@given(st.one_of(st.text(), st.text(alphabet="./\\:*?_\0aA-\u0301ü").map("../".__add__)))
def test_no_name_leads_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """Whatever a client sends, and whatever stem is asked for, no file outside is opened."""
    base = tmp_path_factory.getbasetemp() / "hostile"
    inside = base / "ccs"
    if not inside.exists():
        inside.mkdir(parents=True)
        (base / "x.pfx").write_bytes(web().pfx())
        (inside / "www.contoso.com.pfx").write_bytes(web().pfx())
    cache = os.environ["XDG_CACHE_HOME"]
    store = CentralStore(str(inside))
    host = server_name(name)
    with audited() as events:
        for stem in (name, f"_.{name}", *(central_stems(host) if host else ())):
            store.file(stem)
            store.opens(stem)
    for _, path in events:
        if isinstance(path, str | bytes):
            opened = os.fsdecode(path)
            real = os.path.realpath(opened)
            if not os.path.isabs(opened):  # below an open folder, which is among the events too
                assert os.path.basename(opened) == opened not in {"", ".", ".."}, path
                assert not os.path.lexists(real), path
            else:
                assert real.startswith((str(inside.resolve()), cache)), path


def test_hostile_stems_are_not_found(folder: Path) -> None:
    """A path out of the folder is not a stem, even if there is a file."""
    (folder.parent / "x.pfx").write_bytes(web().pfx())
    (folder / "www.contoso.com.pfx").write_bytes(web().pfx())
    store = CentralStore(str(folder))
    for stem in ("../x", "..\\x", "./www.contoso.com", "", ".", "..", "/x", "www.contoso.com\0"):
        assert stem not in store
        with pytest.raises(SslbindError, match="central store has no"):
            store.load(stem)


@pytest.mark.skipif(sys.platform == "win32", reason="what is counted are POSIX' calls")
def test_a_lookup_costs_the_same_in_a_large_folder(tmp_path: Path) -> None:
    """With 10,000 files as with 10: nothing is listed, and one remembered file is opened."""
    cache = os.environ["XDG_CACHE_HOME"]
    seen = []
    for count in (10, 10_000):
        folder = tmp_path / f"ccs{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"www{number}.contoso.com.pfx").touch()
        (folder / "MAIL.contoso.com.pfx").touch()
        settle()
        assert "mail.contoso.com" in CentralStore(str(folder))  # looks at every name, once
        for stem in ("www7.contoso.com", "mail.contoso.com", "shop.contoso.com"):
            with audited() as events:
                found = CentralStore(str(folder)).file(stem)
            # A remembered file is opened below its folder, and then by its handle.
            below = [path for _, path in events if isinstance(path, str) and cache not in path]
            kinds = {event for event, _ in events}
            names = [os.path.basename(path)[:6] for path in below]
            seen.append((stem, found, len(events), kinds, names))
    assert seen[:3] == seen[3:]
    assert [(kinds, below) for _, _, _, kinds, below in seen[:3]] == [
        (set(), []),
        ({"open"}, ["names-"]),
        ({"open"}, ["names-"]),
    ]


def test_a_file_that_comes_is_seen(folder: Path) -> None:
    """What is remembered about a folder is valid as long as the folder does not change."""
    (folder / "MAIL.contoso.com.pfx").touch()
    settle()
    assert "shop.contoso.com" not in CentralStore(str(folder))
    (folder / "SHOP.contoso.com.pfx").touch()
    assert "shop.contoso.com" in CentralStore(str(folder))


def test_wildcard_files(folder: Path) -> None:
    """``_.parent`` serves ``*.parent``, both in the list and in a lookup."""
    wildcard = issue("wild", dns=("*.contoso.com",))
    (folder / "_.contoso.com.pfx").write_bytes(wildcard.pfx())
    (one,) = CentralStore(str(folder)).files()
    assert (one.name, one.entry.names, one.why) == ("*.contoso.com", ("*.contoso.com",), "")


@links
def test_a_link_serves_while_its_target_is_there(folder: Path, tmp_path: Path) -> None:
    """What is remembered about odd names does not outlive the file that a link points to."""
    target = tmp_path / "target.pfx"
    (folder / "A.contoso.com.pfx").symlink_to(target)
    settle()
    assert "a.contoso.com" not in CentralStore(str(folder))
    target.write_bytes(b"x")
    assert "a.contoso.com" in CentralStore(str(folder))
    target.unlink()
    assert "a.contoso.com" not in CentralStore(str(folder))
