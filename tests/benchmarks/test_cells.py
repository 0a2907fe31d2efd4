"""Cells are whole or absent, and short."""

from pathlib import Path

from cells import hardware, read_cell, rounded, versions, write_cell


def test_a_cell_comes_back_with_floats_of_five_decimals(tmp_path: Path) -> None:
    write_cell(tmp_path / "new" / "a.json", {"f1": 0.123456789, "counts": (1, 2.0), "bins": [{"low": 1 / 3}]})
    assert read_cell(tmp_path / "new" / "a.json") == {"f1": 0.12346, "counts": [1, 2.0], "bins": [{"low": 0.33333}]}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]


def test_a_missing_cell_reads_as_none(tmp_path: Path) -> None:
    assert read_cell(tmp_path / "none.json") is None


def test_rounding_leaves_whole_numbers_words_and_truth_values_alone() -> None:
    assert rounded({"n": 3, "name": "a", "is": True, "none": None}) == {"n": 3, "name": "a", "is": True, "none": None}


def test_versions_leave_out_what_is_not_installed() -> None:
    assert set(versions("numpy", "a-package-nobody-installs")) == {"python", "numpy"}


def test_hardware_says_the_number_of_cores() -> None:
    assert " cores" in hardware()
