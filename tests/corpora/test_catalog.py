"""The catalog, and the counts that each corpus's own description states."""

from collections import Counter
from pathlib import Path

import pytest

from medspan.annotation import Document
from medspan.corpora import (
    adaptable,
    catalog_entry,
    corpora_root,
    corpus_names,
    load_corpus,
    schema,
)
from medspan.corpora.catalog import CorpusEntry
from medspan.errors import ConfigError, CorpusError, UnknownNameError


def labels(documents: list[Document]) -> Counter[str]:
    return Counter(entity.label for document in documents for entity in document.entities)


def relations(documents: list[Document]) -> Counter[str]:
    return Counter(relation.label for document in documents for relation in document.relations)


def events(documents: list[Document]) -> Counter[str]:
    return Counter(event.label for document in documents for event in document.events)


def roles(documents: list[Document]) -> Counter[str]:
    return Counter(a.role for document in documents for event in document.events for a in event.arguments)


def every_split(name: str, root: Path) -> list[Document]:
    return [document for split in catalog_entry(name).splits for document in load_corpus(name, split, root)]


@pytest.mark.parametrize("name", corpus_names())
def test_entry_states_licence_citation_and_a_pinned_address(name: str) -> None:
    entry = catalog_entry(name)
    assert entry.name == name
    assert entry.licence
    assert entry.citation
    assert entry.origin.startswith("https://")
    assert entry.commit is not None
    assert len(entry.commit) == 40
    assert {part.file for parts in entry.splits.values() for part in parts} == {file.name for file in entry.files}
    if entry.schema is not None:
        assert schema(entry.schema).name == entry.schema


def test_mistyped_corpus_name_is_met_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'maccrobat'"):
        catalog_entry("macrobat")


def test_absent_corpus_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"medspan corpora get phee.*MEDSPAN_DATA"):
        load_corpus("phee", "train", tmp_path)


def test_unknown_split_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="known: train, dev"):
        load_corpus("phee", "test", tmp_path)


def test_unknown_key_in_an_entry_is_refused() -> None:
    with pytest.raises(ConfigError, match="colour"):
        CorpusEntry.from_dict({"name": "x", "colour": "red"})


def test_root_is_the_argument_then_the_variable_then_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert corpora_root(tmp_path) == tmp_path
    assert corpora_root() == tmp_path / "variable"
    monkeypatch.delenv("MEDSPAN_DATA")
    assert corpora_root() == tmp_path / "cache" / "medspan"


def test_maccrobat_counts_are_those_stated(corpora_folder: Path) -> None:
    documents = every_split("maccrobat", corpora_folder)
    splits = {split: len(load_corpus("maccrobat", split, corpora_folder)) for split in ("train", "dev", "test")}
    assert splits == {"train": 112, "dev": 16, "test": 32}
    assert sum(len(d.text) for d in documents) == 444160
    found = labels(documents)
    assert sum(found.values()) == 19795
    assert found["Diagnostic_procedure"] == 3613
    assert found["Mass"] == 2
    assert len(found) == 41
    assert sum(len(e.fragments) > 1 for d in documents for e in d.entities) == 44
    assert relations(documents) == {
        "MODIFY": 9161,
        "BEFORE": 1596,
        "SUB_PROCEDURE": 1054,
        "IDENTICAL": 631,
        "AFTER": 312,
        "CAUSE": 118,
        "CO-OCCURRENCE": 5,
    }
    assert Counter(g.label for d in documents for g in d.groups) == {"OVERLAP": 1607}
    assert events(documents) == {}
    attributes = Counter(a.name for d in documents for e in d.entities for a in e.attributes)
    assert attributes == {"POLARITY": 994, "TREND": 119}


def test_chia_counts_are_those_stated(corpora_folder: Path) -> None:
    documents = every_split("chia", corpora_folder)
    splits = {split: len(load_corpus("chia", split, corpora_folder)) for split in ("train", "dev", "test")}
    assert splits == {"train": 1120, "dev": 160, "test": 320}
    found = labels(documents)
    assert sum(found.values()) == 35485
    assert (found["Condition"], found["Qualifier"], found["Intoxication_considerations"]) == (9641, 3272, 4)
    assert sum(len(e.fragments) > 1 for d in documents for e in d.entities) == 1409
    assert relations(documents) == {
        "Has_value": 3036,
        "AND": 2940,
        "Has_qualifier": 2806,
        "Has_temporal": 2702,
        "Subsumes": 1644,
        "Has_index": 717,
        "Has_negation": 662,
        "Has_multiplier": 495,
        "Has_mood": 430,
        "multi": 409,
        "Has_context": 180,
        "causal": 27,
        "v-AND": 4,
        "OR": 3,
    }
    assert Counter(g.label for d in documents for g in d.groups) == {"OR": 4000, "NOT": 4}
    assert all(d.metadata["group"] == d.id.split("_")[0] for d in documents)


