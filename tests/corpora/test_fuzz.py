"""Damaged files of every format: they end in our errors or in a list of problems, and quote no note."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from medspan.corpora.formats import FORMATS, Problem, read
from medspan.corpora.invent import DEFAULT_SCHEMA, write_corpus
from medspan.errors import FormatError, MedspanError

N_ROUNDS = 40
BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [\n<!ENTITY a "aaaaaaaaaa">\n'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">\n' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>\n<collection>&i;</collection>\n"
)
# Formats that put all documents into one file; the others get a folder.
FILES = {
    "bioc": "corpus.xml",
    "bioc-json": "corpus.json",
    "jsonl": "corpus.jsonl",
    "label-studio": "corpus.json",
    "phee": "corpus.jsonl",
    "pubtator": "corpus.pubtator",
    "radgraph": "train.json",
}
XML = ("bioc", "ddi", "e3c", "i2b2-2012", "i2b2-2014")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Return the files of a few invented notes in every format."""
    contents: dict[str, dict[str, bytes]] = {}
    for name in FORMATS:
        folder = tmp_path_factory.mktemp(name)
        write_corpus(name, DEFAULT_SCHEMA.get(name, "clinical"), 3, 5, folder / FILES.get(name, "corpus"), lossy=True)
        contents[name] = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        assert contents[name]
    return contents


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def truncated(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def bytes_changed(content: bytes, rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def recoded(content: bytes, rng: Random) -> bytes:
    return content.decode("utf-8").encode(rng.choice(["utf-16", "utf-32-le", "utf-7", "utf-8-sig"]))


def lines_shuffled(content: bytes, rng: Random) -> bytes:
    lines = content.split(b"\n")
    for _ in range(rng.randint(1, 4)):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(3):
            case 0:
                lines[i], lines[j] = lines[j], lines[i]
            case 1:
                lines.insert(i, lines[j])
            case _:
                if len(lines) > 1:
                    del lines[i]
    return b"\n".join(lines)


def columns_swapped(content: bytes, rng: Random) -> bytes:
    lines = content.split(b"\n")
    for n, line in enumerate(lines):
        for separator in (b"\t", b"||", b"|", b" "):
            parts = line.split(separator)
            if len(parts) > 1 and rng.random() < 0.3:
                i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
                parts[i], parts[j] = parts[j], parts[i]
                lines[n] = separator.join(parts)
                break
    return b"\n".join(lines)


def numbers_changed(content: bytes, rng: Random) -> bytes:
    new = [b"-1", b"0", b"99999999", b"18446744073709551616", b"1e9", b"", b"NaN", "٣".encode()]
    return re.sub(rb"\d+", lambda m: rng.choice(new) if rng.random() < 0.1 else m[0], content)


def quotes_and_brackets_lost(content: bytes, rng: Random) -> bytes:
    return re.sub(rb'["<>{}\[\]:=;,/]', lambda m: b"" if rng.random() < 0.02 else m[0], content)


def emptied(content: bytes, rng: Random) -> bytes:
    return rng.choice([b"", b"\n", b"\xef\xbb\xbf", b"\0", b"[]", b"{}", b"null", b"[[[[", b"<a>", b"<a/>", b'"'])


DAMAGES: list[Callable[[bytes, Random], bytes]] = [
    truncated,
    bytes_changed,
    recoded,
    lines_shuffled,
    columns_swapped,
    numbers_changed,
    quotes_and_brackets_lost,
    emptied,
]


def messages(path: Path, format_name: str) -> Iterator[Problem | str]:
    """Read, and give every problem, or the one error; anything else than our errors goes through."""
    try:
        yield from read(path, format_name).problems
    except MedspanError as error:
        yield str(error)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", list(FORMATS))
def test_damaged_files_end_in_our_errors_with_their_place_and_without_note_text(
    name: str, damage: Callable[[bytes, Random], bytes], sound: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    files = sound[name]
    rng = Random(f"{name} {damage.__name__}")
    # Stretches of the notes: a message that holds one has quoted the note.
    notes = [document.text for document in read(put(tmp_path / "sound", files), name).documents]
    secrets = {text[i : i + 16] for text in notes for i in range(len(text) - 16)}
    assert len(secrets) > 100
    for n in range(N_ROUNDS):
        damaged = {file: damage(c, rng) if rng.random() < 0.7 else c for file, c in files.items()}
        folder = f"round-{n}"
        for item in messages(put(tmp_path / folder, damaged), name):
            said = str(item)
            assert len(said) < 1000
            quoted = any(said[i : i + 16] in secrets for i in range(len(said) - 15))
            assert not quoted, f"{name} {damage.__name__} {folder} quotes a note"
            if isinstance(item, Problem):
                assert item.document
            else:
                assert any(Path(file).name in said or Path(file).stem in said for file in files) or folder in said


@pytest.mark.parametrize("name", list(FORMATS))
def test_one_endless_line_ends_in_our_errors(name: str, sound: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    path = put(tmp_path, dict.fromkeys(list(sound[name])[:1], b"x" * 100000000))
    for item in messages(path, name):
        assert len(str(item)) < 1000
    files = {file: c.replace(b"\n", b" ") * (5_000_000 // (len(c) + 1)) for file, c in sound[name].items()}
    for item in messages(put(tmp_path / "joined", files), name):
        assert len(str(item)) < 1000


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_entity_bombs_are_refused_before_any_parser_sees_them(
    name: str, encoding: str, sound: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    file = next(file for file in sound[name] if file.endswith((".xml", ".xmi")))
    put(tmp_path, {file: BOMB.encode(encoding)})
    said = [str(item) for item in messages(tmp_path, name)]
    assert said and any("DOCTYPE" in line or "UTF-8" in line for line in said)
    with pytest.raises(FormatError):
        read(tmp_path / file, name)


@pytest.mark.parametrize("name", list(FORMATS))
def test_an_empty_folder_and_a_missing_path_are_told_apart(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        read(tmp_path / "absent", name)
    assert read(tmp_path, name).documents == ()
