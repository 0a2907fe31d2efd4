"""The rules of i2b2 2009, 2010 and 2014 once more, slowly, straight from their words; matchings by trying them all.

Tokens are (line, token) pairs, as the formats of 2009 and 2010 write them.
"""

from functools import cache


def token_table(text):
    """Every white-space token as (line, token, start, end); lines from 1, tokens from 0."""
    table, offset = [], 0
    for n, line in enumerate(text.split("\n"), 1):
        at = 0
        for k, word in enumerate(line.split()):
            at = line.index(word, at)
            table.append((n, k, offset + at, offset + at + len(word)))
            at += len(word)
        offset += len(line) + 1
    return table


def touched(table, ranges):
    return [(n, k) for n, k, a, b in table if any(a < end and start < b for start, end in ranges)]


def most_pairs(left, right, fits):
    """The largest number of one-to-one pairs, by trying every choice."""
    allowed = [frozenset(j for j, r in enumerate(right) if fits(x, r)) for x in left]

    @cache
    def best(i, taken):
        if i == len(allowed):
            return 0
        return max(best(i + 1, taken), *(1 + best(i + 1, taken | {j}) for j in allowed[i] - taken), 0)

    return best(0, frozenset())


def heaviest_pairs(left, right, weight):
    """The largest total weight of one-to-one pairs; weight is None where a pair is not allowed."""
    weights = [{j: w for j, r in enumerate(right) if (w := weight(x, r)) is not None} for x in left]

    @cache
    def best(i, taken):
        if i == len(weights):
            return 0
        return max(
            best(i + 1, taken), *(w + best(i + 1, taken | {j}) for j, w in weights[i].items() if j not in taken), 0
        )

    return best(0, frozenset())


def equal_pairs(left, right):
    left, n = list(left), 0
    for item in right:
        if item in left:
            left.remove(item)
            n += 1
    return n


def counts(n, left, right):
    return n, len(right) - n, len(left) - n


# 2010


def span_2010(table, entity):
    """((first line, token), (last line, token)) of the range that a mention covers."""
    found = touched(table, [(entity.fragments[0].start, entity.fragments[-1].end)])
    return found[0], found[-1]


def concepts_2010(document):
    table = token_table(document.text)
    return {e.id: (e.label, *span_2010(table, e)) for e in document.entities}


def score_2010(gold, predicted):
    """Counts of one document by measure; concepts by class too, as (measure, class)."""
    left, right = concepts_2010(gold), concepts_2010(predicted)
    a, b = list(left.values()), list(right.values())
    found = {}
    for label in {c[0] for c in a + b} | {None}:
        first, second = ([c for c in side if label in (None, c[0])] for side in (a, b))
        spans = [c[1:] for c in first], [c[1:] for c in second]

        def overlap(x, y):
            return x[0] == y[0] and x[1] <= y[2] and y[1] <= x[2]

        found["class exact", label] = counts(equal_pairs(first, second), first, second)
        found["class inexact", label] = counts(most_pairs(first, second, overlap), first, second)
        if label is None:
            found["exact"] = counts(equal_pairs(*spans), *spans)
            found["inexact"] = counts(most_pairs(*spans, lambda x, y: x[0] <= y[1] and y[0] <= x[1]), *spans)
    # Assertions: on gold's concepts that carry one.
    asserted = [
        [(concepts[e.id], a.value) for e in d.entities for a in e.attributes if a.name == "assertion"]
        for d, concepts in ((gold, left), (predicted, right))
    ]
    asserted[1] = [item for item in asserted[1] if item[0] in [c for c, _ in asserted[0]]]
    found["assertions"] = counts(equal_pairs(*asserted), *asserted)
    for name, of in (("spans", lambda c: c[1:]), ("end to end", lambda c: c)):
        links = [
            [(r.label, of(concepts[r.head]), of(concepts[r.tail])) for r in d.relations]
            for d, concepts in ((gold, left), (predicted, right))
        ]
        found[f"relations {name}"] = counts(equal_pairs(*links), *links)
        free = [[(k, frozenset((x, y))) if k == "PIP" else (k, x, y) for k, x, y in side] for side in links]
        found[f"relations {name} unordered"] = counts(equal_pairs(*free), *free)
    return found


