"""Bringing corpora to the machine: mirrors, hashes, stand-off annotations joined with public text."""

import gzip
import io
import shutil
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from medspan.annotation import Document, Entity, Span, document_to_dict
from medspan.corpora import catalog_entry, load_corpus, read
from medspan.corpora.catalog import CorpusEntry, packaged_names
from medspan.corpora.getting import content_digest, get_corpus
from medspan.corpora.getting import corpus as getting
from medspan.corpora.getting.standoff import join_standoff, packaged_standoff, standoff_lines
from medspan.errors import CorpusError

NOTE = Document("mts-x-1", "Has gout.", entities=(Entity("T1", "Problem", (Span(4, 8),)),))
STANDOFF = [(name, split) for name in ("clin-mts", "clin-aci", "sdoh-mts") for split in ("train", "dev")]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, partial: Path) -> None:
        pytest.fail(f"the network was asked for {url}")

    monkeypatch.setattr(getting, "fetch", refuse)


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
def test_packaged_annotations_fit_the_text_of_the_corpus(name: str, split: str, corpora_folder: Path) -> None:
    packaged = packaged_standoff(name, split)
    # The corpus may have grown since the release, and a note may have moved to the other split.
    texts = {d.id: d.text for part in ("train", "dev") for d in load_corpus(name, part, corpora_folder)}
    assert len(packaged) > 0
    assert [d.id for d in join_standoff(packaged, texts)] == [record["id"] for record in packaged]


def test_annotations_that_are_not_packaged_are_refused() -> None:
    with pytest.raises(CorpusError, match="no stand-off annotations"):
        packaged_standoff("phee", "train")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", [name for name in packaged_names() if catalog_entry(name).access != "agreement"])
def test_corpus_from_a_mirror_equals_the_original(name: str, tmp_path: Path, corpora_folder: Path) -> None:
    paths = get_corpus(name, tmp_path, mirror=corpora_folder)
    assert sorted(path.name for path in paths) == sorted(file.name for file in catalog_entry(name).files)
    place = catalog_entry(name).place
    for path in paths:
        original = corpora_folder / place / path.name
        if catalog_entry(name).annotates is None:
            assert path.read_bytes() == original.read_bytes()
        else:
            split = path.name.removesuffix(".jsonl.gz").rpartition("-")[2]
            assert records_of(*read(path).documents) == packaged_standoff(name, split)
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

    def serve(url: str, partial: Path) -> None:
        asked.append(url)
        name = {"train.json": "phee-train.json.gz", "dev.json": "phee-dev.json.gz"}[url.rpartition("/")[2]]
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(gzip.decompress((corpora_folder / "phee" / name).read_bytes()))

    monkeypatch.setattr(getting, "fetch", serve)
    get_corpus("phee", tmp_path)
    assert all(catalog_entry("phee").commit in url for url in asked)  # type: ignore[operator]
    assert load_corpus("phee", "dev", tmp_path) == load_corpus("phee", "dev", corpora_folder)


# Where the files of a corpus stand in the repository or archive that its address serves, as far as SOURCE.md tells.
PUBLIC = {
    "maccrobat": "NLP-f2b52298/",
    "chia": "CHIA-NER-RE-ed84384b/",
    "chia-with-scope": "CHIA-NER-RE-ed84384b/",
    "phee-brat": "PHEE-41489b08/data/",
    "ddi": "",
    "ade": "AdverseDrugReaction-2851af96/",
    "e3c": "E3C-Corpus-8196181e/",
}
ROWS = {".rel": b"123456789|x|x|0|1|x|0|1\n", ".txt": b"123456789 NEG nothing.\n"}


def public_archive(source: Path, prefix: str, target: Path) -> None:
    """Rebuild what a public address serves: a zip or tar archive with other files, and rows, than the mirror's."""
    contents: dict[str, bytes] = {f"{prefix}README.md": b"x", f"{prefix}other/15939911.txt": b"x"}
    with tarfile.open(source) as have:
        for member in have:
            stream = have.extractfile(member)
            if stream is not None:
                row = ROWS[Path(member.name).suffix] if "ADE-Corpus" in member.name else b""
                contents[prefix + member.name] = stream.read() + row
                contents.setdefault(f"{prefix}{member.name.rpartition('/')[0]}/1.md", b"x")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return
    with tarfile.open(target, "w:gz", compresslevel=1) as serves:
        for name, content in contents.items():
            found = tarfile.TarInfo(name)
            found.size = len(content)
            serves.addfile(found, io.BytesIO(content))
        link = tarfile.TarInfo(f"{prefix}latest")
        link.type, link.linkname = tarfile.SYMTYPE, "README.md"
        serves.addfile(link)


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as source:
        return {m.name: stream.read() for m in source if (stream := source.extractfile(m)) is not None}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_the_address_serves_is_cut_to_what_counts(
    name: str, tmp_path: Path, corpora_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = catalog_entry(name)
    waiting = [file.name for file in entry.files]

    def serve(url: str, partial: Path) -> None:
        assert entry.commit is not None
        assert entry.commit in url
        public_archive(corpora_folder / entry.place / waiting.pop(0), PUBLIC[name], partial)

    monkeypatch.setattr(getting, "fetch", serve)
    get_corpus(name, tmp_path)
    assert sorted(p.name for p in (tmp_path / entry.place).iterdir()) == sorted(f.name for f in entry.files)
    for file in entry.files:
        served = members(tmp_path / entry.place / file.name)
        original = members(corpora_folder / entry.place / file.name)
        assert served.items() <= original.items()
        assert len(served) >= len(original) - 3


def test_digest_sees_content_and_not_packing() -> None:
    entry = entry_of(files={"c.tar.gz": {}, "c.gz": {}, "c": {}})
    packed, zipped, plain = entry.files
    one = archive_of(**{"notes/a.txt": b"x", "notes/b.txt": b"y"})
    turned = archive_of(**{"notes/b.txt": b"y", "notes/a.txt": b"x", "README": b"more that does not count"})
    other = archive_of(**{"notes/a.txt": b"y", "notes/b.txt": b"x"})
    assert content_digest(entry, packed, one) == content_digest(entry, packed, turned)
    assert content_digest(entry, packed, one) != content_digest(entry, packed, other)
    assert content_digest(entry, zipped, gzip.compress(b"x")) == content_digest(entry, plain, b"x")
    assert content_digest(entry, plain, b"x") == sha256(b"x").hexdigest()


def test_file_without_a_public_address_asks_for_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getting, "catalog_entry", lambda name, root: entry_of())
    with pytest.raises(CorpusError, match="--mirror"):
        get_corpus("c", tmp_path)


