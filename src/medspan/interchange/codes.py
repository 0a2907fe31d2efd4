"""A user's term list: codes for mentions, by exact match after normalisation."""

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from medspan.annotation import Document, Entity
from medspan.errors import FormatError

__all__ = ["TermList", "normalise_term"]

# Meaning hangs on these where they end a term: "50 %", "gravida #".
_KEPT_PUNCTUATION = "%#"


def normalise_term(term: str) -> str:
    """Return the form in which terms and mentions are compared.

    Compatibility forms, case and runs of white space are made equal, and punctuation at either end is dropped;
    symbols such as "+" stay.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", term).casefold())
    words = " ".join(folded.split())
    start, end = 0, len(words)
    while start < end and _is_edge(words[start]):
        start += 1
    while start < end and _is_edge(words[end - 1]):
        end -= 1
    return words[start:end]


def _is_edge(character: str) -> bool:
    is_punctuation = unicodedata.category(character).startswith("P") and character not in _KEPT_PUNCTUATION
    return is_punctuation or character.isspace()


class TermList:
    """Codes by normalised term, for one label or for any."""

    def __init__(self, codes: Mapping[tuple[str, str | None], str]) -> None:
        """Take codes by (term, label or None); terms are normalised here."""
        self._codes = {(normalise_term(term), label): code for (term, label), code in codes.items()}

    def __len__(self) -> int:
        return len(self._codes)

    @classmethod
    def read(cls, path: Path | str) -> "TermList":
        """Read a UTF-8 CSV with a header: columns `term`, `code` and, if wanted, `label`; others are ignored.

        The separator is a comma, semicolon or tab, whichever the header uses. A row without label holds for every
        label. Raises FormatError, with the line, for a row that does not fit or a term given two codes.
        """
        path = Path(path)
        codes: dict[tuple[str, str | None], str] = {}
        lines: dict[tuple[str, str | None], int] = {}
        for line, row in _csv_rows(path):
            term, code, label = normalise_term(row["term"]), row["code"].strip(), row.get("label", "").strip() or None
            if not term:
                raise FormatError(f"{path.name} line {line}: the term is empty; give the words to match")
            if not code:
                raise FormatError(f"{path.name} line {line}: the code is empty; give one or drop the line")
            if codes.setdefault((term, label), code) != code:
                raise FormatError(
                    f"{path.name} line {line}: this term already has another code on line {lines[term, label]}; "
                    "drop one, or tell them apart by label"
                )
            lines.setdefault((term, label), line)
        return cls(codes)

    def lookup(self, mention: str, label: str) -> str | None:
        """Return the code for a mention: that for its label, else that for any label, else None.

        A label written `schema:label` also matches the bare label.
        """
        term = normalise_term(mention)
        for name in (label, label.rpartition(":")[2], None):
            code = self._codes.get((term, name))
            if code is not None:
                return code
        return None

    def apply(self, document: Document) -> Document:
        """Return the document with `code` filled where an entity has none and its mention is in the list."""
        entities = tuple(self._coded(document, entity) for entity in document.entities)
        return document if entities == document.entities else replace(document, entities=entities)

    def _coded(self, document: Document, entity: Entity) -> Entity:
        if entity.code is not None:
            return entity
        code = self.lookup(document.mention(entity), entity.label)
        return entity if code is None else replace(entity, code=code)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row by column name) of non-empty rows."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            separator = max(",;\t", key=header.count)
            columns = [name.strip().casefold() for name in next(csv.reader([header], delimiter=separator), [])]
            missing = [name for name in ("term", "code") if name not in columns]
            if missing:
                raise FormatError(
                    f"{path.name} line 1: no column {' and '.join(missing)}; "
                    "the first line must name the columns term, code and, if wanted, label"
                )
            reader = csv.reader(file, delimiter=separator, strict=True)
            for values in reader:
                line = reader.line_num + 1
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(columns):
                    raise FormatError(
                        f"{path.name} line {line}: {len(values)} values where the header names {len(columns)}; "
                        "put a value that holds the separator in double quotes"
                    )
                yield line, dict(zip(columns, values, strict=True))
    except csv.Error as error:
        raise FormatError(f"{path.name} line {line + 1}: not CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: not UTF-8 after line {line}; save the list as UTF-8") from error
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be read: {error.strerror}") from error
