"""Every open corpus loads with exactly the counts, and shows exactly the flaws, that its SOURCE.md states.

The counts are read from SOURCE.md's own lines, for they change as corpora grow.
"""

import ast
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from medspan.annotation import Document
from medspan.corpora import catalog_entry, load_corpus, read
from medspan.corpora.catalog import read_parts
from medspan.corpora.formats.problem_kinds import problem_kinds

Found = dict[str, object]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def stated(pattern: str, source: str) -> int:
    """The one number that `pattern` finds; a line that is gone must not pass as a count of nothing."""
    (found,) = re.findall(pattern, source)
    return number(found)


def table(text: str) -> dict[str, int]:
    """Counts as "Drug 3, Drug_n 4" or as a Python dictionary."""
    text = text.strip().rstrip(".")
    if text.startswith("{"):
        found: dict[str, int] = ast.literal_eval(text)
        return found
    return {name: number(n) for name, n in re.findall(r"([*\w][\w.*-]*) (\d[\d,]*)(?=[,;.]|$)", text)}


def line(beginning: str, source: str) -> str:
    (found,) = re.findall(rf"^- {beginning}:? (.*)$", source, flags=re.MULTILINE)
    return str(found)


def labels(documents: list[Document]) -> Counter[str]:
    return Counter(e.label for d in documents for e in d.entities)


def relations(documents: list[Document]) -> Counter[str]:
    return Counter(r.label for d in documents for r in d.relations)


def groups(documents: list[Document]) -> Counter[str]:
    return Counter(f"*{g.label}" for d in documents for g in d.groups)


def events(documents: list[Document]) -> Counter[str]:
    return Counter(e.label for d in documents for e in d.events)


def attributes(documents: list[Document]) -> Counter[str]:
    return Counter(a.name for d in documents for e in (*d.entities, *d.events) for a in e.attributes)


def discontinuous(documents: list[Document]) -> int:
    return sum(len(e.fragments) > 1 for d in documents for e in d.entities)


def splits(name: str, root: Path) -> dict[str, list[Document]]:
    return {split: load_corpus(name, split, root) for split in catalog_entry(name).splits}


def everything(name: str, root: Path) -> list[Document]:
    return [document for found in splits(name, root).values() for document in found]


def kinds(name: str, root: Path) -> Counter[tuple[str, str]]:
    """Problems of reading the whole corpus, by what was done and by kind."""
    return problem_kinds(problem for result in read_parts(name, root).values() for problem in result.problems)


def said(found: Mapping[tuple[str, str], int], *words: str) -> int:
    return sum(n for (_, kind), n in found.items() if all(word in kind for word in words))


def maccrobat(source: str, root: Path) -> tuple[Found, Found]:
    documents, raw = everything("maccrobat", root), read_parts("maccrobat", root).popitem()[1].documents
    lines = table(line(r"Counts \(computed\).*?relation lines \d+", source).lstrip(": "))
    flaws = kinds("maccrobat", root)
    found: Found = {
        "documents": len(documents),
        "characters": sum(len(d.text) for d in documents),
        "spans": sum(labels(documents).values()),
        "discontinuous": discontinuous(documents),
        "events": sum(len(d.events) for d in raw),
        "lines": {**relations(documents), **groups(documents)},
        "labels": labels(documents),
        "attributes": attributes(documents),
        "splits": [len(part) for part in splits("maccrobat", root).values()],
        "mismatch": said(flaws, "differs from the text"),
        "dangling": said(flaws, "not declared"),
        "edge space": said(flaws, "begins or ends with white space"),
        "all problems": sum(flaws.values()),
    }
    by_type, given = line("Spans per type", source).split(" Attributes: ")
    edge = stated(r"(\d+) spans have an edge space", source)
    told: Found = {
        "documents": stated(r"docs (\d+)", source),
        "characters": stated(r"chars (\d+)", source),
        "spans": stated(r"spans (\d+) \(", source),
        "discontinuous": stated(r"discontinuous (\d+)", source),
        "events": stated(r"events (\d+)", source),
        "lines": lines,
        "labels": table(by_type),
        "attributes": table(given),
        "splits": [int(n) for n in re.findall(r"\((\d+)/(\d+)/(\d+)\)", source)[0]],
        "mismatch": stated(r"mismatch (\d+) of", source),
        "dangling": stated(r"dangling relation arguments (\d+)", source),
        "edge space": edge,
        "all problems": edge,
    }
    return found, told


