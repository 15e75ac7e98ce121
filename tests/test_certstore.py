"""The certificate stores: what is written, what is found, and why a certificate is missing."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pki import NOW, PASSWORD, bag, ec_key, intermediate, issue, mail, openssl_pfx, root, web
from tools import links, refusal

from sslbind.certificates import contents, loading
from sslbind.certificates.contents import PasswordFile
from sslbind.certificates.entry import Entry
from sslbind.certificates.facts import CertificateFacts
from sslbind.certificates.parsing import Bundle, Identity, identities, read_bundle
from sslbind.certificates.scanning import look, scan
from sslbind.certificates.stores import CertStores, store_name
from sslbind.certificates.verify import problems
from sslbind.errors import CertificateError, NoCertificateError, PasswordError, SslbindError
from sslbind.files import stamp_of

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
WEB = web().thumbprint
SETTLED = 0.05
"""Seconds after which a file's times are old enough to be trusted."""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    return tmp_path / "certs"


@pytest.fixture
def drop(certs: Path) -> Callable[[str, bytes], Path]:
    """Put a file into the stores, as another tool would."""

    def put(name: str, data: bytes) -> Path:
        path = certs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return put


Drop = Callable[[str, bytes], Path]


def identity(*parts: bytes) -> Identity:
    (one,) = identities(read_bundle(b"".join(parts)))
    return one


def full() -> Identity:
    return identity(web().pem, intermediate().pem, web().key_pem())


def stores(certs: Path, password: bytes | None = None, *, elsewhere: bool = False) -> CertStores:
    file = certs.parent / "pfx.password"
    if password is not None:
        file.write_bytes(password)
    return CertStores(
        str(certs), keys_elsewhere=elsewhere, password_file=str(file) if password else None
    )


def only(certs: Path, password: bytes | None = None) -> Entry:
    (entry,) = stores(certs, password).entries()
    return entry


def refused(certs: Path, thumbprint: str = WEB, store: str | None = None) -> NoCertificateError:
    with pytest.raises(NoCertificateError) as caught:
        stores(certs).require(thumbprint, store)
    assert caught.value.code == 1312
    return caught.value


# Adding


@posix
def test_add_writes_the_chain_and_the_key(certs: Path) -> None:
    """<thumbprint>.pem has the leaf and its chain, <thumbprint>.key the key; only we read them."""
    entry, changed = stores(certs).add(full())
    assert changed
    pem, key = certs / "MY" / f"{WEB}.pem", certs / "MY" / f"{WEB}.key"
    assert pem.read_bytes() == web().pem + intermediate().pem
    assert key.read_bytes() == web().key_pem()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(certs.stat().st_mode) == 0o700
    assert stat.S_IMODE(pem.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in pem.parent.iterdir()) == sorted([pem.name, key.name])
    assert entry == only(certs)


