"""Reading a registry: strictly, in every spelling that TOML allows, and never with a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import tomllib
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import Spelled, registries

from sslbind import cache
from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.registry.document import CentralCertProvider, CertStoresSettings, Suppression
from sslbind.registry.registry import Registry, may_be_registry
from sslbind.release import Release

APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
HASH = "a1" * 20
BODY = f'certhash = "{HASH}"\nappid = "{APPID}"\ncertstorename = "MY"\n'
INLINE = f'{{certhash="{HASH}", appid="{APPID}"}}'
SNI = "SslSniBindingInfo"


def read(text: str) -> Registry:
    return Registry(text.encode(), "sslbind.toml")


def refusal(text: str | bytes) -> RegistryError:
    """The error that reading raises; it names the file and the line."""
    with pytest.raises(RegistryError) as caught:
        Registry(text if isinstance(text, bytes) else text.encode(), "sslbind.toml")
    assert caught.value.file == "sslbind.toml"
    assert caught.value.line is not None
    return caught.value


@given(registries())
def test_every_spelling_of_the_same_data_reads_the_same(spelled: Spelled) -> None:
    """Dotted keys, inline tables, literal strings, escapes, odd spaces, CRLF: one meaning."""
    registry = read(spelled.text)
    assert dict(registry.bindings) == spelled.bindings
    again = read(spelled.text)  # now from what is remembered
    assert {key: again.get(key) for key in spelled.bindings} == spelled.bindings
    assert again.settings == registry.settings


@given(registries(min_size=1))
def test_every_binding_has_the_line_where_it_starts(spelled: Spelled) -> None:
    """Findings point at the header, or at the first line that speaks of the binding."""
    registry = read(spelled.text)
    for key in spelled.bindings:
        line = 1
        for one in spelled.lines:
            if one.owner == key and not one.text.lstrip().startswith("#"):
                break
            if key.kind in spelled.shared and key.kind.table[3:9] in one.text:
                break
            line += one.text.count("\n")
        if key.kind not in spelled.shared:
            assert registry.line(key) == line
        assert registry.line(key) is not None


def test_the_example_of_the_design() -> None:
    """Every setting and table that a registry knows."""
    registry = read(f"""\
version = 1
windows = "2019"
iplisten = ["10.0.0.5", "::1"]

[CertStores]
path = "../certs"
privatekeys = "elsewhere"
PasswordFile = "pfx.password"

[CentralCertProvider]
Enabled = true
CertStoreLocation = "ccs"
PrivateKeyPasswordFile = "ccs.password"

[SslBindingInfo."0.0.0.0:443"]
certhash = "{HASH}"
appid = "{APPID}"

[SslSniBindingInfo."www.contoso.com:443"]
{BODY}clientcertnegotiation = true

[SslCcsBindingInfo.443]
appid = "{APPID}"
sslflags = 3

[SslBindingInfo."0.0.0.0:443".Other]
DefaultFlags = 0x8000

