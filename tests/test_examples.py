"""The bundled notes have the variety they are bundled for."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from medspan.examples import example_paths


def raw(name: str) -> str:
    return next(p for p in example_paths() if p.stem == name).read_bytes().decode("utf-8")


def test_there_are_at_least_eight_notes_and_they_stay_small_together() -> None:
    paths = example_paths()
    assert len(paths) >= 8
    assert paths == sorted(paths)
    assert sum(p.stat().st_size for p in paths) < 150_000


@pytest.mark.parametrize("path", example_paths(), ids=lambda path: path.stem)
def test_each_note_is_utf8_text_of_some_length(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert len(text) > 1_000
    assert "\x00" not in text
    assert not text.startswith("\ufeff")


def test_one_note_is_longer_than_fifty_thousand_characters_without_repeated_paragraphs() -> None:
    text = raw("hospital_course")
    assert len(text) > 50_000
    paragraphs = Counter(line for line in text.split("\n") if len(line) > 150)
    repeated = sum(count > 1 for count in paragraphs.values())
    assert len(paragraphs) > 100
    assert repeated == 0


def test_one_note_has_crlf_accents_combining_marks_and_emoji() -> None:
    text = raw("emergency_note")
    assert text.count("\r\n") == text.count("\n") > 20
    assert "é" in text
    assert any(unicodedata.combining(c) for c in text)
    assert any(ord(c) > 0xFFFF for c in text)


def test_every_other_note_has_plain_line_endings() -> None:
    for path in example_paths():
        if path.stem != "emergency_note":
            assert b"\r" not in path.read_bytes(), path.name


def test_one_note_has_a_tabbed_table_of_vital_signs() -> None:
    lines = raw("nursing_note").split("\n")
    table = [line.split("\t") for line in lines if line.count("\t") >= 8]
    assert len(table) >= 6
    assert {len(row) for row in table} == {9}


def test_some_notes_use_de_identification_placeholders() -> None:
    assert sum("[**" in raw(p.stem) for p in example_paths()) >= 3


def test_git_keeps_the_notes_byte_for_byte() -> None:
    attributes = example_paths()[0].with_name(".gitattributes").read_text(encoding="utf-8")
    assert "*.txt -text" in attributes