def test_add_again_writes_nothing(certs: Path) -> None:
    """The same certificate again changes nothing, not even a time."""
    stores(certs).add(full())

    def times() -> dict[Path, tuple[int, int, int]]:
        found = {path: path.stat() for path in certs.rglob("*")}
        return {path: (one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for path, one in found.items()}

    before = times()
    entry, changed = stores(certs).add(full(), "my")
    assert not changed
    assert entry == only(certs)
    assert times() == before


def test_add_a_key_later(certs: Path) -> None:
    """A certificate that is already there without its key gets it."""
    entry, changed = stores(certs).add(identity(web().pem))
    assert (entry.key_status, entry.has_key, changed) == ("missing", False, True)
    entry, changed = stores(certs).add(full())
    assert (entry.key_status, entry.has_key, changed) == ("ok", True, True)


def test_add_keeps_the_chain_and_the_key_that_are_there(certs: Path) -> None:
    """Adding the bare certificate takes neither chain nor key away."""
    stores(certs).add(full())
    entry, changed = stores(certs).add(identity(web().pem))
    assert not changed
    assert entry.has_key
    assert [one.thumbprint for one in only(certs).chain] == [intermediate().thumbprint]


@posix
def test_add_mends_a_wrong_key(certs: Path, drop: Drop) -> None:
    """A key file of our name with another key in it is replaced, and closed to others."""
    path = drop(f"MY/{WEB}.key", mail().key_pem())
    path.chmod(0o644)
    stores(certs).add(full())
    assert path.read_bytes() == web().key_pem()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_add_refuses_the_key_of_another(certs: Path) -> None:
    """Not even a caller of the library can put a wrong key into a store."""
    wrong = Identity(full().leaf, (), identity(mail().pem, mail().key_pem()).key)
    with pytest.raises(CertificateError, match="does not match"):
        stores(certs).add(wrong)
    assert not certs.exists()


def test_add_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A folder that cannot be created is reported with the system's reason."""
    (tmp_path / "certs").write_bytes(b"a file")
    with pytest.raises(CertificateError, match=r"certs.*: cannot be made: "):
        stores(tmp_path / "certs").add(full())


@posix
@pytest.mark.parametrize("kind", ["pem", "key"])
@pytest.mark.parametrize("what", ["link", "dangling", "folder", "pipe"])
def test_add_writes_files_of_its_own_only(
    certs: Path, tmp_path: Path, kind: str, what: str
) -> None:
    """A link from a repository cannot lead a key out of the store; a pipe does not hang."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "leak").write_bytes(web().pem)
    path = certs / "MY" / f"{WEB}.{kind}"
    path.parent.mkdir(parents=True)
    match what:
        case "folder":
            path.mkdir(0o755)
        case "pipe":
            os.mkfifo(path, 0o644)
        case _:
            path.symlink_to(outside / ("leak" if what == "link" else "gone"))
    before = path.lstat()
    with pytest.raises(CertificateError, match=rf"{WEB}\.{kind}: is (a link|no regular file)"):
        stores(certs).add(full())
    assert path.lstat() == before
    assert list(path.parent.iterdir()) == [path]
    assert [one.name for one in outside.iterdir()] == ["leak"]
    assert (outside / "leak").read_bytes() == web().pem


@posix
def test_add_into_a_linked_store(certs: Path, tmp_path: Path) -> None:
    """Linked folders are not read, and so not written."""
    outside = tmp_path / "outside"
    outside.mkdir()
    certs.mkdir()
    (certs / "MY").symlink_to(outside)
    with pytest.raises(CertificateError, match=r"MY: is not a folder but a link or a file"):
        stores(certs).add(full())
    assert list(outside.iterdir()) == []


def test_add_keeps_a_key_inside_the_certificate_file(certs: Path, drop: Drop) -> None:
    """The key in a combined file like HAProxy's moves into a separate file before a rewrite."""
    drop(f"MY/{WEB}.pem", web().pem + web().key_pem())
    entry, changed = stores(certs).add(identity(web().pem, intermediate().pem))
    assert (entry.has_key, changed) == (True, True)
    assert (certs / entry.key_file).read_bytes() == web().key_pem()
    assert stores(certs).load(only(certs)) == full()


@pytest.mark.parametrize(
    "more", [mail().key_pem(), web().key_pem(PASSWORD), b"-----BEGIN PRIVATE KEY-----\n"]
)
def test_add_destroys_no_key(certs: Path, drop: Drop, more: bytes) -> None:
    """A key that cannot be moved stops the operation."""
    data = (b"" if more.count(b"-----") == 2 else web().pem) + more
    path = drop(f"MY/{WEB}.pem", data)
    with pytest.raises(CertificateError, match=r"\.pem: holds a private key that would be lost"):
        stores(certs).add(full())
    assert path.read_bytes() == data


# Store names


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../MY", "a/b", "a\\b", "/etc", "MY:x", "a\nb", "a\x00b", "\u202eYM", ".git",
     "MY ", "MY.", "x" * 201],
)  # fmt: skip
def test_a_store_name_is_one_folder(certs: Path, name: str) -> None:
    """No store name leads out of the folder, and none is hidden."""
    found = stores(certs)
    for action in (
        store_name,
        found.entries,
        lambda name: found.add(full(), name),
        lambda name: found.require(WEB, name),
    ):
        with pytest.raises(CertificateError, match="is not a store name"):
            action(name)
    assert not certs.exists()


def test_store_names_compare_without_case(certs: Path, drop: Drop) -> None:
    """MY, My and my are one store, spelled as on disk."""
    stores(certs).add(full(), "My")
    assert stores(certs).names() == ("My",)
    assert stores(certs).require(WEB).store == "My"
    assert stores(certs).require(WEB, "MY").store == "My"
    assert stores(certs).add(full(), "MY")[1] is False
    if not (certs / "MY").exists():  # a case-sensitive file system
        drop("MY/mail.pem", mail().pem + mail().key_pem())
        assert stores(certs).names() == ("MY",)
        assert stores(certs).require(WEB, "my").store == "MY"
        assert {one.thumbprint for one in stores(certs).entries("my")} == {WEB, mail().thumbprint}


# What other tools put in


