"""A page opened in headless Chromium: what its script drew, and what its console said."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
_TIMEOUT_S = 60
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1280,1000", "--hide-scrollbars",
)  # fmt: skip


def missing_programs() -> list[str]:
    """Return what a browser needs and this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Browser:
    """One Chromium; pages are opened one after the other."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, dark: bool = False) -> None:
        """Open a file, wait until its script has run, and forget older messages."""
        self.driver.get_log("browser")
        value = "dark" if dark else "light"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": value}]},
        )
        self.driver.get(page.as_uri())
        WebDriverWait(self.driver, _TIMEOUT_S).until(
            lambda driver: driver.execute_script(
                "return document.documentElement.dataset.ready === 'true'"
            )
        )

    def ask(self, script: str) -> Any:
        """Return what an expression of JavaScript gives on the page."""
        return self.driver.execute_script(f"return ({script});")

    def wait_for(self, script: str) -> None:
        """Return when an expression of JavaScript is true."""
        WebDriverWait(self.driver, _TIMEOUT_S).until(lambda _: self.ask(script))

    def complaints(self) -> list[str]:
        """Return what the console has said since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def click(self, selector: str) -> None:
        """Click on the middle of an element as a mouse does."""
        element = self.driver.find_element("css selector", selector)
        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center', inline: 'center'})", element
        )
        webdriver.ActionChains(self.driver).move_to_element(element).click().perform()

    def paper(self) -> bytes:
        """Return the page as a PDF on sheets of A4, as a person prints it."""
        sheet = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.printToPDF", sheet)["data"])

    def names(self) -> list[tuple[str, str]]:
        """Return the role and the name of all that a screen reader meets."""
        tree = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree
            if not node["ignored"]
        ]

    def resize(self, width: int) -> None:
        """Make the page so many pixels wide."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )

    def press(self, key: str) -> None:
        """Press a key, wherever the focus is."""
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def picture(self, path: Path, height: int = 1000) -> None:
        """Write what the page looks like, from its top."""
        self.driver.set_window_size(1280, height)
        self.driver.save_screenshot(str(path))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own and end it again."""
    profile = tempfile.mkdtemp(prefix="ypbrowser")
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
