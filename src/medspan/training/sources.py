"""Recipes' sources to training rows: documents, their targets for every head set, and the part kept apart as `tune`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Document
from medspan.corpora import load_corpus, restrict, schema, tune_split
from medspan.corpora.formats import read
from medspan.corpora.invent import invent
from medspan.corpora.mapping import mapping
from medspan.errors import ConfigError
from medspan.formulations.mentions import Layout, Supervision
from medspan.training.config import Recipe, SourceConfig
from medspan.training.examples import Example
from medspan.training.tasks import Task

__all__ = ["Material", "TuneSet", "build_layouts", "by_head", "gather", "read_source"]


@dataclass(frozen=True)
class TuneSet:
    """Documents kept apart from one source, with gold for one head set."""

    corpus: str
    head: str
    documents: tuple[Document, ...]


@dataclass
class Material:
    """Everything a run trains and tunes on.

    `held` counts gold that the examples hold, by head set; `lost` what they cannot hold, by source and reason;
    `left_out` documents that are, in part or whole, in a held-out part of some corpus.
    """

    examples: list[Example] = field(default_factory=list)
    tune: list[TuneSet] = field(default_factory=list)
    documents: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def by_head(sets: Sequence[TuneSet]) -> dict[str, list[Document]]:
    """Return the kept-apart documents of every head set, all its sources together."""
    found: dict[str, list[Document]] = {}
    for part in sets:
        found.setdefault(part.head, []).extend(part.documents)
    return found


def build_layouts(recipe: Recipe) -> dict[str, Layout]:
    """Number the labels of every head set of a recipe."""
    layouts = {}
    for name, head in recipe.heads.items():
        labels = schema(head.label_schema)
        if head.without_events:
            labels = labels.without_events()
        layouts[name] = Layout(labels, labels.labels if head.fragmented else ())
    return layouts


def gather(recipe: Recipe, task: Task, layouts: Mapping[str, Layout]) -> Material:
    """Read every source of the recipe and encode it."""
    material = Material()
    held_out = _held_out(recipe)
    for source in recipe.sources:
        name = source.name
        documents = read_source(source, recipe.seed)
        leaking = [document for document in documents if held_out & _traces(document)]
        documents = [document for document in documents if not held_out & _traces(document)]
        material.left_out[name] += len(leaking)
        kept_apart: Sequence[Document] = ()
        if source.tune:
            documents, kept_apart = tune_split(documents)
        material.documents[name] += len(documents)
        for target in source.targets:
            if kept_apart and target.tune:
                gold = _in_schema(kept_apart, target.mapping, layouts[target.head])
                material.tune.append(TuneSet(name, target.head, tuple(gold)))
        encoded = task.encode(
            {target.head: _in_schema(documents, target.mapping, layouts[target.head]) for target in source.targets},
            {target.head: _supervision(layouts[target.head], target.mapping) for target in source.targets},
            source.repeat,
        )
        material.examples.extend(encoded.examples)
        material.held.update(encoded.held)
        for head, lost in encoded.lost.items():
            material.lost[f"{name} as {head}"] = lost
    return material


def read_source(source: SourceConfig, seed: int) -> list[Document]:
    """Return the documents of a source, in order; those of a folder of the user's own come from `path`."""
    kind = source.corpus.partition("invented:")[2]
    if kind:
        if source.count == 0:
            raise ConfigError(f"source {source.corpus}: count says how many notes to generate; it is 0")
        return invent(kind, source.count, seed)
    if source.path is not None:
        return list(read(source.path, source.format).documents)
    return [document for split in source.splits for document in load_corpus(source.corpus, split)]


def _held_out(recipe: Recipe) -> frozenset[str]:
    parts = (part.partition(":") for part in recipe.held_out)
    documents = (document for corpus, _, split in parts for document in load_corpus(corpus, split))
    return frozenset(trace for document in documents for trace in _traces(document))


def _traces(document: Document) -> frozenset[str]:
    """What tells that two documents share text: the id, the article or trial they come from, the text itself."""
    group = str(document.metadata.get("group") or document.id)
    return frozenset({document.id, group, " ".join(document.text.split())})


def _in_schema(documents: Sequence[Document], name: str | None, layout: Layout) -> list[Document]:
    mapped = documents if name is None else [mapping(name).apply(document) for document in documents]
    return [restrict(document, layout.schema)[0] for document in mapped]


def _supervision(layout: Layout, name: str | None) -> Supervision:
    if name is None:
        return Supervision.of(layout)
    annotated = mapping(name).annotates
    return Supervision.of(layout, annotated.entities, annotated.attributes, annotated.relations)