def chia(source: str, root: Path) -> tuple[Found, Found]:
    plain, scoped = everything("chia", root), everything("chia-with-scope", root)
    flaws, of_scoped = kinds("chia", root), kinds("chia-with-scope", root)
    joined, apart = said(of_scoped, "joined to the mention"), said(of_scoped, "no part of the mention")
    found: Found = {
        "files": (len(plain), len(scoped)),
        "splits": [2 * len({d.metadata["group"] for d in part}) for part in splits("chia", root).values()],
        "spans": (sum(labels(plain).values()), sum(labels(scoped).values())),
        "discontinuous": (discontinuous(plain), discontinuous(scoped)),
        "relation lines": tuple(sum(relations(part).values()) + sum(groups(part).values()) for part in (plain, scoped)),
        "labels": labels(plain),
        "relations": {**relations(plain), **groups(plain)},
        "differ": (said(flaws, "differs from the text"), said(of_scoped, "differs from the text")),
        "white space": (said(flaws, "white space"), said(of_scoped, "white space")),
        "broken lines": joined + apart,
        "dangling": said(flaws, "not declared") + said(of_scoped, "not declared"),
        "all problems": (sum(flaws.values()), sum(of_scoped.values())),
    }
    counts = re.search(
        r"files (\d+), spans (\d+) \(discontinuous (\d+)\), relation lines (\d+)\. "
        r"Without_scope: spans (\d+) \(discontinuous (\d+)\), relation lines (\d+)",
        source,
    )
    offsets = re.search(
        r"with_scope (\d+) of \d+ differ plus (\d+) by white space only, and (\d+) broken .*"
        r"without_scope (\d+) of \d+ plus (\d+) white space\. Dangling arguments (\d+)",
        source,
    )
    assert counts is not None
    assert offsets is not None
    files, spans, split, lines, plain_spans, plain_split, plain_lines = map(int, counts.groups())
    differ, white, broken, plain_differ, plain_white, dangling = map(int, offsets.groups())
    told: Found = {
        "files": (files, files),
        "splits": [2 * int(n) for n in re.findall(r"\((\d+)/(\d+)/(\d+)\)", source)[0]],
        "spans": (plain_spans, spans),
        "discontinuous": (plain_split, split),
        "relation lines": (plain_lines, lines),
        "labels": table(line(r"Spans \(without_scope\)", source)),
        "relations": table(line(r"Relations \(without_scope\)", source)),
        "differ": (plain_differ, differ),
        "white space": (plain_white, white),
        "broken lines": broken,
        "dangling": dangling,
        "all problems": (plain_differ + plain_white, differ + white + broken),
    }
    return found, told


