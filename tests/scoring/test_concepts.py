from dataclasses import replace

import pytest

from medspan.annotation import ConceptRelation, LabelSchema
from medspan.scoring import Counts, score


def stating(note, *facts, key="n1"):
    return replace(note(key=key), concept_relations=tuple(ConceptRelation(*fact.split()) for fact in facts))


def test_facts_between_codes_are_compared_as_sets_by_label(note):
    gold = [stating(note, "CID C1 D1", "CID C1 D2", "Binds C1 C2"), stating(note, "CID C9 D9", key="n2")]
    predicted = [stating(note, "CID C1 D1", "CID C1 D1", "CID C9 D9", "Binds C2 C1"), stating(note, key="n2")]
    tally = score(gold, predicted).tally("relations.concepts.strict")
    assert tally.micro == Counts(1, 2, 3)  # said twice counts once; another document's fact does not help
    assert tally.labels == {"CID": Counts(1, 1, 2), "Binds": Counts(0, 1, 1)}


def test_further_columns_do_not_matter(note):
    gold = replace(note(), concept_relations=(ConceptRelation("CID", "C1", "D1", ("Novel",)),))
    assert score([gold], [stating(note, "CID C1 D1")]).tally("relations.concepts.strict").micro == Counts(1, 0, 0)


@pytest.mark.parametrize(("is_symmetric", "expected"), [(True, Counts(1, 0, 0)), (False, Counts(0, 1, 1))])
def test_codes_may_be_swapped_only_where_the_schema_says_symmetric(note, is_symmetric, expected):
    schema = LabelSchema.from_dict(
        {
            "name": "invented",
            "entities": [{"name": "Gene", "definition": "A gene."}],
            "relations": [
                {"name": "Binds", "definition": "Two go together.", "heads": ["Gene"], "tails": ["Gene"],
                 "is_symmetric": is_symmetric}
            ],
        }
    )  # fmt: skip
    report = score([stating(note, "Binds A B")], [stating(note, "Binds B A")], schema=schema)
    assert report.tally("relations.concepts.strict").micro == expected


def test_the_section_is_absent_where_no_document_states_any_and_from_the_lenient_scorer(note):
    assert "relations" not in score([note()], [note()]).to_dict()
    assert "relations" not in score([stating(note, "CID C1 D1")], [note()], scorer="lenient").to_dict()
