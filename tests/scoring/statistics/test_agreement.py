"""Agreement of annotators, alpha against the `krippendorff` package over one value a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import Document, Entity, LabelSchema, Span
from medspan.annotation.schema import EntityType
from medspan.errors import ConfigError, ScoringError
from medspan.scoring import agreement, score

N = 30
KEYS = ("first", "second", "third")


@st.composite
def versions(draw):
    """Two to four annotators of up to three notes; nested, repeated and discontinuous mentions; notes left undone."""

    def mention(number):
        cuts = sorted(draw(st.lists(st.integers(0, N), min_size=2, max_size=6, unique=True)))
        fragments = tuple(Span(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))
        return Entity(f"T{number}", draw(st.sampled_from("ABC")), fragments)

    names = "wxyz"[: draw(st.integers(2, 4))]
    found = {
        name: [Document("first", "." * N, tuple(mention(i) for i in range(draw(st.integers(0, 4)))))] for name in names
    }
    for key in ("second", "third"):
        for name in names:
            if draw(st.booleans()):
                entities = tuple(mention(i) for i in range(draw(st.integers(0, 4))))
                found[name].append(Document(key, "." * N, entities))
    return found


def by_character(found, value_of):
    """A row per annotator, a column per character of every note; None where a note was not annotated."""
    rows = []
    for documents in found.values():
        held = {d.id: d for d in documents}
        row = []
        for key in KEYS:
            if key not in held:
                row += [None] * N
                continue
            labels = [set() for _ in range(N)]
            for entity in held[key].entities:
                for fragment in entity.fragments:
                    for at in range(fragment.start, fragment.end):
                        labels[at].add(entity.label)
            row += [value_of(frozenset(here)) for here in labels]
        rows.append(row)
    return rows


def oracle(rows):
    import krippendorff
    import numpy as np

    values = {value for row in rows for value in row if value is not None}
    number = {value: n for n, value in enumerate(sorted(values, key=str))}
    table = np.array([[np.nan if v is None else number[v] for v in row] for row in rows])
    # Values of a lone annotator pair with nobody, and count for nothing.
    table = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    if len(np.unique(table[~np.isnan(table)])) < 2:
        return None
    return krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")


def close(found, expected):
    return found is None if expected is None else found == pytest.approx(expected, abs=1e-12)


@given(versions())
def test_alpha_agrees_with_the_krippendorff_package_on_one_value_a_character(found):
    alpha = agreement(found).alpha
    assert close(alpha.overall, oracle(by_character(found, lambda labels: ",".join(sorted(labels)))))
    assert close(alpha.marked, oracle(by_character(found, bool)))
    for label, value in alpha.labels.items():
        assert close(value, oracle(by_character(found, lambda labels, label=label: label in labels))), label


def test_alpha_agrees_with_a_table_worked_by_hand(note):
    """Ten characters, two annotators: 4 agree on Drug, 2 differ, 4 agree on none.

    O = 2 * 2 = 4 differing ordered pairs; n = 20, of them 4 * 2 + 2 = 10 Drug and 10 none;
    alpha = 1 - 19 * 4 / (20 ** 2 - 10 ** 2 - 10 ** 2) = 1 - 76 / 200 = 0.62.
    """
    text = "." * 10
    found = agreement({"a": [note("Drug 0-6", text=text)], "b": [note("Drug 0-4", text=text)]})
    assert found.alpha.labels == {"Drug": pytest.approx(0.62)}
    assert found.alpha.overall == found.alpha.marked == found.alpha.labels["Drug"]


def test_perfect_agreement_is_one_and_nothing_varied_is_undefined(note):
    same = {"a": [note("Drug 0-5")], "b": [note("Drug 0-5")]}
    assert agreement(same).alpha.overall == 1.0
    assert agreement({"a": [note()], "b": [note()]}).alpha.overall is None
    everything = {"a": [note("Drug 0-100")], "b": [note("Drug 0-100")]}
    assert agreement(everything).alpha.labels == {"Drug": None}


def test_gaps_of_discontinuous_mentions_are_not_marked(note):
    text = "." * 12
    found = agreement({"a": [note("Drug 0-3,8-12", text=text)], "b": [note("Drug 0-3", "Drug 8-12", text=text)]})
    assert found.alpha.overall == 1.0
    assert (found.mean_f1("strict"), found.mean_f1("lenient")) == (0.0, pytest.approx(2 / 3))


def test_two_mentions_of_one_label_over_the_same_characters_count_once(note):
    found = agreement({"a": [note("Drug 0-5", "Drug 2-5")], "b": [note("Drug 0-5")]})
    assert found.alpha.labels == {"Drug": 1.0}


def test_labels_that_overlap_are_compared_as_a_set_overall_and_each_alone(note):
    text = "." * 10
    found = agreement({"a": [note("Drug 0-5", "Form 0-5", text=text)], "b": [note("Drug 0-5", text=text)]}).alpha
    assert found.labels["Drug"] == 1.0
    assert found.labels["Form"] < 0
    assert found.overall < 1.0
    assert found.marked == 1.0


def test_pairs_have_the_strict_and_lenient_f1_of_the_scorer_by_label(note):
    a = [note("Drug 0-5", "Form 6-9")]
    b = [note("Drug 0-4", "Form 6-9")]
    c = [note("Drug 0-4")]
    found = agreement({"a": a, "b": b, "c": c})
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair, sides in zip(found.pairs, ((a, b), (a, c), (b, c)), strict=True):
        for mode in ("strict", "lenient"):
            assert pair.f1(mode) == score(*sides).tally(f"entities.{mode}").micro.f1
    assert found.mean_f1("strict") == pytest.approx((1 / 2 + 0 + 2 / 3) / 3)
    assert found.mean_labels("strict") == {"Drug": pytest.approx(1 / 3), "Form": pytest.approx(1 / 3)}
    assert found.mean_labels("lenient")["Drug"] == 1.0
    assert found.to_dict()["labels"]["Form"] == {"strict": pytest.approx(1 / 3), "lenient": pytest.approx(1 / 3)}


def test_a_label_that_neither_of_two_uses_does_not_count_in_its_mean(note):
    found = agreement({"a": [note("Drug 0-5")], "b": [note("Drug 0-5")], "c": [note("Drug 0-5", "Form 6-9")]})
    assert found.mean_labels("strict") == {"Drug": 1.0, "Form": 0.0}
    assert "Form" not in found.pairs[0].labels("strict")


@given(versions())
def test_who_comes_first_changes_nothing(found):
    there, back = agreement(found), agreement(dict(reversed(found.items())))
    assert there.alpha.to_dict() == back.alpha.to_dict()
    for mode in ("strict", "lenient"):
        assert there.mean_f1(mode) == pytest.approx(back.mean_f1(mode))
        assert there.mean_labels(mode) == pytest.approx(back.mean_labels(mode))


def test_the_order_of_documents_changes_nothing(note):
    a = [note("Drug 0-5", key="x"), note("Form 3-9", key="y")]
    b = [note("Drug 0-4", key="x"), note("Form 3-9", key="y")]
    assert agreement({"a": a, "b": b}).to_dict() == agreement({"a": a[::-1], "b": b}).to_dict()


def test_documents_of_one_annotator_are_named_and_left_out(note):
    both, alone = note("Drug 0-5", key="both"), note("Drug 0-5", key="alone")
    found = agreement({"a": [both, alone], "b": [both]})
    assert (found.documents, found.alpha.characters) == (1, 100)
    assert found.notes == ("documents of one annotator only, not compared: 1 (alone)",)


def test_a_schema_restricts_every_version(note):
    schema = LabelSchema("s", (EntityType("Drug", "d", "v"),))
    found = agreement({"a": [note("Drug 0-5", "Form 6-9")], "b": [note("Drug 0-5")]}, schema=schema)
    assert (found.mean_f1("strict"), found.alpha.overall) == (1.0, 1.0)


def test_a_hundred_thousand_characters_take_no_longer_than_their_mentions(note):
    from medspan.scoring.facts import facts
    from medspan.scoring.statistics.alpha import runs

    document = note("Drug 0-5", "Form 99990-100000", text="." * 100_000)
    found = list(runs(100_000, [facts(document).entities] * 3))
    assert [length for _, length in found] == [5, 99_985, 10]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda note: {"a": [note()]}, ConfigError, "two annotators or more"),
        (
            lambda note: {"a": [note(key="x")], "b": [note(key="y")]},
            ScoringError,
            "a and b have no document id in common",
        ),
        (lambda note: {"a": [note()], "b": [note(text="other")]}, ScoringError, "texts under one id differ"),
        (lambda note: {"a": [note(), note()], "b": [note()]}, ScoringError, "^a: documents: ids used more than once"),
    ],
)
def test_what_cannot_be_compared_is_refused(note, make, error, message):
    with pytest.raises(error, match=message):
        agreement(make(note))
