"""A corpus of one's own: labels, legal pairs and splits are inferred, and the file is edited and found by name."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora import catalog_entry, corpus_names, load_corpus, schema, write
from medspan.corpora.invent import invent_documents
from medspan.corpora.starting import StartedCorpus, infer_schema, is_placeholder, start_corpus
from medspan.corpora.starting.patients import infer_split
from medspan.errors import ConfigError, CorpusError, FormatError, UnknownNameError

N_PATIENTS = 40
NOTES_EACH = 3


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def social() -> list[Document]:
    """Invented notes of the SODA labels, three a patient, the patient told by the file name."""
    documents = list(invent_documents("soda", N_PATIENTS * NOTES_EACH, 3))
    return [replace(d, id=f"p{n // NOTES_EACH:03}_visit{n % NOTES_EACH}", metadata={}) for n, d in enumerate(documents)]


@pytest.fixture
def folder(social: list[Document], tmp_path: Path) -> Path:
    write(social, tmp_path / "our-notes", "brat")
    return tmp_path / "our-notes"


def edited(started: StartedCorpus) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(started.path.read_text(encoding="utf-8"))
    return content


def test_the_soda_labels_and_legal_pairs_are_found(folder: Path, social: list[Document]) -> None:
    started = start_corpus(folder)
    assert (started.name, started.format) == ("our-notes", "brat")
    official, found = schema("soda"), schema("our-notes")
    assert set(found.labels) == {e.label for d in social for e in d.entities} <= set(official.labels)
    legal = {relation.name: relation for relation in official.relations}
    assert {relation.name for relation in found.relations} == {r.label for d in social for r in d.relations}
    for relation in found.relations:
        assert set(relation.heads) <= set(legal[relation.name].heads)
        assert relation.tails == legal[relation.name].tails
    assert all(is_placeholder(entity.definition) for entity in found.entities)
    assert found.labels[0] == Counter(e.label for d in social for e in d.entities).most_common(1)[0][0]


def test_the_corpus_is_loaded_by_name_with_no_patient_in_two_splits(folder: Path, social: list[Document]) -> None:
    started = start_corpus(folder)
    assert "our-notes" in corpus_names()
    entry = catalog_entry("our-notes")
    assert (entry.is_local, entry.schema, entry.access) == (True, "our-notes", "agreement")
    splits = {split: load_corpus("our-notes", split) for split in entry.splits}
    assert list(splits) == ["train", "dev", "test"]
    assert {split: len(found) for split, found in splits.items()} == started.n_documents
    assert sorted(d.id for found in splits.values() for d in found) == sorted(d.id for d in social)
    patients = {split: {d.metadata["patient"] for d in found} for split, found in splits.items()}
    assert sum(map(len, patients.values())) == len(set.union(*patients.values())) == N_PATIENTS
    assert all(d.metadata["patient"] == d.id.partition("_")[0] for found in splits.values() for d in found)
    assert abs(len(splits["train"]) / len(social) - 0.8) < 0.05
    for found in splits.values():
        assert [problem for d in found for problem in schema("our-notes").problems(d)] == []


def test_more_notes_later_leave_the_old_ones_where_they_are(folder: Path, social: list[Document]) -> None:
    start_corpus(folder)
    before = {d.id: split for split in ("train", "dev", "test") for d in load_corpus("our-notes", split)}
    write([replace(social[0], id="p000_visit9"), replace(social[1], id="p777_visit0")], folder / "more", "brat")
    for path in (folder / "more").iterdir():
        path.rename(folder / path.name)
    after = {d.id: split for split in ("train", "dev", "test") for d in load_corpus("our-notes", split)}
    assert {key: split for key, split in after.items() if key in before} == before
    assert after["p000_visit9"] == before["p000_visit0"]
    assert "p777_visit0" in after


def test_the_file_says_what_to_fill_in_and_counts_every_label(folder: Path, social: list[Document]) -> None:
    started = start_corpus(folder)
    text = started.path.read_text(encoding="utf-8")
    for label, n in Counter(e.label for d in social for e in d.entities).items():
        assert f"- name: {label}  # {n:,}\n      definition: (describe {label} here)\n" in text.replace('"', "")
    assert "40 patients were told apart" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("folder: ")) <= 120
    assert edited(started)["split_rule"]["patient"] == r"^((?:.*/)?[^/_]+)_[^/]*$"
    for document in social[:5]:
        assert document.text not in text


def test_what_is_edited_counts(folder: Path) -> None:
    started = start_corpus(folder)
    content = edited(started)
    content["title"] = "Notes of ours"
    content["schema"]["entities"][0]["definition"] = "What it is."
    content["split_rule"]["shares"] = {"train": 50, "test": 50}
    content["splits"].pop("dev")
    started.path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert catalog_entry("our-notes").title == "Notes of ours"
    assert schema("our-notes").entities[0].definition == "What it is."
    assert load_corpus("our-notes", "train") != []
    with pytest.raises(UnknownNameError, match="known: test, train"):
        load_corpus("our-notes", "dev")


def test_events_attributes_and_roles_are_inferred_with_what_is_required() -> None:
    text = "Smokes 1 ppd. Drinks."
    smoking = Document(
        "a",
        text,
        entities=(
            Entity("T1", "Tobacco", (Span(0, 6),), (Attribute("certain", "true"),)),
            Entity("T2", "Status", (Span(0, 6),), (Attribute("value", "current"),)),
            Entity("T3", "Amount", (Span(7, 12),)),
            Entity("T4", "Date", (Span(7, 8),), (Attribute("value", "2020"),)),
        ),
        events=(
            Event("E1", "Tobacco", "T1", (Argument("Status", "T2"), Argument("Amount", "T3"))),
            Event("E2", "Tobacco", "T1", (Argument("Status", "T2"),), (Attribute("graded", "low"),)),
        ),
        relations=(Relation("R1", "near", "E1", "T4"),),
        groups=(Group("G1", "OR", ("T2", "T3")),),
    )
    plain = Document("b", text, entities=(Entity("T1", "Tobacco", (Span(0, 6),)),))
    found, tally = infer_schema([smoking, plain], "x")
    (event,) = found.events
    assert (event.name, event.trigger) == ("Tobacco", "Tobacco")
    assert {(role.name, role.labels, role.is_required) for role in event.roles} == {
        ("Status", ("Status",), True),
        ("Amount", ("Amount",), False),
    }
    assert {(a.name, a.labels, a.values, a.is_optional) for a in found.attributes} == {
        ("certain", ("Tobacco",), ("true",), True),
        ("graded", ("Tobacco",), ("low",), True),
        ("value", ("Status",), ("current",), False),
        ("value", ("Date",), ("2020",), False),
    }
    assert [(r.name, r.heads, r.tails) for r in found.relations] == [("near", ("Tobacco",), ("Date",))]
    assert tally.groups == {"OR": 1}
    assert found.problems(smoking) == []


def test_an_attribute_of_many_values_is_open() -> None:
    documents = [
        Document(f"d{n}", "today", (Entity("T1", "Date", (Span(0, 5),), (Attribute("val", f"2020-01-{n:02}"),)),))
        for n in range(31)
    ]
    assert infer_schema(documents, "x")[0].attributes[0].values == ()
    assert len(infer_schema(documents[:30], "x")[0].attributes[0].values) == 30


def named(*ids: str, **metadata: Any) -> list[Document]:
    return [Document(key, "", metadata={k: v[n] for k, v in metadata.items()}) for n, key in enumerate(ids)]


@pytest.mark.parametrize(
    ("form", "patient"),
    [
        ("{name}_{n}", "{name}"),
        ("{name}-{n}", "{name}"),
        ("{name}.{n}", "{name}"),
        ("{name}/{n}", "{name}"),
        ("{name}/visit{n}/note", "{name}"),
        ("{name}_{n}_x", "{name}"),
        ("ward{parity}/{name}-{n}", "ward{parity}/{name}"),
        ("ward{parity}/{name}/{n}", "ward{parity}/{name}"),
        ("{name}{letter}", "{name}"),
    ],
)
def test_the_patient_is_told_by_what_several_file_names_share(form: str, patient: str) -> None:
    ids, patients = [], []
    for number in range(10):
        for n in range(2):
            words = {"name": f"p{number:02}", "n": n, "parity": number % 2, "letter": "ab"[n]}
            ids.append(form.format(**words))
            patients.append(patient.format(**words))
    found = infer_split(named(*ids), "x")
    assert found.is_told
    assert [found.rule.patient_of(document) for document in named(*ids)] == patients
    assert found.n_patients == 10


@pytest.mark.parametrize("form", ["{n:04}", "note_{n}", "note-{n}-of-ours", "all/{n}", "{n}", "a{half}_{n}"])
def test_names_that_tell_no_patient_leave_each_document_alone(form: str) -> None:
    documents = named(*(form.format(n=n, half=n // 5) for n in range(10)))
    found = infer_split(documents, "x")
    assert not found.is_told
    assert [found.rule.patient_of(document) for document in documents] == [document.id for document in documents]


def test_metadata_tell_the_patient_before_names_do() -> None:
    documents = named("a_1", "a_2", "b_1", "b_2", "c_1", "c_2", "d_1", "d_2", person_id=[1, 2, 1, 3, 4, 5, 6, 7])
    found = infer_split(documents, "x")
    assert found.told_by == "metadata key 'person_id'"
    assert found.rule.patient_of(documents[0]) == found.rule.patient_of(documents[2]) == "1"
    partial = [*documents, Document("e_1", "")]
    assert infer_split(partial, "x").told_by.startswith("file names")


def test_every_split_gets_documents_where_there_are_patients_enough() -> None:
    for n in (3, 5, 10, 30):
        found = infer_split(named(*(f"p{i}_{j}" for i in range(n) for j in range(2))), "x")
        assert min(found.n_documents.values()) > 0, n


def test_folders_that_make_splits_are_taken_as_they_are(social: list[Document], tmp_path: Path) -> None:
    folder = tmp_path / "given"
    for name, part in (("Training", social[:60]), ("dev", social[60:90]), ("test", social[88:])):
        write(part, folder / name, "brat")
    started = start_corpus(folder)
    assert started.n_documents == {"train": 60, "dev": 30, "test": 32}
    assert any("1 patients, told by file names" in warning for warning in started.warnings)
    assert [len(load_corpus("given", split)) for split in ("train", "dev", "test")] == [60, 30, 32]
    assert "split_rule" not in edited(started)


def test_a_folder_without_dev_says_what_tuning_uses(social: list[Document], tmp_path: Path) -> None:
    for name, part in (("train", social[:60]), ("test", social[60:])):
        write(part, tmp_path / "given" / name, "brat")
    assert any("no folder dev" in warning for warning in start_corpus(tmp_path / "given").warnings)


def test_a_single_file_is_a_corpus_too(social: list[Document], tmp_path: Path) -> None:
    write([replace(d, metadata={"patient": d.id[:4]}) for d in social], tmp_path / "Our File.jsonl", "jsonl")
    started = start_corpus(tmp_path / "Our File.jsonl")
    assert started.name == "our-file"
    assert started.told_by == "patients, told by metadata key 'patient'"
    assert sum(len(load_corpus("our-file", split)) for split in ("train", "dev", "test")) == len(social)


def test_a_corpus_in_the_data_folder_has_its_file_beside_it(social: list[Document], data: Path) -> None:
    write(social, data / "inside", "brat")
    started = start_corpus(data / "inside")
    assert started.path == data / "inside" / "corpus.yaml"
    assert "folder" not in edited(started)
    assert sum(len(load_corpus("inside", split)) for split in ("train", "dev", "test")) == len(social)


def test_names_of_any_kind_survive_the_file(tmp_path: Path) -> None:
    labels = [
        "yes",
        "a: b",
        "# no",
        "é\u2028x",
        "null",
        "1.0",
        "- x",
        "{a}",
        "'",
        '"',
        "A" * 200,
        "x # y",
        "\\n",
        "a\tb",
    ]
    documents = [
        Document(
            f"d{n}",
            "word",
            (
                Entity("T1", label, (Span(0, 4),), (Attribute(label, label), Attribute("v", labels[n - 1]))),
                Entity("T2", "Plain", (Span(0, 4),)),
            ),
            (Relation("R1", label, "T1", "T2"), Relation("R2", label, "T2", "T1")),
            (Event("E1", label, "T1", (Argument(label, "T2"),)), Event("E2", label, "T2", ())),
            (Group("G1", label, ("T1", "T2")),),
        )
        for n, label in enumerate(labels)
    ]
    write(documents, tmp_path / "odd.jsonl", "jsonl")
    start_corpus(tmp_path / "odd.jsonl")
    assert set(schema("odd").labels) == {*labels, "Plain"}
    assert set(schema("odd").problems(documents[0])) == set()


def test_nothing_is_overwritten_and_names_must_be_free(folder: Path, tmp_path: Path) -> None:
    start_corpus(folder)
    with pytest.raises(ConfigError, match="is there already"):
        start_corpus(folder)
    for name in ("phee", "soda", "clinical"):
        with pytest.raises(ConfigError, match=f"'{name}' is taken"):
            start_corpus(folder, name=name)
    with pytest.raises(ConfigError, match="no name for a corpus"):
        start_corpus(folder, name="Our Notes/../..")
    with pytest.raises(UnknownNameError, match="unknown format 'brt'; did you mean 'brat'"):
        start_corpus(folder, format="brt", name="other")
    with pytest.raises(ConfigError, match="first `medspan convert` it to jsonl"):
        start_corpus(folder, format="parquet", name="other")
    again = start_corpus(folder, name="other", output=tmp_path / "draft.yaml")
    assert again.path == tmp_path / "draft.yaml"
    assert "other" not in corpus_names()


def test_a_folder_without_annotations_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file"):
        start_corpus(tmp_path / "absent")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.txt").write_text("Fine.", encoding="utf-8")
    with pytest.raises(CorpusError, match="1 documents were read and none has an annotation"):
        start_corpus(tmp_path / "plain")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError):
        start_corpus(tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", r"corpus.yaml line \d+: not readable as YAML"),
        ("- a", "a mapping of keys"),
        ("name: other\nformat: brat\n", "name is 'other'; it must be the folder's, 'ours'"),
        ("name: ours\nformat: brat\nsplits: {train: [{file: .}]}\ncolour: red", "unknown keys .'colour'"),
        ("name: ours\nsplits: {train: [{file: .}]}", "format"),
        ("name: ours\nformat: brat", "splits"),
    ],
)
def test_a_faulty_corpus_yaml_is_told_by_its_place(text: str, expected: str, data: Path) -> None:
    (data / "ours").mkdir(parents=True)
    (data / "ours" / "corpus.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected):
        catalog_entry("ours")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "holds no schema"),
        ("schema: ours", "holds no schema"),
        ("schema: {entities: null}", "entities must be a list"),
    ],
)
def test_a_schema_that_cannot_be_built_is_told_by_its_corpus(given: str, expected: str, data: Path) -> None:
    (data / "ours").mkdir(parents=True)
    text = f"name: ours\nformat: brat\nsplits: {{train: [{{file: .}}]}}\n{given}\n"
    (data / "ours" / "corpus.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"corpus ours: .*{expected}"):
        schema("ours")


def test_a_packaged_schema_may_be_named_instead(social: list[Document], data: Path) -> None:
    write(social, data / "ours", "brat")
    text = "name: ours\nformat: brat\nschema: soda\nsplits: {train: [{file: .}]}\n"
    (data / "ours" / "corpus.yaml").write_text(text, encoding="utf-8")
    assert catalog_entry("ours").schema == "soda"
    assert schema("ours") == schema("soda")
    assert len(load_corpus("ours", "train")) == len(social)
