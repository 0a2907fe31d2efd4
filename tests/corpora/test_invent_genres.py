"""The invented corpora: each schema's notes are legal, cover it, repeat with their seed, and come back from files."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from medspan.annotation import Document, document_to_dict
from medspan.corpora import schema
from medspan.corpora.invent import GENRES, invent_documents
from medspan.errors import ConfigError, UnknownNameError

SCHEMAS = list(GENRES)


def as_data(documents: Iterator[Document]) -> list[object]:
    return [document_to_dict(d) for d in documents]


@pytest.fixture(scope="module")
def notes() -> dict[str, list[Document]]:
    return {name: list(invent_documents(name, 300, seed=2)) for name in SCHEMAS}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_seed_gives_the_same_notes_whatever_the_length_of_the_run(name: str) -> None:
    first = as_data(invent_documents(name, 12, seed=11))
    assert first == as_data(invent_documents(name, 12, seed=11))
    assert first[:5] == as_data(invent_documents(name, 5, seed=11))[:5]
    assert first != as_data(invent_documents(name, 12, seed=12))
    assert first != as_data(invent_documents(name, 12, seed=11, traps=False))


@pytest.mark.parametrize("name", SCHEMAS)
def test_documents_keep_to_their_schema_and_have_ids_of_their_own(name: str, notes: dict[str, list[Document]]) -> None:
    legal = schema(name)
    assert [problem for document in notes[name] for problem in legal.problems(document)] == []
    assert len({document.id for document in notes[name]}) == len(notes[name])
    assert len({document.text for document in notes[name]}) > 250


@pytest.mark.parametrize("name", SCHEMAS)
def test_mentions_are_whole_words_and_no_markup_is_left(name: str, notes: dict[str, list[Document]]) -> None:
    for document in notes[name]:
        assert not re.search(r"[{}‹›]|\\[^\s]", document.text), document.id
        for entity in document.entities:
            for fragment in entity.fragments:
                words = document.text[fragment.start : fragment.end]
                assert words == words.strip(), (document.id, entity.id)
                before = document.text[fragment.start - 1 : fragment.start]
                assert not (before.isalnum() and words[0].isalnum()), (document.id, entity.id)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_label_relation_role_and_value_of_the_schema_occurs(name: str, notes: dict[str, list[Document]]) -> None:
    legal, documents = schema(name), notes[name]
    entities = [e for d in documents for e in d.entities]
    events = [e for d in documents for e in d.events]
    assert {e.label for e in entities} == set(legal.labels)
    assert {r.label for d in documents for r in d.relations} == {r.name for r in legal.relations}
    assert {(e.label, a.role) for e in events for a in e.arguments} == {
        (e.name, role.name) for e in legal.events for role in e.roles
    }
    wanted = {(a.name, value) for a in legal.attributes for value in a.values}
    assert {(a.name, a.value) for e in (*entities, *events) for a in e.attributes} >= wanted


@pytest.mark.parametrize("name", SCHEMAS)
def test_without_traps_notes_are_plain(name: str) -> None:
    for document in invent_documents(name, 100, seed=3, traps=False):
        assert not re.search(r"\|\||🙂|👍|\u00a0|\r|\ufeff", document.text), document.id


@pytest.mark.parametrize("name", SCHEMAS)
def test_traps_put_odd_signs_into_notes(name: str, notes: dict[str, list[Document]]) -> None:
    text = "\n".join(d.text for d in notes[name])
    assert all(sign in text for sign in ('"', "&", "<"))
    assert any(not d.entities for d in notes[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_notes_are_about_as_long_as_asked(name: str) -> None:
    lengths = [len(d.text) for d in invent_documents(name, 100, seed=4, traps=False, characters=600)]
    assert 450 < sum(lengths) / len(lengths) < 800


def test_an_unknown_schema_and_senseless_numbers_are_refused_at_once() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'i2b2-20"):
        invent_documents("i2b2-2011", 1, seed=0)
    with pytest.raises(ConfigError, match="negative"):
        invent_documents("i2b2-2010", -1, seed=0)
    with pytest.raises(ConfigError, match="too few"):
        invent_documents("i2b2-2010", 1, seed=0, characters=0)


def test_2010_relations_stay_within_their_line(notes: dict[str, list[Document]]) -> None:
    for document in notes["i2b2-2010"]:
        for relation in document.relations:
            ends = sorted((document.by_id[relation.head].start, document.by_id[relation.tail].end))
            assert "\n" not in document.text[slice(*ends)], (document.id, relation.id)


def test_2018_mentions_are_doubled_discontinuous_and_run_over_line_ends(notes: dict[str, list[Document]]) -> None:
    doubled = gaps = broken = whole = 0
    for document in notes["n2c2-2018"]:
        spans = {e.fragments: e.label for e in document.entities}
        doubled += len(document.entities) - len(spans)
        for entity in document.entities:
            joints = pairwise(entity.fragments)
            between = [document.text[a.end : b.start] for a, b in joints]
            gaps += any(words.strip() for words in between)
            broken += any("\n" in words and not words.strip() for words in between)
            whole += any("\n" in document.text[f.start : f.end] for f in entity.fragments)
    assert min(doubled, gaps, broken, whole) > 5
