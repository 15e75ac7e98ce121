"""``sslbind report``: what the page says, that it is one file, and that text in it stays text."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import IIS, Run, Stored
from pki import NOW, Issued, issue
from tools import unix_names

import sslbind.page

AT = ("--at", NOW.isoformat())
STYLE = Path(sslbind.page.__file__).parent / "style.css"


class Outline(HTMLParser):
    """What is in a page: headings, tags with their attributes, and the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.headings and not self.headings[-1][1]:
            self.headings[-1] = (self.headings[-1][0], data.strip())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def put(folder: Path, one: Issued, *, store: str = "MY") -> None:
    place = folder / "certs" / store
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{one.thumbprint}.pem").write_bytes(one.pem + one.key_pem())


def binding(place: str, thumbprint: str, *lines: str) -> str:
    kind = "SslBindingInfo" if place[0] in "[0123456789" else "SslSniBindingInfo"
    text = f'\n[{kind}."{place}"]\ncerthash = "{thumbprint}"\nappid = "{IIS}"\n'
    return text + 'certstorename = "MY"\n' + "".join(f"{line}\n" for line in lines)


@pytest.fixture
def page(registry: Path, stored: Stored, run: Run) -> str:
    """Return the report on a default, a name that expired, and an address that hides the name."""
    old = issue("old.contoso.com", dns=["old.contoso.com"], end=NOW - timedelta(days=3))
    put(registry.parent, old)
    registry.write_text(
        registry.read_text()
        + binding("0.0.0.0:443", stored.mail.thumbprint)
        + binding("10.0.0.5:443", stored.mail.thumbprint)
        + binding("old.contoso.com:443", old.thumbprint)
        + binding("www.contoso.com:443", stored.web.thumbprint)
    )
    done = run("report", "-o", "report.html", *AT)
    assert (done.code, done.out) == (0, "wrote report.html: 1 server, 4 bindings\n")
    return (registry.parent / "report.html").read_text("utf-8")


class TestContent:
    def test_headings_are_in_order(self, page: str) -> None:
        levels = [level for level, _ in Outline(page).headings]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_what_is_in_trouble_is_said_first(self, page: str) -> None:
        outline = Outline(page)
        assert [text for level, text in outline.headings if level == 2] == [
            "What needs attention",
            "When certificates expire",
            "Who answers",
        ]
        text = "".join(outline.text)
        assert "10.0.0.5:443, old.contoso.com:443 are in trouble: clients are refused" in text
        assert "sslbind delete sslcert ipport=10.0.0.5:443" in text

    def test_the_bindings_are_in_the_order_of_steps(self, page: str) -> None:
        rows = re.findall(r'<tr class="(\w*)"><td>(\d+)<th scope="row">([^<]+)<td>', page)
        assert rows == [
            ("bad", "1", "10.0.0.5:443"),
            ("bad", "2", "old.contoso.com:443"),
            ("warn", "3", "www.contoso.com:443"),
            ("warn", "4", "0.0.0.0:443"),
        ]
        assert "Everyone else is answered by ipport=0.0.0.0:443." in page

    def test_every_table_has_a_caption_and_headers(self, page: str) -> None:
        tags = Outline(page).tags
        names = [tag for tag, _ in tags]
        assert names.count("table") == names.count("caption") == 2
        assert {attrs.get("scope") for tag, attrs in tags if tag == "th"} == {"col", "row"}
        drawing = next(attrs for tag, attrs in tags if tag == "svg")
        assert drawing["role"] == "img"
        assert drawing["aria-label"] == (
            "Timeline of 3 certificates: 1 expired, 0 expire soon, 2 later."
            " The table below has the dates."
        )

    def test_two_servers_are_side_by_side(self, page: str, registry: Path, run: Run) -> None:
        assert page
        other = registry.parent / "web02.toml"
        text = registry.read_text().replace("10.0.0.5", "10.0.0.6")
        other.write_text(text)
        done = run("report", "sslbind.toml", "web02.toml", "-o", "two.html", *AT)
        assert done.code == 0
        outline = Outline((registry.parent / "two.html").read_text())
        assert "Servers side by side" in [text for _, text in outline.headings]
        assert "3 bindings the same on both servers; 2 differences." in "".join(outline.text)

    def test_a_server_that_cannot_be_read_is_in_the_page(
        self, page: str, registry: Path, run: Run
    ) -> None:
        assert page
        (registry.parent / "web02.toml").write_text("version = 1\nnonsense = 2\n")
        done = run("report", "sslbind.toml", "web02.toml", "-o", "two.html", *AT)
        assert done.code == 2
        assert "'nonsense' is not a table or setting of a registry" in done.err
        text = (registry.parent / "two.html").read_text()
        assert "web02.toml:2: &#x27;nonsense&#x27; is not a table or setting of a registry" in text

    def test_nothing_can_be_read(self, tmp_path: Path, run: Run) -> None:
        done = run("report", "missing.toml", "-o", "report.html")
        assert (done.code, done.out) == (2, "")
        assert not (tmp_path / "report.html").exists()

    def test_standard_output(self, registry: Path, run: Run) -> None:
        done = run("report", "-o", "-", *AT)
        assert done.code == 0
        assert done.out.startswith("<!doctype html>\n")
        assert "It has no bindings." in done.out

    def test_a_capture_is_reported_on_as_well(self, page: str, registry: Path, run: Run) -> None:
        assert page
        (registry.parent / "web01.txt").write_text(run("show", "sslcert").out)
        done = run("report", "web01.txt", "-o", "capture.html", *AT)
        assert done.code == 0
        text = (registry.parent / "capture.html").read_text()
        assert "Certificates are not modelled" in text
        assert "www.contoso.com:443" in text

    def test_there_is_no_page_without_a_name(self, registry: Path, run: Run) -> None:
        done = run("report")
        assert done.code == 2
        assert "Missing option '-o'" in done.err


