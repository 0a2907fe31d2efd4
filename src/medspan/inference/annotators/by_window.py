"""The way through windows that formulations share: cut, score shard by shard, join again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from medspan.formulations.inputs import EncoderInput
from medspan.inference.encoder_engine import EncoderEngine
from medspan.text import merge

__all__ = ["annotate_by_window", "text_states"]

Score = Callable[[list[Row]], Mapping[str, list[Document]]]
"""From rows to their windows annotated, for each head set."""


def annotate_by_window(
    documents: Sequence[Document],
    tokenizer: TextTokenizer,
    size: WindowSize,
    heads: Sequence[str],
    score: Score,
    shard_tokens: int,
) -> dict[str, list[Document]]:
    """Cut documents into rows, annotate those with `score` a shard at a time, and join the windows of each document."""
    cut = rows(documents, tokenizer, size)
    decoded: dict[str, list[Document]] = {head: [] for head in heads}
    for shard in _shards([row for document_rows in cut for row in document_rows], shard_tokens):
        for head, windows in score(shard).items():
            decoded[head].extend(windows)
    found: dict[str, list[Document]] = {head: [] for head in heads}
    at = 0
    for document, document_rows in zip(documents, cut, strict=True):
        part = slice(at, at + len(document_rows))
        at += len(document_rows)
        for head in heads:
            pairs = zip(document_rows, decoded[head][part], strict=True)
            annotated = [replace(row.window, document=window) for row, window in pairs]
            found[head].append(merge(document, annotated))
    return found


def text_states(
    shard: Sequence[Row], tokenizer: TextTokenizer, encoder: EncoderEngine
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Encode rows: the states of their text (tokens, hidden), and the row of each token (tokens,)."""
    states = encoder.encode([EncoderInput(tokenizer.row(row.tokens)) for row in shard])
    sizes = np.array([len(row.tokens) for row in shard])
    starts = np.cumsum(sizes + tokenizer.n_special) - sizes - len(tokenizer.suffix)
    row_of_token = np.repeat(np.arange(len(shard)), sizes)
    within = np.arange(len(row_of_token)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return states[starts[row_of_token] + within], row_of_token


def _shards(flat: Sequence[Row], shard_tokens: int) -> Iterator[list[Row]]:
    shard: list[Row] = []
    n_tokens = 0
    for row in flat:
        shard.append(row)
        n_tokens += len(row.tokens)
        if n_tokens >= shard_tokens:
            yield shard
            shard, n_tokens = [], 0
    if shard:
        yield shard
