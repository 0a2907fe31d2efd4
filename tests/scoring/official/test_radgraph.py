import random
from dataclasses import replace
from statistics import fmean

import pytest

from medspan.annotation import Document, Entity, Relation, Span
from medspan.scoring import score
from medspan.scoring.official.radgraph import expand_labelers
from scoring.official.reference_radgraph import counts, scores

ENTITIES = ("OBS-DP 0-7", "ANAT-DP 8-12", "OBS-U 20-29")
RELATIONS = ("located_at T1 T2", "modify T3 T1")
KINDS = {"entities": ("entities", "strict"), "relations": ("relations", "end_to_end", "strict")}


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def labeled(document, n, source="MIMIC-CXR"):
    metadata = {"labeler": f"labeler_{n}", "group": document.id, "radgraph": {"data_source": source}}
    return replace(document, id=f"{document.id}#labeler_{n}", metadata=metadata)


@pytest.mark.parametrize(
    ("entities", "relations", "of_entities", "of_relations"),
    [
        (ENTITIES, RELATIONS, (3, 0, 0), (2, 0, 0)),
        (("OBS-DP 0-6", *ENTITIES[1:]), RELATIONS, (2, 1, 1), (0, 2, 2)),
        (("OBS-DA 0-7", *ENTITIES[1:]), RELATIONS, (2, 1, 1), (0, 2, 2)),
        ((*ENTITIES[:2], "OBS-DP 20-29"), RELATIONS, (2, 1, 1), (1, 1, 1)),
        (ENTITIES, ("located_at T2 T1", "suggestive_of T3 T1"), (3, 0, 0), (0, 2, 2)),
        ((*ENTITIES, ENTITIES[0]), (*RELATIONS, RELATIONS[0]), (3, 1, 0), (2, 1, 0)),
    ],
)
def test_relations_need_both_boundaries_both_labels_and_direction(note, entities, relations, of_entities, of_relations):
    gold, predicted = note(*ENTITIES, relations=RELATIONS), note(*entities, relations=relations)
    report = score([gold], [predicted], scorer="radgraph")
    assert counted(report, "entities.strict") == of_entities
    assert counted(report, "relations.end_to_end.strict") == of_relations


def test_a_prediction_for_a_report_is_compared_with_every_labeler(note):
    report = note(*ENTITIES, relations=RELATIONS, key="p10/s1")
    gold = [labeled(report, 1), labeled(note(*ENTITIES[:1], key="p10/s1"), 2)]
    found = score(gold, [report], scorer="radgraph")
    assert found.documents == 2
    assert not found.only_in_predicted
    assert counted(found, "entities.strict") == (4, 2, 0)
    assert counted(found, "entities.MIMIC-CXR.labeler_1") == (3, 0, 0)
    assert counted(found, "entities.MIMIC-CXR.labeler_2") == (1, 2, 0)
    assert found.figures["entities", "MIMIC-CXR", "averaged", "f1"] == fmean((1.0, 0.5))
    assert found.figures["entities", "strict", "averaged", "precision"] == fmean((1.0, 1 / 3))


def test_a_labeler_with_a_prediction_of_its_own_keeps_it(note):
    gold = [labeled(note(*ENTITIES, key="s1"), n) for n in (1, 2)]
    own = note(key="s1#labeler_2")
    expanded = expand_labelers(gold, [note(*ENTITIES, key="s1"), own])
    assert [d.id for d in expanded] == ["s1#labeler_1", "s1#labeler_2"]
    assert expanded[1] is own


def test_a_report_that_gold_holds_under_its_own_id_is_not_repeated(note):
    gold = [note(*ENTITIES, key="s1"), labeled(note(*ENTITIES, key="s1"), 1)]
    assert [d.id for d in expand_labelers(gold, [note(key="s1"), note(key="s9")])] == ["s1", "s9"]


def test_documents_without_labeler_or_source_have_groups_of_their_own(note):
    gold = note(*ENTITIES)
    report = score([gold], [gold], scorer="radgraph")
    assert counted(report, "entities.unknown.only") == (3, 0, 0)
    assert report.figures["entities", "unknown", "averaged", "f1"] == 1.0


# --- the slow reference -----------------------------------------------------------------------------------------------


def random_document(rng, key, text, like=None):
    """Invent a report; of the entities and relations of `like`, most are taken over."""
    labels, links = ("OBS-DP", "OBS-DA", "ANAT-DP"), ("modify", "located_at")
    entities, relations = [], []
    if like:
        entities += [e for e in like.entities if rng.random() < 0.8]
    for n in range(rng.randint(0, 6)):
        start = 4 * rng.randrange(6)
        span = Span(start, start + rng.choice((3, 7)))
        entities.append(Entity(f"{'P' if like else 'G'}{n}", rng.choice(labels), (span,)))
    ids = [e.id for e in entities]
    if like:
        relations += [r for r in like.relations if r.head in ids and r.tail in ids]
    for n in range(rng.randint(0, 5) if ids else 0):
        name = f"{'Q' if like else 'R'}{n}"
        relations.append(Relation(name, rng.choice(links), rng.choice(ids), rng.choice(ids)))
    return Document(key, text, tuple(entities), tuple(relations))


def test_every_measure_agrees_with_a_slow_reference_on_random_reports():
    rng, text = random.Random(1), "abc " * 8
    gold, predicted = {}, {}
    for i in range(200):
        source = rng.choice(("MIMIC-CXR", "CheXpert"))
        first = random_document(rng, f"s{i:03}", text)
        gold[i, 1] = labeled(first, 1, source)
        gold[i, 2] = labeled(random_document(rng, f"s{i:03}", text, like=first), 2, source)
        predicted[i] = random_document(rng, f"s{i:03}", text, like=gold[i, 1])
    report = score(gold.values(), predicted.values(), scorer="radgraph")
    assert report.documents == 400
    for kind, path in KINDS.items():
        everything = [(document, predicted[i]) for (i, _), document in gold.items()]
        assert counted(report, ".".join(path)) == counts(*zip(*everything, strict=True), kind)
        for source in ("MIMIC-CXR", "CheXpert", None):
            by_labeler = []
            for n in (1, 2):
                chosen = [
                    (document, predicted[i])
                    for (i, labeler), document in gold.items()
                    if labeler == n and source in (None, document.metadata["radgraph"]["data_source"])
                ]
                by_labeler.append(scores(*zip(*chosen, strict=True), kind))
                if source:
                    found = counted(report, ".".join((*path[:-1], source, f"labeler_{n}")))
                    assert found == counts(*zip(*chosen, strict=True), kind)
                    assert found[0] > 20
            place = (*path[:-1], source, "averaged") if source else (*path, "averaged")
            for index, name in enumerate(("precision", "recall", "f1")):
                mean = fmean(values[index] for values in by_labeler)
                assert report.figures[*place, name] == pytest.approx(mean, abs=1e-12)