[[Suppress]]
rule = "ip-shadows-sni"
key = "10.0.0.5:443"
reason = "moved in March"
until = 2027-01-31
""")
    settings = registry.settings
    assert settings.release is Release.W2019
    assert registry.iplisten == ("10.0.0.5", "::1")
    assert settings.cert_stores == CertStoresSettings(
        "../certs", keys_elsewhere=True, password_file="pfx.password"
    )
    assert settings.central_store == CentralCertProvider(
        enabled=True, location="ccs", password_file="ccs.password"
    )
    assert settings.suppressions == (
        Suppression("ip-shadows-sni", "moved in March", "10.0.0.5:443", "2027-01-31"),
    )
    assert [key.spec for key in registry.bindings] == [
        "ipport=0.0.0.0:443",
        "hostnameport=www.contoso.com:443",
        "ccs=443",
    ]
    first = registry.get(parse_key(IPPORT, "0.0.0.0:443"))
    assert first and first.other == {"DefaultFlags": 0x8000}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "version is missing"),
        ("\n\nversion = 2", 3, "version = 2 is not known"),
        ('version = "1"', 1, "version must be a whole number"),
        ("version = true", 1, "version must be a whole number"),
        ("version = 1\nversion = 1", 2, "not valid TOML"),
        ("version = 1\n[SslBindingInfo", 2, "not valid TOML"),
        ("version = 1\nwindow = 3", 2, "'window' is not a table or setting"),
        ('version = 1\nwindows = "2021"', 2, "windows: "),
        ('version = 1\niplisten = ["::1",\n"0:0::1"]', 2, "iplisten holds ::1 twice"),
        ("version = 1\niplisten = [1]", 2, "iplisten holds addresses in quotes"),
        ("version = 1\n[SslBinding]", 2, "'SslBinding' is not a table"),
        ("version = 1\n[CertStores]\nPath = 1", 3, "'Path' is not a setting of [CertStores]"),
        ('version = 1\n[CertStores]\npath = ""', 3, "path = '' is not a path"),
        ('version = 1\n[CertStores]\npath = "\\u0000"', 3, "path = '\\x00' is not a path"),
        ('version = 1\n\n[CertStores]\nprivatekeys = "no"', 4, "neither here nor elsewhere"),
        ("version = 1\n[CentralCertProvider]\nEnabled = 1", 3, "Enabled must be true or false"),
        ("version = 1\nSuppress = 1", 2, "Suppress is an array of tables"),
        ('version = 1\n[[Suppress]]\nrule = "x"', 2, "[[Suppress]] needs a reason"),
        (
            'version = 1\n[[Suppress]]\nrule = "x"\nreason = "y"\nuntil = "soon"',
            5,
            "until = 'soon' is not a date",
        ),
        (
            'version = 1\n[[Suppress]]\nrule = "x"\nreason = "y"\nuntil = "7d"',
            5,
            (
                "until = '7d' is not a date such as 2027-01-31 (relative dates are not allowed in a"
                " file)"
            ),
        ),
        (
            'version = 1\n[[Suppress]]\nrule = "x"\nreason = "y"\nuntil = 2027-02-30',
            5,
            "Invalid date",
        ),
        ("version = 1\n[[SslBindingInfo]]", 2, "SslBindingInfo must be a table"),
        ('version = 1\n[SslBindingInfo]\n"0.0.0.0:443" = 5', 3, "must be a table"),
        ('version = 1\n\n[SslBindingInfo."0.0.0.0"]', 3, "the port is missing"),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\nappid = "{APPID}"', 2, "certhash is miss"),
        (f'version = 1\n[SslCcsBindingInfo.443]\ncerthash = "{HASH}"', 2, "appid is missing"),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}cert = 1', 6, "'cert' is not a tag"),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}"" = 1', 6, "'' is not a tag"),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}reject = "no"', 6, "reject must be"),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}Other = 1', 6, "Other must be"),
        (
            f'version = 1\n[SslSniBindingInfo."A.b:1"]\n{BODY}[SslSniBindingInfo."a.B:1"]\n{BODY}',
            6,
            "'a.B:1' and 'A.b:1' are one hostnameport key",
        ),
        (
            f'version = 1\n[SslBindingInfo."[::1]:1"]\n{BODY}[SslBindingInfo."[0::1]:1"]\n{BODY}',
            6,
            "are one ipport key",
        ),
        (
            f'version = 1\n[{SNI}]\n"xn--bcher-kva.de:1" = {INLINE}\n"BÜCHER.de:1" = {INLINE}',
            4,
            "are one hostnameport key",
        ),
        (f'version = 1\n[SslSniBindingInfo."10.0.0.1:443"]\n{BODY}', 2, "address, not a host"),
        (b"version = 1\n# \xff", 2, "is not UTF-8"),
        ("version = 1\n# \0", 2, "not valid TOML"),
        ("version = 1\r# lone", 1, "not valid TOML"),
        ('version = 1\nwindows = "\\ud800"', 2, "not valid TOML"),
        (f"version = 1\nx = {'9' * 5000}", 2, "64 bits"),
        (f"\n\nversion = 0x{'F' * 5000}", 3, "64 bits"),
        (
            f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}reject = 0x{"F" * 5000}',
            6,
            "64 bits",
        ),
        (
            f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}Other.x = [1, 0x{"F" * 20}]',
            6,
            "64 bits",
        ),
        (f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}Other.x = nan', 6, "nan"),
        (f"version = 1\nx = {'[' * 10_000}{']' * 10_000}", 2, "nested too deeply"),
        (f"version = 1\nx = {'{a=' * 10_000}1{'}' * 10_000}", 2, "nested too deeply"),
        (
            f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\n{BODY}Other.x = {"[" * 60}{"]" * 60}',
            6,
            "nested too deeply",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, line: int, message: str) -> None:
    """Nothing is guessed: a file that is not entirely correct is not read at all."""
    error = refusal(text)
    assert message in error.message
    assert error.line == line
    assert len(error.message) < 400


@given(st.binary(max_size=200))
@example(b"[" * 5000)
@example(b"a." * 5000 + b"a = 1")
@example(b"version = 1\n[SslBindingInfo.'\x1b']")
def test_no_bytes_give_anything_but_a_registry_error(data: bytes) -> None:
    """Random bytes are refused with an error message."""
    refusal(data)


@given(registries(min_size=1), st.integers(0, 2**32), st.binary(min_size=1, max_size=6))
def test_damaged_registries_are_read_or_refused_in_words(
    spelled: Spelled, seed: int, noise: bytes
) -> None:
    """Bytes cut, doubled, swapped or put in: an answer or a RegistryError with file and line."""
    random = Random(seed)
    data = bytearray(spelled.text.encode())
    for _ in range(random.randint(1, 3)):
        start, end = sorted(random.choices(range(len(data) + 1), k=2))
        end = min(end, start + 40)
        damage = random.choice([b"", noise, bytes(data[start:end] * 2), b'"', b"[", b"{", b"\n"])
        data[start:end] = damage
    for _ in range(2):  # the second time with what was remembered of the first
        try:
            registry = Registry(bytes(data), "sslbind.toml")
        except RegistryError as error:
            assert error.file == "sslbind.toml"
            assert error.line
        else:
            assert all(registry.get(key) == one for key, one in registry.bindings.items())


WWW = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
PLAIN = f'version = 1\n\n[SslSniBindingInfo."www.contoso.com:443"]\n{BODY}'


def _slots() -> list[Path]:
    return [*Path(str(cache.cache_folder())).glob("registry-*")]


@pytest.mark.parametrize("garbage", [b"", b"\xff" * 100, b"0" * 64, "folder", "fifo"])
def test_a_poisoned_cache_costs_time_only(garbage: bytes | str) -> None:
    """Whatever the cache holds in that place, the answers are the same."""
    if garbage == "fifo" and sys.platform == "win32":
        pytest.skip("Windows has no FIFOs in folders")
    read(PLAIN)
    (slot,) = _slots()
    slot.unlink()
    if isinstance(garbage, bytes):
        slot.write_bytes(garbage)
    elif garbage == "folder":
        slot.mkdir()
    else:
        os.mkfifo(slot)
    assert read(PLAIN).get(WWW)
    assert len(read(PLAIN).bindings) == 1


@pytest.mark.parametrize(
    "text", ["", "version = 1\n[X]\n", PLAIN.replace("MY", ""), PLAIN + PLAIN[12:], "version = 3"]
)
def test_a_cache_that_lies_gives_no_traceback(text: str) -> None:
    """An invalid content that was remembered as valid is still refused, or read."""
    from sslbind.digest import content_digest

    digest = content_digest(text.encode())
    cache.remember(f"registry-{digest[:2]}", digest.encode())
    try:
        registry = read(text)
        registry.get(WWW)
        list(registry.bindings)
    except RegistryError as error:
        assert error.file == "sslbind.toml"
        assert error.line


@pytest.mark.parametrize("way", ["missing home", "relative", "a file", "read-only"])
def test_a_cache_that_cannot_be_used_is_done_without(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the cache cannot be used, everything still works."""
    where = tmp_path / "cache"
    if way == "a file":
        where.write_bytes(b"")
    elif way == "read-only":
        where.mkdir(mode=0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative" if way == "relative" else str(where))
    if way == "missing home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(where))
        monkeypatch.setenv("LOCALAPPDATA", str(where))  # the cache is there on Windows
    assert read(PLAIN).get(WWW)
    assert not Path("relative").exists()


class TestStrangeFiles:
    """What is not a readable regular file is refused immediately, with a message."""

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match="there is no such registry file") as caught:
            Registry.open(tmp_path / "sslbind.tomll")
        assert "init" in caught.value.hints[0]
        with pytest.raises(RegistryError, match="no such"), Registry.editing(tmp_path / "none"):
            pass
        assert [*tmp_path.iterdir()] == []

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match=r"cannot be read|regular"):
            Registry.open(tmp_path)

    def test_a_path_with_nul(self) -> None:
        for use in (Registry.open, Registry.create):
            with pytest.raises(RegistryError):
                use("a\0b")
        with pytest.raises(RegistryError), Registry.editing("a\0b"):
            pass

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs in folders")
    def test_a_fifo_does_not_hang(self, tmp_path: Path) -> None:
        path = tmp_path / "fifo"
        os.mkfifo(path)
        errors: list[Exception] = []

        def use() -> None:
            for way in (Registry.open, lambda path: Registry.editing(path).__enter__()):
                try:
                    way(path)
                except RegistryError as error:
                    errors.append(error)

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(20)
        assert [error.message for error in errors if isinstance(error, RegistryError)] == [
            "is not a regular file"
        ] * 2

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
    @pytest.mark.parametrize("device", ["/dev/full", "/dev/zero", "/dev/null"])
    def test_a_device(self, device: str) -> None:
        with pytest.raises(RegistryError, match="is not a regular file"):
            Registry.open(device)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
    def test_a_file_that_may_not_be_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            path = Path(folder, "sslbind.toml")
            path.write_text(PLAIN)
            path.chmod(0)
            self._refused(path)

    def _refused(self, path: Path) -> None:
        # Imported first, as root: the interpreter may be readable by root alone.
        code = "import os, sys\nfrom sslbind.errors import RegistryError\n"
        code += "from sslbind.registry.registry import Registry\n"
        code += "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        code += "try: Registry.open(sys.argv[1])\nexcept RegistryError as error: print(error)"
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
        )
        assert done.stdout == f"{path}: cannot be read: permission denied\n"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
    def test_a_name_that_is_not_utf_8(self, tmp_path: Path) -> None:
        path = os.path.join(os.fsencode(tmp_path), b"\xff\xfe.toml")
        Path(os.fsdecode(path)).write_text(PLAIN)
        with Registry.editing(os.fsdecode(path)) as registry:
            registry.delete(WWW)
        assert Path(os.fsdecode(path)).read_text() == "version = 1\n"

    def test_a_file_of_no_end(self, tmp_path: Path) -> None:
        path = tmp_path / "large.toml"
        with path.open("wb") as file:
            file.truncate((256 << 20) + 1)  # a sparse file: it takes no space
        with pytest.raises(RegistryError, match="is larger than"):
            Registry.open(path)