def test_certbots_folder_is_one_certificate(certs: Path, drop: Drop) -> None:
    """fullchain.pem and privkey.pem belong together; cert.pem and chain.pem are duplicates."""
    drop("MY/www.contoso.com/cert.pem", web().pem)
    drop("MY/www.contoso.com/chain.pem", intermediate().pem)
    drop("MY/www.contoso.com/fullchain.pem", web().pem + intermediate().pem)
    drop("MY/www.contoso.com/privkey.pem", web().key_pem())
    drop("MY/www.contoso.com/README", b"hello")
    entry = only(certs)
    assert entry.file == "MY/www.contoso.com/fullchain.pem"
    assert entry.also == ("MY/www.contoso.com/cert.pem",)
    assert (entry.key_file, entry.has_key) == ("MY/www.contoso.com/privkey.pem", True)
    assert [one.thumbprint for one in entry.chain] == [intermediate().thumbprint]
    assert stores(certs).require(WEB) == entry


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("both.pem", web().pem + web().key_pem()),
        ("BOTH.PEM", web().key_pem() + web().pem),
        ("bare.pfx", web().pfx()),
        ("bare.P12", web().pfx()),
        ("deep/er/x.pem", web().key_pem() + web().pem),
    ],
)
def test_files_that_hold_their_key(certs: Path, drop: Drop, name: str, data: bytes) -> None:
    """PEM with its key inside and a bare PFX are found, with suffixes in either case."""
    drop(f"MY/{name}", data)
    entry = stores(certs).require(WEB)
    assert (entry.file, entry.key_file, entry.has_key) == (f"MY/{name}", f"MY/{name}", True)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.crt", web().pem),
        ("a.cer", web().der),
        ("a.der", web().der),
        ("a.p7b", bag(web(), intermediate())),
        ("a.pem", web().pem),
    ],
)
def test_keys_are_matched_by_public_key(certs: Path, drop: Drop, name: str, data: bytes) -> None:
    """Whatever a key file in the same folder is called, it is matched to its certificate."""
    drop(f"MY/{name}", data)
    drop("MY/another name.key", web().key_pem())
    drop("MY/mail.key", mail().key_pem())
    assert only(certs).key_file == "MY/another name.key"


def test_a_key_in_another_folder_is_another_matter(certs: Path, drop: Drop) -> None:
    """Keys are looked for in the certificate's own folder."""
    drop("MY/a/web.pem", web().pem)
    drop("MY/b/web.key", web().key_pem())
    assert only(certs).key_status == "missing"


@pytest.mark.parametrize(
    ("name", "key"), [("web.pem", "web.key"), ("x/fullchain.pem", "x/privkey.pem")]
)
def test_the_key_of_another_certificate(certs: Path, drop: Drop, name: str, key: str) -> None:
    """A key next to the certificate that does not belong to it is a mismatch, and 1312 says so."""
    drop(f"MY/{name}", web().pem)
    drop(f"MY/{key}", mail().key_pem())
    entry = only(certs)
    assert (entry.key_status, entry.key_file) == ("mismatch", f"MY/{key}")
    error = refused(certs)
    assert error.message == f"the certificate {WEB} in the store MY has no private key"
    assert (
        error.hints[0] == f"MY/{name}: the private key in MY/{key} belongs to another certificate"
    )
    loaded = stores(certs).load(entry)
    assert [p.id for p in problems(loaded, (), NOW)] == ["key-mismatch", "chain-incomplete"]


def test_several_certificates_in_one_file(certs: Path, drop: Drop) -> None:
    """Every end certificate of a file is an entry."""
    drop("Root/roots.pem", root().pem + issue("Other", ca=True).pem)
    assert [one.file for one in stores(certs).entries("root")] == ["Root/roots.pem"] * 2


def test_a_root_in_a_store_is_an_entry(certs: Path) -> None:
    """Issuers count in the stores that are meant for them, even if they are in chains elsewhere."""
    stores(certs).add(full())
    stores(certs).add(identity(intermediate().pem), "CA")
    found = [one.thumbprint for one in stores(certs).entries("CA")]
    assert found == [intermediate().thumbprint]


def test_facts_of_an_entry_are_those_of_the_certificate(certs: Path) -> None:
    """The index has what the certificate says."""
    made = issue("\x1b[31m", dns=["*.a.example"], ip=["::1"], issuer=intermediate())
    entry, _ = stores(certs).add(identity(made.pem, made.key_pem()))
    (leaf,) = read_bundle(made.pem).certificates
    assert entry.certificate == leaf
    for fact in set(Entry._fields) & set(CertificateFacts._fields):
        assert getattr(entry, fact) == getattr(leaf, fact), fact
    assert (only(certs), entry.names) == (entry, ("*.a.example", "::1"))


# What cannot be opened


