"""The quick way through plain brat files gives what the careful one gives, or steps aside."""

from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.test_brat_properties import documents as any_documents
from medspan.annotation import Document
from medspan.corpora.formats.brat.dialect import BRAT, Dialect
from medspan.corpora.formats.brat.meaning import document_of
from medspan.corpora.formats.brat.plain import plain_document
from medspan.corpora.formats.result import Problems

TEXT = "Smokes daily, took\n5 mg aspirin"
PLAIN = (
    "T1\tTobacco 0 6\tSmokes\n"
    "R1\tX Arg1:E1 Arg2:T2\t\n"
    "E1\tTobacco:T1 Status:T2 Type:T1 Type2:T2\r\n"
    "T2\tFrequency 7 12\tdaily\n"
    "A1\tNegated T2\n"
    "A2\tassertion E1 not present\n"
    "T3\tX 14 23\ttook 5 mg\n"
)
# Each of these needs more than one look, or says more than a plain file does.
NOT_PLAIN = [
    "T9\tX 0 6;7 12\tSmokes daily",
    "T9\tX 0 6\tsmokes",
    "T9\tX 0 7\tSmokes ",
    "T9\tX 0 99\tSmokes daily, took\n5 mg aspirin",
    "T9\tX 6 6\t",
    "T9\tX 0  6\tSmokes",
    "T1\tX 0 6\tSmokes",
    "R1\tX Arg1:T1 Arg2:T2",
    "R9\tX Arg1:T1 Arg2:T99",
    "R9\tX Arg2:T1 Arg1:T2",
    "R9\tX From:T1 To:T2",
    "E1\tX:T1",
    "E9\tX:T99",
    "E9\tX:E1",
    "E9\tX:T1 Y:T99",
    "A9\tX T99",
    "A9\tX R1",
    "N1\tReference T1 C:1\tx",
    "*\tOR T1 T2",
    "#1\tAnnotatorNotes T1\tx",
    "rest of a mention",
    "",
]


def careful(text: str, annotations: str, dialect: Dialect = BRAT) -> tuple[Document, Problems]:
    problems = Problems("n")
    return document_of("n", text, annotations, problems, dialect), problems


def test_plain_file_is_read_the_quick_way_and_gives_the_same() -> None:
    document, problems = careful(TEXT, PLAIN)
    assert not problems
    assert plain_document("n", TEXT, PLAIN, BRAT) == document
    assert [len(document.entities), len(document.relations), len(document.events)] == [3, 1, 1]


def test_whatever_is_not_plain_is_left_to_the_careful_way() -> None:
    for line in NOT_PLAIN:
        assert plain_document("n", TEXT, f"{PLAIN}{line}\n", BRAT) is None, line
    assert plain_document("n", f"\ufeff{TEXT}", PLAIN, BRAT) is None


def test_second_value_is_plain_only_where_the_dialect_allows_several() -> None:
    annotations = "T1\tX 0 6\tSmokes\nA1\tS T1 a\nA2\tS T1 b\n"
    assert plain_document("n", TEXT, annotations, BRAT) == careful(TEXT, annotations)[0]
    assert plain_document("n", TEXT, annotations, Dialect("x", single_values=True)) is None


ids = st.sampled_from(["T1", "T2", "E1", "E2", "R1", "A1", "M1", "T1_2", "T", "T:"])
labels = st.sampled_from(["A", "B:c", "Type", "Type2", "Arg1", "Arg2", "x\u2028y"])
offsets = st.tuples(st.integers(0, 6), st.integers(0, 7)).map(lambda pair: f"{pair[0]} {pair[1]}")
spaces = st.sampled_from([" "] * 8 + ["  ", "\t", "\xa0", ""])
ends = st.sampled_from(["", "", "", "\t", " ", "\r", "\tx"])


@st.composite
def lines(draw: st.DrawFn, text: str) -> str:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        place = draw(offsets)
        start, end = map(int, place.split())
        stated = draw(st.sampled_from([text[start:end].replace("\n", " "), text[start:end].strip(), "x"]))
        return f"{draw(ids)}\t{draw(labels)}{draw(spaces)}{place}\t{stated}{draw(ends)}"
    if kind == 1:
        return f"{draw(ids)}\t{draw(labels)} Arg1:{draw(ids)}{draw(spaces)}Arg2:{draw(ids)}{draw(ends)}"
    if kind == 2:
        pairs = draw(st.lists(st.builds(lambda role, target: f"{role}:{target}", labels, ids), min_size=1, max_size=3))
        return f"{draw(ids)}\t{draw(spaces).join(pairs)}{draw(ends)}"
    if kind == 3:
        return (
            f"{draw(ids)}\t{draw(labels)} {draw(ids)}{draw(st.sampled_from(['', ' a', ' a  b', ' a b']))}{draw(ends)}"
        )
    return draw(st.text(max_size=5))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_two_ways_never_differ(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("ab \n\u2028\xa0"), min_size=5, max_size=8))
    annotations = "\n".join(data.draw(st.lists(lines(text), max_size=5)))
    dialect = data.draw(st.sampled_from([BRAT, Dialect("x", splits_lines=True, single_values=True)]))
    quick = plain_document("n", text, annotations, dialect)
    if quick is not None:
        document, problems = careful(text, annotations, dialect)
        assert quick == document
        assert not problems


@settings(max_examples=50, deadline=None)
@given(any_documents())
def test_what_is_written_plainly_is_read_the_quick_way(document: Document) -> None:
    words = [
        f"{e.id}\t{e.label} {e.start} {e.end}\t" + document.text[e.start : e.end].replace("\n", " ")
        for e in document.entities
        if not document.text[e.start].isspace() and not document.text[e.end - 1].isspace()
        if not set(document.text[e.start : e.end]) & set("\t\r\n")
    ]
    annotations = "\n".join(words)
    if not document.text.startswith("\ufeff"):
        assert plain_document("n", document.text, annotations, BRAT) == careful(document.text, annotations)[0]
