import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Document, Entity, EntityType, LabelSchema, Sink, Span
from medspan.interchange import HtmlSink, write_html
from medspan.interchange.html.page import data_block
from medspan.interchange.html.view import document_view, lanes, segments

ATTACK = "</script><script>alert(1)</script><!-- \u2028 & <img src=x onerror=alert(1)> {{ 7*7 }}"


@st.composite
def annotated(draw: st.DrawFn) -> Document:
    """Any text with any entities: nested, crossing, equal, in pieces."""
    text = draw(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\u0301😀 ab"), max_size=40))
    entities = []
    for i in range(draw(st.integers(0, 6)) if text else 0):
        ends = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=6)))
        pairs = [Span(s, e) for s, e in zip(ends[::2], ends[1::2], strict=False)]
        entities.append(Entity(f"T{i}", draw(st.sampled_from("AB")), tuple(pairs)))
    return Document("d", text, tuple(entities))


def data_of(page: str, element_id: str) -> Any:
    found = re.findall(f'<script type="application/json" id="{element_id}">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


@settings(deadline=None)
@given(annotated())
def test_segments_joined_are_the_text_and_those_of_an_entity_its_fragments(document: Document) -> None:
    cut = segments(document)
    assert "".join(s.text for s in cut) == document.text
    for number, entity in enumerate(document.entities):
        covered = "".join(s.text for s in cut if number in s.covering)
        assert covered == "".join(document.text[f.start : f.end] for f in entity.fragments)
        bridged = "".join(s.text for s in cut if number in s.bridging)
        assert len(covered) + len(bridged) == entity.end - entity.start


@settings(deadline=None)
@given(annotated())
def test_entities_that_overlap_have_different_lanes_and_the_enclosing_one_lies_below(document: Document) -> None:
    lane = lanes(document)
    pairs = [(i, j) for i in range(len(lane)) for j in range(len(lane)) if i != j]
    for i, j in pairs:
        one, other = document.entities[i].span, document.entities[j].span
        if one.overlaps(other):
            assert lane[i] != lane[j]
    assert not lane or min(lane) == 0


def test_a_mention_inside_another_is_underlined_nearer_to_the_text() -> None:
    document = Document("d", "left lower leg", (Entity("T1", "A", (Span(0, 14),)), Entity("T2", "A", (Span(5, 10),))))
    assert lanes(document) == [1, 0]
    assert [(s.text, s.covering) for s in segments(document)] == [("left ", (0,)), ("lower", (0, 1)), (" leg", (0,))]


def test_the_view_shows_events_as_their_trigger_and_keeps_groups_and_facts(rash_note: Document) -> None:
    view = document_view(rash_note, ["ward", "missing"])
    assert view["metadata"] == [("ward", "7 Ost")]
    assert [(r["label"], r["head"], r["tail"]) for r in view["relations"]][2] == ("Follows", 5, 0)
    assert [e["arguments"] for e in view["events"]] == [[["Frequency", 6, 0.7], ["With", 5, None]], []]
    assert view["groups"] == [{"label": "OR", "members": [2, 3]}]
    assert view["facts"] == [["CID", "D000658", "D005076", "gold"]]


@settings(deadline=None)
@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_embedded_data_comes_back_and_cannot_end_its_element(data: Any) -> None:
    block = data_block("x", data)
    inner = block.removeprefix('<script type="application/json" id="x">').removesuffix("</script>\n")
    assert not set(inner) & set("<>&\u2028\u2029\r\n\0")
    assert json.loads(inner) == data


def test_nothing_a_note_or_title_says_becomes_markup(tmp_path: Path) -> None:
    attack = Document(ATTACK, ATTACK, (Entity(ATTACK, ATTACK, (Span(0, 9),), code=ATTACK),), metadata={ATTACK: ATTACK})
    write_html([attack], tmp_path / "attack.html", title=ATTACK)
    write_html([Document("calm", "calm")], tmp_path / "calm.html", title="calm")
    page, calm = ((tmp_path / name).read_text("utf-8") for name in ("attack.html", "calm.html"))
    for tag in ("<script", "</script", "<img", "<!--"):
        assert page.count(tag) == calm.count(tag)
    assert data_of(page, "note-0")["segments"][0][0] == ATTACK[:9]
    assert data_of(page, "contents")["title"] == ATTACK
    assert "{{ 7*7 }}" in page


def test_the_policy_allows_the_pages_own_style_and_script_and_no_network(tmp_path: Path) -> None:
    write_html([Document("n1", "note")], tmp_path / "out.html")
    page = (tmp_path / "out.html").read_bytes().decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    style, script = (
        re.search("<style>(.*?)</style>", page, re.DOTALL),
        re.search("<script>(.*?)</script>", page, re.DOTALL),
    )
    assert style is not None and script is not None
    for name, content in (("style-src", style[1]), ("script-src", script[1])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    addresses = set(re.findall(r"https?://[^\s\"']+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a kind of element, not an address that is asked
    assert "@import" not in page and "url(#tip)" in page and page.count("url(") == 1


def test_labels_come_in_the_schemas_order_with_definition_and_count(tmp_path: Path, rash_note: Document) -> None:
    schema = LabelSchema("s", (EntityType("Problem", "What is wrong.", "problem"), EntityType("Age", "", "age")))
    write_html([rash_note, rash_note], tmp_path / "out.html", schema)
    labels = data_of((tmp_path / "out.html").read_text("utf-8"), "contents")["labels"]
    assert labels[:3] == [
        {"kind": "entity", "name": "Problem", "count": 6, "definition": "What is wrong."},
        {"kind": "entity", "name": "Age", "count": 0, "definition": ""},
        {"kind": "entity", "name": "Drug", "count": 2, "definition": ""},
    ]


def test_a_page_does_not_depend_on_how_notes_arrive_and_counts_those_left_out(
    tmp_path: Path, rash_note: Document
) -> None:
    notes = [Document(f"n{i}", "text") for i in range(5)] + [rash_note]
    with HtmlSink(tmp_path / "whole.html", max_notes=4) as whole:
        whole.write(notes)
    pieces = HtmlSink(tmp_path / "pieces.html", max_notes=4)
    sink: Sink = pieces
    for note in notes:
        sink.write([note])
    assert not (tmp_path / "pieces.html").exists()
    sink.close()
    sink.close()
    assert (tmp_path / "pieces.html").read_bytes() == (tmp_path / "whole.html").read_bytes()
    assert pieces.n_left_out == 2
    assert data_of((tmp_path / "whole.html").read_text("utf-8"), "contents")["leftOut"] == 2


def test_an_id_that_is_not_unicode_still_gives_a_page(tmp_path: Path) -> None:
    write_html([Document("caf\udce9", "text")], tmp_path / "out.html")
    assert data_of((tmp_path / "out.html").read_text("utf-8"), "contents")["notes"][0]["id"] == "caf\udce9"


def test_a_failure_leaves_no_page(tmp_path: Path) -> None:
    def broken() -> Any:
        yield Document("n1", "text")
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        write_html(broken(), tmp_path / "out.html")
    assert list(tmp_path.iterdir()) == []