def test_a_pfx_that_no_password_opens_is_locked(certs: Path, drop: Drop) -> None:
    """It is listed as locked, and the hints of 1312 name it."""
    drop("MY/web.pfx", openssl_pfx(web(), "-legacy"))
    entry = only(certs)
    assert (entry.locked, entry.thumbprint, entry.file) == (True, "", "MY/web.pfx")
    error = refused(certs)
    assert entry.problem == ("is locked: the PFX file is protected by a password; none was given")
    assert error.message == f"the certificate {WEB} is not in any store"
    assert error.hints == (
        "sslbind store add FILE --store MY adds it",
        f"MY/web.pfx may hold it, but {entry.problem}",
        "set PasswordFile in [CertStores] to a file with its password",
    )
    with pytest.raises(PasswordError, match=r"web\.pfx: the PFX file is protected"):
        stores(certs).load(entry)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_password_file_opens_it(certs: Path, drop: Drop, end: bytes) -> None:
    """The password file holds one password, with or without an end of line."""
    drop("MY/web.pfx", web().pfx(PASSWORD))
    entry = only(certs, PASSWORD + end)
    assert (entry.thumbprint, entry.has_key, entry.locked) == (WEB, True, False)
    assert stores(certs, PASSWORD + end).load(entry).key is not None


def test_a_locked_file_is_tried_again_with_a_new_password(certs: Path, drop: Drop) -> None:
    """When the password file changes, what was locked is opened again."""
    drop("MY/web.pfx", web().pfx(PASSWORD))
    time.sleep(SETTLED)
    assert only(certs).locked
    assert only(certs, b"wrong").locked
    assert only(certs, PASSWORD).thumbprint == WEB


def test_a_missing_password_file_is_named_where_it_is_needed(certs: Path, drop: Drop) -> None:
    """It does not matter until a file is locked; then it is the reason."""
    gone = str(certs.parent / "gone.password")
    stores(certs).add(full())
    closed = CertStores(str(certs), password_file=gone)
    assert closed.load(closed.require(WEB)).key is not None
    drop("MY/mail.pfx", mail().pfx(PASSWORD))
    closed.refresh()
    locked = next(one for one in closed.entries() if not one.thumbprint)
    assert locked.locked
    assert "the password file cannot be read: no such file" in str(locked.problem)
    with pytest.raises(CertificateError, match=r"gone\.password: the password file cannot be read"):
        closed.load(locked)
    (certs.parent / "gone.password").write_bytes(PASSWORD)
    assert {one.thumbprint for one in CertStores(str(certs), password_file=gone).entries()} == {
        WEB,
        mail().thumbprint,
    }


@pytest.mark.parametrize(("pem", "key"), [("a.pem", "a.key"), ("a.pem", "a.pem")])
def test_a_locked_key_beside_an_open_certificate(
    certs: Path, drop: Drop, pem: str, key: str
) -> None:
    """The certificate is known, its key is not: locked, and 1312 says why."""
    drop(f"MY/{pem}", b"")
    files = {key: web().key_pem(PASSWORD)}
    files[pem] = web().pem + files.get(pem, b"")
    for name, data in files.items():
        drop(f"MY/{name}", data)
    entry = only(certs)
    assert (entry.thumbprint, entry.locked, entry.key_status) == (WEB, True, "missing")
    error = refused(certs)
    assert "private key" in error.hints[0]
    assert "is locked" in error.hints[0]
    with pytest.raises(PasswordError):
        stores(certs).load(entry)
    assert only(certs, PASSWORD).has_key


def test_what_is_no_certificate_file(certs: Path, drop: Drop) -> None:
    """Junk, an empty file, a huge one and a dangling link are listed with the reason, unread."""
    drop("MY/a.pem", b"junk")
    drop("MY/b.pem", b"")
    with drop("MY/c.pfx", b"0").open("r+b") as file:
        file.truncate(17 << 20)
    if sys.platform != "win32":
        (certs / "MY/d.pem").symlink_to("gone")
    (certs / "MY/.hidden.pem").write_bytes(web().pem)
    (certs / "MY/e.key").write_bytes(b"junk")
    (certs / "MY/notes.txt").write_bytes(web().pem)
    found = {one.file: one.problem for one in stores(certs).entries()}
    gone = refusal(certs / "gone")
    assert found == {
        "MY/a.pem": "cannot be used: it is not PEM, DER, PKCS#7 or PFX",
        "MY/b.pem": "cannot be used: it is empty",
        "MY/c.pfx": "is larger than 16777216 bytes",
    } | ({} if sys.platform == "win32" else {"MY/d.pem": f"cannot be read: {gone}"})
    assert "MY/a.pem may hold it, but cannot be used" in " ".join(refused(certs).hints)


