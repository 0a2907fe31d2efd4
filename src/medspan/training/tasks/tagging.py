"""`tagging` in training: one example a window, tagged when batches are made, as layers are known by then."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from medspan.annotation import Document
from medspan.errors import ConfigError
from medspan.formulations import Row, rows
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Supervision, Targets, encode
from medspan.formulations.tagging import (
    Options,
    Units,
    apart,
    count_lost,
    give_back,
    layers_of,
    overlapping_labels,
    unit_spans,
    units_of,
)
from medspan.inference.completeness import only_complete
from medspan.models.encoder import Encoder
from medspan.models.objective import Criterion
from medspan.models.tagging.loss import HeadBatch, head_loss, tag_group
from medspan.models.tagging.network import TaggingModel
from medspan.text import merge
from medspan.training.examples import Encoded, Example
from medspan.training.gold import lost_across, unannotated
from medspan.training.tasks import Setting
from medspan.training.tasks.tagging_batch import TaggingGold, head_batch, tags_of
from medspan.training.tasks.text_rows import pad_text

__all__ = ["TaggingBatch", "TaggingTask"]


@dataclass(frozen=True)
class TaggingBatch:
    """Padded rows for the encoder, (rows, length) each, and the gold of every head set present.

    is_token: (rows, length), False at special tokens and padding. n_units: tagged words or pieces.
    """

    inputs: Mapping[str, Tensor]
    is_token: Tensor
    n_units: int
    heads: Mapping[str, HeadBatch]

    def to(self, device: Any) -> "TaggingBatch":
        """Return the batch with its tensors on a device."""
        inputs = {name: value.to(device) for name, value in self.inputs.items()}
        heads = {name: gold.to(device) for name, gold in self.heads.items()}
        return TaggingBatch(inputs, self.is_token.to(device), self.n_units, heads)


class TaggingTask:
    """See `Task`. With `layers: auto`, `encode` sees which labels overlap, and `build` settles the layers."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.options = Options.model_validate(setting.options)
        self.layers = layers_of(self.options, setting.layouts)
        self._overlaps: dict[str, set[tuple[int, int]]] = {head: set() for head in setting.layouts}
        self._is_open = self.options.layers == "auto"

    def build(self, encoder: Encoder) -> TaggingModel:
        """Return the tagging network; from now on layers stay as they are."""
        self._is_open = False
        return TaggingModel(encoder, self.setting.layouts, self.layers, self.options.crf, self.setting.dropout)

    def encode(
        self, versions: Mapping[str, Sequence[Document]], supervision: Mapping[str, Supervision], repeat: float
    ) -> Encoded:
        """Turn documents into one example a window."""
        targets: dict[str, list[Targets]] = {}
        lost: dict[str, Counter[str]] = {}
        inputs: list[EncoderInput] = []
        units: list[Units] = []
        for head, mapped in versions.items():
            cut = rows(mapped, self.setting.tokenizer, self.setting.size)
            flat = [row for document_rows in cut for row in document_rows]
            inputs = [EncoderInput(self.setting.tokenizer.row(row.tokens)) for row in flat]
            units = [self._units(row) for row in flat]
            layout = self.setting.layouts[head]
            targets[head] = [encode(row.window.document, row.tokens, layout, unannotated(row)) for row in flat]
            self._keep_apart(head, targets[head], units)
            back = self._back(flat, targets[head], units, head)
            lost[head] = lost_across(mapped, cut)
            for row, window, of_row in zip(flat, back, units, strict=True):
                given = only_complete(window, layout.schema)
                lost[head] += count_lost(row.window.document, window, given, row.tokens, of_row, layout)
        examples = [
            Example(
                row,
                TaggingGold(units[number], {head: targets[head][number] for head in versions}, supervision),
                repeat,
            )
            for number, row in enumerate(inputs)
        ]
        held = {head: sum(len(row.spans) for row in targets[head]) for head in versions}
        return Encoded(examples, held, lost)

    def collate(self, examples: Sequence[Example]) -> TaggingBatch:
        """Pad rows to the longest and tag the gold of each head set."""
        inputs, is_token = pad_text(examples, self.setting.tokenizer)
        offsets = np.cumsum([0, *is_token.sum(dim=1).tolist()])
        gold = [example.gold for example in examples]
        heads = {
            head: head_batch(head, gold, offsets, layers)
            for head, layers in self.layers.items()
            if any(head in row.targets for row in gold)
        }
        return TaggingBatch(inputs, is_token, sum(len(row.units) for row in gold), heads)

    def losses(
        self, network: nn.Module, batch: TaggingBatch, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return the losses of all head sets together, by part; raises ConfigError for a CRF with a token-wise loss."""
        if self.options.crf and criterion.kind != "cross_entropy":
            raise ConfigError(
                f"tagging.crf: a CRF learns whole sequences, loss {criterion.kind!r} weighs single tags; "
                "set optimisation.loss to cross_entropy or tagging.crf to false"
            )
        del rng  # nothing is drawn
        model = cast(TaggingModel, network)
        hidden = model.hidden(batch.inputs, batch.is_token)
        parts: dict[str, Tensor] = {}
        for head, gold in batch.heads.items():
            for name, value in head_loss(model, head, hidden, gold, criterion).items():
                parts[name] = parts[name] + value if name in parts else value
        return parts

    def class_counts(self, examples: Sequence[Example]) -> dict[str, list[int]]:
        """Return how many units have each tag, for every layer of every head set."""
        counts: dict[str, list[int]] = {}
        for head, layers in self.layers.items():
            tags = [tags_of(head, example.gold, layers).tags for example in examples if head in example.gold.targets]
            for layer, n_tags in enumerate(layers.n_tags.tolist()):
                found = np.concatenate([np.zeros(0, np.int64), *(row[layer] for row in tags)])
                counts[tag_group(head, layer)] = np.bincount(found, minlength=n_tags).tolist()
        return counts

    def returned(self, documents: Sequence[Document], head: str) -> list[Document]:
        """Return documents as they come back from windows, tags and `merge`, incomplete events left out."""
        found = []
        for document, cut in zip(documents, rows(documents, self.setting.tokenizer, self.setting.size), strict=True):
            targets = [encode(row.window.document, row.tokens, self.setting.layouts[head]) for row in cut]
            back = self._back(cut, targets, [self._units(row) for row in cut], head)
            annotated = [replace(row.window, document=window) for row, window in zip(cut, back, strict=True)]
            found.append(only_complete(merge(document, annotated), self.setting.layouts[head].schema))
        return found

    def _units(self, row: Row) -> Units:
        return units_of(row.window.document.text, row.tokens, self.options.pieces)

    def _back(
        self, cut: Sequence[Row], targets: Sequence[Targets], units: Sequence[Units], head: str
    ) -> list[Document]:
        windows, tokens = [row.window.document for row in cut], [row.tokens for row in cut]
        layout = self.setting.layouts[head]
        return give_back(windows, tokens, units, targets, self.layers[head], layout, self.options)

    def _keep_apart(self, head: str, targets: Sequence[Targets], units: Sequence[Units]) -> None:
        """Let labels that overlap in this gold have layers of their own, unless layers are settled."""
        if not self._is_open:
            return
        for row, of_row in zip(targets, units, strict=True):
            self._overlaps[head] |= overlapping_labels(unit_spans(row, of_row))
        layouts = self.setting.layouts
        self.layers[head] = apart(len(layouts[head].labels), self._overlaps[head])
        settled = {name: layers.names(layouts[name]) for name, layers in self.layers.items()}
        options = self.options.model_copy(update={"layers": settled})
        self.setting = replace(self.setting, options=options.model_dump(mode="json"))
