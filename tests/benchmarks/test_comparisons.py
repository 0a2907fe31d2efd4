"""The comparisons name real splits and schemas, and never train on what they score."""

import pytest

import comparisons
from comparisons import COMPARISONS, Comparison, Part, chosen, training_of
from medspan.annotation import Document, LabelSchema
from medspan.corpora import catalog_entry, schema, schema_names


@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=lambda c: c.name)
def test_a_comparison_names_splits_and_schemas_that_exist(comparison: Comparison) -> None:
    for part in (*comparison.train, *comparison.test):
        assert part.split in catalog_entry(part.corpus).splits
        assert catalog_entry(part.corpus).schema == comparison.schema
    assert {comparison.schema, comparison.product_schema} <= set(schema_names())
    assert not set(comparison.train) & set(comparison.test)


def test_labels_that_are_scored_exist_in_the_schema_that_is_asked_for() -> None:
    for comparison in COMPARISONS.values():
        assert set(comparison.labels().labels) <= set(schema(comparison.product_schema).labels)


def test_texts_that_are_scored_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"train": ["Has a cough.", "No  fever.\n", "Takes aspirin."], "dev": ["No fever."]}

    def invented(part: Part, labels: LabelSchema) -> list[Document]:
        return [Document(f"{part}-{i}", text) for i, text in enumerate(texts[part.split])]

    monkeypatch.setattr(comparisons, "gold_of", invented)
    comparison = Comparison("x", (Part("x", "train"),), (Part("x", "dev"),), schema="clin", product_schema="clinical")
    kept, n_left_out = training_of(comparison, schema("clin"))
    assert [document.text for document in kept] == ["Has a cough.", "Takes aspirin."]
    assert n_left_out == 1


def test_an_unknown_corpus_ends_the_program_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match="clin, sdoh-mts, bc5cdr"):
        chosen(["bc5"])


def test_all_comparisons_are_chosen_when_none_is_named() -> None:
    assert chosen([]) == list(COMPARISONS.values())
