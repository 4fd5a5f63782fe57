"""A real Chromium without a window. Where none is installed, the tests of this folder are skipped, and say so."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.render.page.html import html_report

Open = Callable[..., "Page"]

_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1280,900",
)


class Page:
    """A report in the browser. `js` runs a function body and gives back what it returns."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.path = path

    def js(self, body: str, *arguments: object) -> Any:
        return self.driver.execute_script(body, *arguments)

    def devtools(self, command: str, **arguments: object) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """What a reader sees of each match; nothing of those that are hidden."""
        # A job that was hidden is laid out with the next frame (`content-visibility`), and has no text before.
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        found: list[str] = self.js(
            "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).map(e => e.innerText)",
            selector,
        )
        return found

    def press(self, keys: str) -> None:
        from selenium.webdriver import ActionChains  # noqa: PLC0415 - not everybody has it

        ActionChains(self.driver).send_keys(keys).perform()

    def hover(self, selector: str) -> None:
        from selenium.webdriver import ActionChains  # noqa: PLC0415 - not everybody has it

        ActionChains(self.driver).move_to_element(self.one(selector)).perform()

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the page has asked for, its own included."""
        told = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        sent = (one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent")
        return [url for url in sent if not url.startswith("data:")]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    program, control = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or control is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for switch in (*_SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service.Service(control))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Open:
    """Open a report as a page from a file, in a window of `width`, light or dark, on screen or on paper."""

    def show(
        report: dict[str, Any],
        *,
        width: int = 1280,
        scheme: str = "light",
        media: str = "screen",
        scripts: bool = True,
        anchor: str = "",
    ) -> Page:
        path = tmp_path / "report.html"
        path.write_text(html_report(report), encoding="utf-8")
        page = Page(chromium, path)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.devtools("Emulation.setEmulatedMedia", media=media, features=features)
        page.devtools("Emulation.setScriptExecutionDisabled", value=not scripts)
        page.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        for log in ("browser", "performance"):
            chromium.get_log(log)
        chromium.get(path.as_uri() + anchor)
        return page

    return show
