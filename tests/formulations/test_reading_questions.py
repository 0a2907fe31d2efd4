"""What reading comprehension asks, and the rows that ask it."""

from dataclasses import replace

import numpy as np
import pytest

from medspan.annotation import Document, Entity, EntityType, LabelSchema, Span
from medspan.corpora import schema
from medspan.formulations import TextTokenizer
from medspan.formulations.mentions import FRAGMENT, Layout
from medspan.formulations.reading_comprehension import (
    MAX_QUOTED,
    Options,
    Questions,
    entity_texts,
    link_texts,
    shown_mentions,
)
from medspan.models.tiny import tiny_tokenizer
from tiny import TINY_SCHEMA

LAYOUT = Layout(TINY_SCHEMA, ("Problem",))
TEXT = "Aspirin 81 mg for pain, aspirin again; pre-op metoprolol held."
FAMILIES = ("bert", "roberta", "modernbert", "deberta-v2")


def tokenizer_of(family: str) -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer(family, [TEXT, "Find all problem entities."]))


def test_every_label_is_asked_for_whatever_a_note_holds() -> None:
    (texts,) = entity_texts({"tiny": LAYOUT}, Options()).values()
    assert texts == tuple(f"Find all {label.lower()} entities." for label in TINY_SCHEMA.labels)


def test_questions_are_labels_alone_or_have_definitions_or_example_mentions() -> None:
    layouts = {"tiny": LAYOUT}
    defined = entity_texts(layouts, Options(questions="definition"))["tiny"]
    assert defined[0] == "Find all problem entities. A problem."
    shown = Options(questions="examples", examples={"tiny": {"Drug": ("aspirin", "heparin")}})
    asked = entity_texts(layouts, shown)["tiny"]
    assert asked[:2] == ("Find all problem entities.", "Find all drug entities, such as aspirin, heparin.")
    assert entity_texts(layouts, replace_style(shown, "label")) == entity_texts(layouts, Options())


def replace_style(options: Options, style: str) -> Options:
    return options.model_copy(update={"questions": style})


@pytest.mark.parametrize("style", ["label", "definition"])
def test_no_two_questions_of_the_built_in_schemas_are_the_same(style: str) -> None:
    names = ("clinical", "sdoh", "phee", "maccrobat", "chia", "n2c2-2022", "i2b2-2010")
    layouts = {name: Layout(schema(name), schema(name).labels[:1]) for name in names}
    options = Options(questions=style)
    asked = [text for texts in entity_texts(layouts, options).values() for text in texts]
    assert len(set(asked)) == len(asked) == sum(len(layout.labels) for layout in layouts.values())
    links = link_texts(layouts, options)
    assert len(set(links.values())) == len(links)
    for name, layout in layouts.items():
        legal = {(name, *map(int, pair)) for pair in np.argwhere(layout.link_legal.any(axis=1))}
        assert legal == {key for key in links if key[0] == name}


def test_labels_called_the_same_are_told_apart_by_their_names() -> None:
    kinds = (EntityType("A", "One.", "drug"), EntityType("B", "Two.", "drug"), EntityType("C", "Three.", "dose"))
    layouts = {"x": Layout(LabelSchema("x", kinds)), "y": Layout(LabelSchema("y", kinds[2:]))}
    assert entity_texts(layouts, Options()) == {
        "x": ("Find all drug (A) entities.", "Find all drug (B) entities.", "x: Find all dose entities."),
        "y": ("y: Find all dose entities.",),
    }


def test_a_question_about_a_link_names_the_label_the_mention_and_the_link() -> None:
    texts = link_texts({"tiny": LAYOUT}, Options())
    labels, links = LAYOUT.label_index, LAYOUT.link_index
    assert texts["tiny", labels["Dose"], links["dose-of"]] == ("dose: ", ". dose of?")
    assert texts["tiny", labels["Habit"], links["role:status"]] == ("habit: ", ". status?")
    assert texts["tiny", labels["Problem"], links[FRAGMENT]] == ("problem: ", ". another part of it?")
    assert ("tiny", labels["Drug"], links[FRAGMENT]) not in texts
    defined = link_texts({"tiny": LAYOUT}, Options(questions="definition"))
    assert defined["tiny", labels["Habit"], links["role:amount"]] == ("habit: ", ". amount? How much.")


def mention(label: str, start: int, end: int, *more: Span) -> Entity:
    return Entity(f"{label}{start}", label, (Span(start, end), *more))


