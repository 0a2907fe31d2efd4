"""Plots of a study: F1 by setting, learning curves, F1 against trainable parameters. Needs the extra `study`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medspan.errors import MissingExtraError
from medspan.studies.report.rows import Row
from medspan.studies.report.tables import measure_title

__all__ = ["draw"]

# Okabe and Ito's colours, which colour-blind readers tell apart, and markers that say the same in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_FAINT = "#888888"
_STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def draw(rows: Sequence[Row], folder: Path, name: str, *, resamples: int) -> dict[str, Path]:
    """Draw the plots of a group's rows as SVG and PNG; returns the SVG of each by what it shows.

    Raises MissingExtraError where Matplotlib is not installed. The same rows give the same SVG, byte for byte.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise MissingExtraError("matplotlib", "study") from error
    ways: dict[str, Callable[..., bool]] = {
        "f1": _by_setting,
        "curves": _curves,
        "parameters": _against_parameters,
    }
    drawn = {}
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        for kind, way in ways.items():
            canvas = Canvas(layout="constrained")
            if not way(canvas, rows, resamples):
                continue
            path = folder / f"{name}-{kind}.svg"
            canvas.savefig(path, metadata={"Date": None})
            canvas.savefig(path.with_suffix(".png"), dpi=120, metadata={"Software": None})
            drawn[kind] = path
    return drawn


def _split(rows: Sequence[Row]) -> tuple[dict[str, list[Row]], dict[str, tuple[str, str]]]:
    """Return rows by their place (all axes but the last), and colour and marker of each value of the last axis."""
    axes = list(rows[0].values)
    places: dict[str, list[Row]] = {}
    for row in rows:
        place = ", ".join(row.values[axis] for axis in axes[:-1])
        places.setdefault(place, []).append(row)
    series = dict.fromkeys(row.values[axes[-1]] for row in rows) if axes else {"": None}
    looks = {
        value: (_COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)])
        for i, value in enumerate(_ordered(rows, series))
    }
    return places, looks


def _ordered(rows: Sequence[Row], present: Mapping[str, Any]) -> list[str]:
    """Give the values of the last axis the order of the study file, so that plots of several groups look alike."""
    axes = list(rows[0].values)
    return [value for value in rows[0].group.axes[axes[-1]] if value in present] if axes else list(present)


def _last(row: Row) -> str:
    return list(row.values.values())[-1] if row.values else ""


def _by_setting(canvas: Any, rows: Sequence[Row], resamples: int) -> bool:
    """Points with bootstrap intervals, side by side in each place; small lines show the ceilings."""
    measures = rows[0].group.scored.measures[:2]
    places, looks = _split(rows)
    names = list(looks)
    canvas.set_size_inches(max(6.0, 1.6 + 0.3 * sum(len(names) + 1 for _ in places)), 2.7 * len(measures))
    axes = canvas.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    width = len(names) + 1
    for ax, measure in zip(axes, measures, strict=True):
        for i, members in enumerate(places.values()):
            for row in members:
                figure = row.figure(measure, resamples)
                if figure is None:
                    continue
                value = _last(row)
                x = i * width + names.index(value)
                colour, marker = looks[value]
                low = figure.mean if figure.low is None else min(figure.low, figure.mean)
                high = figure.mean if figure.high is None else max(figure.high, figure.mean)
                ax.errorbar(
                    x,
                    figure.mean,
                    [[figure.mean - low], [high - figure.mean]],
                    fmt=marker,
                    color=colour,
                    capsize=2,
                    ms=5,
                )
                if (ceiling := row.ceiling(measure)) is not None:
                    ax.plot([x - 0.4, x + 0.4], [ceiling, ceiling], color=_FAINT, lw=1)
        ax.set_ylabel(f"F1, {measure_title(measure)}")
        ax.set_ylim(0, 1)
        ax.grid(axis="y", color="#dddddd", lw=0.6)
        ax.set_axisbelow(True)
    axes[-1].set_xticks([i * width + (len(names) - 1) / 2 for i in range(len(places))], list(places))
    _legend(canvas, looks, ceiling=any(row.ceiling(measures[0]) is not None for row in rows))
    return True


def _curves(canvas: Any, rows: Sequence[Row], _resamples: int) -> bool:
    """Scores on tune after so many steps: a panel for each place, a thin line for each seed."""
    if not any(cell["training"].get("curve") for row in rows for cell in row.cells.values()):
        return False
    places, looks = _split(rows)
    columns = min(4, len(places))
    lines = -(-len(places) // columns)
    canvas.set_size_inches(max(6.0, 2.6 * columns), 0.6 + 2.3 * lines)
    axes = canvas.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for ax, (place, members) in zip(axes, places.items(), strict=False):
        for row in members:
            colour, marker = looks[_last(row)]
            for cell in row.cells.values():
                curve = cell["training"].get("curve") or ()
                steps = [point["step"] for point in curve]
                ax.plot(
                    steps, [point["measure"] for point in curve], color=colour, marker=marker, ms=3, lw=1, alpha=0.8
                )
        ax.set_title(place, fontsize=9)
        ax.set_xlabel("steps")
        ax.set_ylim(0, 1)
        ax.grid(axis="y", color="#dddddd", lw=0.6)
    for ax in axes[len(places) :]:
        ax.set_visible(False)
    for ax in axes[::columns]:
        ax.set_ylabel("strict F1 on tune")
    _legend(canvas, looks)
    return True


def _against_parameters(canvas: Any, rows: Sequence[Row], resamples: int) -> bool:
    """The first measure against trainable parameters: colour by the last axis, marker by place."""
    measure = rows[0].group.scored.measures[0]
    places, looks = _split(rows)
    canvas.set_size_inches(6.4, 3.6)
    ax = canvas.subplots()
    found = False
    for i, (place, members) in enumerate(places.items()):
        marker = _MARKERS[i % len(_MARKERS)]
        for row in members:
            figure, trainable = row.figure(measure, resamples), row.training("trainable")
            if figure is not None and trainable:
                found = True
                ax.plot(trainable, figure.mean, marker, color=looks[_last(row)][0], ms=6, alpha=0.85)
        ax.plot([], [], marker, color=_FAINT, label=place)
    ax.set_xscale("log")
    ax.set_xlabel("trainable parameters")
    ax.set_ylabel(f"F1, {measure_title(measure)}")
    ax.set_ylim(0, 1)
    ax.grid(color="#dddddd", lw=0.6)
    ax.set_axisbelow(True)
    if len(places) > 1:
        ax.legend(frameon=False, fontsize=8, loc="lower right")
    _legend(canvas, {value: (colour, "s") for value, (colour, _) in looks.items()})
    return found


def _legend(canvas: Any, looks: Mapping[str, tuple[str, str]], *, ceiling: bool = False) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=marker, ls="", label=value)
        for value, (colour, marker) in looks.items()
        if value
    ]
    if ceiling:
        handles.append(Line2D([], [], color=_FAINT, lw=1, label="ceiling"))
    if handles:
        canvas.legend(
            handles=handles, loc="outside upper center", ncols=min(8, len(handles)), frameon=False, fontsize=8
        )