def test_errors_show_no_more_than_a_line_of_the_file() -> None:
    """A huge value is not repeated in the message."""
    error = refusal(f'version = 1\nwindows = "{"x" * 100_000}"\n')
    assert len(error.message) < 100_300
    assert re.match(r"windows: ", error.message)


def test_values_without_a_tag_are_equal_with_their_types() -> None:
    """1, 1.0 and true are three values below ``Other``."""
    key = parse_key(CCS, "443")
    made = [Binding(key, {"appid": APPID}, {"x": value}) for value in (1, True, 1.0, [1], [True])]
    assert all((one == other) is (one is other) for one in made for other in made)


@given(
    st.lists(
        st.sampled_from(["", "# a = 1", "a = 1", "[a]", "[[b]]", '"a" = 1', "a", "a:b", "{", " \t"])
        | st.text(),
        max_size=4,
    )
)
@example(["SSL Certificate bindings:", "-" * 25])
@example(["# " + "x" * 5000, "a"])
@example(["\ufeff# x", "a = 1"])
def test_what_cannot_be_a_registry(tmp_path: Path, lines: list[str]) -> None:
    """A file that is rejected because of its first lines is not valid TOML."""
    path = tmp_path / "file"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace", newline="")
    if not may_be_registry(str(path)):
        with pytest.raises(ValueError, match=r"at (line|end)"):
            tomllib.loads(path.read_bytes().decode().removeprefix("\ufeff"))


