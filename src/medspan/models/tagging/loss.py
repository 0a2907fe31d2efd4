"""The loss of the tagging model: how unlikely the tags are that the gold allows, and the attribute values.

Gold allows one tag where a corpus says everything about a unit. It allows more where it says less: beside O, every tag
of labels that the corpus does not annotate; anything at all where the unit itself is not annotated. The likelihood is
that of all allowed tags (without a CRF) or of all allowed sequences (with one) together.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from medspan.models.attributes import value_loss
from medspan.models.objective import Criterion
from medspan.models.tagging.crf import NEVER
from medspan.models.tagging.network import TaggingModel

__all__ = ["HeadBatch", "head_loss", "tag_group"]


@dataclass(frozen=True)
class HeadBatch:
    """Gold of a batch for one head set; only the rows that this head set is trained on.

    tokens: (U,) position of each unit's first token in the whole batch; row, step: (U,) its row, numbered from 0, and
    its place there. tags: (U, L) gold tag in each layer; allowed: (U, L, T) which tags the gold allows, that one
    included.
    first, last: (M,) tokens of the mentions, inclusive, in the whole batch; values: (M, attributes) as in Targets, -1
    where nothing is learnt.
    """

    tokens: Tensor
    row: Tensor
    step: Tensor
    tags: Tensor
    allowed: Tensor
    first: Tensor
    last: Tensor
    values: Tensor

    def to(self, device: torch.device | str) -> "HeadBatch":
        """Return the batch with its tensors on a device."""
        return HeadBatch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def tag_group(head: str, layer: int) -> str:
    """Return the name by which a criterion knows the tags of one layer."""
    return f"{head} tags {layer}"


def head_loss(
    model: TaggingModel, head: str, hidden: Tensor, batch: HeadBatch, criterion: Criterion
) -> dict[str, Tensor]:
    """Return the summed losses of one head set by part: tags, values. `hidden`: (N, D)."""
    layers = model.layers[head]
    logits = model.tag_scores(head, hidden[batch.tokens])
    is_tag = torch.from_numpy(layers.is_tag).to(logits.device)
    columns = torch.from_numpy(layers.columns).to(logits.device)
    scores = logits[:, columns].masked_fill(~is_tag, NEVER)  # (U, L, T)
    if model.head(head).crf is None:
        parts = {"tags": _token_loss(head, scores, is_tag, batch, criterion)}
    else:
        parts = {"tags": _sequence_loss(model, head, scores, batch)}
    if len(batch.first) and model.layouts[head].attributes:
        logits = model.value_scores(head, hidden, batch.first, batch.last)
        parts["values"] = value_loss(model.layouts[head], logits, batch.values, criterion)
    return parts


def _token_loss(head: str, scores: Tensor, is_tag: Tensor, batch: HeadBatch, criterion: Criterion) -> Tensor:
    """Cross-entropy of the allowed tags taken as one: the gold tag gets their common logit, the others go."""
    common = torch.logsumexp(scores.masked_fill(~batch.allowed, NEVER), dim=2, keepdim=True)  # (U, L, 1)
    gold = batch.tags.unsqueeze(2)
    taken = scores.masked_fill(batch.allowed, NEVER).scatter(2, gold, common)
    says_something = (~batch.allowed & is_tag).any(dim=2)
    total = scores.new_zeros(())
    for layer, n_tags in enumerate(is_tag.sum(dim=1).tolist()):
        weighing = criterion.of(tag_group(head, layer))
        total = total + weighing.categorical(taken[:, layer, :n_tags], batch.tags[:, layer], says_something[:, layer])
    return total


def _sequence_loss(model: TaggingModel, head: str, scores: Tensor, batch: HeadBatch) -> Tensor:
    """Negative log-likelihood of all allowed sequences together."""
    crf = model.head(head).crf
    assert crf is not None
    lengths = torch.bincount(batch.row)
    n_rows, n_steps = len(lengths), int(lengths.max())
    every = scores.double().transpose(0, 1)  # (L, U, T)
    allowed = every.masked_fill(~batch.allowed.transpose(0, 1), NEVER)
    emissions = every.new_zeros(len(every), 2 * n_rows, n_steps, every.shape[2])
    emissions[:, batch.row, batch.step] = allowed
    emissions[:, n_rows + batch.row, batch.step] = every
    log_sums = crf.log_sums(emissions, lengths.repeat(2))  # (L, 2 R)
    return (log_sums[:, n_rows:] - log_sums[:, :n_rows]).sum().float()
