"""2010 i2b2: concepts, assertions and relations by line and token."""

from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Document

ASSERTIONS = ["present", "absent", "possible", "a||b", ""]
RELATIONS = ["TrIP", "TrAP", "TeRP", "PIP", "other"]
LABELS = ["problem", "treatment", "test"]


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"assertion": ASSERTIONS}, relations=RELATIONS))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2010", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"assertion": ASSERTIONS}, relations=RELATIONS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2010", document)
