"""The page of the default model's figures, made from cells alone: tables, targets, and what fell short of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cells import read_cell
from comparisons import COMPARISONS
from tables import TITLES, Cell, assertion, at, entities, events, figure, labels, points, relations, table

__all__ = ["TARGET_BC5CDR", "TARGET_GAIN", "met_and_missed", "render"]

TARGET_GAIN = 0.01
TARGET_BC5CDR = 0.860
TARGET_SPEED = 60_000
TARGET_RATIO = 3.0
TARGET_MEMORY = 700_000_000
TARGET_GROWTH = 1.1

STAGES = {
    "startup": "start-up",
    "read": "reading",
    "tokenize": "tokenizer",
    "encode": "encoder",
    "decode": "decoding",
    "write": "writing",
}
BY_LABEL = ("clin-mts", "clin-aci", "sdoh-mts")

SPLITS = {
    "clin-mts": "dev of the project's own annotation, 82 note sections",
    "clin-aci": "dev of the project's own annotation, 7 whole visit notes",
    "sdoh-mts": "dev of the project's own annotation, 48 social history sections",
    "bc5cdr": "the official test set, 500 abstracts",
    "phee": "the official dev set, 961 sentences (its test set is not used)",
    "chia": "160 of 800 trials, split by trial for this project; the variant without scope",
    "maccrobat": "32 of the 160 case reports at hand, split for this project",
}
PUBLISHED = (
    ("BC5CDR", "scispaCy, mentions: strict F1 0.8428", "same test set"),
    (
        "BC5CDR",
        "plain token classification of this backbone, 10 epochs: strict F1 0.848",
        "same test set; an earlier run than the baseline above",
    ),
    (
        "PHEE",
        "two systems of 2022: triggers 0.701, main arguments 0.686, sub-arguments 0.762",
        "its test set; here dev",
    ),
    (
        "Chia",
        "strict F1 0.622 (PubMedBERT), 0.658 (RoBERTa-MIMIC)",
        "ten-fold cross-validation; another split and protocol",
    ),
    (
        "clin-mts",
        "plain token classification of this backbone on clin-\\* alone, four minutes: strict F1 0.741; with MACCROBAT "
        "mapped in 0.760",
        "same dev set; an earlier, shorter run",
    ),
)
SELF_CONSISTENCY = """\
clin-mts, clin-aci and sdoh-mts were annotated for this project in a single machine-assisted pass. Two independent such
passes agree at strict F1 0.96 (clin: entities, and relations) and, by overlap, at 0.97 for triggers and 0.92 for
argument spans, with 0.97 for values (sdoh). That is self-consistency, not agreement between human annotators: it
bounds what a score on these sets can mean. They are small, and sdoh-mts is a development aid rather than a reference
corpus.
"""


def render(cells: Path) -> str:
    """Return the page in Markdown from the cells in a folder; corpora without a cell are left out and named."""
    ours = {name: cell for name in TITLES if (cell := read_cell(cells / f"default-{name}.json"))}
    baselines = {name: _baselines(cells, name) for name in TITLES}
    speed = read_cell(cells / "speed.json")
    sections = {
        "Entities, beside a plain baseline": _comparison(ours, baselines),
        "Targets": _targets(ours, speed),
        "Entities in full": entities(ours),
        "Assertion": assertion(ours),
        "Relations": relations(ours),
        "Events": events(ours),
        "By label": "\n\n".join(labels(name, ours[name]) for name in BY_LABEL if name in ours),
        "Speed and memory": _speed(speed) if speed else "",
        "Context": f"Figures from elsewhere, for orientation only: splits and protocols differ where it says so.\n\n"
        f"{table(['corpus', 'figure', 'how far it compares'], PUBLISHED)}",
        "How this was measured": _method(ours, baselines),
    }
    written = [f"## {title}\n\n{content.strip()}" for title, content in sections.items() if content.strip()]
    return "\n\n".join(["# The default model in figures", _opening(ours), *written]) + "\n"


def met_and_missed(ours: Mapping[str, Cell], speed: Cell | None = None) -> tuple[list[str], list[str]]:
    """Return a sentence for each target that was reached, and for each that was not or could not be judged."""
    met: list[str] = []
    missed: list[str] = []

    def judge(is_met: bool, sentence: str) -> None:
        (met if is_met else missed).append(sentence)

    for name, title in TITLES.items():
        difference = _difference(ours.get(name))
        if difference is None:
            missed.append(f"{title}: not measured against the baseline yet.")
            continue
        gain, low = difference["difference"], difference["interval"]["low"]
        judge(
            gain >= TARGET_GAIN and low > 0,
            f"{title}: {points(gain)} points of strict F1 over the baseline, interval {points(low)} to "
            f"{points(difference['interval']['high'])} (target +{100 * TARGET_GAIN:.1f}, interval above 0).",
        )
    if "bc5cdr" in ours:
        f1 = at(ours["bc5cdr"], "entities", "strict")["micro"]["f1"]
        judge(f1 >= TARGET_BC5CDR, f"BC5CDR test: strict F1 {f1:.3f} (target {TARGET_BC5CDR:.3f}).")
    if speed:
        product, ratio = speed["extract"], speed["ratio"]
        judge(
            product["characters_per_second"] >= TARGET_SPEED,
            f"Speed: {product['characters_per_second']:,.0f} characters a second (target {TARGET_SPEED:,}).",
        )
        judge(ratio >= TARGET_RATIO, f"Speed: {ratio:.1f} times the pipeline (target {TARGET_RATIO:.0f}).")
        judge(
            product["peak_bytes"] < TARGET_MEMORY,
            f"Peak memory: {product['peak_bytes'] / 1e6:.0f} MB (target below {TARGET_MEMORY / 1e6:.0f}).",
        )
        if memory := speed.get("memory"):
            judge(
                memory["growth"] <= TARGET_GROWTH,
                f"Peak memory for ten times as many notes: {memory['growth']:.2f} times (target {TARGET_GROWTH}).",
            )
    return met, missed


def _opening(ours: Mapping[str, Cell]) -> str:
    models = sorted({f"`{cell['model']['name']}` ({cell['model']['sha256'][:16]})" for cell in ours.values()})
    lines = [
        "What the model that ships with medspan finds on texts it was not trained on, by `medspan extract`, scored by "
        "`medspan.scoring`. Figures are micro F1; in brackets stand 95 % intervals from 1,000 resamples of the "
        "documents. Strict is the same label and the same fragments; lenient the same label and a shared character. "
        "This page is made by `benchmarks/compare.py` from the figures in `docs/results/cells/`: nothing is typed in "
        "by hand except what comes from elsewhere, under Context.",
        f"Model (beginning of the digest of its files): {', '.join(models) or 'not measured yet'}.",
        SELF_CONSISTENCY.strip(),
    ]
    if len(models) > 1:
        lines.append("**The cells come from different models: run `benchmarks/compare.py` for all corpora again.**")
    if limited := [TITLES[name] for name, cell in ours.items() if cell.get("limit")]:
        lines.append(f"**Only the first documents were scored, to try things out: {', '.join(limited)}.**")
    return "\n\n".join(lines)


def _comparison(ours: Mapping[str, Cell], baselines: Mapping[str, Sequence[Cell]]) -> str:
    rows = []
    for name, title in TITLES.items():
        cell, plain = ours.get(name), baselines[name]
        difference = _difference(cell)
        rows.append(
            [
                title,
                figure(at(cell, "entities", "strict")),
                ", ".join(figure(b["entities"]["strict"]) for b in plain) or "-",
                f"{plain[0]['ceiling']:.3f}" if plain else "-",
                "-"
                if difference is None
                else f"{points(difference['difference'])} ({points(difference['interval']['low'])} to "
                f"{points(difference['interval']['high'])})",
                "-" if difference is None else f"{difference['p_randomization']:.3f}",
            ]
        )
    header = ["test set", "medspan, strict", "baseline, strict", "baseline's ceiling", "difference in points", "p"]
    return f"""\
