"""Bringing corpora to the machine: mirrors, hashes, stand-off annotations joined with public text."""

import gzip
import io
import shutil
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from medspan.annotation import Document, Entity, Span, document_to_dict
from medspan.corpora import catalog_entry, corpus_names, getting, load_corpus
from medspan.corpora.catalog import CorpusEntry
from medspan.corpora.getting import content_digest, get_corpus
from medspan.corpora.standoff import join_standoff, packaged_standoff, standoff_lines
from medspan.errors import CorpusError

NOTE = Document("mts-x-1", "Has gout.", entities=(Entity("T1", "Problem", (Span(4, 8),)),))
STANDOFF = [(name, split) for name in ("clin-mts", "clin-aci", "sdoh-mts") for split in ("train", "dev")]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> bytes:
        pytest.fail(f"the network was asked for {url}")

    monkeypatch.setattr(getting, "_fetch", refuse)


def records_of(*documents: Document) -> list[dict[str, object]]:
    import json

    return [json.loads(line) for line in gzip.decompress(standoff_lines(documents)).splitlines()]


def archive_of(**contents: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def entry_of(**changes: object) -> CorpusEntry:
    content: dict[str, object] = {
        "name": "c",
        "title": "t",
        "licence": "l",
        "citation": "c",
        "origin": "https://example.org/c",
        "commit": None,
        "format": "brat",
        "schema": None,
        "splits": {"train": [{"file": "c.tar.gz", "inside": "notes"}]},
        "files": {"c.tar.gz": {}},
    }
    return CorpusEntry.from_dict({**content, **changes})


def test_standoff_holds_no_text_and_joins_back_exactly() -> None:
    records = records_of(NOTE)
    assert "text" not in records[0]
    assert "gout" not in str(records)
    assert join_standoff(records, {NOTE.id: NOTE.text}) == [NOTE]


def test_missing_or_changed_text_is_refused_by_id_and_never_shown() -> None:
    records = records_of(NOTE)
    with pytest.raises(CorpusError, match=r"text of 1 documents is missing.*mts-x-1"):
        join_standoff(records, {})
    with pytest.raises(CorpusError, match="of 1 is not the text annotated") as error:
        join_standoff(records, {NOTE.id: "Had gout."})
    assert "gout" not in str(error.value)


@pytest.mark.parametrize(("name", "split"), STANDOFF)
def test_packaged_annotations_hold_no_text(name: str, split: str) -> None:
    allowed = {"id", "sha256", "entities", "relations", "events", "metadata"}
    for record in packaged_standoff(name, split):
        assert set(record) <= allowed
        assert set(record["metadata"]) <= {"section", "format_version"}
        assert all(set(e) == {"id", "label", "fragments", "attributes"} for e in record["entities"])


@pytest.mark.parametrize(("name", "split"), STANDOFF)
def test_packaged_annotations_are_those_of_the_corpus(name: str, split: str, corpora_folder: Path) -> None:
    packaged = packaged_standoff(name, split)
    assert packaged == records_of(*load_corpus(name, split, corpora_folder))


def test_annotations_that_are_not_packaged_are_refused() -> None:
    with pytest.raises(CorpusError, match="no stand-off annotations"):
        packaged_standoff("phee", "train")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", corpus_names())
def test_corpus_from_a_mirror_equals_the_original(name: str, tmp_path: Path, corpora_folder: Path) -> None:
    paths = get_corpus(name, tmp_path, mirror=corpora_folder)
    assert sorted(path.name for path in paths) == sorted(file.name for file in catalog_entry(name).files)
    for split in catalog_entry(name).splits:
        assert load_corpus(name, split, tmp_path) == load_corpus(name, split, corpora_folder)
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert get_corpus(name, tmp_path, mirror=tmp_path / "absent") == paths
    assert [path.stat().st_mtime_ns for path in paths] == stamps


@pytest.mark.usefixtures("no_network")
def test_mirror_without_the_file_and_a_changed_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="the mirror holds no phee/phee-train"):
        get_corpus("phee", tmp_path / "root", mirror=tmp_path)
    (tmp_path / "phee").mkdir()
    for file in catalog_entry("phee").files:
        (tmp_path / "phee" / file.name).write_bytes(gzip.compress(b"something else"))
    with pytest.raises(CorpusError, match="its sha256 differs"):
        get_corpus("phee", tmp_path / "root", mirror=tmp_path)
    assert not (tmp_path / "root").exists()


