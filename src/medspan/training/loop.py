"""The one training loop."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medspan.corpora import schema
from medspan.inference import Extractor, build_extractor
from medspan.inference.encoder_engine import TorchEngine
from medspan.models.checkpoint import CheckpointConfig, write_config, write_json
from medspan.models.objective import Criterion
from medspan.models.weights import load_weights, save_weights
from medspan.training.batches import plan_epoch
from medspan.training.ceiling import tune_ceiling
from medspan.training.config import Recipe
from medspan.training.evaluation import score_tune
from medspan.training.optimiser import Average, build_optimiser, rate_factor
from medspan.training.setup import Setup, prepare
from medspan.training.sources import Material, gather
from medspan.training.state import load_state, save_state
from medspan.training.thresholds import fit_thresholds

__all__ = ["Run", "train"]


@dataclass
class Run:
    """Where a run stands."""

    step: int = 0
    epoch: int = 0
    best: float = -1.0
    since_best: int = 0
    seconds: float = 0.0


def train(recipe: Recipe, folder: Path, *, resume: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Train a recipe into `folder`, a checkpoint, and return its metrics on `tune`.

    The best weights by mean strict F1 on `tune` are kept. `folder/state` holds the last epoch's state; with `resume`
    the run goes on from there and ends as if it had never stopped. `folder/log.jsonl` has a line every 20 steps and
    every evaluation.
    """
    torch.set_num_threads(recipe.optimisation.threads or torch.get_num_threads())
    torch.manual_seed(recipe.seed)
    setup = prepare(recipe)
    material = gather(recipe, setup.task, setup.layouts)
    trainer = _Trainer(recipe, folder, setup, material, quiet)
    if resume:
        trainer.restore()
    return trainer.run_to_end()