def phee(source: str, root: Path) -> tuple[Found, Found]:
    found: Found = {}
    told: Found = {}
    by_event = line("Events", source)
    official = re.search(r"official train ([\d,]+) / dev ([\d,]+)", source)
    brat_spans = brat_split = 0
    for at, split in enumerate(("train", "dev")):
        documents, brat = load_corpus("phee", split, root), load_corpus("phee-brat", split, root)
        # The description counts triggers as arguments, and the pieces of fragmented mentions one by one.
        pieces = Counter(
            argument.role
            for d in documents
            for e in d.events
            for argument in e.arguments
            for _ in d.by_id[argument.target].fragments
        )
        pieces = Counter({role: n for role, n in pieces.items() if "Combination" not in role})
        pieces["Trigger"] = sum(len(d.by_id[e.trigger].fragments) for d in documents for e in d.events)
        found[split] = (len(documents), len(brat), events(documents), dict(pieces))
        brat_spans, brat_split = brat_spans + sum(labels(brat).values()), brat_split + discontinuous(brat)
        assert official is not None
        n = number(official[at + 1])
        (given,) = re.findall(rf"{split} (Adverse_event \d+, Potential_therapeutic_event \d+)", by_event)
        total, roles = re.findall(rf"^- Arguments {split} \((\d+)\): (.*)$", source, flags=re.MULTILINE)[0]
        assert int(total) == sum(table(roles).values())
        told[split] = (n, n, table(given), table(roles))
    flaws = kinds("phee", root) + kinds("phee-brat", root)
    found["brat"], found["all problems"] = (brat_spans, brat_split), sum(flaws.values())
    brat_told = re.search(r"mismatch (\d+) .*brat: (\d+) spans, (\d+) discontinuous", source)
    assert brat_told is not None
    told["brat"], told["all problems"] = (int(brat_told[2]), int(brat_told[3])), int(brat_told[1])
    return found, told


def bc5cdr(source: str, root: Path) -> tuple[Found, Found]:
    found: Found = {}
    told: Found = {}
    sizes = re.findall(r"train/dev/test (\d+)/(\d+)/(\d+)", source)[0]
    composites = 0
    for size, (split, documents) in zip(sizes, splits("bc5cdr", root).items(), strict=True):
        codes = Counter(r.label for d in documents for r in d.concept_relations)
        composites += sum(len(d.metadata["pubtator"].get("parts", {})) for d in documents)
        found[split] = (len(documents), labels(documents), codes)
        counts, facts = re.findall(rf"{split} (\{{[^}}]*\}}) CID (\d+)", source)[0]
        told[split] = (int(size), table(counts), {"CID": int(facts)})
    found["composites"], told["composites"] = composites, stated(r"composite mentions (\d+)", source)
    found["mismatch"], told["mismatch"] = sum(kinds("bc5cdr", root).values()), stated(r"mismatch (\d+) of", source)
    return found, told


def clinical(name: str) -> Callable[[str, Path], tuple[Found, Found]]:
    def counts(source: str, root: Path) -> tuple[Found, Found]:
        found: Found = {}
        told: Found = {}
        pattern = (
            r"^- {}: (\d+) documents, (\d+) characters; entities (\d+): ({{.*?}}); assertion ({{.*?}}); "
            r"relations (\d+): ({{.*?}})"
        )
        for split, documents in splits(name, root).items():
            assertions = Counter(a.value for d in documents for e in d.entities for a in e.attributes)
            found[split] = (
                *(len(documents), sum(len(d.text) for d in documents)),
                *(sum(labels(documents).values()), dict(labels(documents)), dict(assertions)),
                *(sum(relations(documents).values()), dict(relations(documents))),
            )
            (row,) = re.findall(pattern.format(split), source, flags=re.MULTILINE)
            told[split] = tuple(table(cell) if cell.startswith("{") else int(cell) for cell in row)
        brat = read(root / name / f"{name}-brat.tar.gz", "brat")
        found["brat"] = labels(list(brat.documents))
        told["brat"] = labels(everything(name, root))
        found["mismatch"] = len(brat.problems) + sum(kinds(name, root).values())
        told["mismatch"] = stated(r"mismatch (\d+)", source)
        return found, told

    return counts