# 2009


def entries_2009(document):
    """Each entry as its medication's tokens and a list of (field, tokens)."""
    table = token_table(document.text)
    phrases = {e.id: tuple(touched(table, [(f.start, f.end) for f in e.fragments])) for e in document.entities}
    return [
        (phrases[e.trigger], [("medication", phrases[e.trigger]), *((a.role, phrases[a.target]) for a in e.arguments)])
        for e in document.events
    ]


def score_2009(gold, predicted):
    """Counts of one document by measure; vertical ones by field too, as (measure, field)."""
    left, right = entries_2009(gold), entries_2009(predicted)

    def single_tokens(phrases):
        return list({(name, token) for name, phrase in phrases for token in phrase})

    found = {}
    for mode in ("phrase", "token"):
        a, b = ([(m, single_tokens(p) if mode == "token" else p) for m, p in side] for side in (left, right))

        def agree(x, y, mode=mode):
            is_aligned = x[0] == y[0] if mode == "phrase" else set(x[0]) & set(y[0])
            return equal_pairs(x[1], y[1]) if is_aligned else None

        n = heaviest_pairs(a, b, agree)
        everything = [[item for _, items in side for item in items] for side in (a, b)]
        found[f"horizontal {mode}"] = counts(n, *everything)
        distinct = [set(items) for items in everything]
        for name in {item[0] for side in distinct for item in side} | {None}:
            first, second = ([item for item in side if name in (None, item[0])] for side in distinct)
            found[f"vertical {mode}", name] = counts(equal_pairs(first, second), first, second)
    whole = [[sorted(phrases) for _, phrases in side] for side in (left, right)]
    found["entry"] = counts(equal_pairs(*whole), *whole)
    return found


# 2014

HIPAA = {
    "NAME": ["PATIENT"],
    "LOCATION": ["STREET", "CITY", "ZIP", "ORGANIZATION"],
    "AGE": "all",
    "DATE": "all",
    "CONTACT": ["PHONE", "FAX", "EMAIL"],
    "ID": ["SSN", "MEDICALRECORD", "HEALTHPLAN", "ACCOUNT", "LICENSE", "VEHICLE", "DEVICE", "BIOID", "IDNUM"],
}


def words_2014(text):
    """(start, end) of every run of word characters and every other sign."""
    found, start = [], None
    for i, character in enumerate(text + " "):
        if character.isalnum() or character == "_":
            start = i if start is None else start
            continue
        if start is not None:
            found.append((start, i))
            start = None
        if not character.isspace():
            found.append((i, i + 1))
    return found


def score_2014(gold, predicted):
    """Counts of one document by measure, all classes and HIPAA's."""
    table = words_2014(gold.text)
    found = {}
    for prefix in ("", "hipaa "):
        sides = []
        for document in (gold, predicted):
            tags = []
            for e in document.entities:
                kind = e.attribute("TYPE")
                if prefix and HIPAA.get(e.label, []) != "all" and kind not in HIPAA.get(e.label, []):
                    continue
                tags.append(((e.label, kind), tuple((f.start, f.end) for f in e.fragments)))
            sides.append(tags)

        def close(x, y):
            return x[0] == y[0] and x[1][0][0] == y[1][0][0] and -2 <= x[1][-1][1] - y[1][-1][1] <= 2

        found[f"{prefix}strict"] = counts(equal_pairs(*sides), *sides)
        found[f"{prefix}relaxed"] = counts(most_pairs(*sides, close), *sides)
        tokens = [
            {
                (kind, word)
                for kind, ranges in side
                for word in table
                if any(word[0] < b and a < word[1] for a, b in ranges)
            }
            for side in sides
        ]
        found[f"{prefix}token"] = counts(len(tokens[0] & tokens[1]), *tokens)
    return found
