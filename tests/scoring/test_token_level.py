import random

import pytest

from medspan.annotation import Document, Entity, Span
from medspan.scoring import Counts, score
from medspan.scoring.token_level import WHITESPACE, WORDS

TEXT = "severe  chest-pain (2 mg/day)\nÄrger x"


def spelled(tokenization, text, *extent):
    return [tokenization.pattern.match(text, at).group() for at in tokenization.starts(text, extent)]


@pytest.mark.parametrize(
    ("extent", "words", "whitespace"),
    [
        (((0, 6),), ["severe"], ["severe"]),
        (((2, 3),), ["severe"], ["severe"]),
        (((0, 9),), ["severe", "chest"], ["severe", "chest-pain"]),
        (((13, 15),), ["-", "pain"], ["chest-pain"]),
        (((6, 8),), [], []),
        (((2, 4), (8, 10)), ["severe", "chest"], ["severe", "chest-pain"]),
        (((8, 9), (11, 12)), ["chest"], ["chest-pain"]),
        (((25, 32),), ["day", ")", "Ärger"], ["mg/day)", "Ärger"]),
    ],
)
def test_a_mention_touches_whole_tokens(extent, words, whitespace):
    assert spelled(WORDS, TEXT, *extent) == words
    assert spelled(WHITESPACE, TEXT, *extent) == whitespace


def test_tokens_around_a_mention_are_those_of_the_whole_text():
    rng = random.Random(1)
    for _ in range(300):
        text = "".join(rng.choice("ab1_ .\n-é\u00a0\x1c") for _ in range(30))
        start = rng.randrange(29)
        end = rng.randint(start + 1, 30)
        for tokenization in (WORDS, WHITESPACE):
            everything = [(m.start(), m.end()) for m in tokenization.pattern.finditer(text)]
            touched = [(a, b) for a, b in everything if a < end and start < b]
            assert tokenization.starts(text, ((start, end),)) == tuple(a for a, _ in touched)
            covered = (touched[0][0], touched[-1][1]) if touched else (start, end)
            assert tokenization.covering(text, ((start, end),)) == covered
            if tokenization is WHITESPACE:
                assert [text[a:b] for a, b in everything] == text.split()


def test_tokens_are_counted_by_label_and_once(note):
    text = "one two three four five"
    gold = note("Drug 0-7", "Drug 4-7", "Form 8-13", text=text)
    predicted = note("Drug 4-13", "Form 8-13", "Drug 19-23", text=text)
    tally = score([gold], [predicted]).tally("entities.token")
    assert tally.labels == {"Drug": Counts(1, 2, 1), "Form": Counts(1, 0, 0)}
    assert tally.micro == Counts(2, 2, 1)
    assert tally.macro_documents["f1"] == pytest.approx(4 / 7)
    assert tally.macro_labels["f1"] == pytest.approx((2 / 5 + 1) / 2)


def test_the_lenient_scorer_has_no_token_measure(note):
    assert set(score([note()], [note()], scorer="lenient").to_dict()["entities"]) == {"lenient", "span"}


def flat_documents(seed, n_documents=60, n_tokens=15):
    """Gold and predicted documents over one-letter words, and their tags, one a word."""
    rng = random.Random(seed)
    documents, tags = ([], []), ([], [])
    for d in range(n_documents):
        kept = []
        for side in (0, 1):
            if side == 0 or rng.random() < 0.3:
                cuts = sorted(rng.sample(range(n_tokens + 1), 6))
                kept = [(rng.choice(["Drug", "Form"]), *cuts[i : i + 2]) for i in (0, 2, 4)]
            elif rng.random() < 0.5:
                kept = kept[:2]
            line = ["O"] * n_tokens
            for label, a, b in kept:
                line[a:b] = [f"B-{label}", *[f"I-{label}"] * (b - a - 1)]
            text = " ".join("x" * n_tokens)
            entities = [Entity(f"T{i}", k, (Span(2 * a, 2 * b - 1),)) for i, (k, a, b) in enumerate(kept)]
            documents[side].append(Document(f"n{d:03}", text, tuple(entities)))
            tags[side].append(line)
    return documents, tags


def test_strict_and_token_figures_agree_with_seqeval_and_scikit_learn():
    seqeval = pytest.importorskip("seqeval.metrics")
    sklearn = pytest.importorskip("sklearn.metrics")
    (gold, predicted), tags = flat_documents(4)
    report = score(gold, predicted)
    expected = seqeval.classification_report(*tags, output_dict=True, zero_division=0)
    by_token = sklearn.classification_report(
        *([tag[2:] or "O" for line in side for tag in line] for side in tags),
        labels=["Drug", "Form"],
        output_dict=True,
        zero_division=0,
    )
    for measure, oracle in (("entities.strict", expected), ("entities.token", by_token)):
        tally = report.tally(measure)
        for name, counts in {**tally.labels, "micro avg": tally.micro}.items():
            assert counts.to_dict()["f1"] == pytest.approx(oracle[name]["f1-score"])
            assert counts.precision == pytest.approx(oracle[name]["precision"])
            assert counts.recall == pytest.approx(oracle[name]["recall"])
            assert counts.tp + counts.fn == oracle[name]["support"]
        assert tally.macro_labels["f1"] == pytest.approx(oracle["macro avg"]["f1-score"])
