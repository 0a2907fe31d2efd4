"""Speed: the notes that are read, and where the time goes."""

from pathlib import Path

import pytest

from medspan.annotation import Document
from pipeline_speed import shares, write_notes


def test_every_note_is_written_as_often_as_asked_and_older_ones_go(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "old.txt").write_text("old", encoding="utf-8")
    folder = write_notes([Document("a", "No fever.\r\n"), Document("b", "Größe 😀")], tmp_path / "notes", 3)
    written = {path.name: path.read_bytes().decode("utf-8") for path in folder.iterdir()}
    assert sorted(written) == ["a-0.txt", "a-1.txt", "a-2.txt", "b-0.txt", "b-1.txt", "b-2.txt"]
    assert set(written.values()) == {"No fever.\r\n", "Größe 😀"}


def test_shares_are_parts_of_the_total() -> None:
    assert shares({"encode": 3.0, "write": 0.5, "total": 4.0}) == pytest.approx({"encode": 0.75, "write": 0.125})