@posix
def test_a_named_pipe_does_not_hang(certs: Path, drop: Drop) -> None:
    """Only files are opened, by the first run as by the next."""
    drop("MY/b.pem", web().pem)
    os.mkfifo(certs / "MY/a.pem")
    for _ in range(2):
        assert [one.file for one in stores(certs).entries()] == ["MY/b.pem"]


def test_a_file_that_changes_before_it_is_read(certs: Path, drop: Drop) -> None:
    """A new file has the stamp of what was read, not that of the file that was listed."""
    path = drop("MY/a.pem", web().pem)
    seen = look(str(certs))
    path.write_bytes(mail().pem)
    time.sleep(0.05)  # later than just now
    for _ in range(2):
        (found,) = scan(str(certs), PasswordFile(None), seen=seen).values()
        assert [one.leaf.thumbprint for one in found.branches] == [mail().thumbprint]
        assert found.stamp == stamp_of(str(path))
        seen = look(str(certs))


@links
def test_links_to_folders_are_not_followed(certs: Path, drop: Drop, tmp_path: Path) -> None:
    """A link leads neither out of the stores nor round in circles; a link to a file is fine."""
    drop("MY/sub/x.txt", b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "web.pem").write_bytes(web().pem + web().key_pem())
    (certs / "MY/out").symlink_to(outside)
    (certs / "MY/sub/loop").symlink_to(certs / "MY")
    (certs / "Linked").symlink_to(outside)
    assert stores(certs).entries() == ()
    assert stores(certs).names() == ("MY",)
    (certs / "MY/sub/web.pem").symlink_to(outside / "web.pem")
    assert only(certs).thumbprint == WEB


def test_folders_too_deep_are_not_searched(certs: Path, drop: Drop) -> None:
    """The depth is bounded."""
    drop("MY/" + "d/" * 8 + "web.pem", web().pem)
    drop("MY/" + "e/" * 9 + "mail.pem", mail().pem)
    assert only(certs).thumbprint == WEB


# Requiring


def test_in_another_store(certs: Path) -> None:
    """1312 names the store that has it, and the tag that fixes it."""
    stores(certs).add(full(), "WebHosting")
    error = refused(certs)
    assert error.message == f"the certificate {WEB} is not in the store MY"
    assert error.hints == ("it is in the store WebHosting: certstorename=WebHosting",)
    assert stores(certs).require(WEB.upper(), "WEBHOSTING").has_key


def test_in_no_store(certs: Path) -> None:
    """Without a folder, and with an odd thumbprint, it is 1312 all the same."""
    assert refused(certs).message == f"the certificate {WEB} is not in any store"
    (certs / "MY").mkdir(parents=True)
    for odd in ("", "..", "../MY/x", "\x00", "x" * 40):
        assert refused(certs, odd).hints == ("sslbind store add FILE --store MY adds it",)


def test_without_a_private_key(certs: Path) -> None:
    """1312 says that the key is missing; with keys elsewhere it is fine."""
    stores(certs).add(identity(web().pem))
    assert refused(certs).hints == (
        "sslbind store add CERTIFICATE KEY --store MY adds the key",
        'privatekeys = "elsewhere" in [CertStores] allows certificates without keys',
    )
    assert stores(certs, elsewhere=True).require(WEB).thumbprint == WEB


def test_a_file_of_our_name_with_another_certificate(certs: Path, drop: Drop) -> None:
    """The name of a file is not trusted."""
    drop(f"MY/{WEB}.pem", mail().pem)
    drop(f"MY/{WEB}.key", mail().key_pem())
    assert refused(certs).message == f"the certificate {WEB} is not in any store"
    assert stores(certs).require(mail().thumbprint).file == f"MY/{WEB}.pem"


def run(code: str, **environment: str) -> str:
    """Run Python code in a separate process, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_require_loads_no_cryptography(certs: Path) -> None:
    """Adding a binding by thumbprint takes little more than a process start."""
    stores(certs).add(full())
    code = f"""
import sys
before = set(sys.modules)
from sslbind.certificates.stores import CertStores
entry = CertStores({str(certs)!r}).require({WEB!r}, "MY")
heavy = "cryptography pathlib hashlib json base64 datetime ipaddress".split()
heavy.append("sslbind.certificates.scanning")
print(entry.has_key, [name for name in heavy if name in set(sys.modules) - before])
"""
    assert run(code) == "True []\n"


# Searching


def test_search(certs: Path) -> None:
    """A thumbprint, eight or more of its digits, or a SHA-256 find a certificate."""
    for one in (web(), mail()):
        stores(certs).add(identity(one.pem))
    found = stores(certs).search(WEB[:8].upper())
    assert [one.thumbprint for one in found] == [WEB]
    assert stores(certs).search(WEB) == found
    assert stores(certs).search(web().sha256.upper()) == found
    assert stores(certs).by_sha256(web().sha256) == found[0]
    assert stores(certs).by_sha256("00" * 32) is None
    for nothing in ("", WEB[:7], "www.contoso.com", "0" * 8, "MY"):
        assert stores(certs).search(nothing) == ()


# The index


def opened(certs: Path) -> list[str]:
    """Look at the stores in a separate process; return the files in them that it opened."""
    code = f"""