@pytest.fixture
def agreed(tmp_path: Path) -> Path:
    """A mirror with an archive and a folder of a corpus that takes an agreement."""
    folder = tmp_path / "mirror" / "n2c2-2018"
    (folder / "test").mkdir(parents=True)
    (folder / "test" / "2.txt").write_text("Fine.", encoding="utf-8")
    (folder / "test" / "2.ann").write_text("", encoding="utf-8")
    with zipfile.ZipFile(folder / "training.zip", "w") as archive:
        archive.writestr("train/1.txt", "Aspirin.")
        archive.writestr("train/1.ann", "T1\tDrug 0 7\tAspirin\n")
    return tmp_path / "mirror"


@pytest.mark.usefixtures("no_network")
def test_a_corpus_under_agreement_comes_from_a_mirror_alone(agreed: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"(?s)apply at the DBMI data portal.*train/ and test/"):
        get_corpus("n2c2-2018", tmp_path)
    with pytest.raises(CorpusError, match="holds no folder n2c2-2018"):
        get_corpus("n2c2-2018", tmp_path, mirror=tmp_path)
    paths = get_corpus("n2c2-2018", tmp_path, mirror=agreed)
    assert sorted(path.relative_to(tmp_path / "n2c2-2018").as_posix() for path in paths) == [
        *("test/2.ann", "test/2.txt", "train/1.ann", "train/1.txt"),
    ]
    assert [len(d.entities) for d in load_corpus("n2c2-2018", "train", tmp_path)] == [1]
    assert get_corpus("n2c2-2018", tmp_path, mirror=agreed) == paths
    assert [path.name for path in get_corpus("n2c2-2018", tmp_path)] == ["train", "test"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mirror", "n2c2-2018"]


@pytest.mark.usefixtures("no_network")
def test_a_mirror_never_overwrites_and_leaves_nothing_half_done(agreed: Path, tmp_path: Path) -> None:
    (tmp_path / "n2c2-2018" / "train").mkdir(parents=True)
    (tmp_path / "n2c2-2018" / "train" / "1.txt").write_text("Other.", encoding="utf-8")
    with pytest.raises(CorpusError, match="already with other content"):
        get_corpus("n2c2-2018", tmp_path, mirror=agreed)
    with zipfile.ZipFile(agreed / "n2c2-2018" / "evil.zip", "w") as archive:
        archive.writestr("../../escaped.txt", "x")
    with pytest.raises(CorpusError, match="leads outside"):
        get_corpus("n2c2-2018", tmp_path / "elsewhere", mirror=agreed)
    assert [p.name for p in (tmp_path / "n2c2-2018").rglob("*")] == ["train", "1.txt"]
    assert not list((tmp_path / "elsewhere").rglob("*"))
    assert not list(tmp_path.rglob("escaped*"))


def test_a_corpus_of_ones_own_is_not_to_be_got(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    text = "name: ours\nformat: brat\nsplits: {train: [{file: .}]}\n"
    (tmp_path / "ours" / "corpus.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match="one of your own: there is nothing to get"):
        get_corpus("ours", tmp_path)


def test_incomplete_archive_names_the_split(tmp_path: Path, corpora_folder: Path) -> None:
    shutil.copytree(corpora_folder / "maccrobat", tmp_path / "maccrobat")
    (tmp_path / "maccrobat" / "maccrobat2020-shared160.tar.gz").write_bytes(archive_of(**{"MACCROBAT2020/1.txt": b"x"}))
    with pytest.raises(CorpusError, match="16 of 16 documents of split 'dev' are missing"):
        load_corpus("maccrobat", "dev", tmp_path)


def test_documents_of_the_same_text_differ_only_in_annotation() -> None:
    record = {key: value for key, value in document_to_dict(NOTE).items() if key != "text"}
    assert records_of(NOTE) == [{**record, "sha256": sha256(NOTE.text.encode()).hexdigest()}]