def test_shown_mentions_are_the_most_frequent_short_ones_of_one_piece() -> None:
    text = "Aspirin aspirin  heparin insulin or " + "x" * 40
    drugs = [(0, 7), (8, 15), (17, 24), (25, 32), (36, 76)]
    split = mention("Drug", 25, 32, Span(33, 35))
    notes = [Document("n", text, (*(mention("Drug", *at) for at in drugs), mention("Other", 0, 7))), Document("e", "")]
    assert shown_mentions(notes, LAYOUT, 2) == {"Drug": ("aspirin", "heparin")}
    assert shown_mentions(reversed(notes), LAYOUT, 9) == {"Drug": ("aspirin", "heparin", "insulin")}
    assert shown_mentions([Document("n", text, (split,))], LAYOUT, 2) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_questions_and_windows_are_joined_as_the_tokenizer_joins_two_texts(family: str) -> None:
    tokenizer = tokenizer_of(family)
    question, window = tokenizer(["Find all problem entities.", TEXT])
    ids, types, start = tokenizer.pair(question.ids, window.ids)
    joined = tokenizer._backend.encode("Find all problem entities.", TEXT, add_special_tokens=True)
    assert ids.tolist() == joined.ids
    assert (types is None) == (family == "roberta")
    if types is not None:
        assert types.tolist() == joined.type_ids
    assert ids[start : start + len(window)].tolist() == window.ids.tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_word_piece_positions_are_exact(family: str) -> None:
    tokenizer = tokenizer_of(family)
    questions = Questions(tokenizer, {"tiny": LAYOUT}, Options())
    (window,) = tokenizer([TEXT])
    dose, link = LAYOUT.label_index["Dose"], LAYOUT.link_index["dose-of"]
    rows = [questions.entity("tiny", label, window) for label in range(len(LAYOUT.labels))]
    rows += [
        questions.link("tiny", dose, link, window, first, last)
        for first, last in [(0, 0), (2, 5), (len(window) - 1, len(window) - 1), (0, len(window) - 1)]
    ]
    for asked in rows:
        assert asked.row.ids[asked.text].tolist() == window.ids.tolist()
        assert len(asked.row) <= len(window) + questions.overhead
        assert asked.row.types is None or set(asked.row.types[asked.text].tolist()) == {1}


def test_the_mention_asked_about_is_marked_so_that_the_same_words_elsewhere_are_not_meant() -> None:
    tokenizer = tokenizer_of("bert")
    questions = Questions(tokenizer, {"tiny": LAYOUT}, Options())
    window, marker, text = tokenizer(["aspirin and aspirin", "@", "problem: aspirin. reason?"])
    problem, link = LAYOUT.label_index["Problem"], LAYOUT.link_index["reason"]
    size = (len(window) - len(tokenizer(["and"])[0])) // 2
    one, two = (questions.link("tiny", problem, link, window, at, at + size - 1) for at in (0, len(window) - size))
    assert one.row.ids.tolist() != two.row.ids.tolist()
    for asked, first in (one, 0), (two, len(window) - size):
        row = asked.row.ids
        assert row[1 : 1 + len(text)].tolist() == text.ids.tolist()
        before, past = asked.text[first] - 1, asked.text[first + size - 1] + 1
        assert row[before] == row[past] == marker.ids[0]
        assert (row == marker.ids[0]).sum() == 2


def test_a_long_mention_is_quoted_in_part_and_marked_as_a_whole() -> None:
    tokenizer = tokenizer_of("bert")
    questions = Questions(tokenizer, {"tiny": LAYOUT}, Options())
    (window,) = tokenizer(["pain " * 40])
    short, long = (questions.link("tiny", 0, LAYOUT.link_index["reason"], window, 0, n - 1) for n in (MAX_QUOTED, 40))
    assert len(short.row) == len(long.row)
    assert len(long.row) <= len(window) + questions.overhead
    assert long.text[39] == long.text[0] + 39


def test_a_tokenizer_that_knows_no_pairs_gets_its_last_special_token_between_them() -> None:
    from tokenizers import processors

    backend = tiny_tokenizer("bert", [TEXT])
    begin, end = (backend.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", begin), ("[SEP]", end)]
    )
    ids, types, start = TextTokenizer(backend).pair(np.array([9, 8], np.int32), np.array([7], np.int32))
    assert ids.tolist() == [begin, 9, 8, end, 7, end]
    assert types is not None
    assert types.tolist() == [0, 0, 0, 0, 1, 1]
    assert start == 4


def test_a_head_set_without_labels_that_link_has_no_such_questions() -> None:
    bare = Layout(replace(TINY_SCHEMA, relations=(), events=()))
    assert link_texts({"tiny": bare}, Options()) == {}
    assert Questions(tokenizer_of("bert"), {"tiny": bare}, Options()).overhead > 3