def social(source: str, root: Path) -> tuple[Found, Found]:
    found: Found = {}
    told: Found = {}
    for split, documents in splits("sdoh-mts", root).items():
        n_arguments = sum(len(e.arguments) for d in documents for e in d.events)
        found[split] = (len(documents), dict(events(documents)), n_arguments)
        ((sections, by_event, arguments),) = re.findall(
            rf"{split} (\d+) sections, events (\{{[^}}]*\}}), (\d+) arguments", source
        )
        told[split] = (int(sections), table(by_event), int(arguments))
    brat = read(root / "sdoh-mts" / "sdoh-mts-brat.tar.gz", "brat")
    found["brat"], told["brat"] = events(list(brat.documents)), events(everything("sdoh-mts", root))
    found["mismatch"], told["mismatch"] = len(brat.problems), stated(r"mismatch (\d+)", source)
    return found, told


def ddi(source: str, root: Path) -> tuple[Found, Found]:
    train, test, ner = splits("ddi", root).values()
    (row,) = re.findall(
        r"Train: docs (\d+), sentences (\d+), entities (.*?); positive pairs (.*?)\. "
        r"DDI test: docs (\d+), entities (.*?); pairs (.*?)\. NER test: docs (\d+), (.*?)\.",
        source,
    )
    flaws = kinds("ddi", root)
    untyped = {"one": 1}[re.findall(r"(\w+) positive pair lacks a type", source)[0]]
    mismatches = stated(r"mismatches (\d+) of", source)
    found: Found = {
        "documents": (len(train), len(test), len(ner)),
        "sentences": sum(len(d.metadata["ddi"]["sentences"]) for d in train),
        "entities": [labels(part) for part in (train, test, ner)],
        "pairs": [relations(part) for part in (train, test, ner)],
        "mentions": sum(sum(labels(part).values()) for part in (train, test, ner)),
        "mismatches": said(flaws, "differs from the text"),
        "untyped": said(flaws, "no type"),
        "all problems": sum(flaws.values()),
    }
    told: Found = {
        "documents": (int(row[0]), int(row[4]), int(row[7])),
        "sentences": int(row[1]),
        "entities": [table(row[2]), table(row[5]), table(row[8])],
        "pairs": [table(row[3]), table(row[6]), {}],
        "mentions": stated(r"mismatches \d+ of (\d+)", source),
        "mismatches": mismatches,
        "untyped": untyped,
        "all problems": mismatches + untyped,
    }
    return found, told


def e3c(source: str, root: Path) -> tuple[Found, Found]:
    parts = splits("e3c", root)
    links = {"EVENTTLINKLink", "RMLPERTAINSTOLink", "TIMEX3TimexLinkLink", "EVENTALINKLink"}
    found: Found = {"documents": [len(part) for part in parts.values()]}
    told: Found = {
        "documents": [
            *map(int, re.findall(r"layer 1 train (\d+) / test (\d+) documents", source)[0]),
            stated(r"(\d+) documents here", source),
        ]
    }
    for split in ("train", "test"):
        (row,) = re.findall(rf"Layer 1 {split}: (.*?); links (.*?)\.", source)
        told[split] = (table(row[0]), sum(table(row[1]).values()))
        assert set(table(row[1])) == links
        found[split] = (labels(parts[split]), sum(relations(parts[split]).values()))
    roles = table(re.findall(r"TLINK roles \(train\): (.*?)\.", source)[0])
    # The source counts the links of events alone; a role that times have as well is counted from events only.
    found["roles"] = Counter(
        r.label for d in parts["train"] for r in d.relations if d.by_id[r.head].label == "EVENT" and r.label in roles
    )
    told["roles"] = roles
    found["layer2"], told["layer2"] = (
        labels(parts["layer2"]),
        {"CLINENTITY": stated(r"Layer 2: CLINENTITY (\d+)", source)},
    )
    spans = [e for part in parts.values() for d in part for e in d.entities]
    found["spans"], told["spans"] = len(spans), stated(r"all (\d+) spans lie inside", source)
    found["dangling"] = said(kinds("e3c", root), "target")
    told["dangling"] = stated(r"dangling link targets (\d+)", source)
    return found, told


