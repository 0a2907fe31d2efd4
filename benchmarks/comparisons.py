"""Which corpora the default model is measured on: what may be trained on, what is scored, and by which schema."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from medspan.annotation import Document, LabelSchema
from medspan.corpora import load_corpus, restrict, schema
from medspan.errors import MedspanError

__all__ = ["COMPARISONS", "Comparison", "Part", "chosen", "gold_of", "training_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """One split of one corpus."""

    corpus: str
    split: str

    def __str__(self) -> str:
        return f"{self.corpus}-{self.split}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One baseline model and the test sets it is scored on.

    `schema` holds the labels that are trained and scored; `product_schema` is what `medspan extract` is asked for.
    """

    name: str
    train: tuple[Part, ...]
    test: tuple[Part, ...]
    schema: str
    product_schema: str
    epochs: int = 10

    def labels(self) -> LabelSchema:
        """Return the schema that gold and predictions are restricted to."""
        return schema(self.schema)


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Comparison(
            "clin",
            (Part("clin-mts", "train"), Part("clin-aci", "train")),
            (Part("clin-mts", "dev"), Part("clin-aci", "dev")),
            schema="clin",
            product_schema="clinical",
            epochs=12,
        ),
        Comparison(
            "sdoh-mts",
            (Part("sdoh-mts", "train"),),
            (Part("sdoh-mts", "dev"),),
            schema="sdoh",
            product_schema="clinical",
            epochs=20,
        ),
        Comparison(
            "bc5cdr",
            (Part("bc5cdr", "train"), Part("bc5cdr", "dev")),
            (Part("bc5cdr", "test"),),
            schema="bc5cdr",
            product_schema="bc5cdr",
        ),
        Comparison("phee", (Part("phee", "train"),), (Part("phee", "dev"),), schema="phee", product_schema="phee"),
        Comparison(
            "chia",
            (Part("chia", "train"), Part("chia", "dev")),
            (Part("chia", "test"),),
            schema="chia",
            product_schema="chia",
        ),
        Comparison(
            "maccrobat",
            (Part("maccrobat", "train"), Part("maccrobat", "dev")),
            (Part("maccrobat", "test"),),
            schema="maccrobat",
            product_schema="maccrobat",
        ),
    )
}


def chosen(names: Sequence[str]) -> list[Comparison]:
    """Return the comparisons called `names`, all for none; ends the program with a list where one is unknown."""
    unknown = [name for name in names if name not in COMPARISONS]
    if unknown:
        sys.exit(f"unknown corpus {unknown[0]!r}: give one or more of {', '.join(COMPARISONS)}")
    return [COMPARISONS[name] for name in (names or COMPARISONS)]


def gold_of(part: Part, labels: LabelSchema) -> list[Document]:
    """Load one split, restricted to what `labels` allows; ends the program where the corpus is missing."""
    try:
        return [restrict(document, labels)[0] for document in load_corpus(part.corpus, part.split)]
    except MedspanError as error:
        sys.exit(str(error))


def training_of(comparison: Comparison, labels: LabelSchema) -> tuple[list[Document], int]:
    """Load what a comparison trains on, without texts that it is also scored on; return how many those were."""
    scored = {_squeezed(document) for part in comparison.test for document in gold_of(part, labels)}
    documents = [document for part in comparison.train for document in gold_of(part, labels)]
    kept = [document for document in documents if _squeezed(document) not in scored]
    return kept, len(documents) - len(kept)


def _squeezed(document: Document) -> str:
    return " ".join(document.text.split())
