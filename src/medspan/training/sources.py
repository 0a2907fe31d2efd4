"""Recipes' sources to training rows: documents, their targets for every head set, and the part kept apart as `tune`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Document
from medspan.corpora import load_corpus, restrict, schema, tune_split
from medspan.corpora.invent import invent
from medspan.corpora.mapping import mapping
from medspan.errors import ConfigError
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from medspan.formulations.joint import HeadLayout, HeadTargets, Supervision, encode
from medspan.formulations.tokens import IntArray
from medspan.text import unreachable
from medspan.training.config import Recipe, SourceConfig

__all__ = ["Example", "Material", "TuneSet", "build_layouts", "by_head", "gather"]


@dataclass(frozen=True)
class Example:
    """One encoder row with its gold for the head sets it trains."""

    row: IntArray
    targets: Mapping[str, HeadTargets]
    supervision: Mapping[str, Supervision]
    repeat: float


@dataclass(frozen=True)
class TuneSet:
    """Documents kept apart from one source, with gold for one head set."""

    corpus: str
    head: str
    documents: tuple[Document, ...]


@dataclass
class Material:
    """Everything a run trains and tunes on.

    `lost` counts gold that rows and formulation cannot hold, by source and reason; `left_out` counts documents that
    are, in part or whole, in a held-out part of some corpus.
    """

    examples: list[Example] = field(default_factory=list)
    tune: list[TuneSet] = field(default_factory=list)
    documents: Counter[str] = field(default_factory=Counter)
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def by_head(sets: Sequence[TuneSet]) -> dict[str, list[Document]]:
    """Return the kept-apart documents of every head set, all its sources together."""
    found: dict[str, list[Document]] = {}
    for part in sets:
        found.setdefault(part.head, []).extend(part.documents)
    return found


def build_layouts(recipe: Recipe) -> dict[str, HeadLayout]:
    """Number the labels of every head set of a recipe."""
    layouts = {}
    for name, head in recipe.heads.items():
        labels = schema(head.label_schema)
        if head.without_events:
            labels = labels.without_events()
        layouts[name] = HeadLayout(labels, labels.labels if head.fragmented else ())
    return layouts


def gather(recipe: Recipe, tokenizer: TextTokenizer, layouts: Mapping[str, HeadLayout]) -> Material:
    """Read every source of the recipe and encode it."""
    material = Material()
    size = WindowSize(recipe.window.budget, recipe.window.overlap)
    held_out = _held_out(recipe)
    for source in recipe.sources:
        documents = _read(source, recipe.seed)
        leaking = [document for document in documents if held_out & _traces(document)]
        documents = [document for document in documents if not held_out & _traces(document)]
        material.left_out[source.corpus] += len(leaking)
        kept_apart: Sequence[Document] = ()
        if source.tune:
            documents, kept_apart = tune_split(documents)
        material.documents[source.corpus] += len(documents)
        versions = {
            target.head: _in_schema(documents, target.mapping, layouts[target.head]) for target in source.targets
        }
        supervision = {target.head: _supervision(layouts[target.head], target.mapping) for target in source.targets}
        for target in source.targets:
            if kept_apart and target.tune:
                gold = _in_schema(kept_apart, target.mapping, layouts[target.head])
                material.tune.append(TuneSet(source.corpus, target.head, tuple(gold)))
        encoded: dict[str, list[HeadTargets]] = {}
        kept_rows: list[IntArray] = []
        for head, mapped in versions.items():
            cut = rows(mapped, tokenizer, size)
            flat = [row for document_rows in cut for row in document_rows]
            kept_rows = [tokenizer.row(row.tokens) for row in flat]
            encoded[head] = [encode(row.window.document, row.tokens, layouts[head], unannotated(row)) for row in flat]
            lost = sum((targets.lost for targets in encoded[head]), start=_across_windows(mapped, cut))
            material.lost[f"{source.corpus} as {head}"] = lost
        material.examples.extend(
            Example(row, {head: encoded[head][i] for head in versions}, supervision, source.repeat)
            for i, row in enumerate(kept_rows)
        )
    return material


def unannotated(row: Row) -> list[tuple[int, int]]:
    """The character ranges of a row, relative to it, where a mapped corpus does not say what the head's schema asks."""
    ranges = row.window.document.metadata.get("unannotated", ())
    return [(start - row.window.origin, end - row.window.origin) for start, end in ranges]


def _across_windows(documents: Sequence[Document], cut: Sequence[Sequence[Row]]) -> Counter[str]:
    """Count the gold that no row holds whole."""
    lost: Counter[str] = Counter()
    for document, document_rows in zip(documents, cut, strict=True):
        for kind, n in unreachable(document, [row.window.span for row in document_rows]).items():
            if n:
                lost[f"{kind} across windows"] += n
    return lost


def _read(source: SourceConfig, seed: int) -> list[Document]:
    kind = source.corpus.partition("invented:")[2]
    if kind:
        if source.count == 0:
            raise ConfigError(f"source {source.corpus}: count says how many notes to generate; it is 0")
        return invent(kind, source.count, seed)
    return [document for split in source.splits for document in load_corpus(source.corpus, split)]


def _held_out(recipe: Recipe) -> frozenset[str]:
    parts = (part.partition(":") for part in recipe.held_out)
    documents = (document for corpus, _, split in parts for document in load_corpus(corpus, split))
    return frozenset(trace for document in documents for trace in _traces(document))


def _traces(document: Document) -> frozenset[str]:
    """What tells that two documents share text: the id, the article or trial they come from, the text itself."""
    group = str(document.metadata.get("group") or document.id)
    return frozenset({document.id, group, " ".join(document.text.split())})


def _in_schema(documents: Sequence[Document], name: str | None, layout: HeadLayout) -> list[Document]:
    mapped = documents if name is None else [mapping(name).apply(document) for document in documents]
    return [restrict(document, layout.schema)[0] for document in mapped]


def _supervision(layout: HeadLayout, name: str | None) -> Supervision:
    if name is None:
        return Supervision.of(layout)
    annotated = mapping(name).annotates
    return Supervision.of(layout, annotated.entities, annotated.attributes, annotated.relations)