def ade(source: str, root: Path) -> tuple[Found, Found]:
    parts = splits("ade", root)
    documents = [document for part in parts.values() for document in part]
    spert = read(root / "ade" / "ade-spert-shared.json.gz", "ade")
    negative = [d for d in documents if "-neg" in d.id]

    def of(kind: str) -> list[Document]:
        return [d for d in documents if any(r.label == kind for r in d.relations)]

    found: Found = {
        "abstracts": [len({d.metadata["group"] for d in part}) for part in parts.values()],
        "negative": (len(negative), sum(len(d.entities) for d in negative)),
        "problems": sum(kinds("ade", root).values()) + len(spert.problems),
    }
    told: Found = {
        "abstracts": [number(n) for n in re.findall(r"by PMID \(([\d,]+)/([\d,]+)/([\d,]+)\)", source)[0]],
        "negative": (stated(r"ADE-NEG rows (\d+)", source), 0),
        "problems": stated(r": (\d+) errors in", source),
    }
    for kind, name in (("Adverse-Effect", "DRUG-AE"), ("Dosage", "DRUG-DOSE")):
        rows = table(re.findall(rf"{name} (\{{.*?\}})", source)[0])
        told[name] = (rows["rows"], rows["sentences"], rows["pmids"])
        found[name] = (relations(documents)[kind], len(of(kind)), len({d.metadata["group"] for d in of(kind)}))
    sentences, entities, pairs = re.findall(r"SpERT sentences (\d+), entities (\{.*?\}), relations (\{.*?\})", source)[
        0
    ]
    found["SpERT"] = (len(spert.documents), labels(list(spert.documents)), relations(list(spert.documents)))
    told["SpERT"] = (int(sentences), table(entities), table(pairs))
    return found, told


def notes(name: str, pattern: str) -> Callable[[str, Path], tuple[Found, Found]]:
    def counts(source: str, root: Path) -> tuple[Found, Found]:
        return {"notes": len(everything(name, root))}, {"notes": stated(pattern, source)}

    return counts


# The folder, and what compares its corpora with its SOURCE.md.
OPEN: dict[str, Callable[[str, Path], tuple[Found, Found]]] = {
    "aci-bench": notes("aci-bench", r"= (\d+) full notes"),
    "ade": ade,
    "bc5cdr": bc5cdr,
    "chia": chia,
    "clin-aci": clinical("clin-aci"),
    "clin-mts": clinical("clin-mts"),
    "maccrobat": maccrobat,
    "mts-dialog": notes("mts-dialog", r"Section text: ([\d,]+) sections"),
    "nc-ddi2013": ddi,
    "nc-e3c": e3c,
    "phee": phee,
    "sdoh-mts": social,
}


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder of open corpora, which must be there where MEDSPAN_REQUIRE_DATA says so, as it does in CI."""
    given = os.environ.get("MEDSPAN_DATA")
    if given and Path(given).is_dir():
        return Path(given)
    if os.environ.get("MEDSPAN_REQUIRE_DATA") == "1":
        pytest.fail("MEDSPAN_REQUIRE_DATA is 1, and MEDSPAN_DATA does not name the folder that holds the open corpora")
    pytest.skip("MEDSPAN_DATA is not set: it must name the folder that holds the open corpora")


@pytest.mark.parametrize("folder", OPEN)
def test_an_open_corpus_has_the_counts_and_flaws_that_its_description_states(folder: str, data: Path) -> None:
    description = data / folder / "SOURCE.md"
    if not description.exists() and os.environ.get("MEDSPAN_REQUIRE_DATA") != "1":
        pytest.skip(f"{folder} is not under MEDSPAN_DATA")
    found, told = OPEN[folder](description.read_text(encoding="utf-8"), data)
    assert found == told


def test_every_corpus_with_a_folder_here_is_compared() -> None:
    from medspan.corpora.catalog import packaged_names

    places = {catalog_entry(n).place for n in packaged_names() if catalog_entry(n).access != "agreement"}
    assert places == set(OPEN)
