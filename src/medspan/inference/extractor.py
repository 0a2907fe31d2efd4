"""The extractor: a checkpoint that annotates documents. Command line, batch job, service and dev scores all call it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from medspan.annotation import Document, LabelSchema
from medspan.errors import ConfigError
from medspan.formulations.mentions import Layout, Thresholds
from medspan.inference.annotators import Annotator
from medspan.inference.completeness import only_complete, only_complete_events
from medspan.inference.compose import compose
from medspan.registry import unknown_name

__all__ = ["Extractor", "Heads"]

CHUNK = 64
"""Documents annotated together; answers do not depend on it."""


@dataclass(frozen=True)
class Heads:
    """What head sets there are, which schemas they answer, and from which probability they are believed.

    schemas: by the names that may be asked. compose: those answered by several head sets together; all others are
    answered by the head set of their name.
    """

    layouts: Mapping[str, Layout]
    schemas: Mapping[str, LabelSchema]
    default_schema: str
    compose: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, Thresholds]


class Extractor:
    """Annotates documents with one model.

    Predictions for a document depend on itself alone: not on batch size, order or the other documents. A model that
    joins given entities has either an extractor of its own that finds them, or takes those of the documents.
    """

    def __init__(
        self, annotator: Annotator, heads: Heads, entities: "Extractor | None" = None, *, is_final: bool = True
    ) -> None:
        self.annotator = annotator
        self.heads = heads
        self.entities: Extractor | None = None
        if entities is not None:
            # A trigger that the finder links to nothing may be linked by the model behind it.
            self.entities = Extractor(entities.annotator, entities.heads, entities.entities, is_final=False)
        self._is_final = is_final

    @property
    def schemas(self) -> dict[str, LabelSchema]:
        """The schemas that may be asked, by name."""
        return dict(self.heads.schemas)

    @property
    def default_schema(self) -> str:
        """The schema that is answered when none is asked."""
        return self.heads.default_schema

    @property
    def keeps_entities(self) -> bool:
        """Whether entities of the documents given are kept and joined, rather than found."""
        return self.annotator.needs_entities and self.entities is None

    def with_thresholds(self, thresholds: Mapping[str, Thresholds]) -> "Extractor":
        """Return the same extractor with other thresholds."""
        heads = replace(self.heads, thresholds=dict(thresholds))
        return Extractor(self.annotator, heads, self.entities, is_final=self._is_final)

    def on_given_entities(self) -> "Extractor":
        """Return the same extractor for documents whose entities are known, where the formulation joins them."""
        return Extractor(self.annotator, self.heads)

    def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
        """Return each document with predicted annotation, in order.

        Strings become documents called "1", "2" and so on. Present annotation is ignored, unless `keeps_entities`.
        For one schema (the default: the model's own) labels are bare; for several they read `schema:label`.
        """
        return list(self.stream(documents, schemas))

    def stream(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> Iterator[Document]:
        """Annotate lazily, a chunk of documents at a time, in order."""
        if isinstance(documents, str):
            raise ConfigError("notes come as a list: give [note], not the note itself")
        wanted = list(schemas) if schemas else [self.default_schema]
        for name in wanted:
            if name not in self.heads.schemas:
                raise unknown_name("schema", name, sorted(self.heads.schemas))
        if len(set(wanted)) != len(wanted):
            raise ConfigError("a schema is asked for twice")
        numbered = (
            self._numbered(number, item) if isinstance(item, str) else item
            for number, item in enumerate(documents, start=1)
        )
        while chunk := list(islice(numbered, CHUNK)):
            yield from self._annotate_chunk(chunk, wanted)

    def _numbered(self, number: int, text: str) -> Document:
        if self.keeps_entities:
            raise ConfigError(
                "this model joins entities and finds none: give documents with entities, or train it with a run that "
                "finds them (entities: RUN in its recipe)"
            )
        return Document(str(number), text)

    def _annotate_chunk(self, documents: list[Document], schemas: list[str]) -> Iterator[Document]:
        bare = [document.bare() for document in documents]
        heads = list(dict.fromkeys(head for name in schemas for head in self._heads_of(name)))
        found: dict[str, list[Document]] = {}
        if self.annotator.needs_entities:
            for head in heads:
                given = self.entities.annotate(bare, [head]) if self.entities else [_unlinked(d) for d in documents]
                found |= self.annotator.annotate(given, [head], self.heads.thresholds)
        else:
            found = self.annotator.annotate(bare, heads, self.heads.thresholds)
        if self.keeps_entities and len(heads) == 1:
            # Given entities stay as they are, ids too.
            schema = self.heads.layouts[heads[0]].schema
            yield from (only_complete_events(document, schema) for document in found[heads[0]])
            return
        for number, document in enumerate(bare):
            by_head = {head: found[head][number] for head in heads}
            if self._is_final:
                by_head = {head: only_complete(by_head[head], self.heads.layouts[head].schema) for head in heads}
            yield compose(document, {name: [by_head[head] for head in self._heads_of(name)] for name in schemas})

    def _heads_of(self, schema: str) -> tuple[str, ...]:
        return self.heads.compose.get(schema, (schema,))


def _unlinked(document: Document) -> Document:
    """Leave a document's entities, and nothing that joins them."""
    return replace(document.bare(), entities=document.entities)
