"""The viewer in a real browser: Debian's Chromium (package `chromium`), driven by Playwright, both started by path."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.interchange import write_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Any]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; on Debian: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'medspan[dev]'")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Write documents and open the page; at the end, fail on any console message, script error or request."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    address = (tmp_path / "out.html").as_uri()

    def show(documents: list[Document], **options: Any) -> Any:
        write_html(documents, tmp_path / "out.html", **options)
        page.goto(address)
        return page

    yield show
    context.close()
    assert said == []
    assert set(asked) <= {address}


def shown_text(page: Any) -> str:
    """The note as a reader sees it, without the chips."""
    text: str = page.evaluate(
        """() => {
          const copy = document.getElementById("text").cloneNode(true);
          copy.querySelectorAll(".chips").forEach((chips) => chips.remove());
          return copy.textContent;
        }"""
    )
    return text


def chip(page: Any, number: int) -> Any:
    return page.locator(f'.chip[data-entity="{number}"]')


def lit(page: Any, name: str) -> list[int]:
    return sorted(int(c.get_attribute("data-entity")) for c in page.locator(f".chip.{name}").all())


def test_every_entity_is_shown_with_its_label_and_assertion_in_words(show: Open, rash_note: Document) -> None:
    page = show([rash_note], keep_columns=["ward"])
    assert page.locator(".chip").count() == len(rash_note.entities)
    assert chip(page, 4).inner_text().split() == ["Problem", "absent"]
    assert chip(page, 4).get_attribute("aria-label") == "Problem, absent: fever"
    assert "line-through" in page.locator('.piece[data-assertion="absent"]').evaluate(
        "e => getComputedStyle(e).textDecorationLine"
    )
    assert page.locator("#metadata").inner_text().split("\n") == ["ward", "7 Ost"]
    assert page.locator("#note-id").inner_text() == "visit-1"


def test_a_mention_in_pieces_is_marked_in_both_and_bridged_between(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    pieces = page.evaluate(
        """() => [...document.querySelectorAll(".piece")]
             .filter((p) => p.dataset.entities.split(" ").includes("2")).map((p) => p.textContent)"""
    )
    assert pieces == ["itchy", "rash"]
    bridge = page.locator(".gap").first
    assert bridge.inner_text() == ", later "
    assert "gradient" in bridge.evaluate("e => getComputedStyle(e).backgroundImage")


def test_selecting_an_entity_lists_its_relations_and_lights_its_partners(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    chip(page, 0).click()
    links = page.locator("#details .links").first.inner_text()
    for words in ("Strength-Drug", "0.8", "500 mg", "ADE-Drug", "itchy rash", "Follows", "Smokes"):
        assert words in links
    assert lit(page, "focus") == [0]
    assert lit(page, "partner") == [1, 2, 5]
    assert page.locator("#arcs .arc").count() == 3
    assert chip(page, 0).get_attribute("aria-pressed") == "true"
    page.locator("#details .link", has_text="itchy rash").click()
    assert "D005076" in page.locator("#details").inner_text()
    assert "OR" in page.locator("#details").inner_text()
    page.keyboard.press("Escape")
    assert "7 entities, 3 relations, 2 events" in page.locator("#details").inner_text()
    assert "D000658 → CID → D005076 (gold)" in page.locator("#details").inner_text()


def test_pointing_at_a_mention_lights_its_partners_without_selecting(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    page.locator(".piece", has_text="500 mg").hover()
    assert (lit(page, "focus"), lit(page, "partner")) == ([1], [0])
    assert "This note" in page.locator("#details").inner_text()
    page.locator("#note-id").hover()
    assert lit(page, "focus") == []


def test_an_event_is_listed_with_its_roles(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    chip(page, 6).click()
    events = page.locator("#details .event").first.inner_text().split("\n")
    assert [w for w in events if w] == [
        "Tobacco",
        "trigger",
        "Smokes",
        "Tobacco",
        "Frequency",
        "daily",
        "Frequency",
        "With",
        "Smokes",
        "Tobacco",
    ]
    assert lit(page, "partner") == [5]
    assert page.locator("#arcs .arc.event").count() == 1


def test_a_second_click_on_nested_mentions_goes_outwards(show: Open) -> None:
    nested = (Entity("T1", "Problem", (Span(0, 14),)), Entity("T2", "Anatomy", (Span(5, 10),)))
    page = show([Document("n1", "left lower leg", nested)])
    labels = []
    for _ in range(3):
        page.locator(".piece", has_text="lower").click()
        labels.append(page.locator(".details-label").inner_text())
    assert labels == ["Anatomy", "Problem", "Anatomy"]


def test_labels_are_filtered_by_checkbox_and_counted(show: Open, rash_note: Document) -> None:
    page = show([rash_note, replace(rash_note, id="visit-2")])
    problem = page.locator("#filter li", has_text="Problem").first
    assert problem.locator(".tally").inner_text() == "3 / 6"
    page.get_by_label("Problem", exact=True).uncheck()
    assert page.locator(".chip").count() == 4
    assert shown_text(page) == rash_note.text.replace("\r\n", "\n")
    chip(page, 0).click()
    assert lit(page, "partner") == [1, 5]
    page.get_by_label("Strength-Drug").uncheck()
    assert lit(page, "partner") == [5]
    page.get_by_role("button", name="Hide all entities").click()
    assert page.locator(".chip").count() == 0
    page.locator("#next").click()
    assert page.locator(".chip").count() == 0
    page.get_by_role("button", name="Show all entities").click()
    assert page.locator(".chip").count() == 7


def test_the_keyboard_reaches_every_entity_and_selects_with_enter(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    page.locator("#text").focus()
    page.keyboard.press("Tab")
    focused = "() => Number(document.activeElement.dataset.entity)"
    order = [page.evaluate(focused)]
    for _ in range(len(rash_note.entities)):
        page.keyboard.press("ArrowRight")
        order.append(page.evaluate(focused))
    assert order == [0, 1, 3, 2, 4, 5, 6, 6]
    page.keyboard.press("Home")
    assert page.evaluate(focused) == 0
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator(".details-label").inner_text() == "Drug"
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == 5
    page.keyboard.press("Escape")
    assert page.locator(".details-label").count() == 0
    assert page.evaluate("() => document.querySelectorAll('.chip[tabindex=\"0\"]').length") == 1


def test_a_note_of_markup_is_shown_as_text(show: Open) -> None:
    attack = "<script>document.title='gone'; alert(1)</script><img src=x onerror=alert(1)> &amp; </script>"
    label = "<b onmouseover=alert(2)>"
    entity = Entity("<i>", label, (Span(0, 8),), (Attribute("<u>", "<s>"),), code="<img src=x onerror=alert(3)>")
    page = show([Document("<h1>id</h1>", attack, (entity,), metadata={"<b>": "<script>"})], title="<title>")
    assert shown_text(page) == attack
    assert page.title() == "<title>"
    chip(page, 0).click()
    assert label in page.locator("#details").inner_text()
    assert page.locator("#text script, #text img, #details img, #metadata script, #notes h1, .chip b").count() == 0


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("fever\r\nand\rpain", "fever\nand\npain"),
        ("\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 fever \U0001f600", None),
        ("cafe\u0301 fe\u0301ver e\u0301", None),
        ("\u05d7\u05d5\u05dd fever \u062d\u0645\u0649", None),
        ("nul\x00 bell\x07 \u2028 end", "nul\u2400 bell\u2407 \u2028 end"),
    ],
)
def test_text_of_any_kind_is_shown_whole_with_its_marks_in_place(show: Open, text: str, seen: str | None) -> None:
    # One entity a character, so that marks also begin and end inside CRLF and beside combining characters.
    entities = tuple(Entity(f"T{i}", "Problem", (Span(i, i + 1),)) for i in range(len(text)))
    page = show([Document("n1", text, entities)])
    assert shown_text(page) == (text if seen is None else seen)
    if seen is None:
        assert [p.text_content() for p in page.locator(".piece").all()] == list(text)


def test_a_thousand_notes_are_paged_and_searched(show: Open) -> None:
    notes = [
        Document(
            f"note {i}",
            f"day {i}: fever. word{i}x",
            (Entity("T1", "Problem", (Span(0, 3),)),),
            metadata={"ward": i % 9},
        )
        for i in range(1_000)
    ]
    page = show(notes)
    assert page.locator("#notes li").count() == 50
    assert page.locator("#page").inner_text() == "1 of 20"
    page.locator("#page-on").click()
    page.locator("#notes button").first.click()
    assert page.locator("#note-id").inner_text() == "note 50"
    page.locator("#previous").click()
    assert page.locator("#note-id").inner_text() == "note 49"
    assert page.locator("#page").inner_text() == "1 of 20"
    assert page.locator('#notes [aria-current="true"]').inner_text().startswith("note 49")
    page.locator("#search").fill("WORD731x")
    page.locator("#matches", has_text="1 of 1,000 notes").wait_for()
    page.locator("#next").click()
    assert page.locator("#note-id").inner_text() == "note 731"
    assert page.evaluate("() => [...CSS.highlights.get('found')].map(String)") == ["word731x"]
    page.locator("#search").fill("")
    page.locator("#matches", has_text=re.compile("^1,000 notes$")).wait_for()
    page.locator('#notes [aria-current="true"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#note-id").inner_text() == "note 732"


def test_a_note_of_sixty_thousand_characters_is_shown_whole(show: Open) -> None:
    line = "Takes aspirin 81 mg daily for pain, denies fever.\n"
    text = line * 1_200
    spans = [(n * len(line) + s, n * len(line) + e) for n in range(1_200) for s, e in ((6, 13), (14, 19))]
    entities = tuple(
        Entity(f"T{i}", "DrugStrength"[i % 2 * 4 : 4 + i % 2 * 8], (Span(*s),)) for i, s in enumerate(spans)
    )
    relations = tuple(Relation(f"R{i}", "Strength-Drug", f"T{i + 1}", f"T{i}") for i in range(0, len(spans), 2))
    page = show([Document("long", text, entities, relations)])
    assert shown_text(page) == text
    assert page.locator(".chip").count() == 2_400
    chip(page, 2_398).click()
    assert lit(page, "partner") == [2_399]
    assert page.evaluate("() => document.getElementById('note').scrollTop") > 0


def test_both_colour_schemes_give_readable_text(show: Open, rash_note: Document) -> None:
    page = show([rash_note])
    contrast = """(selector) => {
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
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        grounds.add(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
        for selector in (".chip-label", ".badge", ".piece", ".quiet", "#metadata dt"):
            assert page.evaluate(contrast, selector) >= 4.5, (scheme, selector)
    assert len(grounds) == 2


def test_a_page_without_notes_says_so(show: Open) -> None:
    page = show([])
    assert page.locator("#note-id").inner_text() == "No notes"
    assert page.locator("#matches").inner_text() == "0 notes"
