"""ADE corpus: sentences of case report abstracts with drugs, their adverse effects and their doses.

Its own form is three files: DRUG-AE.rel and DRUG-DOSE.rel with one pair of mentions a line, ADE-NEG.txt with
sentences that have none. Offsets count in an abstract that is not there, so a sentence is a document, and mentions are
placed where their words stand as far apart as the offsets say. SpERT's JSON of the same corpus is read too.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from medspan.annotation import Document, Relation, Span
from medspan.corpora.formats.ade import spert
from medspan.corpora.formats.ade.rows import KINDS, Row, Sentence, row_of, text_order
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files, lines
from medspan.errors import FormatError

__all__ = ["losses", "stream", "write"]

_FILES = {"Adverse-Effect": "DRUG-AE.rel", "Dosage": "DRUG-DOSE.rel"}
_NEGATIVE = "ADE-NEG.txt"
_JSON = (".json", ".json.gz")
_RELATIONAL = tuple(f"{name.lower()}{gz}" for name in (*_FILES.values(), _NEGATIVE) for gz in ("", ".gz"))
_NEGATIVE_LINE = re.compile(r"(.+?) NEG (.*)", re.DOTALL)
_PMID = re.compile(r"\d+")
_LINE_END = re.compile(r"[\r\n]")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield a document a sentence, out of a folder or archive that holds the three files, one of them, or a JSON file.

    Ids are PMID-1, PMID-2 ... in the order of DRUG-AE.rel, PMID-dose1 ... for sentences that DRUG-DOSE.rel alone has,
    and PMID-neg1 ... for those of ADE-NEG.txt. Mentions that several lines name are one entity. `metadata["ade"]`
    keeps the PMID and where in the abstract the sentence begins.
    """
    contents = dict(files(path, _RELATIONAL))
    if path.name.lower().endswith(_JSON) or not contents:
        yield from spert.stream(path, problems)
        return
    kinds: dict[str, list[tuple[str, bytes]]] = {}
    for name, content in contents.items():
        base = PurePosixPath(name).name.lower().removesuffix(".gz")
        kinds.setdefault(_kind(base), []).append((name, content))
    n_read = 0
    found = Problems(path.name)
    for document in _documents(kinds, found):
        n_read += 1
        problems.extend(found)
        found.clear()
        yield document
    problems.extend(found)
    if not n_read and found:
        raise FormatError(f"{found[0].document} line {found[0].line}: no line is of the ADE corpus: {found[0].reason}")


def _kind(base: str) -> str:
    """Tell what a file holds by its name, with any other .rel file taken for one of adverse effects."""
    if base.endswith(".txt"):
        return _NEGATIVE
    return "Dosage" if "dose" in base else "Adverse-Effect"


def _documents(kinds: dict[str, list[tuple[str, bytes]]], problems: Problems) -> Iterator[Document]:
    sentences: dict[tuple[str, str], Sentence] = {}
    for kind in KINDS:
        for name, content in kinds.get(kind, ()):
            for row in _rows(name, content, kind, problems):
                sentences.setdefault((row.source, row.text), Sentence(row.source, row.text)).rows.append(row)
    numbers: dict[str, int] = {}
    used: set[str] = set()
    for sentence in sentences.values():
        is_dose = all(row.kind == "Dosage" for row in sentence.rows)
        key = _fresh(sentence.source, "-dose" if is_dose else "-", numbers, used)
        yield sentence.document(key, _pmid(sentence.source), problems)
    for name, content in kinds.get(_NEGATIVE, ()):
        problems.document = name
        for number, line in enumerate(lines(decode(content, name)), start=1):
            match = _NEGATIVE_LINE.fullmatch(line)
            if match:
                key = _fresh(match[1], "-neg", numbers, used)
                yield Document(key, match[2], metadata={"ade": {"pmid": _pmid(match[1])}})
            elif line.strip():
                problems.skipped(number, "the line is not PMID NEG sentence")


def _rows(name: str, content: bytes, kind: str, problems: Problems) -> Iterator[Row]:
    problems.document = name
    for number, line in enumerate(lines(decode(content, name)), start=1):
        if not line.strip():
            continue
        row = row_of(line, kind, name, number)
        if row is None:
            problems.skipped(number, "the line has not eight columns with offsets in the fourth, fifth and last two")
        else:
            yield row


