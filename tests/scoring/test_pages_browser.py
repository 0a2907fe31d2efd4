"""The report in a real browser: Debian's Chromium (package `chromium`), driven by Playwright, both started by path."""

import os
import shutil

import pytest

from medspan.scoring import analyse, score, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; on Debian: apt-get install chromium")

CONTRAST = """(selector) => {
  const channels = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return Math.min(...[...document.querySelectorAll(selector)].map((element) => {
    let ground = element;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    const [a, b] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'medspan[dev]'")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, note, tmp_path):
    """Open the report of two crowded notes; at the end, fail on any console message or request."""
    labels = ["Drug", "Form", "Strength", "Frequency", "Adverse_event.with_a_long_name_that_goes_on", "Route", "Dose"]
    forms = [f"{label} {10 * i}-{10 * i + 5}" for i, label in enumerate(labels)]
    shifted = [f"{label} {10 * i}-{10 * i + 4 + i % 3}" for i, label in enumerate(labels[2:] + labels[:2])]
    relations = ("Form-Drug T2 T1", "Strength-Drug T3 T1")
    gold = [note(*forms, relations=relations, key=f"ward/{'long-name-' * 8}{i}") for i in range(12)]
    predicted = [note(*shifted, relations=relations, key=d.id) for d in gold[1:]] + gold[:1]
    path = tmp_path / "report.html"
    report = score(gold, predicted, scorer="n2c2-2018", bootstrap=50)
    write_report(report, analyse(gold, predicted), path, resamples=50)
    said, asked, contexts = [], [], []

    def open_page(width, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert set(asked) <= {path.as_uri()}


@pytest.mark.parametrize("width", [1280, 700, 390, 320])
def test_the_page_never_scrolls_sideways_as_a_whole(show, width):
    page = show(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_bars_are_as_wide_as_the_card_and_names_are_not_cut_into_letters(show):
    page = show(390)
    assert page.locator("#labels details[open] .bar").first.bounding_box()["width"] > 280
    for row in page.locator("tbody th").all():
        box = row.bounding_box()
        assert box["width"] >= 60
    drug = page.locator("#summary tbody th").first.bounding_box()
    assert drug["height"] < 70


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_colour_schemes(show, scheme):
    page = show(1280, scheme)
    for selector in (".quiet", "thead th", "tbody th", ".meaning", "td", ".heat td", "summary", "a"):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


def test_the_colour_schemes_differ(show):
    grounds = {
        show(1280, scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in ("light", "dark")
    }
    assert len(grounds) == 2


def test_a_bar_is_as_long_as_its_f1_says(show):
    page = show(1280)
    for row in page.locator("#labels details").first.locator("tbody tr").all():
        track, fill = (row.locator(f".{name}").bounding_box() for name in ("track", "fill"))
        share = fill["width"] / track["width"] if fill else 0.0
        assert share == pytest.approx(float(row.locator(".strong").inner_text()), abs=0.01)
