"""``export haproxy``: what is in the folder, who may read it, and what HAProxy cannot do."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import stat
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, Run, Stored
from examples import examples
from haproxy import accepted, client, free_ports, seen, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import CLIENT, intermediate, issue, rsa_key
from strategies import binding_lists, hosts
from tools import links, modes

from sslbind import Registry, Session
from sslbind.binding import Binding
from sslbind.engines.exporting import export
from sslbind.engines.haproxy import configuration
from sslbind.engines.listeners import Listener, Terms
from sslbind.engines.material import Material, Pem
from sslbind.errors import SslbindError
from sslbind.release import Release

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FOLDER_MISSING = "export haproxy writes a folder that holds private keys: use -o FOLDER"
MAIN = Path("out", "haproxy.cfg")
BOTH = f"{MAIN} and the 2 files that it refers to"
"""Of a registry with one certificate: that, and its list."""


def bind(registry: Path, *records: str) -> None:
    """Append records, each ``host:port thumbprint [line of TOML]...``; ``ccs PORT`` is one too."""
    text = registry.read_text("utf-8")
    for one in records:
        place, thumbprint, *lines = one.split("|")
        kind = "SslBindingInfo" if place[0] in "[0123456789" else "SslSniBindingInfo"
        text += f'\n[{kind}."{place}"]\ncerthash = "{thumbprint}"\nappid = "{IIS}"\n'
        text += 'certstorename = "MY"\n' + "".join(f"{line}\n" for line in lines)
    registry.write_text(text, "utf-8")


def texts(folder: Path) -> tuple[str, list[list[str]]]:
    """Return the main file, and the lines of each list that it names, in its order."""
    main = (folder / "haproxy.cfg").read_text("ascii")
    named = re.findall(r"crt-list (lists/[0-9a-f]{16}\.list)", main)
    return main, [(folder / one).read_text("ascii").splitlines() for one in named]


def one_of(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def add_a_binding(registry: Path, folder: Path, stored: Stored) -> None:
    bind(registry, f"www.contoso.com:443|{stored.mail.thumbprint}")


def add_a_chain(registry: Path, folder: Path, stored: Stored) -> None:
    file = registry.parent / "certs" / "MY" / f"{stored.web.thumbprint}.pem"
    file.write_bytes(stored.web.pem + intermediate().pem)


Change = Callable[[Path, Path, Stored], object]
CHANGES: dict[str, Change] = {
    "binding": add_a_binding,
    "chain": add_a_chain,
    "certificate gone": lambda _, folder, __: one_of(folder, "certificates/*.pem").unlink(),
    "certificate cut": lambda _, folder, __: os.truncate(one_of(folder, "certificates/*.pem"), 9),
    "list gone": lambda _, folder, __: one_of(folder, "lists/*").unlink(),
    "main": lambda _, folder, __: os.truncate(folder / "haproxy.cfg", 1_000),
    "folder gone": lambda _, folder, __: shutil.rmtree(folder / "lists"),
}


def exported_settled(registry: Path, stored: Stored, run: Run) -> Path:
    """Export twice, with files that are old enough to be known by their times."""
    bind(registry, f"0.0.0.0:443|{stored.web.thumbprint}|dsmapperusage = true")
    time.sleep(0.05)
    for answer in ("wrote", "unchanged"):
        assert run("export", "haproxy", "-o", "out").out == f"{answer} {BOTH}\n"
    return registry.parent / "out"


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their path in it."""
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and one.name != "refusal.pem"
    }