def _fresh(source: str, infix: str, numbers: dict[str, int], used: set[str]) -> str:
    """Return an unused document id: the next number of a PMID, or what stands in its place as it is."""
    key = source
    if _PMID.fullmatch(source) or source in used:
        stem = f"{source}{infix}"
        while (key := f"{stem}{numbers.setdefault(stem, 1)}") in used:
            numbers[stem] += 1
        numbers[stem] += 1
    used.add(key)
    return key


def _pmid(source: str) -> str:
    return source.partition("-")[0]


def losses(document: Document) -> Iterator[Loss]:
    """Name all but drugs that an adverse effect or dose is stated for, with these, and their relations."""
    if _PMID.fullmatch(document.id):
        yield Loss(document.id, "ids", None, "a document id of digits alone is taken for a PMID and gets a number")
    if n := len(_LINE_END.findall(document.text)):
        yield Loss(document.id, "characters", None, f"{n} characters become spaces")
    used: set[str] = set()
    order: list[int] = []
    for relation in document.relations:
        if _holds(document, relation):
            used.update((relation.head, relation.tail))
            order.append(KINDS.index(relation.label))
        else:
            yield Loss(document.id, "relations", relation.id, f"no place for {relation.label!r} between its ends")
    if order != sorted(order):
        yield Loss(document.id, "order", None, "relations of doses come after those of adverse effects")
    places: dict[tuple[str, Span], None] = {}
    for entity in document.entities:
        if entity.id not in used:
            yield Loss(document.id, "entities", entity.id, "no place for a mention without relation to a drug")
        elif (place := (entity.label, entity.span)) in places:
            yield Loss(document.id, "entities", entity.id, "one with another of the same label and place")
        else:
            places[place] = None
    if list(places) != sorted(places, key=text_order):
        yield Loss(document.id, "order", None, "mentions are put in the order of the text")
    yield from unheld(document, {"nesting", "relations"}, "ade")


def _holds(document: Document, relation: Relation) -> bool:
    head, tail = document.by_id.get(relation.head), document.by_id.get(relation.tail)
    if head is None or tail is None or relation.label not in KINDS:
        return False
    return head.label == relation.label and tail.label == "Drug"


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder of the three files; a document without relations goes into ADE-NEG.txt."""
    path.mkdir(parents=True, exist_ok=True)
    numbers: dict[str, int] = {}
    written: set[int] = set()
    with ExitStack() as stack:
        names = (*_FILES.items(), (_NEGATIVE, _NEGATIVE))
        out = {kind: stack.enter_context((path / name).open("w", encoding="utf-8", newline="")) for kind, name in names}
        for document in documents:
            if not document.id or re.search(r"[|\r\n]| NEG ", document.id):
                raise FormatError(f"document id {document.id!r} cannot stand in an ADE line; rename the document")
            text = _LINE_END.sub(" ", document.text)
            stated = [r for r in document.relations if _holds(document, r)]
            infix = "-neg" if not stated else "-" if any(r.label == KINDS[0] for r in stated) else "-dose"
            source = _source(document.id, infix, numbers)
            # Lines of one PMID and the same words are one sentence to the reader.
            if stated and (sentence := hash((source, text))) in written:
                source = document.id
            elif stated:
                written.add(sentence)
            if not stated:
                out[_NEGATIVE].write(f"{source} NEG {text}\n")
            origin = _origin(document)
            for relation in stated:
                columns = [source, text]
                for key in (relation.head, relation.tail):
                    start, end = document.by_id[key].start, document.by_id[key].end
                    columns.extend([text[start:end], str(origin + start), str(origin + end)])
                out[relation.label].write("|".join(columns) + "\n")


def _source(document_id: str, infix: str, numbers: dict[str, int]) -> str:
    """Return the PMID where reading will give the same number to the sentence again, else the whole id."""
    pmid = document_id.partition("-")[0]
    n = numbers.get(f"{pmid}{infix}", 0) + 1
    if not _PMID.fullmatch(pmid) or document_id not in (f"{pmid}{infix}{n}", pmid):
        return document_id
    numbers[f"{pmid}{infix}"] = n
    return pmid


def _origin(document: Document) -> int:
    kept = document.metadata.get("ade")
    origin = kept.get("origin", 0) if isinstance(kept, dict) else 0
    return origin if isinstance(origin, int) and origin >= 0 else 0
