"""The extractor: a checkpoint that annotates documents. Command line, batch job, service and dev scores all call it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from medspan.annotation import Document, LabelSchema
from medspan.errors import ConfigError
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from medspan.formulations.joint import HeadLayout, HeadOutputs, Thresholds, decode
from medspan.inference.completeness import only_complete
from medspan.inference.compose import compose
from medspan.inference.encoder_engine import EncoderEngine
from medspan.models.joint import JointScorer
from medspan.registry import unknown_name
from medspan.text import merge

__all__ = ["Extractor", "Heads"]


@dataclass(frozen=True)
class Heads:
    """The layers above the encoder, with what their columns mean and from which probability they are believed."""

    scorer: JointScorer
    layouts: Mapping[str, HeadLayout]
    thresholds: Mapping[str, Thresholds]
    compose: Mapping[str, tuple[str, ...]]


class Extractor:
    """Annotates documents with one joint model.

    Predictions for a document depend on its text alone: not on batch size, order or the other documents.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        encoder: EncoderEngine,
        heads: Heads,
        size: WindowSize,
        schemas: Mapping[str, LabelSchema],
        *,
        default_schema: str,
        shard_tokens: int = 8192,
    ) -> None:
        self.tokenizer = tokenizer
        self.encoder = encoder
        self.heads = heads
        self.size = size
        self.schemas = dict(schemas)
        self.default_schema = default_schema
        self._shard_tokens = shard_tokens

    def with_thresholds(self, thresholds: Mapping[str, Thresholds]) -> "Extractor":
        """Return the same extractor with other thresholds."""
        return Extractor(
            self.tokenizer,
            self.encoder,
            replace(self.heads, thresholds=dict(thresholds)),
            self.size,
            self.schemas,
            default_schema=self.default_schema,
            shard_tokens=self._shard_tokens,
        )

    def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
        """Return each document with predicted annotation, in order.

        Strings become documents called "1", "2" and so on. Present annotation is ignored. For one schema (the
        default: the model's own) labels are bare; for several they read `schema:label`.
        """
        return list(self.stream(documents, schemas))

    def stream(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> Iterator[Document]:
        """Annotate lazily, a shard of documents at a time, in order."""
        if isinstance(documents, str):
            raise ConfigError("notes come as a list: give [note], not the note itself")
        wanted = list(schemas) if schemas else [self.default_schema]
        for name in wanted:
            if name not in self.schemas:
                raise unknown_name("schema", name, sorted(self.schemas))
        if len(set(wanted)) != len(wanted):
            raise ConfigError("a schema is asked for twice")
        numbered = (
            Document(str(number), item) if isinstance(item, str) else item.bare()
            for number, item in enumerate(documents, start=1)
        )
        while chunk := list(islice(numbered, 64)):
            yield from self._annotate_chunk(chunk, wanted)

    def _annotate_chunk(self, documents: list[Document], schemas: list[str]) -> Iterator[Document]:
        heads = list(dict.fromkeys(head for name in schemas for head in self.heads.compose.get(name, (name,))))
        cut = rows(documents, self.tokenizer, self.size)
        flat = [row for document_rows in cut for row in document_rows]
        decoded: dict[str, list[Document]] = {head: [] for head in heads}
        for shard in self._shards(flat):
            for head, windows in self._score(shard, heads).items():
                decoded[head].extend(windows)
        at = 0
        for document, document_rows in zip(documents, cut, strict=True):
            part = slice(at, at + len(document_rows))
            at += len(document_rows)
            by_head = {
                head: only_complete(
                    merge(
                        document,
                        [
                            replace(row.window, document=window)
                            for window, row in zip(decoded[head][part], document_rows, strict=True)
                        ],
                    ),
                    self.heads.layouts[head].schema,
                )
                for head in heads
            }
            yield compose(document, {name: self._parts(name, by_head) for name in schemas})

    def _parts(self, schema: str, by_head: Mapping[str, Document]) -> list[Document]:
        return [by_head[head] for head in self.heads.compose.get(schema, (schema,))]

    def _shards(self, flat: list[Row]) -> Iterator[list[Row]]:
        shard: list[Row] = []
        n_tokens = 0
        for row in flat:
            shard.append(row)
            n_tokens += len(row.tokens)
            if n_tokens >= self._shard_tokens:
                yield shard
                shard, n_tokens = [], 0
        if shard:
            yield shard

    def _score(self, shard: list[Row], heads: Sequence[str]) -> dict[str, list[Document]]:
        states = self.encoder.encode([self.tokenizer.row(row.tokens) for row in shard])
        sizes = np.array([len(row.tokens) for row in shard])
        starts = np.cumsum(sizes + self.tokenizer.n_special) - sizes - len(self.tokenizer.suffix)
        row_of_token = np.repeat(np.arange(len(shard)), sizes)
        within = np.arange(len(row_of_token)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        h = states[starts[row_of_token] + within]
        windows = [row.window.document for row in shard]
        tokens = [row.tokens for row in shard]
        found = {}
        for head in heads:
            thresholds = self.heads.thresholds.get(head, Thresholds())
            outputs: HeadOutputs = self.heads.scorer.score(head, h, row_of_token, thresholds)
            found[head] = decode(windows, tokens, outputs, self.heads.layouts[head], thresholds)
        return found
