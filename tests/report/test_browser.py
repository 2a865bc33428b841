"""How the pages behave in a browser: filters, order, viewer, and whether everybody can read them."""

from dataclasses import replace

import numpy as np
import pytest
from axe import assert_readable, on_every_screen

from fetal_biometry.report import pictures, report


def test_quarantined_images_are_told_on_the_first_screen(browser, page):
    browser.open(page, width=390, height=844)
    assert browser.run("document.querySelector('a[href=\"#quarantine\"]').getBoundingClientRect().bottom < innerHeight")
    assert browser.run("document.querySelector('#quarantine table').checkVisibility()")


def test_page_loads_without_errors_requests_or_foreign_script(browser, any_page):
    browser.open(any_page)
    assert browser.messages == []
    assert [address for address in browser.requests if not address.startswith("data:")] == [any_page.as_uri()]
    assert browser.run("window.pwned") is None
    assert browser.run("document.querySelectorAll('#image-table tbody tr').length") == 40


def test_a_heading_sorts_up_then_down_with_missing_values_last(browser, page):
    browser.open(page)
    sort_twice = """(() => {
        const heading = [...document.querySelectorAll('#image-table thead th')]
            .find((th) => /^HC error\\s*%$/.test(th.textContent.trim()));
        const emptied = document.querySelector('#image-table tbody tr:nth-child(5)');
        emptied.cells[heading.cellIndex].dataset.value = '';
        const read = () => {
            heading.querySelector('button').click();
            return [...document.querySelectorAll('#image-table tbody tr')]
                .map((row) => row.cells[heading.cellIndex].dataset.value);
        };
        return [read(), heading.ariaSort, read(), heading.ariaSort];
    })()"""
    up, first, down, second = browser.run(sort_twice)
    assert (first, second) == ("ascending", "descending")
    assert up[-1] == down[-1] == ""
    assert [float(v) for v in up[:-1]] == sorted(float(v) for v in up[:-1])
    assert down[:-1] == up[:-1][::-1]


def test_filters_by_text_split_label_and_flag(browser, page, labelled_run):
    browser.open(page)
    shown = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""

    def choose(**values):
        for field, value in values.items():
            browser.run(
                f"""{{ const field = document.getElementById('filter-{field}'); field.value = {value!r};
                field.dispatchEvent(new Event('input')); }}"""
            )
        return sorted(browser.run(shown))

    rows = report.measured_rows(labelled_run)
    test = rows["split"] == "test"
    low = rows["flags"].map(lambda flags: "low confidence" in flags)
    assert choose(text="2hc") == sorted(name for name in rows["image_name"] if "2HC" in name)
    assert choose(text="", split="test") == sorted(rows["image_name"][test])
    assert choose(flag="low confidence") == sorted(rows["image_name"][test & low])
    assert choose(split="", flag="!") == sorted(rows["image_name"][rows["flags"].map(len) == 0])
    assert choose(flag="", verdict="invalid") == sorted(rows["image_name"][rows["verdict"] == "invalid"])
    count = (rows["verdict"] == "invalid").sum()
    assert browser.run("document.getElementById('filter-status').textContent") == f"{count} of 40 images"
    browser.run("document.querySelector('#filter-form button[type=reset]').click()")
    assert len(browser.run("new Promise((done) => setTimeout(() => done(" + shown + "), 20))")) == 40


def test_table_and_overlays_work_from_the_keyboard(browser, page):
    browser.open(page)
    browser.run("document.querySelector('.images').focus()")
    browser.press("Tab")
    browser.press("Enter")
    first = "document.querySelector('#image-table thead th')"
    assert browser.run(f"document.activeElement === {first}.querySelector('button')")
    assert browser.run(f"{first}.ariaSort") == "descending"
    reference = "getComputedStyle(document.querySelector('.overlay .reference')).display"
    assert browser.run(reference) != "none"
    browser.run("document.getElementById('show-reference').focus()")
    browser.press(" ")
    assert browser.run(reference) == "none"


def test_the_address_keeps_filters_and_order(browser, page):
    browser.open(page)
    browser.run("""(() => {
        const field = document.getElementById('filter-split');
        field.value = 'test';
        field.dispatchEvent(new Event('input'));
        for (let i = 0; i < 2; i++) document.querySelectorAll('#image-table thead button')[3].click();
    })()""")
    fragment = browser.run("location.hash")
    assert fragment == "#images?split=test&sort=-4"
    state = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""
    left = browser.run(state)
    browser.open(page, fragment=fragment)
    assert browser.run(state) == left and 0 < len(left) < 40
    assert browser.run("document.querySelectorAll('#image-table thead th')[3].ariaSort") == "descending"
    browser.run("document.querySelector('#filter-form button[type=reset]').click()")
    assert len(browser.run(f"new Promise((done) => setTimeout(() => done({state}), 20))")) == 40
    assert browser.run("location.hash") == "#images?sort=-4"


def test_a_picture_of_the_gallery_opens_in_the_viewer(browser, page):
    browser.open(page)
    first, second = browser.run(
        "[...document.querySelectorAll('#gallery .zoom')].map((b) => b.dataset.name).slice(0, 2)"
    )
    browser.run("document.querySelector('#gallery .zoom').focus()")
    browser.press("Enter")
    seen = "document.querySelector('#viewer[open] #viewer-title').textContent"
    assert browser.run(seen) == first
    browser.press("ArrowRight")
    assert browser.run(seen) == second
    assert browser.run("document.querySelector('#viewer svg .prediction').getBoundingClientRect().width") > 100
    browser.press("Escape")
    assert not browser.run("document.getElementById('viewer').open")
    assert browser.run("document.activeElement.dataset.name") == first