def test_phee_counts_are_those_stated(corpora_folder: Path) -> None:
    train, dev = (load_corpus("phee", split, corpora_folder) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (2898, 961)
    assert all(d.metadata["group"] == d.id.split("_")[0] for d in train + dev)
    assert not {d.metadata["group"] for d in train} & {d.metadata["group"] for d in dev}
    assert events(train) == {"Adverse_event": 2710, "Potential_therapeutic_event": 296}
    assert events(dev) == {"Adverse_event": 886, "Potential_therapeutic_event": 117}
    stated_train = {
        "Treatment.Drug": 3614,
        "Treatment": 3191,
        "Effect": 2963,
        "Subject": 1494,
        "Treatment.Disorder": 1013,
        "Subject.Age": 406,
        "Speculated": 372,
        "Treatment.Route": 343,
        "Subject.Gender": 335,
        "Subject.Population": 277,
        "Severity": 263,
        "Treatment.Dosage": 263,
        "Subject.Disorder": 225,
        "Treatment.Time_elapsed": 176,
        "Treatment.Duration": 91,
        "Treatment.Freq": 60,
        "Subject.Race": 40,
        "Negated": 40,
    }
    stated_dev = {
        "Treatment.Drug": 1221,
        "Treatment": 1069,
        "Effect": 957,
        "Subject": 526,
        "Treatment.Disorder": 341,
        "Speculated": 144,
        "Subject.Age": 144,
        "Treatment.Route": 129,
        "Subject.Gender": 100,
        "Treatment.Dosage": 99,
        "Subject.Population": 99,
        "Subject.Disorder": 79,
        "Severity": 64,
        "Treatment.Time_elapsed": 62,
        "Treatment.Duration": 33,
        "Treatment.Freq": 24,
        "Negated": 18,
        "Subject.Race": 17,
    }
    for documents, stated in ((train, stated_train), (dev, stated_dev)):
        # The description counts the pieces of fragmented mentions one by one.
        found = Counter(
            argument.role
            for document in documents
            for event in document.events
            for argument in event.arguments
            for _ in document.by_id[argument.target].fragments
        )
        assert {role: n for role, n in found.items() if "Combination" not in role} == stated
        assert found["Treatment.Combination.Trigger"] > 0


def test_bc5cdr_counts_are_those_stated(corpora_folder: Path) -> None:
    stated = {
        "train": (500, {"Chemical": 5203, "Disease": 4182}, 1038),
        "dev": (500, {"Chemical": 5347, "Disease": 4244}, 1012),
        "test": (500, {"Chemical": 5385, "Disease": 4424}, 1066),
    }
    composites = 0
    for split, (n_documents, n_labels, n_relations) in stated.items():
        documents = load_corpus("bc5cdr", split, corpora_folder)
        assert len(documents) == n_documents
        assert labels(documents) == n_labels
        assert Counter(r.label for d in documents for r in d.concept_relations) == {"CID": n_relations}
        composites += sum(len(d.metadata["pubtator"].get("parts", {})) for d in documents)
    assert composites == 253


def test_clinical_corpora_counts_are_those_stated(corpora_folder: Path) -> None:
    stated = {
        ("clin-mts", "train"): (300, 101142, 2113, 223, {"Problem": 1467, "Duration": 6}),
        ("clin-mts", "dev"): (82, 26020, 530, 67, {"Problem": 365, "Frequency": 3}),
        ("clin-aci", "train"): (45, 127616, 2578, 473, {"Problem": 1357, "Route": 9}),
        ("clin-aci", "dev"): (7, 16669, 346, 37, {"Problem": 183, "Duration": 2}),
    }
    for (name, split), (n_documents, n_characters, n_entities, n_relations, some) in stated.items():
        documents = load_corpus(name, split, corpora_folder)
        assert len(documents) == n_documents
        assert sum(len(d.text) for d in documents) == n_characters
        assert sum(labels(documents).values()) == n_entities
        assert sum(relations(documents).values()) == n_relations
        assert {label: labels(documents)[label] for label in some} == some


def test_social_history_counts_are_those_stated(corpora_folder: Path) -> None:
    train, dev = (load_corpus("sdoh-mts", split, corpora_folder) for split in ("train", "dev"))
    assert (len(train), len(dev)) == (140, 48)
    assert events(train) == {"Tobacco": 112, "Alcohol": 105, "LivingStatus": 47, "Employment": 52, "Drug": 63}
    assert events(dev) == {"Employment": 29, "LivingStatus": 11, "Tobacco": 40, "Alcohol": 35, "Drug": 24}
    assert (sum(roles(train).values()), sum(roles(dev).values())) == (620, 250)


def test_unannotated_notes_leave_out_the_annotated_ones(corpora_folder: Path) -> None:
    notes = every_split("aci-bench", corpora_folder)
    assert len(notes) == 207
    free = adaptable(notes)
    assert len(free) == 207 - 63
    annotated = {d.id for split in ("train", "dev") for d in load_corpus("clin-aci", split, corpora_folder)}
    assert not annotated & {d.id for d in free}
    assert len(every_split("mts-dialog", corpora_folder)) == 1701


def test_annotated_notes_have_the_text_of_the_public_tables(corpora_folder: Path) -> None:
    public = {d.id: d.text for name in ("aci-bench", "mts-dialog") for d in every_split(name, corpora_folder)}
    for name in ("clin-aci", "clin-mts", "sdoh-mts"):
        for document in every_split(name, corpora_folder):
            assert public[document.id] == document.text, document.id
