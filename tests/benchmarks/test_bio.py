"""Tags over word pieces: what comes back after a round trip, and what cannot."""

from dataclasses import replace

import pytest

from bio import documents_of, entities_of, flat, tag_names, tags_of
from medspan.annotation import Document, Entity, Span
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from tiny import tiny_notes, tiny_tokenizer

LABELS = ["Drug", "Problem"]
TEXT = "severe chest pain since monday, aspirin given"
SIZE = WindowSize(budget=30)


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer([TEXT, *(note.text for note in tiny_notes(n=30))]))


def mention(number: int, label: str, *fragments: str, text: str = TEXT) -> Entity:
    spans = tuple(Span(text.index(words), text.index(words) + len(words)) for words in fragments)
    return Entity(f"T{number}", label, spans)


def only_row(document: Document, tokenizer: TextTokenizer) -> Row:
    ((row,),) = rows([document], tokenizer, SIZE)
    return row


def round_trip(documents: list[Document], labels: list[str], tokenizer: TextTokenizer) -> list[Document]:
    cut = rows(documents, tokenizer, SIZE)
    tags = [tags_of(row, labels).tolist() for document_rows in cut for row in document_rows]
    return documents_of(documents, cut, tags, labels)


def places(document: Document) -> list[tuple[str, tuple[Span, ...]]]:
    return sorted((entity.label, entity.fragments) for entity in document.entities)


def test_flat_mentions_of_long_notes_come_back_from_tags(tokenizer: TextTokenizer) -> None:
    notes = [
        replace(note, relations=(), entities=tuple(e for e in note.entities if (e.span, e.label) in flat(note)))
        for note in tiny_notes(n=20)
    ]
    cut = rows(notes, tokenizer, SIZE)
    inside = [sum(len(row.window.document.entities) for row in document_rows) for document_rows in cut]
    assert any(len(document_rows) > 1 for document_rows in cut)
    labels = sorted({entity.label for note in notes for entity in note.entities})
    back = round_trip(notes, labels, tokenizer)
    whole = [note for note, n in zip(notes, inside, strict=True) if n == len(note.entities)]
    assert len(whole) > 10
    assert {d.id: places(d) for d in back if d.id in {w.id for w in whole}} == {w.id: places(w) for w in whole}


def test_of_nested_mentions_the_longest_stays() -> None:
    document = Document("a", TEXT, (mention(1, "Drug", "chest"), mention(2, "Problem", "severe chest pain")))
    assert flat(document) == [(Span(0, 17), "Problem")]


def test_a_discontinuous_mention_becomes_the_span_it_covers() -> None:
    document = Document("a", TEXT, (mention(1, "Problem", "severe", "pain"),))
    assert flat(document) == [(Span(0, 17), "Problem")]


def test_neighbouring_mentions_of_one_label_stay_apart(tokenizer: TextTokenizer) -> None:
    document = Document("a", TEXT, (mention(1, "Problem", "severe"), mention(2, "Problem", "chest pain")))
    assert places(round_trip([document], LABELS, tokenizer)[0]) == places(document)


def test_an_inside_tag_without_a_beginning_begins_a_mention(tokenizer: TextTokenizer) -> None:
    row = only_row(Document("a", TEXT), tokenizer)
    names = tag_names(LABELS)
    tags = [names.index("I-Drug"), names.index("I-Problem"), names.index("I-Problem"), *[0] * (len(row.tokens) - 3)]
    found = entities_of(row, tags, LABELS, first_id=7)
    assert [(e.id, e.label) for e in found] == [("T7", "Drug"), ("T8", "Problem")]
    assert found[1].start == row.tokens.starts[1]
    assert found[1].end == row.tokens.ends[2]


def test_a_word_piece_half_inside_a_mention_belongs_to_it(tokenizer: TextTokenizer) -> None:
    start = TEXT.index("aspirin")
    row = only_row(Document("a", TEXT, (Entity("T1", "Drug", (Span(start + 1, start + 7),)),)), tokenizer)
    tagged = [int(i) for i in tags_of(row, LABELS).nonzero()[0]]
    assert tagged
    assert row.tokens.starts[tagged[0]] <= start + 1
