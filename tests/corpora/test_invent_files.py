"""Invented corpora in files: they come back whole from every native format, however untidy the files."""

from pathlib import Path
from random import Random

import pytest

from corpora.roundtrip import same
from medspan.annotation import Document
from medspan.corpora.formats import FORMATS, read, write
from medspan.corpora.invent import DEFAULT_SCHEMA, documents_for, untidy, write_corpus
from medspan.corpora.invent.untidy import WAYS, Way, lines
from medspan.errors import FormatError, UnknownNameError

HERE = [name for name in DEFAULT_SCHEMA if name in FORMATS]
# These hold tokens, or text, and little else.
LOSSY = {"conll", "text"}
SPOILT = [(name, ending, way) for name in HERE for ending, ways in WAYS.get(name, {}).items() for way in set(ways)]


def target(folder: Path, name: str) -> Path:
    return folder / {"jsonl": "notes.jsonl", "pubtator": "notes.pubtator"}.get(name, "notes")


def by_id(path: Path, name: str) -> dict[str, Document]:
    documents = read(path, name).documents
    found = {d.id: d for d in documents}
    assert len(found) == len(documents)
    return found


def contents(path: Path) -> dict[str, bytes]:
    files = path.rglob("*") if path.is_dir() else [path]
    return {f.relative_to(path.parent).as_posix(): f.read_bytes() for f in files if f.is_file()}


def differing(wanted: dict[str, Document], found: dict[str, Document], name: str) -> list[str]:
    assert found.keys() == wanted.keys()
    return [key for key, document in wanted.items() if not same(document, found[key], name)]


@pytest.mark.parametrize("name", HERE)
def test_500_notes_come_back_from_their_native_files(name: str, tmp_path: Path) -> None:
    documents = {d.id: d for d in documents_for(name, None, 500, seed=3, characters=250)}
    losses = {loss.document for d in documents.values() for loss in FORMATS.get(name).losses(d)}
    write(documents.values(), target(tmp_path, name), name, lossy=name in LOSSY)
    assert bool(losses) == (name in LOSSY)
    whole = {key: document for key, document in documents.items() if key not in losses}
    back = by_id(target(tmp_path, name), name)
    assert back.keys() == documents.keys()
    assert differing(whole, {key: back[key] for key in whole}, name) == []


@pytest.mark.parametrize(("name", "ending", "way"), SPOILT, ids=lambda part: getattr(part, "__name__", part))
def test_untidy_files_mean_the_same(name: str, ending: str, way: Way, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    write(list(documents_for(name, None, 60, seed=5, characters=300)), path, name, lossy=name in LOSSY)
    tidy = by_id(path, name)
    n_changed = 0
    for file in [f for f in path.rglob(f"*{ending}") if f.is_file()] if path.is_dir() else [path]:
        before = file.read_bytes()
        after = way(before, Random(file.name))
        n_changed += after != before
        if after is None:
            file.unlink()
        else:
            file.write_bytes(after)
    assert n_changed or ending == ".xmi" or way is lines.missing_if_empty
    assert differing(tidy, by_id(path, name), name) == []


@pytest.mark.parametrize("name", HERE)
def test_a_corpus_is_written_the_same_from_the_same_seed(name: str, tmp_path: Path) -> None:
    lossy = name in LOSSY
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_corpus(name, None, 20, 7, target(tmp_path / folder, name), lossy=lossy)
    a, b = (contents(target(tmp_path / folder, name)) for folder in ("a", "b"))
    assert a
    assert a == b


@pytest.mark.parametrize("name", sorted(set(HERE) & set(WAYS)))
def test_traps_make_some_files_untidy_and_change_no_document(name: str, tmp_path: Path) -> None:
    path = target(tmp_path, name)
    write(list(documents_for(name, None, 40, seed=9)), path, name, lossy=name in LOSSY)
    tidy, before = by_id(path, name), contents(path)
    n_changed = untidy(path, name, seed=9)
    after = contents(path)
    changed = {key for key, content in before.items() if after.get(key) != content}
    assert n_changed == len(changed) > 0
    assert differing(tidy, by_id(path, name), name) == []


def test_what_brat_readers_repair_is_told(tmp_path: Path) -> None:
    write_corpus("brat", None, 100, 4, tmp_path / "notes")
    assert "repaired" in {problem.action for problem in read(tmp_path / "notes", "brat").problems}


def test_malformed_xml_is_among_the_traps_of_2012(tmp_path: Path) -> None:
    write_corpus("i2b2-2012", None, 150, 4, tmp_path / "notes", characters=300)
    reasons = " ".join(problem.reason for problem in read(tmp_path / "notes", "i2b2-2012").problems)
    assert "not well-formed" in reasons
    assert "used twice" in reasons


def test_two_labelers_read_each_test_report_and_differ_in_places(tmp_path: Path) -> None:
    write_corpus("radgraph", None, 150, 2, tmp_path / "notes")
    documents = by_id(tmp_path / "notes", "radgraph")
    firsts = [d for d in documents.values() if d.metadata.get("labeler") == "labeler_1"]
    pairs = [(d, documents[d.id.replace("#labeler_1", "#labeler_2")]) for d in firsts]
    assert len(pairs) > 15
    assert all(a.text == b.text and a.metadata["group"] == b.metadata["group"] for a, b in pairs)
    agree = sum(a.entities == b.entities for a, b in pairs)
    assert 0 < agree < len(pairs)
    shared = [{(e.label, e.fragments) for e in d.entities} for pair in pairs for d in pair]
    both = sum(len(a & b) for a, b in zip(shared[::2], shared[1::2], strict=True))
    assert both > 0.8 * sum(len(a) for a in shared[::2])


def test_a_schema_can_be_written_in_a_format_that_is_not_its_own(tmp_path: Path) -> None:
    write_corpus("brat", "i2b2-2010", 30, 1, tmp_path / "notes", traps=False)
    wanted = {d.id: d for d in documents_for("brat", "i2b2-2010", 30, 1, traps=False)}
    assert differing(wanted, by_id(tmp_path / "notes", "brat"), "brat") == []


def test_kinds_that_recipes_name_can_be_written_too(tmp_path: Path) -> None:
    assert write_corpus("jsonl", "medications", 3, 1, tmp_path / "notes.jsonl") == []
    assert all(key.startswith("invented-medications-1-") for key in by_id(tmp_path / "notes.jsonl", "jsonl"))


def test_what_a_format_cannot_hold_is_refused_unless_lossy(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="lossy"):
        write_corpus("conll", None, 5, 1, tmp_path / "notes")
    assert write_corpus("conll", None, 5, 1, tmp_path / "notes", lossy=True)


def test_a_format_without_a_corpus_of_its_own_needs_a_schema(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="format to invent notes in"):
        write_corpus("phee", None, 1, 1, tmp_path / "notes.json")


def test_formats_without_ways_to_be_untidy_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\n")
    assert untidy(tmp_path, "text", seed=1) == 0
    assert (tmp_path / "a.txt").read_bytes() == b"a\n"