import os, sys
names = []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith({str(certs)!r}):
        names.append(os.path.basename(arguments[0]))
sys.addaudithook(hook)
from sslbind.certificates.stores import CertStores
CertStores({str(certs)!r}).entries()
print(*sorted(set(names)))  # the opener of a file is audited too
"""
    return run(code).split()


def test_unchanged_files_are_not_opened_again(certs: Path, drop: Drop) -> None:
    """The index is remembered by size, times and inode; what changed, came or went is seen."""
    drop("MY/web.pem", web().pem)
    drop("MY/web.key", web().key_pem())
    drop("MY/locked.pfx", web().pfx(PASSWORD))
    drop("MY/junk.pem", b"junk")
    time.sleep(SETTLED)
    assert opened(certs) == ["junk.pem", "locked.pfx", "web.key", "web.pem"]
    assert opened(certs) == []
    drop("MY/web.key", mail().key_pem())
    drop("MY/new.pem", mail().pem)
    (certs / "MY/junk.pem").unlink()
    time.sleep(SETTLED)
    assert opened(certs) == ["new.pem", "web.key"]
    assert opened(certs) == []
    found = {one.file: one.key_status for one in stores(certs).entries()}
    assert found == {"MY/web.pem": "mismatch", "MY/new.pem": "ok", "MY/locked.pfx": "missing"}


def test_a_file_replaced_with_its_old_times_is_seen(certs: Path, drop: Drop) -> None:
    """Same size and same time do not hide another certificate."""
    path = drop("MY/a.cer", web().der)
    time.sleep(SETTLED)
    assert only(certs).thumbprint == WEB
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    size = len(web().der)
    other = next(
        der for der in iter(lambda: issue("www.contoso.com", dns=["www.contoso.com"],
                                          issuer=intermediate()).der, b"") if len(der) == size
    )  # fmt: skip
    path.write_bytes(other)
    os.utime(path, ns=times)
    assert only(certs).thumbprint != WEB


def test_a_file_that_was_just_written_is_not_trusted(certs: Path, drop: Drop) -> None:
    """File times have a limited resolution: a file that was just written is not remembered."""
    for one in (web(), mail(), web(), mail()):
        drop("MY/a.pem", one.pem)
        assert only(certs).thumbprint == one.thumbprint


def cache_files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other", "shape"])
def test_a_damaged_cache_is_ignored(certs: Path, drop: Drop, tmp_path: Path, damage: str) -> None:
    """Whatever happens to the cache, it only costs time."""
    from sslbind.digest import content_digest

    drop("MY/web.pem", web().pem + web().key_pem())
    time.sleep(SETTLED)
    right = only(certs)
    (cache,) = cache_files(tmp_path)
    data = cache.read_bytes()
    text = json.dumps({"files": 1}).encode()
    cache.write_bytes(
        {
            "cut": data[:-10],
            "flip": data.replace(b"contoso", b"fabrika"),
            "empty": b"",
            "other": b"\xff\xfe\n",
            "shape": content_digest(text).encode() + b"\n" + text,
        }[damage]
    )
    assert only(certs) == right
    assert cache.read_bytes() == data


def test_no_secret_is_remembered(certs: Path, drop: Drop, tmp_path: Path) -> None:
    """Neither a key nor a password is in the cache, nor in a repr."""
    drop("MY/web.pfx", web().pfx(PASSWORD))
    drop("MY/mail.pem", mail().pem + mail().key_pem())
    time.sleep(SETTLED)
    found = stores(certs, PASSWORD)
    text = repr(found) + repr(found.entries())
    text += "".join(path.read_bytes().decode("latin-1") for path in cache_files(tmp_path))
    assert "web.pfx" in text
    for secret in (PASSWORD.decode(), *web().key_pem().decode().splitlines()[1:-1]):
        assert secret not in text


def test_no_cache_folder_at_all(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for the cache everything works."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    stores(certs).add(full())
    assert only(certs).thumbprint == WEB


# Deleting


def left(certs: Path) -> list[str]:
    return sorted(p.relative_to(certs).as_posix() for p in certs.rglob("[!.]*") if p.is_file())


def test_delete_removes_certificate_and_key(certs: Path) -> None:
    """Both files are removed, those of other certificates stay."""
    stores(certs).add(full())
    stores(certs).add(identity(mail().pem, mail().key_pem()))
    asked = stores(certs)
    removed = asked.delete(asked.require(WEB))
    assert sorted(removed) == [f"MY/{WEB}.key", f"MY/{WEB}.pem"]
    assert [one.thumbprint for one in asked.entries()] == [mail().thumbprint]
    assert len(left(certs)) == 2


def test_delete_removes_a_wrong_key_of_our_name(certs: Path, drop: Drop) -> None:
    """The pair is removed, though its key is another certificate's."""
    stores(certs).add(identity(web().pem))
    drop(f"MY/{WEB}.key", mail().key_pem())
    stores(certs).delete(only(certs))
    assert left(certs) == []