The baseline is `AutoModelForTokenClassification` of the same backbone, fine-tuned on the same training split of one
corpus (`benchmarks/token_classification.py`); medspan is one model for all of them. Differences come from a paired
bootstrap over documents, p from an approximate randomization test; with several seeds of the baseline, from the one
that is hardest to beat. The ceiling is what gold itself scores after a round trip through the baseline's tags: one tag
a word piece cannot hold nested, overlapping or discontinuous mentions. Where it is low, most of all for PHEE and
sdoh-mts, part of a difference comes from the form of the answer and not from better reading.

{table(header, rows)}"""


def _targets(ours: Mapping[str, Cell], speed: Cell | None) -> str:
    met, missed = met_and_missed(ours, speed)
    lines = []
    for title, sentences in (("Reached:", met), ("Fell short:", missed)):
        if sentences:
            lines += [title, "", *(f"- {sentence}" for sentence in sentences), ""]
    return "\n".join(lines)


def _speed(speed: Cell) -> str:
    product, pipeline = speed["extract"], speed["pipeline"]
    lines = [
        f"`medspan extract`, a whole process from {product['notes']:,} text files to Parquet, schema `clinical` with "
        f"relations, over {product['characters']:,} characters (the notes of ACI-Bench, {speed['repeat']} times): "
        f"{product['seconds']:.1f} s, **{product['characters_per_second']:,.0f} characters a second**, start-up "
        f"included (alone {speed['start_up_seconds']:.2f} s, on one short note), peak memory "
        f"{product['peak_bytes'] / 1e6:.0f} MB. That is **{speed['ratio']:.1f} times** the best of the pipeline below, "
        "measured in the same run without its start-up.",
        table(
            ['`pipeline("token-classification")`, batch size', "seconds", "characters a second", "entities"],
            [
                [
                    str(p["batch_size"]),
                    f"{p['seconds']:.1f}",
                    f"{p['characters_per_second']:,.0f}",
                    f"{p['entities']:,}",
                ]
                for p in pipeline["runs"]
            ],
        ),
        f"Pipeline: the same backbone, float32, rows of {pipeline['row_tokens']} word pieces with stride 64, simple "
        f"aggregation, {pipeline['head']}, entities alone; start-up {pipeline['load_seconds']:.1f} s.",
    ]
    if memory := speed.get("memory"):
        lines.append(
            f"Memory: {memory['few_peak_bytes'] / 1e6:.0f} MB for {memory['few_notes']:,} notes and "
            f"{memory['many_peak_bytes'] / 1e6:.0f} MB for {memory['many_notes']:,}, {memory['growth']:.2f} times."
        )
    if shares := speed.get("shares"):
        lines.append(
            "Shares of the time: "
            + ", ".join(f"{STAGES.get(stage, stage)} {100 * share:.0f} %" for stage, share in shares.items())
            + ". Reading and writing are processor time of threads beside the others: the shares need not sum to 100 %."
        )
    return "\n\n".join(lines)


def _method(ours: Mapping[str, Cell], baselines: Mapping[str, Sequence[Cell]]) -> str:
    rows = []
    for name, title in TITLES.items():
        plain = baselines[name]
        rows.append(
            [
                title,
                SPLITS[name],
                f"`{ours[name]['schema_asked']}`, scored as `{ours[name]['schema_scored']}`" if name in ours else "-",
                ", ".join(plain[0]["train"]) if plain else "-",
                ", ".join(str(b["seed"]) for b in plain) or "-",
                str(plain[0]["epochs"]) if plain else "-",
            ]
        )
    cells = [*ours.values(), *(cell for plain in baselines.values() for cell in plain)]
    machines = sorted({cell["hardware"] for cell in cells})
    packages = sorted({f"{name} {number}" for cell in cells for name, number in cell["versions"].items()})
    settings = "; ".join(
        sorted(
            {
                f"learning rate {cell['lr']:g}, batches of {cell['batch_tokens']:,} word pieces, {cell['precision']}"
                for plain in baselines.values()
                for cell in plain
            }
        )
    )
    settings = settings and f" ({settings})"
    header = ["test set", "documents", "schema asked", "baseline trained on", "seeds", "epochs"]
    return f"""\
{table(header, rows)}

