"""What the package invents shares no long run of words with the open corpora."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from medspan.corpora.invent import GENRES, KINDS, invent, invent_documents
from medspan.examples import example_paths

# Eight words running, punctuation and case aside: longer than any formula the clinical language offers here.
LENGTH = 8


def word_runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[at : at + LENGTH]) for at in range(len(words) - LENGTH + 1)}


class Copied:
    """The word runs of the corpora, behind a repr that shows none: a failing test must print no note text."""

    def __init__(self, runs: set[tuple[str, ...]]) -> None:
        self._runs = runs

    def count(self, text: str) -> int:
        return len(word_runs(text) & self._runs)


@pytest.fixture(scope="module")
def copied() -> Copied:
    root = os.environ.get("MEDSPAN_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("MEDSPAN_DATA is not set")
    runs: set[tuple[str, ...]] = set()
    for name in ("clin-mts", "clin-aci", "sdoh-mts"):
        for path in sorted(Path(root, name).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    runs |= word_runs(json.loads(line)["text"])
    assert len(runs) > 10_000, "the corpora under MEDSPAN_DATA are empty"
    return Copied(runs)


@pytest.mark.parametrize("kind", KINDS)
def test_invented_notes_copy_no_eight_words_of_an_open_corpus(kind: str, copied: Copied) -> None:
    shared = {document.id: copied.count(document.text) for document in invent(kind, 200, seed=3)}
    assert {document_id: count for document_id, count in shared.items() if count} == {}


@pytest.mark.parametrize("schema", list(GENRES))
def test_invented_corpora_copy_no_eight_words_of_an_open_corpus(schema: str, copied: Copied) -> None:
    shared = {document.id: copied.count(document.text) for document in invent_documents(schema, 200, seed=3)}
    assert {document_id: count for document_id, count in shared.items() if count} == {}


@pytest.mark.parametrize("path", example_paths(), ids=lambda path: path.stem)
def test_example_notes_copy_no_eight_words_of_an_open_corpus(path: Path, copied: Copied) -> None:
    count = copied.count(path.read_text(encoding="utf-8"))
    assert count == 0
