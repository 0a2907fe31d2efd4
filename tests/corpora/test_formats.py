"""What holds for all formats: guessing, plain text, counts and logs."""

import gzip
import logging
from pathlib import Path

import pytest

from medspan.annotation import Document, Entity, Span
from medspan.corpora.formats import FORMATS, Problem, ReadResult, guess_format, read, stream, write
from medspan.errors import FormatError, UnknownNameError

PHEE_LINE = '{"id": "1", "context": "x", "annotations": []}\n'


def put(folder: Path, **contents: str) -> Path:
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode("utf-8")
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder


@pytest.mark.parametrize(
    ("contents", "target", "expected"),
    [
        ({"a_txt": "x", "a_ann": ""}, ".", "brat"),
        ({"deep__a_txt": "x", "deep__a_ann": ""}, ".", "brat"),
        ({"a_txt": "x", "a_ann": ""}, "a.txt", "brat"),
        ({"a_txt": "x", "a_ann": ""}, "a.ann", "brat"),
        ({"a_txt": "x"}, ".", "text"),
        ({"a_txt": "x"}, "a.txt", "text"),
        ({"a_txt_gz": "x"}, "a.txt.gz", "text"),
        ({"a_jsonl": "", "b_txt": ""}, ".", "jsonl"),
        ({"a_jsonl_gz": '{"id": "1", "text": "x"}'}, "a.jsonl.gz", "jsonl"),
        ({"a_jsonl": ""}, "a.jsonl", "jsonl"),
        ({"a_jsonl": "{broken"}, "a.jsonl", "jsonl"),
        ({"a_json": PHEE_LINE}, "a.json", "phee"),
        ({"a_json_gz": PHEE_LINE}, "a.json.gz", "phee"),
        ({"a_PubTator_txt_gz": "7|t|Title"}, "a.PubTator.txt.gz", "pubtator"),
        ({"a_pubtator": ""}, "a.pubtator", "pubtator"),
        ({"a_parquet": ""}, "a.parquet", "parquet"),
        ({"a_parquet": ""}, ".", "parquet"),
        ({"a_ndjson": ""}, ".", "jsonl"),
        ({"a_PubTator_txt": "7|t|Title"}, ".", "pubtator"),
        ({"a_txt": "Gout 0 4 0 4 B-problem\r\n"}, "a.txt", "conll"),
        ({"a_txt": "\nGout\t0\t4\tO"}, ".", "conll"),
        ({"a_txt": "Gout 0 4 O more"}, ".", "text"),
        ({"a_json": '\ufeff[{"data": {"text": "x"}}]'}, "a.json", "label-studio"),
        ({"a_json": '\ufeff[{"data": {"text": "x"}}]'}, ".", "label-studio"),
    ],
)
def test_format_is_guessed(tmp_path: Path, contents: dict[str, str], target: str, expected: str) -> None:
    assert guess_format(put(tmp_path, **contents) / target) == expected


@pytest.mark.parametrize("target", [".", "a.pdf", "absent"])
def test_no_guess_says_what_to_do(tmp_path: Path, target: str) -> None:
    put(tmp_path, a_pdf="x")
    with pytest.raises(FormatError, match=r"\.xml .*\.tsv .*--from or --format|no such file"):
        guess_format(tmp_path / target)


@pytest.mark.parametrize("target", [".", "a.xml"])
def test_xml_of_no_known_format_is_not_blamed_on_its_name(tmp_path: Path, target: str) -> None:
    put(tmp_path, a_xml="<page/>")
    with pytest.raises(FormatError, match=r"root element .*collection|no XML or JSON in it begins"):
        guess_format(tmp_path / target)


@pytest.mark.parametrize("format_name", [None, "brat", "bioc", "jsonl"])
@pytest.mark.parametrize("name", ["export.zip", "corpus.tar.bz2", "notes.txt.xz"])
def test_an_archive_of_another_kind_is_to_be_unpacked(tmp_path: Path, name: str, format_name: str | None) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(FormatError, match=r"unpack it.*\.tar\.gz"):
        read(tmp_path / name, format_name)


def test_utf16_is_guessed_so_that_the_reader_can_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes('<?xml version="1.0" encoding="UTF-16"?><collection/>'.encode("utf-16"))
    assert guess_format(tmp_path / "a.xml") == guess_format(tmp_path) == "bioc"


def test_unknown_format_is_met_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'pubtator'"):
        read(tmp_path, "pubtaor")


def test_every_format_reads_and_writes() -> None:
    for name in FORMATS:
        module = FORMATS.get(name)
        assert callable(module.stream) and callable(module.losses) and callable(module.write), name


