"""The report in a real browser: it filters, sorts, asks nobody for anything, and runs nothing."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, complaints, requests
from conftest import Run
from pki import NOW, issue
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_report import AT, binding, hostile_registry, put

pytestmark = pytest.mark.slow

MANY = 5_000


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), "--window-size=1300,1000") as found:
        yield found


def opened(driver: webdriver.Chrome, page: Path) -> None:
    driver.get("about:blank")
    requests(driver)
    complaints(driver)
    driver.get(page.as_uri())


def shown(driver: webdriver.Chrome) -> list[str]:
    """Return the keys of the rows of the map that a person sees, in their order."""
    rows: list[str] = driver.execute_script(
        "return [...document.querySelectorAll('table.map tbody tr')]"
        ".filter(row => row.checkVisibility()).map(row => row.cells[1].textContent)"
    )
    return rows


def registry(folder: Path, count: int) -> None:
    """Write a registry of ``count`` names with three certificates, of which one has expired."""
    ends = [timedelta(days=days) for days in (-3, 10, 300)]
    made = [issue(f"{end.days}.test", dns=["*.contoso.com"], end=NOW + end) for end in ends]
    text = 'version = 1\n[CertStores]\npath = "certs"\n'
    for one in made:
        put(folder, one)
    text += binding("0.0.0.0:443", made[2].thumbprint)
    for number in range(count):
        one = made[0] if number == 7 else made[1] if number % 10 == 3 else made[2]
        text += binding(f"n{number}.contoso.com:443", one.thumbprint)
    (folder / "sslbind.toml").write_text(text)


@pytest.fixture
def small(tmp_path: Path, run: Run) -> Path:
    registry(tmp_path, 12)
    assert run("report", "-o", "report.html", *AT).code == 0
    return tmp_path / "report.html"


def test_nothing_is_asked_for_and_nothing_complains(driver: webdriver.Chrome, small: Path) -> None:
    opened(driver, small)
    for button in driver.find_elements(By.CSS_SELECTOR, "thead button"):
        button.click()
    driver.find_element(By.ID, "filter").send_keys("n7")
    assert requests(driver) == [small.as_uri()]
    assert complaints(driver) == []


def test_it_filters(driver: webdriver.Chrome, small: Path) -> None:
    opened(driver, small)
    assert len(shown(driver)) == 13
    field = driver.find_element(By.ID, "filter")
    field.send_keys("N1 expires-soon")
    assert shown(driver) == []
    field.clear()
    field.send_keys("n1")
    assert shown(driver) == ["n1.contoso.com:443", "n10.contoso.com:443", "n11.contoso.com:443"]
    assert driver.find_element(By.ID, "shown").text == "3 of 13 bindings"
    field.clear()
    field.send_keys(Keys.SPACE, Keys.BACKSPACE)
    driver.find_element(By.ID, "trouble").click()
    assert shown(driver) == ["n3.contoso.com:443", "n7.contoso.com:443"]


def test_it_sorts_with_the_keyboard_too(driver: webdriver.Chrome, small: Path) -> None:
    """Numbers in names sort as numbers, again the other way, and the header says which."""
    opened(driver, small)
    button = driver.find_element(By.CSS_SELECTOR, "table.map thead th:nth-child(2) button")
    button.send_keys(Keys.ENTER)
    assert shown(driver)[:3] == ["0.0.0.0:443", "n0.contoso.com:443", "n1.contoso.com:443"]
    header = driver.find_element(By.CSS_SELECTOR, "table.map thead th:nth-child(2)")
    assert header.get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert shown(driver)[:2] == ["n11.contoso.com:443", "n10.contoso.com:443"]
    assert header.get_attribute("aria-sort") == "descending"


def test_a_command_is_copied(driver: webdriver.Chrome, small: Path) -> None:
    opened(driver, small)
    permissions = {"permission": {"name": "clipboard-write"}, "setting": "granted"}
    driver.execute_cdp_cmd("Browser.setPermission", permissions)
    driver.find_element(By.CSS_SELECTOR, "button.copy").click()
    driver.execute_script("document.getElementById('filter').focus()")
    driver.find_element(By.ID, "filter").send_keys(Keys.CONTROL, "v")
    pasted = driver.find_element(By.ID, "filter").get_property("value")
    assert pasted == driver.find_element(By.CSS_SELECTOR, ".command code").text
    assert str(pasted).startswith("sslbind ")


def test_names_are_text(driver: webdriver.Chrome, tmp_path: Path, run: Run) -> None:
    """Markup in certificates and stores is shown and not run; the policy had nothing to stop."""
    hostile_registry(tmp_path)
    run("report", "-o", "report.html", *AT)
    opened(driver, tmp_path / "report.html")
    assert driver.title == "TLS bindings of sslbind.toml"
    assert "<script>document.title='owned'</script>.test" in driver.find_element(By.ID, "map").text
    assert driver.find_elements(By.CSS_SELECTOR, "img") == []
    assert complaints(driver) == []
    assert requests(driver) == [(tmp_path / "report.html").as_uri()]


def test_the_policy_stops_what_markup_would_load(driver: webdriver.Chrome, small: Path) -> None:
    """Had something come through as markup, it would neither run nor be loaded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        injected = (
            f"<script>document.title='owned'</script><img src='http://127.0.0.1:{port}/x'>"
            "<style>body{display:none}</style></main>"
        )
        small.write_text(small.read_text().replace("</main>", injected))
        opened(driver, small)
        assert driver.title == "TLS bindings of sslbind.toml"
        assert len(complaints(driver)) == 3
        with pytest.raises(BlockingIOError):  # nobody came
            listener.accept()
    assert driver.find_element(By.TAG_NAME, "body").is_displayed()