def test_what_may_be_a_registry(tmp_path: Path, registry: Path) -> None:
    """The first line with content decides; a folder, or what is not there, may be one."""
    texts = {"a = 1\n": True, "# x\n\n[a]\n": True, "SSL Certificate bindings:\n": False, "": True}
    path = tmp_path / "file"
    for text, expected in texts.items():
        path.write_text(text)
        assert may_be_registry(str(path)) is expected
    assert may_be_registry(str(registry))
    assert may_be_registry(str(tmp_path))
    assert may_be_registry(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("second", "line", "message"),
    [
        (f'certhash = "{"B2" * 20}"\nusagecheck = false\n', 0, ""),
        (
            f'certhash = "{"b2" * 20}"\nusagecheck = 0\n',
            9,
            "usagecheck must be true or false, not 0",
        ),
        (
            'certhash = "b2"\nusagecheck = false\n',
            8,
            "certhash = 'b2': 2 hex digits where a SHA-1 thumbprint has 40",
        ),
        ("certhash = 2\nusagecheck = false\n", 8, "certhash must be text in quotes, not 2"),
        ("usagecheck = false\n", 7, "hostnameport=b.com:443: certhash is missing"),
    ],
    ids=["another", "number", "digits", "no-text", "none"],
)
def test_records_that_differ_in_their_certificates(second: str, line: int, message: str) -> None:
    """A record like the one before it is checked all the same, and has its own certificate."""
    text = "version = 1\n"
    for host, values in (("a", f'certhash = "{HASH}"\nusagecheck = false\n'), ("b", second)):
        text += f'[{SNI}."{host}.com:443"]\n{values}appid = "{APPID}"\ncertstorename = "MY"\n'
    if message:
        error = refusal(text)
        assert (error.line, error.message) == (line, message)
    else:
        one, other = read(text).bindings.values()
        assert dict(one.values) == {**other.values, "certhash": HASH}
        assert other.certhash == "b2" * 20
