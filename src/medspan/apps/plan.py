"""What a recipe would do, measured before anything is trained."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module

    from medspan.training.config import Recipe
    from medspan.training.examples import Example
    from medspan.training.setup import Setup

__all__ = ["TrainingPlan", "plan_training"]

_REST_SHARE = 1.15
"""The optimiser and the scores on tune take about this much on top of the losses."""


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
    import torch

    from medspan.training.plan import StepPlan
    from medspan.training.precision import set_up
    from medspan.training.setup import prepare
    from medspan.training.sources import gather

    setup = prepare(recipe)
    material = gather(recipe, setup.task, setup.layouts)
    set_up(setup.encoder, recipe.optimisation, torch.device("cpu"))
    model = setup.task.build(setup.encoder)
    options = recipe.optimisation
    plan = StepPlan(material.examples, options, recipe.seed)
    timed = [batch for step in range(min(2, plan.total)) for batch in plan.step(step)]
    lost: dict[str, Counter[str]] = {}
    for source, reasons in material.lost.items():
        lost.setdefault(source.rpartition(" as ")[2], Counter()).update(reasons)
    return TrainingPlan(
        documents=dict(material.documents),
        tune_documents=sum(len(part.documents) for part in material.tune),
        rows=len(material.examples),
        tokens=sum(len(example.row) for example in material.examples),
        epochs=options.epochs,
        steps=plan.total,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        held=material.held,
        lost=lost,
        seconds=plan.total * options.accumulation * _seconds_a_batch(setup, model, material.examples, timed),
    )


def _seconds_a_batch(
    setup: "Setup", model: "Module", examples: Sequence["Example"], plan: Sequence[Sequence[int]]
) -> float:
    """Time the losses of two batches, forwards and backwards."""
    import numpy as np
    import torch

    from medspan.models.objective import Criterion

    chosen = [plan[0], plan[0], plan[-1]]  # the first one warms up
    times = []
    for members in chosen:
        batch = setup.task.collate([examples[number] for number in members])
        began = time.perf_counter()
        parts = setup.task.losses(model, batch, np.random.default_rng(0), Criterion())
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        times.append(time.perf_counter() - began)
    model.zero_grad()
    torch.clear_autocast_cache()
    return _REST_SHARE * sum(times[1:]) / len(times[1:])