def test_delete_of_certbots_folder(certs: Path, drop: Drop) -> None:
    """All four files go, as they hold nothing else; a file that is not a certificate stays."""
    for name, data in {
        "cert": web().pem,
        "chain": intermediate().pem,
        "fullchain": web().pem + intermediate().pem,
        "privkey": web().key_pem(),
    }.items():
        drop(f"MY/x/{name}.pem", data)
    drop("MY/x/README", b"")
    stores(certs).delete(only(certs))
    assert left(certs) == ["MY/x/README"]
    assert stores(certs).entries() == ()


def test_delete_refuses_a_file_with_more_in_it(certs: Path, drop: Drop) -> None:
    """A foreign file that holds another certificate is named, and nothing is removed."""
    stores(certs).add(full())
    drop("MY/both.pem", web().pem + mail().pem)
    entry = stores(certs).search(WEB)[0]
    with pytest.raises(CertificateError) as caught:
        stores(certs).delete(entry)
    assert str(caught.value) == (f"MY/both.pem: also holds other certificates: {mail().thumbprint}")
    assert len(left(certs)) == 3


def test_delete_keeps_a_key_that_another_needs(certs: Path, drop: Drop) -> None:
    """A renewed certificate with the same key keeps it."""
    renewed = issue("www.contoso.com", issuer=intermediate())
    drop("MY/old.pem", web().pem)
    drop("MY/new.pem", renewed.pem)
    drop("MY/www.key", web().key_pem())
    stores(certs).delete(stores(certs).require(WEB))
    assert left(certs) == ["MY/new.pem", "MY/www.key"]
    assert stores(certs).require(renewed.thumbprint).has_key


def test_delete_refuses_the_only_key_of_another(certs: Path, drop: Drop) -> None:
    """A file with another certificate's key goes only if that key is elsewhere too."""
    drop("MY/a.pem", web().pem + web().key_pem() + mail().key_pem())
    drop("MY/b.pem", mail().pem)
    with pytest.raises(CertificateError) as caught:
        stores(certs).delete(stores(certs).require(WEB))
    assert str(caught.value) == (
        f"MY/a.pem: also holds the private key of another certificate: {mail().thumbprint}"
    )
    assert left(certs) == ["MY/a.pem", "MY/b.pem"]
    drop("MY/b.key", mail().key_pem())
    stores(certs).delete(stores(certs).require(WEB))
    assert left(certs) == ["MY/b.key", "MY/b.pem"]


def test_delete_of_a_locked_file(certs: Path, drop: Drop) -> None:
    """A file that does not open can be removed as it is."""
    drop("MY/web.pfx", web().pfx(PASSWORD))
    assert stores(certs).delete(only(certs)) == ("MY/web.pfx",)


# Loading and modes


def test_load(certs: Path, drop: Drop) -> None:
    """A certificate comes with its chain and its key, wherever the key is."""
    drop("MY/x/fullchain.pem", web().pem + intermediate().pem)
    drop("MY/x/privkey.pem", web().key_pem())
    assert stores(certs).load(only(certs)) == full()


def test_issuers_of_other_stores_complete_a_chain(certs: Path, drop: Drop) -> None:
    """A chain may be completed from the stores, by any certificate with the issuer's name."""
    stores(certs).add(identity(web().pem))
    stores(certs).add(identity(intermediate().pem), "CA")
    drop("CA/locked.pfx", root().pfx(PASSWORD))
    asked = stores(certs)
    loaded = asked.load(asked.search(WEB)[0])
    found = asked.issuers(loaded)
    assert [one.thumbprint for one in found] == [intermediate().thumbprint]
    assert problems(loaded, found, NOW) == ()
    (certs / "CA" / f"{intermediate().thumbprint}.pem").unlink()
    assert asked.issuers(loaded) == ()


