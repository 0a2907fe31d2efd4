"""2014 i2b2: identifiers as tags of an XML file."""

from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Document

LABELS = ["NAME", "DATE", "PHI"]
ATTRIBUTES = {"TYPE": ["PATIENT", '"<&>', "x\ny\r\t"], "comment": ["?", " a  b "]}


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=[]))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2014", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=["x"], tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2014", document)
