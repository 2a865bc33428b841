"""What axe-core, the accessibility checker, says of a page."""

from axe_playwright_python.sync_playwright import Axe


def serious_findings(browser) -> list[str]:
    """What it holds against the open page as serious or critical."""
    found = Axe().run(browser.page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]
