"""Tables of figures in Markdown: each function one table, from the cells of the default model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "TITLES",
    "Cell",
    "assertion",
    "at",
    "entities",
    "events",
    "figure",
    "labels",
    "points",
    "relations",
    "table",
]

Cell = Mapping[str, Any]

TITLES = {
    "clin-mts": "clin-mts dev",
    "clin-aci": "clin-aci dev",
    "sdoh-mts": "sdoh-mts dev",
    "bc5cdr": "BC5CDR test",
    "phee": "PHEE dev",
    "chia": "Chia test",
    "maccrobat": "MACCROBAT test",
}


def entities(ours: Mapping[str, Cell]) -> str:
    """Mentions on each test set: precision, recall, F1, and whether scores can be believed."""
    rows = []
    for name, cell in ours.items():
        strict = at(cell, "entities", "strict")
        micro = strict["micro"]
        error = (cell["report"].get("calibration") or {}).get("expected_calibration_error")
        rows.append(
            [
                TITLES[name],
                f"{micro['tp'] + micro['fn']:,}",
                f"{micro['precision']:.3f}",
                f"{micro['recall']:.3f}",
                figure(strict),
                figure(at(cell, "entities", "lenient")),
                f"{strict['macro']['labels']['f1']:.3f}",
                f"{cell['report']['entities']['span']['gold_touched']:.3f}",
                "-" if error is None else f"{error:.3f}",
            ]
        )
    header = ["test set", "gold", "precision", "recall", "strict F1", "lenient F1", "macro F1 by label", "gold touched"]
    return table([*header, "calibration error"], rows)


def assertion(ours: Mapping[str, Cell]) -> str:
    """The assertion of problems, where a test set has it; empty where none does."""
    rows = []
    for name, cell in ours.items():
        attribute = cell["report"].get("attributes", {}).get("assertion")
        if attribute:
            rows.append(
                [
                    TITLES[name],
                    figure(attribute["strict"]),
                    figure(attribute["lenient"]),
                    f"{attribute['accuracy_on_matched']:.3f}",
                    "; ".join(
                        f"{value} {counts['f1']:.2f} (of {counts['tp'] + counts['fn']})"
                        for value, counts in _by_support(attribute["strict"]["labels"])
                    ),
                ]
            )
    if not rows:
        return ""
    header = ["test set", "strict F1", "lenient F1", "accuracy on matched", "strict F1 by value"]
    return f"A value is right when its mention matches and the value is equal.\n\n{table(header, rows)}"


def relations(ours: Mapping[str, Cell]) -> str:
    """Relations end to end, and between mentions that both sides hold; empty where no test set has any."""
    rows = []
    for name, cell in ours.items():
        relations = cell["report"].get("relations")
        if relations:
            end_to_end, given = relations["end_to_end"], relations.get("gold_entities", {})
            rows.append(
                [
                    TITLES[name],
                    f"{end_to_end['strict']['micro']['tp'] + end_to_end['strict']['micro']['fn']:,}",
                    figure(end_to_end["strict"]),
                    figure(end_to_end["lenient"]),
                    f"{given['strict']['micro']['f1']:.3f} (leaves out {given['left_out_of_gold']:,.0f} of gold)"
                    if given
                    else "-",
                ]
            )
    header = ["test set", "gold", "end to end, strict F1", "end to end, lenient F1", "between mentions both sides hold"]
    return table(header, rows) if rows else ""


def events(ours: Mapping[str, Cell]) -> str:
    """Triggers, arguments and values of events; empty where no test set has any."""
    rows = []
    for name, cell in ours.items():
        events = cell["report"].get("events")
        if not events:
            continue
        for title, key in (
            ("triggers", "triggers"),
            ("arguments, in aligned events", "arguments"),
            ("arguments by role", "arguments_by_role"),
            ("values of arguments", "values"),
        ):
            if key in events:
                rows.append([TITLES[name], title, figure(events[key]["strict"]), figure(events[key]["lenient"])])
        if name == "phee":
            for title, is_sub in (("main arguments by role", False), ("sub-arguments by role", True)):
                rows.append([TITLES[name], title, *(_phee_f1(events, mode, is_sub) for mode in ("strict", "lenient"))])
    return table(["test set", "what", "strict F1", "lenient F1"], rows) if rows else ""


def _phee_f1(events: Mapping[str, Any], mode: str, is_sub: bool) -> str:
    """Add up the counts of PHEE's main roles, or of the dotted ones inside them (rows are `event.role`)."""
    rows = events["arguments_by_role"][mode]["labels"].items()
    counts = [c for row, c in rows if ("." in row.partition(".")[2]) == is_sub]
    tp, fp, fn = (sum(c[key] for c in counts) for key in ("tp", "fp", "fn"))
    return f"{2 * tp / (2 * tp + fp + fn):.3f}" if tp else "0.000"


def labels(name: str, cell: Cell) -> str:
    """One test set by label: mentions, relations, triggers and arguments."""
    report = cell["report"]
    rows = []
    for kind, section in (
        ("entity", report["entities"]),
        ("relation", report.get("relations", {}).get("end_to_end", {})),
        ("event", report.get("events", {}).get("triggers", {})),
        ("argument", report.get("events", {}).get("arguments_by_role", {})),
    ):
        for label, strict in _by_support(section.get("strict", {}).get("labels", {})):
            lenient = section["lenient"]["labels"].get(label, {"f1": 0.0})
            rows.append(
                [
                    kind,
                    label,
                    str(strict["tp"] + strict["fn"]),
                    f"{strict['precision']:.3f}",
                    f"{strict['recall']:.3f}",
                    f"{strict['f1']:.3f}",
                    f"{lenient['f1']:.3f}",
                ]
            )
    header = ["", "label", "gold", "precision", "recall", "strict F1", "lenient F1"]
    return f"### {TITLES[name]}\n\n{table(header, rows)}"


def at(cell: Cell | None, *path: str) -> Any:
    """Return what stands at a place of a cell's report, or None."""
    node: Any = cell["report"] if cell else None
    for key in path:
        node = node.get(key) if node else None
    return node


def figure(block: Mapping[str, Any] | None) -> str:
    """Write micro F1 with its interval, `-` for what was not measured."""
    if not block:
        return "-"
    bounds = block.get("intervals", {}).get("f1")
    return f"{block['micro']['f1']:.3f}" + (f" ({bounds[0]:.3f} to {bounds[1]:.3f})" if bounds else "")


def points(share: float) -> str:
    """Write a difference of F1 in points, with its sign."""
    return f"{100 * share:+.1f}"


def _by_support(labels: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(labels.items(), key=lambda item: (-(item[1]["tp"] + item[1]["fn"]), item[0]))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