def test_a_point_of_the_agreement_shows_its_image_in_the_table(browser, page):
    browser.open(page)
    point = browser.page.locator("#summary .plot a").nth(3)
    name = point.get_attribute("aria-label").rpartition(": ")[0]
    point.click(force=True)
    one = "document.querySelectorAll('#image-table tbody tr:not([hidden])').length === 1"
    browser.page.wait_for_function(one)  # the page hears of its new address a moment later
    shown = """[...document.querySelectorAll('#image-table tbody tr')].filter((row) => !row.hidden)
        .map((row) => row.cells[0].dataset.value)"""
    assert browser.run(shown) == [name]
    assert 0 <= browser.run("document.getElementById('images').getBoundingClientRect().top") < 900


def test_a_link_to_a_folded_section_opens_it(browser, page):
    browser.open(page)
    seen = "document.querySelector('#endpoints table').checkVisibility()"
    assert not browser.run(seen)
    browser.page.click("nav a[href='#endpoints']")
    assert browser.run(seen)


def test_the_report_is_at_most_seven_screens_and_its_result_on_the_first(browser, page):
    browser.open(page, width=1400, height=1000)
    assert browser.run("document.documentElement.scrollHeight") <= 7000
    for part in ("drawn", "result", "result-table"):
        assert browser.run(f"document.getElementById('{part}').getBoundingClientRect().bottom") < 1000
    assert browser.run("document.querySelector('#summary .plot').getBoundingClientRect().top") < 1000


def test_the_table_never_covers_the_navigation(browser, page):
    browser.open(page)
    browser.run("document.querySelector('#image-table tbody tr:nth-child(20)').scrollIntoView()")
    browser.run("document.querySelector('#image-table').closest('.scroll').scrollIntoView()")
    browser.run("scrollBy(0, document.querySelector('nav').offsetHeight + 20)")
    over = """[...Array(12).keys()].every((i) =>
        document.elementFromPoint(60 + 90 * i, 12)?.closest('nav'))"""
    assert browser.run(over)


def test_names_in_the_table_of_a_labelled_run_open_the_pictures(browser, labelled_run, tmp_path):
    rows = labelled_run.predictions.join(labelled_run.images[["path", "frame"]])
    large, _ = pictures.picture_addresses(rows, tmp_path / "pictures")
    page = tmp_path / "report.html"
    page.write_text(report.render_report(replace(labelled_run, overlays=large)), encoding="utf-8")
    browser.open(page)
    names = browser.run("[...document.querySelectorAll('#image-table .zoom')].map((b) => b.dataset.name)")
    assert sorted(names) == sorted(rows["image_name"])
    for number in (0, 1, len(names) - 1):
        browser.run(f"document.querySelectorAll('#image-table .zoom')[{number}].click()")
        assert browser.run("document.getElementById('viewer-title').textContent") == names[number]
        marks = "[...document.querySelectorAll('#viewer-frame g')].map((g) => g.getAttribute('class'))"
        assert browser.run(marks) == ["reference", "prediction"]
        browser.press("Escape")
    assert browser.messages == [] and browser.run("window.pwned") is None


@on_every_screen
def test_axe_finds_nothing_serious(browser, any_page, scheme, width):
    assert_readable(browser, any_page, scheme, width, opens="#gallery .zoom")


def test_everything_drawn_has_words_for_a_screen_reader(browser, any_page):
    browser.open(any_page)
    silent = """[...document.querySelectorAll('svg:not([aria-hidden=true])')].filter((svg) =>
        !['img', 'group'].includes(svg.getAttribute('role')) || !svg.getAttribute('aria-label')).length"""
    assert browser.run(silent) == 0
    unlabelled = "[...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert browser.run(unlabelled) == 0
    broken = """[...document.querySelectorAll('nav a')]
        .filter((a) => !document.querySelector(a.getAttribute('href'))).length"""
    assert browser.run(broken) == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_its_window(browser, any_page, width):
    browser.open(any_page, width=width)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run("innerWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, page, scheme):
    """WCAG AA: a contrast of 4.5 for text and of 3 for marks, in either colour scheme."""
    browser.open(page, scheme=scheme)
    names = [
        "paper",
        "panel",
        "notice",
        "ink",
        "soft",
        "prediction",
        "reference",
        "bpd",
        "ofd",
        "small",
        "medium",
        "large",
    ]
    read = """%s.map((name) =>
        getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim())"""
    luminance = dict(zip(names, map(relative_luminance, browser.run(read % names)), strict=True))
    assert (luminance["paper"] > 0.5) == (scheme == "light")

    def contrast(a, b):
        low, high = sorted((luminance[a], luminance[b]))
        return (high + 0.05) / (low + 0.05)

    for ground in ("paper", "panel", "notice"):
        assert contrast("ink", ground) > 7
    for text in ("soft", "prediction", "reference"):
        assert min(contrast(text, ground) for ground in ("paper", "panel")) > 4.5
    assert min(contrast(mark, "paper") for mark in ("bpd", "ofd", "small", "medium", "large")) > 3


def relative_luminance(colour: str) -> float:
    """Of an sRGB colour #rrggbb, by WCAG 2."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
