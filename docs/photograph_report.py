"""Photograph the first screen of a run's report: python docs/photograph_report.py results/phantom/report.html.

Writes report.png beside this file, with a digest of what the report is made of, so that a test can tell when it is old.
"""

import hashlib
import io
import shutil
import sys
from pathlib import Path

from PIL import Image, PngImagePlugin

PICTURE = Path(__file__).with_name("report.png")
MAKERS = Path(__file__).parents[1] / "workflow" / "scripts" / "fetal_biometry" / "report"
FIRST_SCREEN = (
    "page.html.j2", "report.html.j2", "macros.html.j2", "sections/summary.html.j2", "page.css", "overlay.css",
    "sentences.py", "page_tables.py", "figures.py", "drawing.py",
)  # fmt: skip


def made_of() -> str:
    """Digest of the files that the first screen of a report is made from."""
    return hashlib.sha256(b"".join((MAKERS / name).read_bytes() for name in FIRST_SCREEN)).hexdigest()


def photograph(page: Path) -> None:
    """Write `PICTURE` of a report, 1400 x 1000 pixels."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1400, "height": 1000})
        window.goto(page.resolve().as_uri(), timeout=300_000)
        taken = Image.open(io.BytesIO(window.screenshot(timeout=300_000)))
        browser.close()
    note = PngImagePlugin.PngInfo()
    note.add_text("made-of", made_of())
    taken.convert("RGB").save(PICTURE, pnginfo=note, optimize=True)


if __name__ == "__main__":
    photograph(Path(sys.argv[1]))
