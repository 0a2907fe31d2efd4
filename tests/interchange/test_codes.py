from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Document, Entity, Span
from medspan.errors import FormatError
from medspan.interchange import TermList
from medspan.interchange.codes import normalise_term


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "terms.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("mention", "same"),
    [
        ("Chest  Pain,", "chest pain"),
        ("(STRASSE)", "straße"),
        ("ﬁbrillation\r\natriale", "fibrillation atriale"),
        ("“fever”", "fever"),
        ("cafe\u0301", "café"),
    ],
)
def test_spellings_that_differ_in_form_alone_are_equal(mention: str, same: str) -> None:
    assert normalise_term(mention) == normalise_term(same)


@pytest.mark.parametrize(("one", "other"), [("HER2+", "HER2"), ("50 %", "50"), ("non-smoker", "nonsmoker")])
def test_characters_that_carry_meaning_stay(one: str, other: str) -> None:
    assert normalise_term(one) != normalise_term(other)


@settings(deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing_more(term: str) -> None:
    assert normalise_term(normalise_term(term)) == normalise_term(term)


def test_codes_are_filled_for_the_label_first_then_for_any_label(tmp_path: Path) -> None:
    terms = TermList.read(written(tmp_path, "\ufeffterm,code,label\ncold,SYM,Problem\ncold,ANY,\nCold,TEMP,Test\n"))
    assert len(terms) == 3
    text = "Cold. cold. COLD. cold; warm"
    document = Document(
        "n1",
        text,
        (
            Entity("T1", "Problem", (Span(0, 5),)),
            Entity("T2", "clinical:Test", (Span(6, 10),)),
            Entity("T3", "Drug", (Span(12, 16),)),
            Entity("T4", "Problem", (Span(18, 22),), code="own"),
            Entity("T5", "Problem", (Span(24, 28),)),
        ),
    )
    assert [e.code for e in terms.apply(document).entities] == ["SYM", "TEMP", "ANY", "own", None]
    assert replace(terms.apply(document), entities=document.entities) == document


def test_a_discontinuous_mention_is_matched_by_its_words(tmp_path: Path) -> None:
    terms = TermList.read(written(tmp_path, "code;term\nR1;itchy rash\n"))
    document = Document("n1", "itchy, red rash", (Entity("T1", "Problem", (Span(0, 5), Span(11, 15))),))
    assert terms.apply(document).entities[0].code == "R1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("word,code\nfever,1\n", "line 1: no column term"),
        ("", "line 1: no column term and code"),
        ("term,code\nfever,1\n\ncough\n", "line 4: 1 values where the header names 2"),
        ("term,code\n...,1\n", "line 2: the term is empty"),
        ("term,code\nfever,\n", "line 2: the code is empty"),
        ("term,code\nfever,1\nFever.,2\n", "line 3: this term already has another code on line 2"),
        ('term,code\n"fever"x,1\n', "line 2: not CSV"),
        (b"term,code\nfi\xe8vre,1\n", "not UTF-8"),
    ],
)
def test_a_bad_term_list_is_refused_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        TermList.read(written(tmp_path, content))
    assert "terms.csv" in str(caught.value)


def test_an_absent_term_list_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.csv: cannot be read"):
        TermList.read(tmp_path / "none.csv")
