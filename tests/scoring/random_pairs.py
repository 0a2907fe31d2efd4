"""Random notes and predictions: kept, moved, relabelled, lost, doubled and made-up annotations, in any order."""

import random
from dataclasses import replace

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span

# Empty words make double spaces.
WORDS = [
    "no",
    "chest",
    "pain,",
    "since",
    "03/04",
    "aspirin",
    "",
    "81",
    "mg\npo",
    "daily;",
    "Dr.",
    "X-ray\nnormal",
    "é",
    "",
]


def random_pairs(seed, n, labels, values=("a", "b"), attribute="assertion", relations=(), roles=()):
    """Yield n pairs of documents; entities carry the attribute at times, relations and events (`roles`) where named."""
    rng = random.Random(seed)
    for i in range(n):
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(8, 20)))
        gold = [random_entity(rng, text, labels, values, attribute) for _ in range(rng.randint(0, 7))]
        predicted = [
            changed(rng, e, text, labels, values, attribute) for e in gold for _ in range(rng.choice((0, 1, 1, 1, 2)))
        ]
        predicted += [random_entity(rng, text, labels, values, attribute) for _ in range(rng.randint(0, 2))]
        rng.shuffle(predicted)
        sides = [document(f"n{i:03}", text, side) for side in (gold, predicted)]
        for side in (0, 1):
            sides[side] = linked(rng, sides[side], relations, roles)
        if rng.random() < 0.5:
            sides[1] = likewise(rng, *sides)
        yield tuple(sides)


def random_entity(rng, text, labels, values, attribute):
    start = rng.randrange(len(text) - 1)
    end = min(len(text), start + rng.randint(1, 14))
    fragments = (Span(start, end),)
    if end + 4 < len(text) and rng.random() < 0.15:
        fragments += (Span(end + 2, end + 4),)
    if rng.random() < 0.6:
        fragments = (on_words(text, start, end),)
    if not text[start:end].strip():  # no token: tests of their own look at white space
        return random_entity(rng, text, labels, values, attribute)
    attributes = (Attribute(attribute, rng.choice(values)),) if rng.random() < 0.7 else ()
    return Entity("T", rng.choice(labels), fragments, attributes)


def on_words(text, start, end):
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return Span(start, end)


def changed(rng, entity, text, labels, values, attribute):
    chance = rng.random()
    if chance < 0.15:
        return replace(entity, label=rng.choice(labels))
    if chance < 0.3:
        last = entity.fragments[-1]
        end = min(len(text), max(last.start + 1, last.end + rng.randint(-3, 3)))
        if not text[entity.start : end].strip():
            return entity
        return replace(entity, fragments=(*entity.fragments[:-1], Span(last.start, end)))
    if chance < 0.4:
        return replace(entity, attributes=(Attribute(attribute, rng.choice(values)),))
    if chance < 0.5:
        return random_entity(rng, text, labels, values, attribute)
    return entity


def document(key, text, entities):
    return Document(key, text, tuple(replace(e, id=f"T{i}") for i, e in enumerate(entities)))


def linked(rng, made, relations, roles):
    ids = [e.id for e in made.entities]
    links = [
        Relation(f"R{i}", rng.choice(relations), rng.choice(ids), rng.choice(ids))
        for i in range(rng.randint(0, 4) if relations and ids else 0)
    ]
    events = [
        Event(
            f"E{i}",
            "medication",
            rng.choice(ids),
            tuple(Argument(rng.choice(roles), rng.choice(ids)) for _ in range(rng.randint(0, 3))),
        )
        for i in range(rng.randint(0, 4) if roles and ids else 0)
    ]
    return replace(made, relations=tuple(links), events=tuple(events))


def likewise(rng, gold, predicted):
    """Give the prediction gold's own relations and events, most of them, beside its own."""
    entities = (*predicted.entities, *(replace(e, id=f"G{e.id}") for e in gold.entities))
    links = [
        replace(r, id=f"G{r.id}", head=f"G{r.head}", tail=f"G{r.tail}") for r in gold.relations if rng.random() < 0.8
    ]
    links = [replace(r, head=r.tail, tail=r.head) if rng.random() < 0.2 else r for r in links]
    events = [
        replace(
            e,
            id=f"G{e.id}",
            trigger=f"G{e.trigger}",
            arguments=tuple(replace(a, target=f"G{a.target}") for a in e.arguments if rng.random() < 0.8),
        )
        for e in gold.events
        if rng.random() < 0.8
    ]
    rng.shuffle(links)
    rng.shuffle(events)
    return replace(
        predicted,
        entities=entities,
        relations=(*links, *predicted.relations[:1]),
        events=(*events, *predicted.events[:1]),
    )
