"""Mentions in brat files that the text does not bear out, told apart by what is wrong with them."""

from pathlib import Path

import pytest

from medspan.corpora import ReadResult, read


def result_of(folder: Path, text: str, annotations: str) -> ReadResult:
    (folder / "note.txt").write_text(text, encoding="utf-8", newline="")
    (folder / "note.ann").write_text(annotations, encoding="utf-8", newline="")
    return read(folder, "brat")


def told(result: ReadResult) -> list[tuple[int | None, str]]:
    return [(p.line, p.action) for p in result.problems]


def test_lines_that_complete_a_cut_mention_are_joined_to_it(tmp_path: Path) -> None:
    result = result_of(tmp_path, "severe\rchest\rpain", "T1\tProblem 0 17\tsevere\nchest\npain\n")
    assert told(result) == [(1, "repaired"), (2, "repaired"), (3, "repaired")]
    assert "until 2 further lines are joined" in result.problems[0].reason
    assert result.documents[0].mention(result.documents[0].entities[0]) == "severe\rchest\rpain"


def test_lines_after_a_mention_that_is_whole_are_no_part_of_it(tmp_path: Path) -> None:
    result = result_of(tmp_path, "angina today", "T1\tProblem 0 6\tangina\nsomething else\nT2\tTime 7 12\ttoday\n")
    assert told(result) == [(2, "skipped")]
    assert "no part of the mention of T1" in result.problems[0].reason
    assert "something" not in result.problems[0].reason
    assert [e.id for e in result.documents[0].entities] == ["T1", "T2"]


def test_lines_that_do_not_help_leave_the_difference_standing(tmp_path: Path) -> None:
    result = result_of(tmp_path, "angina today", "T1\tProblem 0 6\tcough\nand fever\n")
    assert told(result) == [(1, "kept"), (2, "repaired")]


def test_lines_after_a_skipped_mention_go_with_it(tmp_path: Path) -> None:
    result = result_of(tmp_path, "angina today", "T1\tProblem 0 60\tangina\nand fever\n")
    assert told(result) == [(1, "skipped"), (2, "skipped")]


@pytest.mark.parametrize(("text", "span"), [("gout\r\n", "0 5"), (" gout", "0 5"), ("gout \u3000x", "0 5")])
def test_a_mention_with_white_space_at_an_edge_is_told(tmp_path: Path, text: str, span: str) -> None:
    result = result_of(tmp_path, text, f"T1\tProblem {span}\tgout\n")
    assert [(p.line, p.action, p.reason) for p in result.problems] == [
        (1, "kept", "T1: begins or ends with white space")
    ]


def test_white_space_at_an_inner_edge_of_a_fragment_is_no_problem(tmp_path: Path) -> None:
    result = result_of(tmp_path, "left or right arm", "T1\tSite 0 5;14 17\tleft arm\n")
    assert result.problems == ()
