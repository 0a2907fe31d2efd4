"""`pair_classification` in training: one example a row of marked pairs, on gold entities."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from medspan.annotation import Document
from medspan.errors import ConfigError
from medspan.formulations import Tokens
from medspan.formulations.inputs import pad
from medspan.formulations.mentions import Supervision, Thresholds
from medspan.formulations.pair_classification import (
    Built,
    Candidates,
    Options,
    PairRow,
    RowBuilder,
    attach,
    candidates,
    links,
    lost_links,
)
from medspan.models.encoder import Encoder
from medspan.models.objective import Criterion
from medspan.models.pair_classification.network import PairModel
from medspan.text import sentences
from medspan.training.examples import Encoded, Example
from medspan.training.tasks import Setting

__all__ = ["HeadPairs", "PairBatch", "PairGold", "PairTask"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairGold:
    """Gold of one row: its pairs for one head set; legal (pairs, 1 + links), targets (pairs,) among these columns."""

    head: str
    row: PairRow
    legal: BoolArray
    targets: IntArray


@dataclass(frozen=True)
class HeadPairs:
    """The pairs of a batch for one head set: the row of each (pairs,), and places, legal and targets as in PairGold."""

    rows: Tensor
    places: Tensor
    legal: Tensor
    targets: Tensor


@dataclass(frozen=True)
class PairBatch:
    """Padded rows for the encoder and the pairs of every head set present."""

    inputs: Mapping[str, Tensor]
    n_units: int
    heads: Mapping[str, HeadPairs]

    def to(self, device: Any) -> "PairBatch":
        """Return the batch with its tensors on a device."""
        return replace(
            self,
            inputs={name: value.to(device) for name, value in self.inputs.items()},
            heads={
                head: HeadPairs(*(part.to(device) for part in (p.rows, p.places, p.legal, p.targets)))
                for head, p in self.heads.items()
            },
        )


class PairTask:
    """See `Task`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.options = Options.model_validate(dict(setting.options))
        self._builders = {
            head: RowBuilder(setting.tokenizer, layout, setting.size.budget, self.options)
            for head, layout in setting.layouts.items()
        }
        for head, layout in setting.layouts.items():
            if not layout.schema.relations and not layout.schema.events:
                raise ConfigError(
                    f"heads.{head}: schema {layout.schema.name!r} has neither relations nor events to give to pairs"
                )

    def build(self, encoder: Encoder) -> PairModel:
        """Return the network; raises ConfigError where the encoder cannot read levitated markers."""
        if self.options.markers == "levitated" and not encoder.takes_token_masks:
            raise ConfigError(
                f"pair_classification.markers: levitated needs an encoder that takes position ids and a mask for each "
                f"token, which {encoder.config.model_type} does not; set it to plain or typed"
            )
        return PairModel(encoder, self.setting.layouts, self.options.scheme, self.setting.dropout)

    def encode(
        self, versions: Mapping[str, Sequence[Document]], supervision: Mapping[str, Supervision], repeat: float
    ) -> Encoded:
        """Turn documents into rows of pairs; rows without a linked pair are seen in a share `negatives` of epochs.

        Where pairs share rows, the linked ones of a passage come first, so that most rows have none.
        """
        examples: list[Example] = []
        held: dict[str, int] = {}
        lost: dict[str, Counter[str]] = {}
        for head, documents in versions.items():
            held[head], lost[head] = 0, Counter()
            annotated = np.concatenate([[True], supervision[head].links])
            for document, tokens in self._tokenized(documents):
                pairs, built, columns, losses = self._pairs(document, tokens, head)
                lost[head] += losses
                is_taught = _is_taught(document, pairs)
                for row in built:
                    legal = pairs.legal[row.pairs] & annotated
                    targets = columns[row.pairs]
                    held[head] += int(np.count_nonzero(targets))
                    keep = legal.any(axis=1, where=np.arange(legal.shape[1]) > 0) & is_taught[row.pairs]
                    keep &= legal[np.arange(len(targets)), targets]
                    if keep.any():
                        taught = _only(row, keep)
                        share = 1.0 if targets[keep].any() else self.options.negatives
                        gold = PairGold(head, taught, legal[keep], targets[keep])
                        examples.append(Example(taught.input, gold, repeat * share))
        return Encoded(examples, held, lost)

    def collate(self, examples: Sequence[Example]) -> PairBatch:
        """Pad rows to the longest and lay the pairs of each head set end to end."""
        gold: list[PairGold] = [example.gold for example in examples]
        inputs = {name: torch.from_numpy(array) for name, array in pad([one.row.seen for one in gold]).items()}
        heads = {}
        for head in self.setting.layouts:
            members = [(number, one) for number, one in enumerate(gold) if one.head == head]
            if members:
                arrays = (
                    np.repeat([number for number, _ in members], [len(one.targets) for _, one in members]),
                    np.concatenate([one.row.places for _, one in members]),
                    np.concatenate([one.legal for _, one in members]),
                    np.concatenate([one.targets for _, one in members]),
                )
                heads[head] = HeadPairs(*(torch.from_numpy(array) for array in arrays))
        return PairBatch(inputs, sum(len(one.targets) for one in gold), heads)

    def losses(
        self, network: nn.Module, batch: PairBatch, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return the loss of all head sets together; nothing is drawn from `rng`."""
        del rng
        model = cast(PairModel, network)
        hidden = model.hidden(batch.inputs)
        total = hidden.new_zeros(())
        for head, pairs in batch.heads.items():
            logits = model.pair_scores(head, hidden, pairs.rows, pairs.places, pairs.legal)
            total = total + criterion.of(head).categorical(logits, pairs.targets)
        return {"pairs": total}

    def class_counts(self, examples: Sequence[Example]) -> dict[str, list[int]]:
        """Return how many pairs have no link and each link, by head set."""
        counts = {head: np.zeros(1 + len(layout.links), np.int64) for head, layout in self.setting.layouts.items()}
        for example in examples:
            np.add.at(counts[example.gold.head], example.gold.targets, 1)
        return {head: found.tolist() for head, found in counts.items()}

    def returned(self, documents: Sequence[Document], head: str) -> list[Document]:
        """Return documents with the links between their entities that a row holds."""
        layout = self.setting.layouts[head]
        found = []
        for document, tokens in self._tokenized(documents):
            pairs, built, columns, _ = self._pairs(document, tokens, head)
            scores = np.zeros(pairs.legal.shape, np.float32)
            for row in built:
                scores[row.pairs, columns[row.pairs]] = 1.0
            found.append(attach(document, pairs, scores, layout, Thresholds()))
        return found

    def _tokenized(self, documents: Sequence[Document]) -> list[tuple[Document, Tokens]]:
        return list(zip(documents, self.setting.tokenizer([d.text for d in documents]), strict=True))

    def _pairs(self, document: Document, tokens: Tokens, head: str) -> tuple[Candidates, Built, IntArray, Counter[str]]:
        """The candidates of a document, their rows, the gold column of each (pairs,), and the gold that is lost."""
        layout = self.setting.layouts[head]
        breaks = sentences(document.text)
        pairs = candidates(document, layout, self.options, breaks)
        columns = np.zeros(len(pairs), dtype=np.int64)
        for pair, column in links(document, layout).items():
            number = pairs.number_of.get(pair)
            if number is not None:
                columns[number] = 1 + column
        built = self._builders[head].build(document, tokens, breaks, pairs, together=columns > 0)
        return pairs, built, columns, lost_links(document, layout, self.options, breaks, pairs, built.unfit)


def _is_taught(document: Document, pairs: Candidates) -> BoolArray:
    """Which pairs the corpus speaks about: (pairs,) False where a mention reaches into an unannotated range."""
    silent = np.zeros(len(document.entities), dtype=bool)
    for start, end in document.metadata.get("unannotated", ()):
        silent |= np.array([entity.start < end and entity.end > start for entity in document.entities], dtype=bool)
    taught: BoolArray = ~(silent[pairs.heads] | silent[pairs.tails])
    return taught


def _only(row: PairRow, keep: BoolArray) -> PairRow:
    """Leave some pairs of a row; the markers of the others stay, unseen."""
    return row if keep.all() else replace(row, pairs=row.pairs[keep], places=row.places[keep])