def test_text_is_the_decoded_file_and_nothing_else(tmp_path: Path) -> None:
    text = "\ufeffA:\tB\r\n\rC 😀\u2028e\u0301 \n\n"
    put(tmp_path, one_txt=text, sub__two_txt="")
    result = read(tmp_path)
    assert [(d.id, d.text) for d in result.documents] == [("one", text), ("sub/two", "")]
    assert write(result.documents, tmp_path / "out", "text") == []
    assert read(tmp_path / "out").documents == result.documents


def test_nothing_is_written_that_would_lose_something_unless_asked(tmp_path: Path) -> None:
    document = Document("n", "gout", entities=(Entity("T1", "Problem", (Span(0, 4),)),))
    with pytest.raises(FormatError, match=r"text would lose 1 entities \(n T1: .*--lossy"):
        write([document], tmp_path, "text")
    with pytest.raises(FormatError, match="would lose"):
        write(iter([document]), tmp_path, "text")
    assert not list(tmp_path.iterdir())
    assert [str(loss) for loss in write([document], tmp_path, "text", lossy=True)] == [
        "n T1: entities: no place for annotations"
    ]
    assert (tmp_path / "n.txt").read_bytes() == b"gout"


def test_a_stream_gives_documents_one_by_one_and_collects_problems_on_the_way(tmp_path: Path) -> None:
    put(tmp_path, a_txt="one", c_txt="three")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    problems: list[Problem] = []
    documents = stream(tmp_path, problems=problems)
    assert next(documents).id == "a" and not problems
    assert [d.id for d in documents] == ["c"]
    assert [p.document for p in problems] == ["b"]


def test_undecodable_text_is_skipped_in_a_folder_and_refused_alone(tmp_path: Path) -> None:
    put(tmp_path, good_txt="fine")
    (tmp_path / "bad.txt").write_bytes(b"ok \xff")
    result = read(tmp_path)
    assert [d.id for d in result.documents] == ["good"]
    assert result.problems == (
        Problem(
            "bad",
            None,
            "skipped",
            "bad.txt: byte 3 is not UTF-8; convert the file, for example with iconv -t UTF-8",
        ),
    )
    with pytest.raises(FormatError, match="byte 3"):
        read(tmp_path / "bad.txt")


@pytest.mark.parametrize("name", ["brat", "ddi", "e3c", "i2b2-2010", "i2b2-2012", "inception", "text"])
def test_a_folder_of_nothing_but_unreadable_files_is_refused(tmp_path: Path, name: str) -> None:
    for suffix in ("txt", "con", "xml", "json"):
        (tmp_path / f"bad.{suffix}").write_bytes(b"ok \xff")
    with pytest.raises(FormatError, match="bad"):
        read(tmp_path, name)


def test_files_and_folders_do_not_take_each_others_place(tmp_path: Path) -> None:
    put(tmp_path, taken="x", deep__a_txt="old")
    documents = [Document("a/b", "new")]
    with pytest.raises(FormatError, match="taken: a file stands where a folder must be"):
        write(documents, tmp_path / "taken", "brat")
    with pytest.raises(FormatError, match="deep: a file stands where"):
        write(documents, tmp_path / "deep", "jsonl")
    (tmp_path / "deep" / "a").write_text("x")
    with pytest.raises(FormatError, match=r"a/b\.ann: a file stands where"):
        write(documents, tmp_path / "deep", "brat")
    assert (tmp_path / "deep" / "a.txt").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "taken"]


def test_what_the_disk_refuses_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="out: cannot be written: File name too long"):
        write([Document("n" * 300, "x")], tmp_path / "out", "brat")
    put(tmp_path, taken="x")
    with pytest.raises(FormatError, match="cannot be written"):
        write([Document("n", "x")], tmp_path / "taken" / "out.jsonl", "jsonl")


def test_a_folder_written_below_its_own_source_is_not_read_again(tmp_path: Path) -> None:
    put(tmp_path, a_txt="x", a_ann="T1\tA 0 1\tx\n")
    write(stream(tmp_path, "brat"), tmp_path / "again", "brat")
    assert [p.name for p in sorted((tmp_path / "again").iterdir())] == ["a.ann", "a.txt"]


def test_counts_are_logged_and_skipping_warns(caplog: pytest.LogCaptureFixture) -> None:
    problems = [Problem("d", 1, "skipped", "r"), Problem("d", 2, "kept", "r"), Problem("d", None, "repaired", "r")]
    with caplog.at_level(logging.INFO):
        result = ReadResult.of([Document("d", "secret")], problems, "somewhere")
        ReadResult.of([], [], "elsewhere")
    assert result.counts == {"read": 1, "kept": 1, "repaired": 1, "skipped": 1}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "1 documents read; 1 things kept in doubt, 1 repaired, 1 skipped" in caplog.text
    assert "secret" not in caplog.text
    assert str(problems[0]) == "d line 1: skipped: r"
    assert str(problems[2]) == "d: repaired: r"
