"""What axe-core, the accessibility checker, says of a page."""

import pytest
from axe_playwright_python.sync_playwright import Axe

on_every_screen = pytest.mark.parametrize(
    "scheme, width", [("light", 1400), ("dark", 1400), ("light", 390), ("dark", 390)]
)


def assert_readable(browser, page, scheme: str, width: int, opens: str = "") -> None:
    """It has nothing serious against the page, nor against its viewer, and the page fits its window.

    ``opens`` selects what opens the viewer, empty where the page has none.
    """
    browser.open(page, width=width, scheme=scheme)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert serious_findings(browser) == []
    if opens:
        browser.run(f"document.querySelector({opens!r}).click()")
        assert browser.run("document.getElementById('viewer').open")
        assert serious_findings(browser) == []


def serious_findings(browser) -> list[str]:
    """What it holds against the open page as serious or critical."""
    found = Axe().run(browser.page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]
