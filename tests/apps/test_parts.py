"""The parts of the job by themselves: admission, threads, dropping by score, a failing extractor."""

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Argument, Document, Entity, Event, Group, Quarantine, Relation, Span
from medspan.apps.extract.admission import SeenIds, admit
from medspan.apps.extract.annotating import WORKERS, annotate_batches
from medspan.apps.extract.refine import drop_below
from medspan.apps.extract.threads import ReadAhead, WriteBehind
from medspan.errors import ConfigError, MedspanError


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3)), st.integers(1, 9))
def test_seen_ids_behave_as_a_set(ids: list[str], block: int) -> None:
    seen, expected = SeenIds(block), set()
    for name in ids:
        assert seen.add(name) == (name not in expected)
        expected.add(name)


def test_every_item_that_comes_in_goes_out_admitted_or_set_aside() -> None:
    items = [Document("a", ""), Quarantine("q", "r"), Document("a", ""), Document("b\ud800", ""), Document("../c", "")]
    free = list(admit(items, as_files=False))
    assert [type(item).__name__ for item in free] == ["Document", "Quarantine", "Quarantine", "Quarantine", "Document"]
    assert isinstance(list(admit(items, as_files=True))[-1], Quarantine)


def scored() -> Document:
    return Document(
        "n",
        "abcdefgh",
        tuple(Entity(f"T{i}", "L", (Span(i, i + 1),), score=s) for i, s in enumerate([0.9, 0.4, None, 0.7])),
        (
            Relation("R0", "r", "T0", "T1", 0.9),
            Relation("R1", "r", "T0", "T2", 0.3),
            Relation("R2", "r", "T0", "T3", 0.8),
        ),
        (
            Event("E0", "e", "T0", (Argument("x", "T1", 0.9), Argument("x", "T3", 0.2), Argument("x", "T2", 0.8))),
            Event("E1", "e", "T1"),
            Event("E2", "e", "T2", (Argument("x", "E1"), Argument("x", "E0"))),
        ),
        (Group("G0", "g", ("T0", "T1", "T2")), Group("G1", "g", ("T0", "R1"))),
    )


def test_dropping_by_score_takes_along_what_loses_an_end() -> None:
    left = drop_below(scored(), 0.5)
    assert [e.id for e in left.entities] == ["T0", "T2", "T3"]
    assert [r.id for r in left.relations] == ["R2"]
    assert {e.id: [a.target for a in e.arguments] for e in left.events} == {"E0": ["T2"], "E2": ["E0"]}
    assert {g.id: g.members for g in left.groups} == {"G0": ("T0", "T2")}


def test_dropping_below_zero_changes_nothing() -> None:
    assert drop_below(scored(), 0.0) == scored()


def test_reading_ahead_keeps_order_and_stays_within_its_bound() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(50):
            taken = number + 1
            yield number

    reader = ReadAhead(items(), 3)
    seen = []
    for number in reader:
        time.sleep(0.001)
        assert taken <= number + 3 + 2
        seen.append(number)
    assert seen == list(range(50))


def test_reading_ahead_raises_what_the_source_raises_after_its_items() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ConfigError("no more")

    reader = iter(ReadAhead(items(), 3))
    assert next(reader) == 1
    with pytest.raises(ConfigError, match="no more"):
        next(reader)


def test_a_reader_can_be_stopped_half_way() -> None:
    reader = ReadAhead(iter(range(1000)), 2)
    assert next(iter(reader)) == 0
    reader.stop()
    assert not any(thread.name == "medspan-read" for thread in threading.enumerate())


def test_writing_behind_keeps_order_and_hands_errors_back() -> None:
    written: list[int] = []
    writer = WriteBehind(written.append, 2)
    for number in range(100):
        writer.put(number)
    writer.close()
    assert written == list(range(100))

    def fail(item: int) -> None:
        raise OSError(28, "full")

    failing = WriteBehind(fail, 2)
    with pytest.raises(OSError, match="full"):
        for number in range(1000):
            failing.put(number)
        failing.close()


class Fickle:
    """An extractor that fails on some notes."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad

    def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
        found = [document for document in documents if isinstance(document, Document)]
        if any(document.id in self.bad for document in found):
            raise RuntimeError("bad note")
        return found


def batched(notes: Sequence[Document], size: int) -> Iterator[Sequence[Document]]:
    for at in range(0, len(notes), size):
        yield notes[at : at + size]


@settings(deadline=None)
@given(st.integers(1, 5), st.sets(st.integers(0, 29), max_size=12), st.integers(0, 30))
def test_every_note_is_done_or_set_aside_in_order_whatever_fails(size: int, bad: set[int], n: int) -> None:
    aside: list[str] = []
    notes = [*(Document(f"ok{i}", "") for i in range(size)), *(Document(str(i), "") for i in range(n))]
    extractor = Fickle({str(i) for i in bad})
    batches = annotate_batches(extractor, batched(notes, size), None, lambda entry: aside.append(entry.id))
    done = [d.id for batch in batches for d in batch]
    assert done == [d.id for d in notes if d.id not in extractor.bad]
    assert aside == [str(i) for i in range(n) if i in bad]


def test_errors_of_the_source_are_raised_and_nothing_hangs() -> None:
    def batches() -> Iterator[Sequence[Document]]:
        yield [Document("a", "")]
        raise OSError(5, "disk gone")

    with pytest.raises(OSError, match="disk gone"):
        list(annotate_batches(Fickle(set()), batches(), None, lambda entry: None))
    assert not any(thread.name.startswith("medspan-annotate") for thread in threading.enumerate())


def test_own_errors_of_the_extractor_end_the_job() -> None:
    class Refusing(Fickle):
        def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
            raise ConfigError("no such schema")

    with pytest.raises(ConfigError, match="no such schema"):
        list(annotate_batches(Refusing(set()), [[Document("a", "")]], None, lambda entry: None))


def test_an_extractor_that_fails_on_all_of_the_first_notes_ends_the_job() -> None:
    batches = [[Document("a", ""), Document("b", "")]] * 5
    with pytest.raises(MedspanError, match=r"fails on every note \(RuntimeError\)"):
        list(annotate_batches(Fickle({"a", "b"}), batches, None, lambda entry: None))


def test_batches_wait_in_a_bounded_number() -> None:
    taken = 0

    def batches() -> Iterator[Sequence[Document]]:
        nonlocal taken
        for number in range(40):
            taken += 1
            yield [Document(str(number), "")]

    annotated = annotate_batches(Fickle(set()), batches(), None, lambda entry: None)
    for given_back, _ in enumerate(annotated, start=1):
        assert taken <= given_back + WORKERS + 1


def test_ids_are_remembered_in_eight_bytes_each() -> None:
    seen = SeenIds(block=1000)
    order = random.Random(1).sample(range(10**9), 20_000)
    assert all(seen.add(str(number)) for number in order)
    assert not any(seen.add(str(number)) for number in order)
    assert seen._sorted.nbytes == 8 * 20_000