Gold is restricted to the labels of the schema it is scored by. clin-mts, clin-aci and sdoh-mts are extracted with the
product's schema `clinical`, in which Drug, Frequency and Duration belong to medications and to social history alike:
mentions that only serve an event are left out when scoring clin-\\*, which has no events, and mentions outside events
when scoring sdoh-mts, which has nothing else. The baselines see every document of their training splits, less
those whose text stands in the test set too (the model leaves them out as well), for a fixed number of epochs{settings};
nothing is chosen on a test set.
Chia and MACCROBAT are split for this project, so that their figures compare with this table alone.

Machine: {"; ".join(machines) or "-"}. Software: {", ".join(packages) or "-"}.

    python benchmarks/token_classification.py {" ".join(COMPARISONS)} -o runs/baseline --seed 1
    python benchmarks/compare.py --model default --baseline runs/baseline -o runs/compare
    python benchmarks/pipeline_speed.py --memory -o runs/speed
    python benchmarks/compare.py --render-only"""


def _baselines(cells: Path, name: str) -> list[Cell]:
    paths = sorted(cells.glob(f"baseline-{name}-seed*.json"))
    return [cell for path in paths if (cell := read_cell(path))]


def _difference(cell: Cell | None) -> Mapping[str, Any] | None:
    """Return the comparison with the baseline seed that is hardest to beat."""
    return min(cell["differences"], key=lambda d: d["difference"]) if cell and cell["differences"] else None
