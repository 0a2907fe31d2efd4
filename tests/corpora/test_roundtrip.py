"""The comparison that round-trip tests stand on tells equal from different."""

from dataclasses import replace

import pytest

from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Attribute, Document, Entity, Relation, Span

NOTE = Document(
    "n",
    "gout and mumps",
    (Entity("T1", "problem", (Span(0, 4),)), Entity("T2", "problem", (Span(9, 14),))),
    (Relation("R1", "PIP", "T1", "T2"),),
)


def test_documents_are_the_same_whatever_their_ids() -> None:
    other = replace(
        NOTE,
        entities=(replace(NOTE.entities[0], id="x"), replace(NOTE.entities[1], id="T1")),
        relations=(Relation("y", "PIP", "x", "T1"),),
        metadata={"brat": {}},
    )
    assert same(NOTE, other, "brat")
    assert not same(NOTE, other)


@pytest.mark.parametrize(
    "changed",
    [
        replace(NOTE, relations=(Relation("R1", "PIP", "T2", "T1"),)),
        replace(NOTE, entities=NOTE.entities[::-1]),
        replace(NOTE, entities=(NOTE.entities[0], replace(NOTE.entities[1], attributes=(Attribute("a", "b"),)))),
        replace(NOTE, relations=()),
        replace(NOTE, text="gout and MUMPS"),
    ],
)
def test_documents_that_differ_are_told_apart(changed: Document) -> None:
    assert not same(NOTE, changed)


def test_a_format_that_keeps_its_promise_passes_and_says_what_it_lost() -> None:
    assert assert_round_trip("brat", NOTE) == []
    assert [loss.id for loss in assert_round_trip("pubtator", NOTE)] == ["R1"]
