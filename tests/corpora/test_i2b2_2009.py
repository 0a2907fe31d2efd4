"""2009 i2b2: medication entries."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.i2b2_documents import documents, texts, token_spans
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Argument, Attribute, Document, Entity, Event, Span
from medspan.corpora.formats import FORMATS, read, write

LABELS = ["medication", "dosage", "reason"]
EVENTS = {"medication": ["dosage", "reason", "mode"]}
ROLES = ["dosage", "mode", "frequency", "duration", "reason"]
NOTE = "Aspirin 81 mg po daily\nand 325 mg for pain , Tylenol for pain\n"
ENTRIES = [
    'm="aspirin" 1:0 1:0||do="81 mg...325 mg" 1:1 1:2,2:1 2:2||mo="po" 1:3 1:3||f="daily" 1:4 1:4'
    '||du="nm"||r="pain" 2:4 2:4||ln="list"\n',
    'm="tylenol" 2:6 2:6||do="nm"||mo="nm"||f="nm"||du="nm"||r="pain" 2:4 2:4||e="start"||ln="narrative"\n',
]


@st.composite
def entered(draw: st.DrawFn) -> Document:
    """Documents that entries hold whole: mentions of tokens, with gaps or not, shared or not, in text order."""
    text = draw(texts)
    tokens = token_spans(text)
    if not tokens:
        return Document("n", text)
    cuts = st.lists(st.integers(0, len(tokens) - 1), min_size=1, max_size=3, unique=True).map(sorted)
    entries: list[dict[str, tuple[Span, ...]]] = []
    for _ in range(draw(st.integers(0, 4))):
        roles = ["medication", *draw(st.lists(st.sampled_from(ROLES), unique=True))]
        entries.append({role: tuple(tokens[n] for n in draw(cuts)) for role in roles})
    ranks = ["medication", *ROLES]

    def place(item: tuple[str, tuple[Span, ...]]) -> tuple[object, ...]:
        return item[1][0].start, -item[1][-1].end, ranks.index(item[0]), item[1]

    used = sorted({item for entry in entries for item in entry.items()}, key=place)
    ids = {item: f"X{n}" for n, item in enumerate(used)}
    events = []
    for n, entry in enumerate(entries):
        fields = sorted((item for item in entry.items() if item[0] != "medication"), key=place)
        arguments = tuple(Argument(role, ids[role, spans]) for role, spans in fields)
        attributes = (Attribute("list_or_narrative", draw(st.sampled_from(["list", "narrative", "x||y"]))),)
        trigger = ids["medication", entry["medication"]]
        events.append(Event(f"V{n}", "medication", trigger, arguments, attributes if draw(st.booleans()) else ()))
    entities = tuple(Entity(key, label, spans) for (label, spans), key in ids.items())
    return Document("n", text, entities, events=tuple(events))


@settings(max_examples=150, deadline=None)
@given(entered())
def test_what_entries_hold_comes_back(document: Document) -> None:
    assert assert_round_trip("i2b2-2009", document) == []


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={}, relations=[], events=EVENTS))
def test_whatever_changes_of_tidy_documents_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2009", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"a": ["b"]}, relations=["x"], events=EVENTS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2009", document)


@pytest.mark.parametrize(
    "names", [("n.txt", "n.i2b2.entries"), ("n", "n.m"), ("n", "n.i2b2"), ("texts/n", "entries/n_gold.entries")]
)
def test_entries_are_events_that_share_what_they_both_mention(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, content in zip(names, (NOTE, "".join(ENTRIES)), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    result = read(tmp_path)
    (document,) = result.documents
    assert not result.problems
    assert document.id == "n"
    assert [(e.label, document.mention(e)) for e in document.entities] == [
        ("medication", "Aspirin"),
        ("dosage", "81 mg 325 mg"),
        ("mode", "po"),
        ("frequency", "daily"),
        ("reason", "pain"),
        ("medication", "Tylenol"),
    ]
    first, second = document.events
    assert [(a.role, a.target) for a in first.arguments] == [
        ("dosage", "T2"),
        ("mode", "T3"),
        ("frequency", "T4"),
        ("reason", "T5"),
    ]
    assert (second.trigger, second.arguments) == ("T6", (Argument("reason", "T5"),))
    assert second.attributes == (Attribute("list_or_narrative", "narrative"), Attribute("e", "start"))
    assert write([document], tmp_path / "out", "i2b2-2009") == []
    assert (tmp_path / "out/n.i2b2.entries").read_text() == "".join(ENTRIES)


def test_entries_without_a_medication_and_fields_without_a_place_are_skipped_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text(NOTE)
    (tmp_path / "n.m").write_text(
        'm="nm"||do="81 mg" 1:1 1:2||ln="list"\n\n'
        'm="aspirin" 1:0 1:0||do="81 mg" 7:1 7:2||mo="oral" 1:3 1:3||ln="list"\n'
        'do="81 mg" 1:1 1:2||m="aspirin" 1:0 1:0\n'
    )
    result = read(tmp_path, "i2b2-2009")
    assert [(p.line, p.action) for p in result.problems] == [
        (1, "skipped"),
        (3, "skipped"),
        (3, "kept"),
        (4, "skipped"),
    ]
    assert [a.role for a in result.documents[0].events[0].arguments] == ["mode"]


def test_what_entries_cannot_hold_is_named(tmp_path: Path) -> None:
    entities = (
        Entity("T1", "medication", (Span(0, 7),)),
        Entity("T2", "dosage", (Span(8, 13),)),
        Entity("T3", "dosage", (Span(27, 33),)),
        Entity("T4", "reason", (Span(38, 42),)),
    )
    arguments = (Argument("dosage", "T2"), Argument("dosage", "T3"), Argument("why", "T4"))
    document = Document("n", NOTE, entities, events=(Event("E1", "medication", "T1", arguments),))
    named = [(loss.kind, loss.id) for loss in FORMATS.get("i2b2-2009").losses(document)]
    assert named == [("entities", "T3"), ("entities", "T4"), ("events", "E1"), ("events", "E1")]
    assert_round_trip("i2b2-2009", document, tmp_path)
