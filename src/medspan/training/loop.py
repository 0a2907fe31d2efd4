"""The one training loop."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from medspan.errors import CheckpointError
from medspan.inference import load
from medspan.models.checkpoint import ENTITIES, write_config, write_json
from medspan.models.export import export_encoder
from medspan.models.strategies import count_parameters
from medspan.models.weights import load_trained_encoder
from medspan.training.calibration import calibration_rows
from medspan.training.ceiling import tune_ceiling
from medspan.training.config import Recipe
from medspan.training.devices import Devices, connect
from medspan.training.entity_model import copy_entity_model, take_entity_model
from medspan.training.evaluation import TuneScores, score_tune
from medspan.training.journal import Journal
from medspan.training.keeping import Keeper
from medspan.training.loggers import build_loggers, check_loggers
from medspan.training.losses import build_criterion
from medspan.training.meter import Costs, Meter
from medspan.training.plan import StepPlan
from medspan.training.precision import set_up
from medspan.training.setup import Setup, prepare
from medspan.training.sources import Material, gather
from medspan.training.state import Snapshot, load_state, save_state
from medspan.training.step import StepOutcome, Stepper
from medspan.training.thresholds import fit_thresholds

__all__ = ["Listener", "Run", "Trainer", "train"]

_LOG_EVERY = 20
_CHECKED_ROWS = 24
"""Rows on which an export must agree with torch."""


@dataclass
class Run:
    """Where a run stands; the place in an epoch follows from the step."""

    step: int = 0
    best: float = -1.0
    since_best: int = 0
    examples: int = 0
    costs: Costs = field(default_factory=Costs)
    scaler: Mapping[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    """Hears of every evaluation; may raise to end the run there."""

    def evaluated(self, step: int, measure: float) -> None:
        """Take the measure on tune after a step."""
        ...


def train(recipe: Recipe, folder: Path, *, resume: bool = False, quiet: bool = False) -> dict[str, Any]:
    """Train a recipe into `folder`, a checkpoint, and return its metrics on `tune`.

    The best weights by the score on `tune` are kept in the folder itself, those of the last step in `folder/last`.
    `folder/state` holds the last saved state; with `resume` the run goes on from there and ends as if it had never
    stopped. `folder/log.jsonl` has a line every 20 steps and every evaluation.

    Started by Accelerate's launcher, every process calls this; the first one writes.
    """
    return Trainer(recipe, folder, resume=resume, quiet=quiet).run_to_end()


class Trainer:
    """One run: what it is made of, and where it stands."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        *,
        resume: bool = False,
        quiet: bool = False,
        listener: Listener | None = None,
    ) -> None:
        torch.set_num_threads(recipe.optimisation.threads or torch.get_num_threads())
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.folder = folder
        self.devices: Devices = connect()
        self.quiet = quiet or not self.devices.is_first
        self.listener = listener
        if self.devices.is_first:
            check_loggers(recipe.evaluation.loggers)
        self.setup: Setup = prepare(recipe)
        if self.devices.is_first:
            take_entity_model(recipe, folder, self.setup.layouts)
        self.material: Material = gather(recipe, self.setup.task, self.setup.layouts)
        set_up(self.setup.encoder, recipe.optimisation, self.devices.device)
        network = self.setup.task.build(self.setup.encoder)
        self.parameters = count_parameters(network)
        criterion = build_criterion(recipe.optimisation, self.setup.task, self.material.examples)
        self.stepper = Stepper(network, self.setup.task, criterion, recipe.optimisation, recipe.seed, self.devices)
        self.plan = StepPlan(self.material.examples, recipe.optimisation, recipe.seed, self.devices.count)
        self.at = Run(examples=len(self.material.examples))
        self.keeper = Keeper(recipe, folder, self.setup, self.material, network, self.devices)
        self.ceiling = tune_ceiling(self.material.tune, self.setup.task, self.setup.layouts, recipe.formulation)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(folder, is_silent=not self.devices.is_first)
        if resume:
            self._restore()

    def run_to_end(self) -> dict[str, Any]:
        """Train, save and score; return the metrics."""
        self._tell_start()
        meter = Meter(self.at.costs)
        if not self.at.step:
            self._save()  # so that a run killed in its first steps can be resumed as well
        meter.begin_steps()
        with self._progress() as advance:
            while self.at.step < self.plan.total and not self._is_patience_lost():
                batches = self.plan.step(self.at.step)
                meter.begin_step()
                examples = [[self.material.examples[number] for number in batch] for batch in batches]
                outcome = self.stepper.step(self.at.step, self.plan.total, examples)
                meter.end_step(outcome.n_tokens)
                self.at.step += 1
                advance(outcome)
                if self._is_evaluation_due():
                    self._evaluate(meter)
                    meter.begin_steps()
                if self._is_saving_due():
                    meter.tick()
                    self._save()
        if self.at.step < self.plan.total:
            self.journal.write("early stop", {"step": self.at.step, "epoch": self.plan.progress(self.at.step)})
        try:
            return self._finish(meter)
        finally:
            self.journal.close()

    def _restore(self) -> None:
        snapshot, counters = load_state(self.folder / "state")
        self.keeper.check_recipe(counters.pop("recipe", None))
        if counters["examples"] != self.at.examples:
            raise CheckpointError(
                f"{self.folder}: the run began with {counters['examples']} examples, now there are {self.at.examples}; "
                "resume with the recipe and documents the run began with"
            )
        snapshot.put(self.stepper.network, self.stepper.average, self.stepper.optimiser)
        self.at = Run(**counters | {"costs": Costs(**counters["costs"])})
        self.stepper.scaler.load_state_dict(dict(self.at.scaler))

    def _save(self) -> None:
        self.at.scaler = self.stepper.scaler.state_dict()
        snapshot = Snapshot.take(self.stepper.network, self.stepper.average, self.stepper.optimiser)
        if self.devices.is_first:
            save_state(self.folder / "state", snapshot, asdict(self.at) | {"recipe": self.keeper.config.recipe})

    def _is_patience_lost(self) -> bool:
        return self.at.since_best >= self.recipe.evaluation.patience

    def _is_evaluation_due(self) -> bool:
        options, step = self.recipe.evaluation, self.at.step
        if step == self.plan.total:
            return True
        if options.every_steps:
            return step % options.every_steps == 0
        return self.plan.is_epoch_end(step) and self.plan.epochs_done(step) % options.every == 0

    def _is_saving_due(self) -> bool:
        every, step = self.recipe.optimisation.save_every, self.at.step
        if step == self.plan.total or self._is_patience_lost():
            return True
        return step % every == 0 if every else self.plan.is_epoch_end(step)

    def _evaluate(self, meter: Meter) -> None:
        with self.keeper.averaged(self.stepper.average) as kept:
            scores = score_tune(kept.extractor(), self.material.tune) if self.devices.is_first else TuneScores({})
            scores = self.devices.first(scores)
            is_scored = self.ceiling.measure > 0
            is_nothing_right = scores.measure <= 0 and self.at.best <= 0
            if scores.measure > self.at.best + self.recipe.evaluation.min_delta or not is_scored:
                self.at.best, self.at.since_best = scores.measure, 0
                kept.save(self.folder)
            else:
                self.at.since_best += 1
                if is_nothing_right:  # scores of 0 tell nothing apart: the last weights are kept, not the first
                    kept.save(self.folder)
            if self.recipe.evaluation.keep_last and (self.at.step == self.plan.total or self._is_patience_lost()):
                kept.save(self.folder / "last")
        epoch = self.plan.progress(self.at.step)
        meter.add_score(self.at.step, epoch, scores.measure)
        entry = {"step": self.at.step, "epoch": epoch, "measure": scores.measure, "scores": scores.heads}
        self.journal.write("tune", entry)
        if self.listener is not None:
            self.listener.evaluated(self.at.step, scores.measure)

    def _finish(self, meter: Meter) -> dict[str, Any]:
        """Fit thresholds to the kept checkpoint, as it will be loaded, and say what the run came to."""
        metrics: dict[str, Any] = {}
        costs = meter.report()  # what follows is not the training's
        if self.devices.is_first:
            if self.recipe.entities is not None and (self.folder / "last").is_dir():
                copy_entity_model(self.folder / ENTITIES, self.folder / "last")
            engine = "onnx" if self._export() else "torch"
            extractor = load(self.folder, engine=engine, threads=self.recipe.optimisation.threads or None)
            thresholds = fit_thresholds(extractor, self.material.tune)
            write_config(self.folder, replace(self.keeper.config, thresholds=thresholds))
            scores = score_tune(extractor.with_thresholds(thresholds), self.material.tune)
            metrics = {
                "tune": {"measure": scores.measure, "heads": scores.heads},
                "ceiling": {"measure": self.ceiling.measure, "heads": self.ceiling.heads},
                "steps": self.at.step,
                "epochs": self.plan.progress(self.at.step),
                "parameters": self.parameters.total,
                "trainable": self.parameters.trainable,
                **costs,
                "threads": torch.get_num_threads(),
                "devices": self.devices.count,
            }
            write_json(self.folder / "metrics.json", metrics)
        self.journal.write("end", metrics)
        return dict(self.devices.first(metrics))

    def _export(self) -> bool:
        """Write the kept encoder for the CPU runtime, where asked; tell so where its architecture cannot be."""
        if not self.recipe.evaluation.export:
            return False
        setup = self.setup
        rows = calibration_rows(self.material, setup.task, setup.layouts, _CHECKED_ROWS, self.recipe.seed)
        try:
            export_encoder(load_trained_encoder(self.folder), self.folder, rows, int8=False)
        except CheckpointError as error:
            self.journal.write("not exported", {"why": str(error)})
            return False
        return True

    def _tell_start(self) -> None:
        material, write = self.material, self.journal.write
        if self.at.step:
            write("resume", {"step": self.at.step})
        write("start", {"documents": dict(material.documents), "rows": len(material.examples)})
        write("left out", {"documents": dict(material.left_out)})
        lost = {name: dict(reasons) for name, reasons in material.lost.items()}
        write("ceiling", {"lost": lost, "tune": self.ceiling.heads})
        if self.devices.is_first:
            settings = {"seed": self.recipe.seed, "trainable": self.parameters.trainable}
            settings |= self.recipe.optimisation.model_dump(mode="json")
            names = self.recipe.evaluation.loggers
            self.journal.send_to(build_loggers(names, self.folder, self.recipe.name, settings, self.at.step))

    @contextmanager
    def _progress(self) -> Iterator[Any]:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        with Progress(console=console, disable=self.quiet or not console.is_terminal, transient=True) as progress:
            bar = progress.add_task("steps", total=self.plan.total, completed=self.at.step)

            def advance(outcome: StepOutcome) -> None:
                progress.advance(bar)
                if self.at.step % _LOG_EVERY == 0:
                    self._log_step(outcome)

            yield advance

    def _log_step(self, outcome: StepOutcome) -> None:
        loss: dict[str, float] = {}
        mine = {name: float(value) / outcome.n_units for name, value in outcome.parts.items()}
        for parts in self.devices.gather(mine):
            for name, value in parts.items():
                loss[name] = round(loss.get(name, 0.0) + value, 4)
        self.journal.write("step", {"step": self.at.step, "of": self.plan.total, "loss": loss})
