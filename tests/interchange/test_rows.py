import json

import pandas as pd
import pytest

from medspan.annotation import Document
from medspan.errors import ConfigError
from medspan.interchange import (
    ENTITY_COLUMNS,
    EVENT_COLUMNS,
    RELATION_COLUMNS,
    entity_rows,
    event_rows,
    relation_rows,
    rows,
)


def test_every_row_of_a_kind_has_the_documented_columns_in_order(rash_note: Document) -> None:
    for make, columns in (
        (entity_rows, ENTITY_COLUMNS),
        (relation_rows, RELATION_COLUMNS),
        (event_rows, EVENT_COLUMNS),
    ):
        made = list(make([rash_note], keep_columns=["ward"]))
        assert made
        assert {tuple(row) for row in made} == {(*columns, "ward")}
        assert {row["ward"] for row in made} == {"7 Ost"}


def test_an_entity_row_tells_place_words_assertion_and_attributes(rash_note: Document) -> None:
    row = list(entity_rows([rash_note]))[2]
    text = rash_note.text
    assert (
        row["fragments"]
        == f"{text.index('itchy')} {text.index('itchy') + 5};{text.index('rash')} {text.index('rash') + 4}"
    )
    assert (row["start"], row["end"]) == (text.index("itchy"), text.index("rash") + 4)
    assert (row["mention"], row["assertion"], row["code"], row["score"]) == ("itchy rash", "present", "D005076", None)
    assert json.loads(row["attributes"]) == {"assertion": "present"}


def test_an_attribute_given_twice_keeps_both_values(rash_note: Document) -> None:
    assert json.loads(list(entity_rows([rash_note]))[6]["attributes"]) == {"status": ["current", "past"]}


def test_a_relation_row_tells_both_ends_and_resolves_an_event_to_its_trigger(rash_note: Document) -> None:
    strength, _, follows = relation_rows([rash_note])
    assert (strength["head_mention"], strength["tail_mention"], strength["score"]) == ("500 mg", "amoxicillin", 0.8)
    assert (follows["head_id"], follows["head_label"], follows["head_mention"]) == ("E1", "Tobacco", "Smokes")


def test_an_event_without_argument_still_has_a_row(rash_note: Document) -> None:
    made = list(event_rows([rash_note]))
    assert [(r["event_id"], r["role"], r["argument_mention"]) for r in made] == [
        ("E1", "Frequency", "daily"),
        ("E1", "With", "Smokes"),
        ("E2", None, None),
    ]
    assert json.loads(made[2]["attributes"]) == {"negated": "true"}


def test_rows_make_a_data_frame_whose_offsets_give_the_mentions(rash_note: Document) -> None:
    frame = pd.DataFrame(rows([rash_note], "entities", ["person_id"]))
    whole = frame[~frame["fragments"].str.contains(";")]
    assert [rash_note.text[s:e] for s, e in zip(whole["start"], whole["end"], strict=True)] == list(whole["mention"])
    assert set(frame["person_id"]) == {17}


def test_an_unknown_kind_and_a_clashing_column_are_refused(rash_note: Document) -> None:
    with pytest.raises(ConfigError, match="'notes' is none of entities, relations, events"):
        rows([rash_note], "notes")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="label"):
        list(entity_rows([rash_note], ["label"]))