def test_5000_bindings_open_and_filter(driver: webdriver.Chrome, tmp_path: Path, run: Run) -> None:
    """The first rows show; a filter finds any of them, and a button shows all."""
    registry(tmp_path, MANY)
    assert run("report", "-o", "report.html", *AT).code == 0
    opened(driver, tmp_path / "report.html")
    assert len(shown(driver)) == 200
    more = driver.find_element(By.CSS_SELECTOR, ".port .more")
    assert more.text == "Show the other 4,801"
    milliseconds: float = driver.execute_script(
        "const start = performance.now(); const field = document.getElementById('filter');"
        "field.value = 'n4321'; field.dispatchEvent(new Event('input'));"
        "document.body.offsetHeight; return performance.now() - start"
    )
    assert shown(driver) == ["n4321.contoso.com:443"]
    assert milliseconds < 10_000  # some 40 where nothing else runs
    driver.execute_script(
        "const field = document.getElementById('filter'); field.value = '';"
        "field.dispatchEvent(new Event('input'))"
    )
    more.click()
    assert len(shown(driver)) == MANY + 1
    assert complaints(driver) == []


def test_without_scripts_everything_is_there(driver: webdriver.Chrome, small: Path) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(driver, small)
        assert "n11.contoso.com:443" in driver.find_element(By.ID, "map").text
        assert not driver.find_element(By.ID, "filter").is_displayed()
        assert not driver.find_element(By.CSS_SELECTOR, "button.copy").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_it_is_dark_where_the_reader_wants_that_and_light_on_paper(
    driver: webdriver.Chrome, small: Path
) -> None:
    def ground(**media: Any) -> str:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        found = driver.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        return str(found)

    opened(driver, small)
    try:
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        assert ground(features=dark) == "rgba(20, 23, 27, 1)"
        assert ground(features=dark, media="print") == "rgba(255, 255, 255, 1)"
        assert not driver.find_element(By.CSS_SELECTOR, "button.copy").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_it_prints_every_row(driver: webdriver.Chrome, tmp_path: Path, run: Run) -> None:
    """What the screen leaves for later is on paper."""
    registry(tmp_path, 250)
    assert run("report", "-o", "report.html", *AT).code == 0
    opened(driver, tmp_path / "report.html")
    assert len(shown(driver)) == 200
    assert base64.b64decode(driver.print_page()).startswith(b"%PDF-")
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(shown(driver)) == 251
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(shown(driver)) == 200


@pytest.mark.parametrize("width", [1300, 400])
def test_the_page_itself_never_scrolls_sideways(
    width: int, driver: webdriver.Chrome, small: Path
) -> None:
    """Wide tables scroll in a frame of their own, which the keyboard reaches."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        opened(driver, small)
        wide: int = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
        frames = driver.find_elements(By.CSS_SELECTOR, ".scroll")
        assert {frame.get_attribute("tabindex") for frame in frames} == {"0"}
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