def test_many_certificates_of_one_name(
    certs: Path, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is opened once for all the chains, and a root needs none."""
    made = [issue("Same", ca=True, key=ec_key(f"same {n}")) for n in range(5)]
    for n, one in enumerate(made):
        drop(f"Root/{n}.pem", one.pem)
    asked = stores(certs)
    asked.entries()
    opened: list[str] = []
    real = loading.open_file

    def spy(path: str, passwords: contents.PasswordFile, *, strict: bool) -> Bundle:
        opened.append(path)
        return real(path, passwords, strict=strict)

    monkeypatch.setattr(loading, "open_file", spy)
    assert asked.issuers(identity(made[0].pem)) == ()
    assert opened == []
    leaf = identity(issue("x", issuer=made[0]).pem)
    assert len(asked.issuers(leaf)) == len(asked.issuers(leaf)) == len(opened) == 5


@posix
@pytest.mark.parametrize("what", ["password", "certificate"])
def test_a_pipe_in_place_of_a_file_does_not_hang(certs: Path, drop: Drop, what: str) -> None:
    """What is read must be a file, even if it became a pipe after it was found."""
    path = drop("MY/web.pfx", web().pfx(PASSWORD))
    asked = stores(certs, PASSWORD)
    entry = only(certs, PASSWORD)
    if what == "password":
        path = certs.parent / "pfx.password"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SslbindError, match="is not a regular file"):
        asked.load(entry)


def test_load_what_is_gone(certs: Path) -> None:
    """A file that disappeared or changed meanwhile is an error that names it."""
    stores(certs).add(full())
    entry = only(certs)
    path = certs / "MY" / f"{WEB}.pem"
    path.write_bytes(mail().pem)
    with pytest.raises(CertificateError, match=f"does not hold the certificate {WEB}"):
        stores(certs).load(entry)
    path.unlink()
    with pytest.raises(SslbindError, match="cannot be read: no such file"):
        stores(certs).load(entry)


@posix
@pytest.mark.parametrize(("mode", "wide"), [(0o600, False), (0o400, False), (0o640, True)])
def test_wide_modes(certs: Path, mode: int, wide: bool) -> None:
    """A key that others may read is a problem, reported with the command that fixes it."""
    stores(certs).add(full())
    key = certs / "MY" / f"{WEB}.key"
    key.chmod(mode)
    found = stores(certs).wide_modes(only(certs))
    assert bool(found) is wide
    for problem in found:
        assert problem.id == "wide-mode"
        assert re.search(r"\.key, mode 0640$", problem.message)
        assert problem.advice == f"chmod 600 {key}"


def test_no_key_no_mode(certs: Path) -> None:
    """A certificate without a key may be read by anyone."""
    stores(certs).add(identity(web().pem))
    assert stores(certs).wide_modes(only(certs)) == ()


@pytest.mark.slow
@posix
@pytest.mark.parametrize("delete", [False, True], ids=["add and add", "add and delete"])
def test_two_at_once_act_as_one_after_the_other(certs: Path, delete: bool) -> None:
    """Each one reads and decides under the lock: no chain and no certificate's key is lost."""
    worker = """
import sys
from sslbind.certificates.stores import CertStores
from sslbind.certificates.parsing import identities, read_bundle
made, = identities(read_bundle(sys.stdin.buffer.read()))
stores = CertStores(sys.argv[1])
entry = next((one for one in stores.entries() if one.thumbprint == made.leaf.thumbprint), None)
print(flush=True)
if sys.argv[2] == "delete":
    stores.delete(entry)
else:
    stores.add(made)
"""
    whole = web().pem + intermediate().pem + web().key_pem()
    bare = web().pem + web().key_pem()
    for _ in range(4):
        stores(certs).add(full())
        start = [("add", whole), ("delete" if delete else "add", bare)]
        if not delete:
            stores(certs).delete(only(certs))
        with stores(certs).writing():
            running = [
                subprocess.Popen(
                    [sys.executable, "-c", worker, str(certs), verb],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                for verb, _ in start
            ]
            for one, (_, data) in zip(running, start, strict=True):
                assert one.stdin is not None
                assert one.stdout is not None
                one.stdin.write(data)
                one.stdin.close()
                one.stdout.readline()
        for one in running:
            assert one.wait() == 0
            assert one.stdout is not None
            one.stdout.close()
        names = sorted(path.suffix for path in (certs / "MY").glob("[!.]*"))
        assert names == [".key", ".pem"] or (delete and names == [])
        if names:
            assert (certs / "MY" / f"{WEB}.pem").read_bytes().count(b"BEGIN CERT") == 2
