"""2012 i2b2: events, times and links as tags of an XML file, and again by line and token."""

from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Document

LABELS = ["EVENT", "TIMEX3", "SECTIME"]
ATTRIBUTES = {"type": ["PROBLEM", "a&b"], "modality": ["FACTUAL"], "polarity": ["POS", '"'], "val": ["P3D"]}
LINKS = ["BEFORE", "OVERLAP", ""]


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=LINKS))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2012", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=[*LABELS, "TLINK"], attributes=ATTRIBUTES, relations=LINKS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2012", document)
