"""The tables of a study's page."""

from collections.abc import Iterator, Sequence

from medspan.scoring.render import Table
from medspan.studies.report.rows import GIVEN, Figure, Row
from medspan.studies.report.significance import Answer
from medspan.studies.running import State
from medspan.studies.study_file import SEED, Group, Study

__all__ = ["costs", "differences", "figures", "given", "measure_title", "records", "setting"]

NOTHING = "–"


def measure_title(measure: str) -> str:
    """Return a measure's dotted name as words."""
    return measure.replace(".", " ").replace("_", " ")


def figures(group: Group, rows: Sequence[Row], resamples: int) -> Table:
    """F1 of every row in every measure of the group, and their ceilings in the same order."""
    measures = group.scored.measures
    head = (*_axes(group), "seeds", *(f"{measure_title(measure)} F1" for measure in measures), "ceilings")
    return Table(
        f"{group.heading}: F1",
        head,
        tuple(
            (
                *row.values.values(),
                str(len(row.cells)),
                *(_figure(row.figure(measure, resamples)) for measure in measures),
                " / ".join(_share(row.ceiling(measure)) for measure in measures),
            )
            for row in rows
        ),
    )


def given(group: Group, rows: Sequence[Row], resamples: int) -> Table | None:
    """F1 on gold entities of the rows whose formulation joins entities; None where there are none."""
    measures = [measure for measure in group.scored.measures if not measure.startswith("entities")]
    chosen = [row for row in rows if any(row.counts(measure, part=GIVEN) is not None for measure in measures)]
    if not chosen:
        return None
    return Table(
        f"{group.heading}: F1 where the entities are given",
        (*_axes(group), "seeds", *(f"{measure_title(measure)} F1" for measure in measures)),
        tuple(
            (
                *row.values.values(),
                str(len(row.cells)),
                *(_figure(row.figure(measure, resamples, GIVEN)) for measure in measures),
            )
            for row in chosen
        ),
    )


def costs(group: Group, rows: Sequence[Row]) -> Table:
    """What every row took to train, and whether it was done."""
    head = (
        "trainable parameters",
        "of all",
        "peak memory",
        "of it in training",
        "CPU s a step",
        "steps",
        "epochs",
        "CPU minutes",
        "still rising",
    )
    return Table(
        f"{group.heading}: cost",
        (*_axes(group), *head),
        tuple((*row.values.values(), *_cost(row)) for row in rows),
    )


def differences(group: Group, found: Answer) -> Table:
    """Every difference that one comparison asked for."""
    comparison = found.comparison
    others = [axis for axis in _axes(group) if axis != comparison.axis]
    where = "".join(f", {axis} {' or '.join(map(str, values))}" for axis, values in comparison.where.items())
    return Table(
        f"{group.heading}: {comparison.axis} against {comparison.baseline}{where}, {measure_title(found.measure)} F1",
        (*others, comparison.axis, "seeds", "F1", "baseline's", "difference in points", "p", "p, Holm"),
        tuple(
            (
                *(one.row.values[axis] for axis in others),
                one.row.values[comparison.axis],
                str(one.seeds),
                _share(one.difference.f1_a),
                _share(one.difference.f1_b),
                f"{100 * one.difference.difference:+.1f} ({100 * one.difference.interval.low:+.1f} to "
                f"{100 * one.difference.interval.high:+.1f})",
                _p(one.difference.p_randomization),
                _p(one.p_adjusted),
            )
            for one in found.rows
        ),
    )


def setting(study: Study, states: Sequence[State]) -> Table:
    """What was trained and scored where: data, split, seeds, budget, hardware."""
    found = []
    for group in study.groups:
        kept = [s.kept for s in states if s.cell.group is group and s.is_finished and s.kept is not None]
        data = {name: facts["documents"] for cell in kept for name, facts in cell["data"].items()}
        target = group.scored.documents
        sources = [f"{name} ({n:,})" for name, n in data.items() if name != target]
        scored = f"{target} ({data[target]:,})" if target in data else target
        machines = sorted({f"{cell['hardware']}; threads used: {cell['threads']}" for cell in kept})
        planned = sum(state.cell.group is group for state in states)
        found.append(
            (
                group.heading,
                ", ".join(sources) or NOTHING,
                scored,
                ", ".join(group.axes.get(SEED, {})) or "of the recipe",
                f"{group.budget or study.budget:g}",
                f"{len(kept)} of {planned}",
                " / ".join(machines) or NOTHING,
            )
        )
    head = ("group", "trained on (documents)", "scored on", "seeds", "CPU minutes a cell", "cells", "hardware")
    return Table("What was run", head, tuple(found))


def records(rows: Sequence[Row], resamples: int) -> Iterator[dict[str, str | float | int | None]]:
    """Yield rows as plain numbers under plain names, for CSV."""
    for row in rows:
        record: dict[str, str | float | int | None] = {"group": row.group.name, **row.values, "seeds": len(row.cells)}
        for part in ("", GIVEN):
            for measure in row.group.scored.measures:
                if part and measure.startswith("entities"):
                    continue
                name = f"{part}.{measure}" if part else measure
                figure = row.figure(measure, resamples, part)
                record |= {
                    f"{name}.f1": None if figure is None else figure.mean,
                    f"{name}.over_seeds": None if figure is None else figure.half,
                    f"{name}.low": None if figure is None else figure.low,
                    f"{name}.high": None if figure is None else figure.high,
                }
        record |= {f"{measure}.ceiling": row.ceiling(measure) for measure in row.group.scored.measures}
        sizes = ("trainable", "parameters", "peak_memory_bytes", "memory_growth_bytes")
        keys = (*sizes, "cpu_seconds_per_step", "steps", "epochs", "cpu_seconds")
        record |= {key: row.training(key) for key in keys}
        record["still_rising"] = row.rising()
        yield record


def _axes(group: Group) -> list[str]:
    return [axis for axis in group.axes if axis != SEED]


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    half = f" ± {figure.half:.3f}" if figure.half is not None else ""
    bounds = f" ({figure.low:.3f} to {figure.high:.3f})" if figure.low is not None else ""
    return f"{figure.mean:.3f}{half}{bounds}"


def _cost(row: Row) -> tuple[str, ...]:
    trainable, parameters = row.training("trainable"), row.training("parameters")
    memory, growth = row.training("peak_memory_bytes"), row.training("memory_growth_bytes")
    seconds = row.training("cpu_seconds_per_step")
    steps, epochs, cpu, rising = (*(row.training(k) for k in ("steps", "epochs", "cpu_seconds")), row.rising())
    return (
        NOTHING if trainable is None else f"{trainable:,.0f}",
        NOTHING if not trainable or not parameters else f"{100 * trainable / parameters:.2f} %",
        NOTHING if not memory else f"{memory / 1e6:,.0f} MB",
        NOTHING if growth is None else f"{growth / 1e6:,.0f} MB",
        NOTHING if seconds is None else f"{seconds:.2f}",
        NOTHING if steps is None else f"{steps:,.0f}",
        NOTHING if epochs is None else f"{epochs:.1f}",
        NOTHING if cpu is None else f"{cpu / 60:.1f}",
        NOTHING if rising is None else "no" if not rising else f"{rising} of {len(row.cells)}",
    )


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
