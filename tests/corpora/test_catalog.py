"""The catalog, and the counts that each corpus's own description states."""

import re
from pathlib import Path

import pytest

from medspan.annotation import Document
from medspan.corpora import (
    adaptable,
    catalog_entry,
    corpora_root,
    load_corpus,
    schema,
)
from medspan.corpora.catalog import packaged_names
from medspan.corpora.entry import CorpusEntry, PatientSplit
from medspan.corpora.formats import FORMATS
from medspan.errors import ConfigError, CorpusError, UnknownNameError


def every_split(name: str, root: Path) -> list[Document]:
    return [document for split in catalog_entry(name).splits for document in load_corpus(name, split, root)]


@pytest.mark.parametrize("name", packaged_names())
def test_entry_states_licence_citation_and_a_pinned_address(name: str) -> None:
    entry = catalog_entry(name)
    assert entry.name == name
    assert entry.licence
    assert entry.citation
    assert entry.origin.startswith("https://")
    assert not entry.is_local
    if entry.schema is not None:
        assert schema(entry.schema).name == entry.schema
    if entry.access == "agreement":
        assert entry.apply_at
        assert entry.layout
        assert not entry.files
        return
    assert entry.commit is not None
    assert len(entry.commit) == 40
    assert all(entry.commit in file.url for file in entry.files if file.url)
    assert {part.file for parts in entry.splits.values() for part in parts} == {file.name for file in entry.files}


@pytest.mark.parametrize("name", packaged_names())
def test_an_entry_names_a_format_that_can_be_read(name: str) -> None:
    entry = catalog_entry(name)
    assert entry.columns is not None or entry.format in FORMATS


def test_corpora_that_nothing_may_ship_from_say_so() -> None:
    access = {name: catalog_entry(name).access for name in packaged_names()}
    assert {name for name, kind in access.items() if kind == "non-commercial"} == {"ddi", "e3c"}
    assert {name for name, kind in access.items() if kind == "no-licence"} == {"ade"}
    assert {name for name, kind in access.items() if kind == "agreement"} == {
        *("i2b2-2009", "i2b2-2010", "i2b2-2012", "i2b2-2014", "n2c2-2018", "n2c2-2022", "radgraph"),
    }
    for name, kind in access.items():
        if kind in ("non-commercial", "no-licence"):
            assert "nothing that is trained on it may ship" in catalog_entry(name).licence


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


MINIMAL: dict[str, object] = {
    "name": "x",
    "title": "t",
    "licence": "l",
    "citation": "c",
    "origin": "o",
    "commit": None,
    "format": "brat",
    "schema": None,
    "splits": {"train": [{"file": "train"}]},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access": "secret"}, "access 'secret' is none of open"),
        ({"splits": {}}, "splits must name at least one file"),
        ({"splits": {"train": []}}, "splits must name at least one file"),
        ({"splits": None}, "corpus 'x'"),
        ({"splits": {"train": [{"path": "a"}]}}, "path"),
        ({"files": {"a": {"sha265": "0"}}}, "sha265"),
        ({"split_rule": {"shares": {"train": 90}, "salt": "s"}}, "add up to 100"),
        ({"split_rule": {"shares": {"train": 100}, "salt": "s", "patient": "p("}}, "no regular expression"),
        ({"split_rule": {"shares": {"train": 100}, "salt": "s", "patient": "p"}}, "must have a group"),
        ({"split_rule": {"shares": {"train": 100}}}, "salt"),
    ],
)
def test_a_faulty_entry_is_refused_with_its_name(changes: dict[str, object], expected: str) -> None:
    assert CorpusEntry.from_dict(MINIMAL).place == "x"
    with pytest.raises(ConfigError, match=re.escape(expected)):
        CorpusEntry.from_dict({**MINIMAL, **changes})


def test_a_patient_belongs_to_one_split_whatever_else_there_is() -> None:
    rule = PatientSplit({"train": 80, "dev": 10, "test": 10}, "salt", r"^(\w+)/")
    ids = [f"p{n}/visit-{m}" for n in range(500) for m in range(3)]
    of = {key: rule.split_of(Document(key, "")) for key in ids}
    for key, split in of.items():
        assert split == of[key.partition("/")[0] + "/visit-0"]
    counts = {split: sum(found == split for found in of.values()) / len(ids) for split in rule.shares}
    assert all(abs(counts[split] * 100 - share) < 5 for split, share in rule.shares.items())
    assert of["p1/visit-1"] == PatientSplit(rule.shares, "salt", rule.patient).split_of(Document("p1/visit-9", ""))


def test_an_absent_corpus_under_agreement_says_where_to_apply(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"agreement: apply at PhysioNet.*MEDSPAN_DATA/radgraph/"):
        load_corpus("radgraph", "train", tmp_path)


def test_parts_of_a_split_get_their_prefix(tmp_path: Path) -> None:
    for site in ("mimic", "uw"):
        folder = tmp_path / "n2c2-2022" / "train" / site
        folder.mkdir(parents=True)
        (folder / "0001.txt").write_text("Smokes.", encoding="utf-8")
        (folder / "0001.ann").write_text("T1\tTobacco 0 6\tSmokes\n", encoding="utf-8")
    assert [d.id for d in load_corpus("n2c2-2022", "train", tmp_path)] == ["mimic/0001", "uw/0001"]
    assert [d.id for d in load_corpus("n2c2-2022", "train-uw", tmp_path)] == ["uw/0001"]


def test_root_is_the_argument_then_the_variable_then_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert corpora_root(tmp_path) == tmp_path
    assert corpora_root() == tmp_path / "variable"
    monkeypatch.delenv("MEDSPAN_DATA")
    assert corpora_root() == tmp_path / "cache" / "medspan"


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
