"""`joint` in training: one example a window, with the gold of every head set it trains."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from medspan.annotation import Document
from medspan.formulations import rows
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Supervision, Targets, encode
from medspan.models.encoder import Encoder
from medspan.models.joint.loss import HeadBatch, head_loss
from medspan.models.joint.network import JointModel, JointSizes
from medspan.models.objective import Criterion
from medspan.training.examples import Encoded, Example
from medspan.training.gold import lost_across, there_and_back, unannotated
from medspan.training.tasks import Setting
from medspan.training.tasks.text_rows import pad_text

__all__ = ["JointBatch", "JointGold", "JointTask"]


@dataclass(frozen=True)
class JointGold:
    """Gold of one window for the head sets it trains, and what of their columns the corpus annotates."""

    targets: Mapping[str, Targets]
    supervision: Mapping[str, Supervision]


@dataclass(frozen=True)
class JointBatch:
    """Padded rows for the encoder, (rows, length) each, and the gold of every head set present.

    is_token: (rows, length), False at special tokens and padding.
    """

    inputs: Mapping[str, Tensor]
    is_token: Tensor
    n_units: int
    heads: Mapping[str, HeadBatch]

    def to(self, device: Any) -> "JointBatch":
        """Return the batch with its rows on a device; gold stays in numpy."""
        inputs = {name: value.to(device) for name, value in self.inputs.items()}
        return replace(self, inputs=inputs, is_token=self.is_token.to(device))


class JointTask:
    """See `Task`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def build(self, encoder: Encoder) -> JointModel:
        """Return the joint network."""
        return JointModel(encoder, self.setting.layouts, JointSizes(), self.setting.dropout)

    def encode(
        self, versions: Mapping[str, Sequence[Document]], supervision: Mapping[str, Supervision], repeat: float
    ) -> Encoded:
        """Turn documents into one example a window."""
        targets: dict[str, list[Targets]] = {}
        lost: dict[str, Counter[str]] = {}
        inputs: list[EncoderInput] = []
        for head, mapped in versions.items():
            cut = rows(mapped, self.setting.tokenizer, self.setting.size)
            flat = [row for document_rows in cut for row in document_rows]
            inputs = [EncoderInput(self.setting.tokenizer.row(row.tokens)) for row in flat]
            layout = self.setting.layouts[head]
            targets[head] = [encode(row.window.document, row.tokens, layout, unannotated(row)) for row in flat]
            lost[head] = sum((row.lost for row in targets[head]), start=lost_across(mapped, cut))
        examples = [
            Example(row, JointGold({head: targets[head][number] for head in versions}, supervision), repeat)
            for number, row in enumerate(inputs)
        ]
        held = {head: sum(len(row.spans) + len(row.links) for row in targets[head]) for head in versions}
        return Encoded(examples, held, lost)

    def collate(self, examples: Sequence[Example]) -> JointBatch:
        """Pad rows to the longest and lay the gold of each head set end to end."""
        inputs, is_token = pad_text(examples, self.setting.tokenizer)
        offsets = np.cumsum([0, *is_token.sum(dim=1).tolist()])
        gold = {
            head: _gather(head, [example.gold for example in examples], offsets)
            for head in self.setting.layouts
            if any(head in example.gold.targets for example in examples)
        }
        return JointBatch(inputs, is_token, int(offsets[-1]), gold)

    def losses(
        self, network: nn.Module, batch: JointBatch, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return the losses of all head sets together, by part."""
        model = cast(JointModel, network)
        hidden = model.hidden(batch.inputs, batch.is_token)
        parts: dict[str, Tensor] = {}
        for head, gold in batch.heads.items():
            for name, value in head_loss(model, head, hidden, gold, rng, criterion).items():
                parts[name] = parts[name] + value if name in parts else value
        return parts

    def class_counts(self, examples: Sequence[Example]) -> dict[str, list[int]]:
        """Count the gold of every label and link, as the losses name the groups."""
        counts: dict[str, list[int]] = {}
        for head, layout in self.setting.layouts.items():
            gold = [example.gold.targets[head] for example in examples if head in example.gold.targets]
            for group, size, columns in (
                ("labels", len(layout.labels), [targets.spans[:, 2] for targets in gold]),
                ("links", len(layout.links), [targets.links[:, 2] for targets in gold]),
            ):
                flat = np.concatenate([np.zeros(0, np.int64), *columns]).astype(np.int64)
                counts[f"{head}/{group}"] = np.bincount(flat, minlength=size).tolist()
        return counts

    def returned(self, documents: Sequence[Document], head: str) -> list[Document]:
        """Return documents as they come back from windows, `encode`, `decode` and `merge`."""
        setting = self.setting
        return there_and_back(documents, setting.tokenizer, setting.size, setting.layouts[head])


def _gather(head: str, gold: Sequence[JointGold], offsets: npt.NDArray[np.int64]) -> HeadBatch:
    members = [number for number, row in enumerate(gold) if head in row.targets]
    tokens, row_of, spans, values, links, is_annotated = [], [], [], [], [], []
    n_tokens = n_spans = 0
    for row, number in enumerate(members):
        targets = gold[number].targets[head]
        size = int(offsets[number + 1] - offsets[number])
        tokens.append(np.arange(offsets[number], offsets[number + 1]))
        row_of.append(np.full(size, row))
        spans.append(targets.spans + np.array([n_tokens, n_tokens, 0]))
        values.append(targets.values)
        is_annotated.append(targets.is_annotated)
        links.append(targets.links + np.array([n_spans, n_spans, 0]))
        n_tokens += size
        n_spans += len(targets.spans)
    supervision = [gold[number].supervision[head] for number in members]
    return HeadBatch(
        np.concatenate(tokens).astype(np.int64),
        np.concatenate(row_of).astype(np.int64),
        np.concatenate(spans),
        np.concatenate(values),
        np.concatenate(links),
        np.concatenate(is_annotated),
        np.stack([s.labels for s in supervision]),
        np.stack([s.attributes for s in supervision]),
        np.stack([s.links for s in supervision]),
    )
