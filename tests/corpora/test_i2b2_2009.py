"""2009 i2b2: medication entries."""

from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Document

LABELS = ["medication", "dosage", "reason"]
EVENTS = {"medication": ["dosage", "reason", "mode"]}


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={}, relations=[], events=EVENTS))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2009", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"a": ["b"]}, relations=["x"], events=EVENTS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2009", document)