class TestFolder:
    def test_it_is_what_the_issue_of_a_small_registry_is(
        self, registry: Path, stored: Stored, run: Run
    ) -> None:
        web, mail = stored.web.thumbprint, stored.mail.thumbprint
        bind(registry, f"0.0.0.0:443|{mail}", f"www.contoso.com:443|{web}|disablehttp2 = true")
        done = run("export", "haproxy", "-o", "out", "--strict")
        files = f"{MAIN} and the 3 files that it refers to"
        assert (done.code, done.out, done.err) == (0, f"wrote {files}\n", "")
        folder = registry.parent / "out"
        main, lists = texts(folder)
        versions = "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.3"
        options = "ciphers DEFAULT:@SECLEVEL=0 no-tls-tickets"
        assert re.sub(r"[0-9a-f]{16}\.list", "L", main.partition("frontend ")[2]) == (
            "port-443\n"
            f"    bind 0.0.0.0:443 ssl crt-list lists/L {versions} {options}\n"
            f"    bind [::]:443 v6only ssl crt-list lists/L {versions} {options}\n"
        )
        assert [re.sub(r"-[0-9a-f]{16}\.pem", "-D.pem", line) for line in lists[0]] == [
            f"certificates/{mail}-D.pem [alpn h2,http/1.1 {versions}] !*",
            f"certificates/{web}-D.pem [alpn http/1.1 {versions}] www.contoso.com",
        ]
        assert lists[0] == lists[1]
        accepted(folder / "haproxy.cfg")

    @modes
    def test_only_the_user_may_read_it_and_git_may_not(
        self, registry: Path, stored: Stored, run: Run
    ) -> None:
        bind(registry, f"0.0.0.0:443|{stored.web.thumbprint}")
        assert run("export", "haproxy", "-o", "out").code == 0
        folder = registry.parent / "out"
        modes = {
            str(one.relative_to(folder)): stat.S_IMODE(one.stat().st_mode)
            for one in [folder, *folder.rglob("*")]
        }
        assert {modes.pop(name) for name in (".", "certificates", "lists")} == {0o700}
        assert {*modes.values()} == {0o600}
        assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"

    def test_the_same_again_changes_nothing_and_old_files_go(
        self, registry: Path, stored: Stored, run: Run
    ) -> None:
        bind(registry, f"0.0.0.0:443|{stored.web.thumbprint}")
        run("export", "haproxy", "-o", "out")
        folder = registry.parent / "out"
        (folder / "certificates" / "mine.txt").write_text("stays")
        before = {one: one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file()}
        assert run("export", "haproxy", "-o", "out").out == f"unchanged {BOTH}\n"
        assert {one: one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file()} == before
        assert run("rebind", "--force", stored.web.thumbprint, stored.mail.thumbprint).code == 0
        assert run("export", "haproxy", "-o", "out").out == f"wrote {BOTH}\n"
        names = [one.name[:8] for one in (folder / "certificates").iterdir()]
        assert sorted(names) == sorted([stored.mail.thumbprint[:8], "mine.txt"])
        assert len([*(folder / "lists").iterdir()]) == 1

    def test_nothing_is_opened_again(
        self, registry: Path, stored: Stored, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where nothing has changed, names and sizes are compared; the answer is the same."""
        folder = exported_settled(registry, stored, run)
        before = [run("export", "haproxy", "-o", "out", *more) for more in ((), ("--strict",))]
        assert [one.code for one in before] == [0, 1]
        monkeypatch.setattr(Material, "stored", None)
        again = [run("export", "haproxy", "-o", "out", *more) for more in ((), ("--strict",))]
        assert again == before
        assert (folder / "haproxy.cfg").exists()

    @pytest.mark.parametrize("change", CHANGES)
    def test_whatever_changes_is_written(
        self, change: str, registry: Path, stored: Stored, run: Run
    ) -> None:
        """Each file of the folder, the registry and the stores: all is as if made anew."""
        folder = exported_settled(registry, stored, run)
        CHANGES[change](registry, folder, stored)
        done = run("export", "haproxy", "-o", "out")
        assert re.sub(r"[23] files", "2 files", done.out) == f"wrote {BOTH}\n"
        assert run("export", "haproxy", "-o", "fresh").code == 0
        fresh = registry.parent / "fresh"
        assert contents(folder) == contents(fresh)

    @modes
    @pytest.mark.parametrize("name", ["haproxy.cfg", "certificates", "certificates/*", "lists/*"])
    def test_what_others_may_read_is_made_private_again(
        self, name: str, registry: Path, stored: Stored, run: Run
    ) -> None:
        folder = exported_settled(registry, stored, run)
        (path,) = folder.glob(name)
        path.chmod(0o755)
        assert run("export", "haproxy", "-o", "out").code == 0
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0

    @pytest.mark.parametrize(
        "there", ["a file", pytest.param("a link", marks=links), "other files"]
    )
    def test_what_is_somebody_elses_stays(
        self, there: str, registry: Path, stored: Stored, run: Run
    ) -> None:
        bind(registry, f"0.0.0.0:443|{stored.web.thumbprint}")
        folder = registry.parent / "out"
        folder.mkdir()
        (registry.parent / "theirs").mkdir()
        if there == "a file":
            (folder / "haproxy.cfg").write_text("global\n")
            expected = f"{MAIN}: was not made by sslbind, and is left unchanged"
        elif there == "other files":
            (folder / "notes.txt").write_text("mine")
            expected = "out: is not empty, and was not made by sslbind"
        else:
            (folder / "certificates").symlink_to(registry.parent / "theirs")
            expected = "out/certificates: is not a folder"
        done = run("export", "haproxy", "-o", "out")
        assert (done.code, done.out) == (2, "")
        assert expected in done.err
        assert [*(registry.parent / "theirs").iterdir()] == []
        assert not (folder / ".gitignore").exists()

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ((), FOLDER_MISSING),
            (("-o", "-"), FOLDER_MISSING),
            (("-o", "out", "--changes-from", "x"), "haproxy cannot write changes"),
        ],
        ids=["stdout", "dash", "changes"],
    )
    def test_usage(self, words: Sequence[str], said: str, registry: Path, run: Run) -> None:
        done = run("export", "haproxy", *words)
        assert done.code == 2
        assert said in done.err


class TestLosses:
    def test_each_is_a_note_and_strict_says_no(
        self, registry: Path, stored: Stored, run: Run
    ) -> None:
        web = stored.web.thumbprint
        bind(
            registry,
            f"www.contoso.com:443|{web}|dsmapperusage = true|enablesessionticket = true",
            f"gap.contoso.com:443|{web}|disabletls12 = true",
            f"ask.contoso.com:443|{web}|clientcertnegotiation = true|sslctlstorename = 'CAs'",
        )
        done = run("export", "haproxy", "-o", "out", "--strict")
        assert done.code == 1
        start = "note: hostnameport="
        assert done.err.replace(start, "").splitlines() == [
            "www.contoso.com:443: dsmapperusage=enable is not supported",
            "www.contoso.com:443: enablesessionticket=enable is not supported",
            (
                "gap.contoso.com:443: TLS 1.0 and TLS 1.1 are not served, because TLS 1.2 is off:"
                " HAProxy needs a range without gaps"
            ),
            (
                "ask.contoso.com:443: client certificates are requested but not verified: any is"
                " accepted"
            ),
            "ask.contoso.com:443: no CA names are sent: the store CAs has no certificate",
        ]
        accepted(registry.parent / "out" / "haproxy.cfg")

    def test_a_key_that_is_elsewhere(self, registry: Path, stored: Stored, run: Run) -> None:
        text = registry.read_text()
        registry.write_text(text.replace('"certs"', '"certs"\nprivatekeys = "elsewhere"'))
        (registry.parent / "certs" / "MY" / f"{stored.web.thumbprint}.key").unlink()
        bind(registry, f"0.0.0.0:443|{stored.web.thumbprint}")
        done = run("export", "haproxy", "-o", "out", "--strict")
        assert done.code == 1
        assert "is elsewhere: its handshakes are refused" in done.err
        accepted(registry.parent / "out" / "haproxy.cfg")

    def test_a_certificate_that_openssl_does_not_load(self, registry: Path, run: Run) -> None:
        weak = issue("weak", dns=["weak"], key=rsa_key(1024))
        folder = registry.parent / "certs" / "MY"
        folder.mkdir(mode=0o700)
        (folder / "weak.pem").write_bytes(weak.pem + weak.key_pem())
        bind(registry, f"0.0.0.0:443|{weak.thumbprint}")
        done = run("export", "haproxy", "-o", "out", "--strict")
        assert done.code == 1
        assert "because a key of 1024 bits is too small for OpenSSL" in done.err
        accepted(registry.parent / "out" / "haproxy.cfg")

    def test_more_exclusions_than_a_line_takes(self) -> None:
        """A wildcard with an EC key over 3,000 RSA names: what does not fit is named."""
        ec = Terms(Pem("certificates/a.pem", "EC"), "TLS 1.2", "TLS 1.3", http2=True)
        rsa = Terms(Pem("certificates/b.pem", "RSA"), "TLS 1.2", "TLS 1.3", http2=True)
        names = {"*.x.test": ec, **{f"n{one}.x.test": rsa for one in range(3000)}}
        made = configuration([Listener("0.0.0.0", 443, None, names)])
        (loss,) = made.losses
        assert loss.startswith("*.x.test: 1500 names below it, from n1500.x.test on, may get its")
        lines = next(data for name, data in made.files.items() if name.startswith("lists/"))
        assert max(map(len, lines.splitlines())) < 65_535

    def test_a_name_that_is_no_word_is_left_out(self) -> None:
        terms = Terms(Pem("certificates/a.pem", "EC"), "TLS 1.2", "TLS 1.3", http2=True)
        names = {"good.test": terms, "x]\nglobal\n": terms, "a b": terms, "a#b": terms}
        made = configuration([Listener("0.0.0.0", 443, None, names)])
        assert len(made.losses) == 3
        text = b"".join(made.files.values()).decode()
        assert "x]" not in text
        assert "#b" not in text


class TestHandshakes:
    """What the random registries rarely have, at a real HAProxy."""

    @pytest.fixture
    def port(self) -> int:
        return free_ports(1)[0]

    def exported(self, registry: Path) -> Path:
        made = export(Session(Registry.open(registry)), str(registry.parent / "out"), NOW)
        accepted(Path(made.file))
        return Path(made.file)

    def test_each_name_has_its_own_tls_versions(
        self, registry: Path, stored: Stored, port: int
    ) -> None:
        web, mail = stored.web.thumbprint, stored.mail.thumbprint
        bind(
            registry,
            f"0.0.0.0:{port}|{mail}|disabletls13 = true",
            f"new.test:{port}|{web}|disabletls12 = true|disablelegacytls = true",
            f"old.test:{port}|{web}|disabletls13 = true|disabletls12 = true",
            f"none.test:{port}|{web}|disabletls13 = true|disabletls12 = true"
            "|disablelegacytls = true",
        )
        versions = {
            "1.0": ssl.TLSVersion.TLSv1,
            "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3,
        }
        with serving(self.exported(registry), ("127.0.0.1", port)):
            got: dict[str | None, str] = {}
            for name in (None, "new.test", "old.test", "none.test"):
                for word, version in versions.items():
                    if seen(client(only=version), "127.0.0.1", port, name) != "-":
                        got[name] = f"{got.get(name, '')} {word}".strip()
        assert got == {None: "1.0 1.2", "new.test": "1.3", "old.test": "1.0"}

    def test_client_certificates(
        self, registry: Path, stored: Stored, port: int, tmp_path: Path
    ) -> None:
        """One that the issuers in the record's store signed, or none; any where none are known."""
        web, mail = stored.web.thumbprint, stored.mail.thumbprint
        until = datetime.now(UTC) + timedelta(days=2)  # the server has no other clock
        top = issue("Top", ca=True, end=until)
        partners = issue("Partners", ca=True, issuer=top, end=until)
        others = issue("Others", ca=True, issuer=issue("Gone", ca=True, end=until), end=until)
        for store, one in (("Root", top), ("Partners", partners), ("Others", others)):
            (tmp_path / "certs" / store).mkdir(exist_ok=True)
            (tmp_path / "certs" / store / "ca.pem").write_bytes(one.pem)
        asks = f"{web}|clientcertnegotiation = true"
        bind(
            registry,
            f"0.0.0.0:{port}|{mail}",
            f"ask.test:{port}|{asks}|sslctlstorename = 'Partners'",
        )
        contexts = {"none": client(only=ssl.TLSVersion.TLSv1_2)}
        for name, issuer, end in (
            ("partner", partners, until),
            ("expired", partners, datetime.now(UTC) - timedelta(days=1)),
            ("stranger", None, until),
        ):
            one = issue(name, issuer=issuer, eku=CLIENT, end=end)
            (tmp_path / "client.pem").write_bytes(one.pem + one.key_pem())
            contexts[name] = client(only=ssl.TLSVersion.TLSv1_2)
            contexts[name].load_cert_chain(tmp_path / "client.pem")

        def got(name: str | None) -> dict[str, str]:
            return {who: seen(one, "127.0.0.1", port, name) for who, one in contexts.items()}

        with serving(self.exported(registry), ("127.0.0.1", port)):
            assert got("ask.test") == {
                "none": web, "partner": web, "expired": "-", "stranger": "-",
            }  # fmt: skip
            assert set(got(None).values()) == {mail}
        assert self.losses(registry) == ()
        text = registry.read_text().replace("'Partners'", "'Others'")
        registry.write_text(text)
        with serving(self.exported(registry), ("127.0.0.1", port)):
            assert set(got("ask.test").values()) == {web}
        ask = f"hostnameport=ask.test:{port}: "
        assert self.losses(registry) == (
            f"{ask}client certificates are requested but not verified: any is accepted",
            f"{ask}no store has the root above the certificates in Others",
        )

    def test_issuers_known_for_some(self, registry: Path, stored: Stored, tmp_path: Path) -> None:
        """HAProxy ignores errors for all names of an address and port, or for none: it is said."""
        (tmp_path / "certs" / "Partners").mkdir()
        (tmp_path / "certs" / "Partners" / "ca.pem").write_bytes(issue("Partners", ca=True).pem)
        asks = f"{stored.web.thumbprint}|clientcertnegotiation = true"
        bind(
            registry,
            f"ask.test:443|{asks}|sslctlstorename = 'Partners'",
            f"any.test:443|{asks}",
        )
        rest = "client certificates are not verified for any of its names, because for some no"
        rest += " issuers are known"
        any_ = "client certificates are requested but not verified: any is accepted"
        assert self.losses(registry) == (
            f"hostnameport=any.test:443: {any_}",
            f"0.0.0.0:443: {rest}",
            f"[::]:443: {rest}",
        )
        self.exported(registry)

    def losses(self, registry: Path) -> tuple[str, ...]:
        return export(Session(Registry.open(registry)), str(registry.parent / "out"), NOW).losses

    def test_the_listen_list_and_what_rejects(
        self, registry: Path, stored: Stored, port: int
    ) -> None:
        web, mail = stored.web.thumbprint, stored.mail.thumbprint
        text = registry.read_text().replace(
            "iplisten = []", 'iplisten = ["127.0.0.1", "127.0.0.2"]'
        )
        registry.write_text(text)
        bind(registry, f"0.0.0.0:{port}|{mail}", f"127.0.0.2:{port}|{web}|reject = true")
        with serving(self.exported(registry), ("127.0.0.1", port), ("127.0.0.2", port)):
            assert seen(client(), "127.0.0.1", port, "www.test") == mail
            assert seen(client(), "127.0.0.2", port, "www.test") == "-"
            assert seen(client(), "127.0.0.3", port, "www.test") == "-"

    def test_10000_names_are_accepted(self, registry: Path, stored: Stored) -> None:
        web, mail = stored.web.thumbprint, stored.mail.thumbprint
        names = [f"n{one}.x.test:443|{(web, mail)[one % 2]}" for one in range(10_000)]
        bind(registry, f"*.x.test:443|{web}", *names)
        main = self.exported(registry)
        _, lists = texts(main.parent)
        served = [word for line in lists[0] for word in line.split() if word.startswith("n")]
        assert len([word for word in served if word.endswith(".x.test")]) == 5_000


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(
    found=binding_lists(min_size=1, max_size=12),
    files=st.lists(hosts, max_size=3),
    release=st.sampled_from(Release),
)
def test_haproxy_takes_whatever_is_written(
    found: list[Binding],
    files: list[str],
    release: Release,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Any bindings, with every tag, of any release: the configuration is accepted, as ASCII."""
    folder = tmp_path_factory.mktemp("any")
    made = [issue("a", dns=["a.test"]), issue("b", dns=["b.test"], key=rsa_key())]
    (folder / "certs" / "MY").mkdir(parents=True)
    for one in made:
        (folder / "certs" / "MY" / f"{one.thumbprint}.pem").write_bytes(one.pem + one.key_pem())
    (folder / "ccs").mkdir()
    for host in files:
        stem = f"_.{host[2:]}" if host.startswith("*.") else host
        (folder / "ccs" / f"{stem[:200]}.pfx").write_bytes(made[0].pfx())
    path = folder / "sslbind.toml"
    path.write_text(
        f'version = 1\nwindows = "{release}"\n[CertStores]\npath = "certs"\n'
        '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
    )
    with Registry.editing(path) as registry:
        for number, record in enumerate(found):
            served = {"certhash": made[number % 2].thumbprint, "certstorename": "MY"}
            registry.put(record.replace(served) if record.key.kind.certificate else record)
    try:
        main = export(Session(Registry.open(path)), str(folder / "out"), NOW).file
    except SslbindError as error:
        assert "there is nothing to serve" in error.message
        return
    accepted(Path(main))
    for file in (folder / "out").glob("lists/*"):  # none where every binding is refused
        file.read_text("ascii")