@pytest.mark.parametrize("moment", ["0001-01-01", "0001-03-01", "9999-12-31", "9999-11-20"])
@pytest.mark.parametrize("count", [1, 30])
def test_at_the_ends_of_time(moment: str, count: int, registry: Path, run: Run) -> None:
    """The time line stays within the years that there are."""
    text = registry.read_text()
    for number in range(count):
        end = NOW.replace(year=9999, month=12, day=1 + number % 31)
        one = issue(f"n{number}.test", dns=[f"n{number}.test"], end=end)
        put(registry.parent, one)
        text += binding(f"n{number}.test:443", one.thumbprint)
    registry.write_text(text)
    done = run("report", "-o", "report.html", "--at", moment, "--expires-within", "0")
    assert done.code == 0, done.err
    assert "nan" not in (registry.parent / "report.html").read_text()


class TestOneFile:
    def test_nothing_is_loaded_from_anywhere(self, page: str) -> None:
        tags = Outline(page).tags
        assert not {tag for tag, _ in tags} & {"link", "img", "iframe", "object", "embed", "base"}
        assert [attrs for _, attrs in tags if "src" in attrs or "style" in attrs] == []
        assert {attrs["href"] for _, attrs in tags if attrs.get("href")} == {
            "#main",
            "#attention",
            "#ends",
            "#map",
            "#cert-chain-incomplete",
            "#cert-expired",
            "#ip-shadows-sni",
        }
        assert "url(" not in page
        assert "@import" not in page
        assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]

    def test_the_policy_allows_its_own_style_and_scripts_and_nothing_else(self, page: str) -> None:
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
        assert policy is not None
        rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert len(rules["script-src"].split()) == 2
        assert "unsafe" not in policy[1]


HOSTILE = [
    "<script>document.title='owned'</script>.test",
    '"><img src=x onerror=document.title=1>.test',
    "</style><script>1</script>.test",
    "</script><script>document.title=2</script>.test",
    "\u202egnp.exe.test",
    "&lt;b&gt;.test",
]


def hostile_registry(folder: Path) -> None:
    """Write a registry whose certificates, stores and reasons are markup."""
    text = 'version = 1\n[CertStores]\npath = "certs"\n'
    names = [one.encode("ascii", "ignore").decode() for one in HOSTILE]
    one = issue("<i>x</i>", dns=names)
    put(folder, one)
    text += binding("0.0.0.0:443", one.thumbprint)
    lost = binding("www.contoso.com:443", "0" * 40)
    text += lost.replace('"MY"', "'<script>document.title=3</script>'".replace("/", "|"))
    (folder / "sslbind.toml").write_text(text, "utf-8")


@unix_names
def test_text_stays_text(tmp_path: Path, run: Run) -> None:
    """Names of certificates, stores and files are shown, whatever they hold."""
    hostile_registry(tmp_path)
    odd = tmp_path / "<script>document.title=4<!--"
    odd.mkdir()
    (odd / "web.toml").write_text('version = 1\n"<script>" = 1\n')
    done = run("report", "sslbind.toml", f"{odd.name}/web.toml", "-o", "report.html", *AT)
    assert done.code == 2
    page = (tmp_path / "report.html").read_text()
    outline = Outline(page)
    assert [tag for tag, _ in outline.tags].count("script") == 2
    assert "img" not in {tag for tag, _ in outline.tags}
    shown = "".join(outline.text)
    assert "<script>document.title='owned'</script>.test" in shown
    assert "\u202e" not in page


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(scheme: str) -> None:
    """Every text colour has a contrast of 4.5 or more with its background (WCAG 2.2, AA)."""
    blocks = re.findall(r":root \{([^}]+)\}", STYLE.read_text())
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[scheme == "dark"]))
    grounds = {name: ["ground", f"{name}-ground"] for name in ("bad", "warn", "ok", "info", "off")}
    grounds |= {name: ["ground", "panel"] for name in ("text", "quiet", "link")}
    for name, below in grounds.items():
        for ground in below:
            high, low = sorted(map(luminance, (colours[name], colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {ground}"