def test_public_address_serves_what_the_loader_wants(
    tmp_path: Path, corpora_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def serve(url: str) -> bytes:
        asked.append(url)
        name = {"train.json": "phee-train.json.gz", "dev.json": "phee-dev.json.gz"}[url.rpartition("/")[2]]
        return gzip.decompress((corpora_folder / "phee" / name).read_bytes())

    monkeypatch.setattr(getting, "_fetch", serve)
    get_corpus("phee", tmp_path)
    assert all(catalog_entry("phee").commit in url for url in asked)  # type: ignore[operator]
    assert load_corpus("phee", "dev", tmp_path) == load_corpus("phee", "dev", corpora_folder)


def test_repository_archive_is_cut_to_the_documents_of_the_splits(
    tmp_path: Path, corpora_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(url: str) -> bytes:
        buffer = io.BytesIO()
        source = corpora_folder / "maccrobat" / "maccrobat2020-shared160.tar.gz"
        with tarfile.open(source) as have, tarfile.open(fileobj=buffer, mode="w:gz") as serves:
            for member in have:
                stream = have.extractfile(member)
                member.name = f"NLP-f2b52298/{member.name}"
                serves.addfile(member, stream)
            for name in (
                "NLP-f2b52298/MACCROBAT2020/1.txt",
                "NLP-f2b52298/README.md",
                "NLP-f2b52298/other/15939911.txt",
            ):
                extra = tarfile.TarInfo(name)
                extra.size = 1
                serves.addfile(extra, io.BytesIO(b"x"))
        return buffer.getvalue()

    monkeypatch.setattr(getting, "_fetch", serve)
    (path,) = get_corpus("maccrobat", tmp_path)
    with tarfile.open(path) as archive:
        assert len(archive.getnames()) == 320
    assert load_corpus("maccrobat", "dev", tmp_path) == load_corpus("maccrobat", "dev", corpora_folder)


def test_digest_sees_content_and_not_packing() -> None:
    one = archive_of(**{"a.txt": b"x", "b.txt": b"y"})
    assert content_digest("c.tar.gz", one) == content_digest("c.tar.gz", archive_of(**{"b.txt": b"y", "a.txt": b"x"}))
    assert content_digest("c.tar.gz", one) != content_digest("c.tar.gz", archive_of(**{"b.txt": b"x", "a.txt": b"y"}))
    assert content_digest("c.gz", gzip.compress(b"x")) == content_digest("c", b"x") == sha256(b"x").hexdigest()


def test_only_https_is_fetched() -> None:
    with pytest.raises(CorpusError, match="not an https address"):
        getting._fetch("http://example.org/x")
    with pytest.raises(CorpusError, match="not an https address"):
        getting._fetch("file:///etc/hostname")


def test_file_without_a_public_address_asks_for_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getting, "catalog_entry", lambda name: entry_of())
    with pytest.raises(CorpusError, match="--mirror"):
        get_corpus("c", tmp_path)


def test_incomplete_archive_names_the_split(tmp_path: Path, corpora_folder: Path) -> None:
    shutil.copytree(corpora_folder / "maccrobat", tmp_path / "maccrobat")
    (tmp_path / "maccrobat" / "maccrobat2020-shared160.tar.gz").write_bytes(archive_of(**{"MACCROBAT2020/1.txt": b"x"}))
    with pytest.raises(CorpusError, match="16 of 16 documents of split 'dev' are missing"):
        load_corpus("maccrobat", "dev", tmp_path)


def test_documents_of_the_same_text_differ_only_in_annotation() -> None:
    record = {key: value for key, value in document_to_dict(NOTE).items() if key != "text"}
    assert records_of(NOTE) == [{**record, "sha256": sha256(NOTE.text.encode()).hexdigest()}]
