"""What a recipe would do, measured before anything is trained."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medspan.models.joint.network import JointModel
    from medspan.training.config import Recipe
    from medspan.training.sources import Example

__all__ = ["TrainingPlan", "plan_training"]

_HEADS_SHARE = 1.3
"""Losses, optimiser and scores on tune take about this much on top of the encoder's two passes."""


@dataclass(frozen=True)
class TrainingPlan:
    """Counts of a recipe: documents by source, rows, tokens, steps in all epochs, and gold by head set.

    `held` counts the mentions and links that rows hold, `lost` those the formulation cannot hold, by reason.
    """

    documents: Mapping[str, int]
    tune_documents: int
    rows: int
    tokens: int
    epochs: int
    steps: int
    parameters: int
    held: Mapping[str, int]
    lost: Mapping[str, Mapping[str, int]]
    seconds: float

    def lines(self) -> Iterator[str]:
        """Yield the plan as text, a line a fact."""
        for source, n in self.documents.items():
            yield f"documents   {source}: {n:,}"
        yield f"tune        {self.tune_documents:,} documents kept apart"
        yield f"rows        {self.rows:,}, {self.tokens:,} tokens an epoch without repeats"
        yield f"steps       {self.steps:,} in {self.epochs} epochs at most"
        yield f"parameters  {self.parameters:,} trainable"
        for head, held in self.held.items():
            lost = self.lost.get(head, {})
            share = 100 * held / max(1, held + sum(lost.values()))
            reasons = "; lost: " + ", ".join(f"{n:,} {reason}" for reason, n in lost.items()) if lost else ""
            yield f"ceiling     {head}: {share:.1f} % of gold mentions and links{reasons}"
        yield f"estimate    {self.seconds / 60:,.0f} minutes at most on this machine, early stopping not counted"


def plan_training(recipe: "Recipe") -> TrainingPlan:
    """Encode the recipe's sources, build its model and time two batches; nothing is written."""
    from medspan.formulations import TextTokenizer
    from medspan.models.backbones import backbone_path, load_backbone
    from medspan.models.joint.network import JointModel, JointSizes
    from medspan.training.batches import plan_epoch
    from medspan.training.sources import build_layouts, gather

    tokenizer = TextTokenizer.load(Path(backbone_path(recipe.backbone)))
    layouts = build_layouts(recipe)
    material = gather(recipe, tokenizer, layouts)
    model = JointModel(load_backbone(recipe.backbone), layouts, JointSizes(), recipe.optimisation.dropout)
    options = recipe.optimisation
    plans = [plan_epoch(material.examples, options.batch_tokens, recipe.seed, e) for e in range(options.epochs)]
    steps = sum(len(plan) for plan in plans)
    held: Counter[str] = Counter()
    for example in material.examples:
        for head, targets in example.targets.items():
            held[head] += len(targets.spans) + len(targets.links)
    lost: dict[str, Counter[str]] = {}
    for source, reasons in material.lost.items():
        lost.setdefault(source.rpartition(" as ")[2], Counter()).update(reasons)
    return TrainingPlan(
        documents=dict(material.documents),
        tune_documents=sum(len(part.documents) for part in material.tune),
        rows=len(material.examples),
        tokens=sum(len(example.row) for example in material.examples),
        epochs=options.epochs,
        steps=steps,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        held=held,
        lost=lost,
        seconds=steps * _seconds_a_step(model, material.examples, plans[0]),
    )


def _seconds_a_step(model: "JointModel", examples: Sequence["Example"], plan: Sequence[Sequence[int]]) -> float:
    """Time both passes of the encoder over two batches."""
    import torch

    from medspan.training.batches import collate

    chosen = [plan[0], *plan[:2]]  # the first one warms up
    times = []
    for members in chosen:
        batch = collate([examples[number] for number in members], {}, 1, 1, pad_id=0)
        began = time.perf_counter()
        hidden = model.hidden(batch.input_ids, batch.attention_mask, batch.is_token)
        hidden.sum().backward()  # type: ignore[no-untyped-call]
        times.append(time.perf_counter() - began)
    model.zero_grad()
    torch.clear_autocast_cache()
    return _HEADS_SHARE * sum(times[1:]) / len(times[1:])