class _Trainer:
    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        setup: Setup,
        material: Material,
        quiet: bool,
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.setup = setup
        self.task = setup.task
        self.tokenizer = setup.tokenizer
        self.model = model = setup.task.build(setup.encoder)
        self.criterion = Criterion()
        self.material = material
        self.quiet = quiet
        self.optimiser = build_optimiser(model, recipe.optimisation)
        self.average = Average(model, recipe.optimisation.average)
        self.at = Run()
        self.plans = [
            plan_epoch(material.examples, recipe.optimisation.batch_tokens, recipe.seed, epoch)
            for epoch in range(recipe.optimisation.epochs)
        ]
        self.total_steps = sum(len(plan) for plan in self.plans)
        self.config = _config(recipe, setup, material)
        self.ceiling = tune_ceiling(material.tune, self.task, setup.layouts)
        folder.mkdir(parents=True, exist_ok=True)

    def restore(self) -> None:
        self.at = Run(**load_state(self.folder / "state", self.model, self.average, self.optimiser))

    def run_to_end(self) -> dict[str, Any]:
        options = self.recipe.optimisation
        self._log({"event": "start", "documents": dict(self.material.documents), "rows": len(self.material.examples)})
        self._log({"event": "left out", "documents": dict(self.material.left_out)})
        lost = {name: dict(reasons) for name, reasons in self.material.lost.items()}
        self._log({"event": "ceiling", "lost": lost, "tune": self.ceiling.heads})
        while self.at.epoch < options.epochs and self.at.since_best < self.recipe.evaluation.patience:
            self._epoch()
            self.at.epoch += 1
            if self.at.epoch % self.recipe.evaluation.every == 0 or self.at.epoch == options.epochs:
                self._evaluate()
            save_state(self.folder / "state", self.model, self.average, self.optimiser, vars(self.at))
        if self.at.epoch < options.epochs:
            self._log({"event": "early stop", "epoch": self.at.epoch})
        return self._finish()

    def _epoch(self) -> None:
        from rich.progress import Progress

        plan = self.plans[self.at.epoch]
        with Progress(disable=self.quiet, transient=True) as progress:
            task = progress.add_task(f"epoch {self.at.epoch + 1}", total=len(plan))
            for members in plan:
                self._step(members)
                progress.advance(task)

    def _step(self, members: list[int]) -> None:
        began = time.perf_counter()
        options = self.recipe.optimisation
        # Dropout and sampling depend on the step alone, so a resumed run draws what an uninterrupted one would.
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.at.step)
        rng = np.random.default_rng((self.recipe.seed, 1, self.at.step))
        batch = self.task.collate([self.material.examples[number] for number in members])
        self.model.train()
        parts = self.task.losses(self.model, batch, rng, self.criterion)
        loss = torch.stack(list(parts.values())).sum() / batch.n_units
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), options.clip)
        factor = rate_factor(self.at.step, self.total_steps, options.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.average.update(self.model, self.at.step)
        self.at.step += 1
        self.at.seconds += time.perf_counter() - began
        if self.at.step % 20 == 0:
            shares = {name: round(float(value.detach()) / batch.n_units, 4) for name, value in parts.items()}
            self._log({"event": "step", "step": self.at.step, "of": self.total_steps, "loss": shares})

    def _extractor(self, thresholds: Mapping[str, Any] | None = None) -> Extractor:
        """The extractor with the averaged weights; shares the model's encoder, whose weights are swapped in."""
        weights = {
            name: value.float().numpy()
            for name, value in self.average.weights.items()
            if not name.startswith("encoder.")
        }
        config = replace(self.config, thresholds=thresholds) if thresholds is not None else self.config
        return build_extractor(self.tokenizer, TorchEngine(self.setup.encoder), config, weights)

    def _with_average(self) -> dict[str, torch.Tensor]:
        present = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.weights)
        self.model.eval()
        return present

    def _evaluate(self) -> None:
        present = self._with_average()
        scores = score_tune(self._extractor(), self.material.tune)
        # Without tune documents every score is 0: the last weights are kept then, not the first.
        if scores.measure > self.at.best or not self.material.tune:
            self.at.best, self.at.since_best = scores.measure, 0
            save_weights(self.folder, self.model.state_dict(), self.setup.encoder.config)
            self.tokenizer.save(self.folder)
            write_config(self.folder, self.config)
        else:
            self.at.since_best += 1
        self.model.load_state_dict(present)
        self._log({"event": "tune", "epoch": self.at.epoch, "measure": scores.measure, "scores": scores.heads})

    def _finish(self) -> dict[str, Any]:
        self.average.weights = load_weights(self.folder)
        self._with_average()
        thresholds = fit_thresholds(self._extractor(), self.material.tune)
        self.config = replace(self.config, thresholds=thresholds)
        write_config(self.folder, self.config)
        scores = score_tune(self._extractor(), self.material.tune)
        metrics = {
            "tune": {"measure": scores.measure, "heads": scores.heads},
            "ceiling": {"measure": self.ceiling.measure, "heads": self.ceiling.heads},
            "steps": self.at.step,
            "epochs": self.at.epoch,
            "seconds": round(self.at.seconds),
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
        }
        write_json(self.folder / "metrics.json", metrics)
        self._log({"event": "end", **metrics})
        return metrics

    def _log(self, entry: dict[str, Any]) -> None:
        line = json.dumps({"time": time.strftime("%H:%M:%S"), **entry})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _config(recipe: Recipe, setup: Setup, material: Material) -> CheckpointConfig:
    schemas = {head: layout.schema for head, layout in setup.layouts.items()}
    schemas |= {name: schema(name) for name in recipe.compose}
    return CheckpointConfig(
        name=recipe.name,
        description=recipe.description,
        default_schema=next(iter(recipe.compose), next(iter(recipe.heads))),
        window=setup.size,
        layouts=setup.layouts,
        thresholds={},
        compose=recipe.compose,
        schemas=schemas,
        formulation=recipe.formulation,
        options=recipe.options,
        strategy=recipe.strategy,
        recipe=recipe.model_dump(mode="json", by_alias=True),
        versions={name: version(name) for name in ("medspan", "peft", "torch", "transformers", "tokenizers")},
        data={"documents": dict(material.documents)},
    )
