"""The 2018 n2c2 rules once more, slowly and over plain dictionaries, straight from their words."""


def read(document):
    """Tags and relations as the script reads them from brat files, in file order."""
    tags = {
        e.id: {
            "id": e.id,
            "type": e.label,
            "start": min(f.start for f in e.fragments),
            "end": max(f.end for f in e.fragments),
        }
        for e in document.entities
    }
    relations = [{"id": r.id, "type": r.label, "arg1": tags[r.head], "arg2": tags[r.tail]} for r in document.relations]
    return {"tags": list(tags.values()), "relations": relations}


def equal(s, g, mode):
    if s["type"] != g["type"]:
        return False
    if "arg1" in s:
        return equal(s["arg1"], g["arg1"], mode) and equal(s["arg2"], g["arg2"], mode)
    if mode == "strict":
        return s["start"] == g["start"] and s["end"] == g["end"]
    return s["end"] > g["start"] and s["start"] < g["end"]


def counts(gold, system, mode):
    """(tp, fp, fn) of one target in one file."""
    claimed = set()
    surviving = list(system)
    for s in system:
        for g in gold:
            if equal(s, g, mode):
                if g["id"] not in claimed:
                    claimed.add(g["id"])
                else:
                    surviving = [other for other in surviving if other["id"] != s["id"]]
    right = {s["id"] for s in surviving if any(equal(s, g, mode) for g in gold)}
    return len(right), len({s["id"] for s in surviving}) - len(right), len({g["id"] for g in gold}) - len(right)


def of_type(items, name):
    return [item for item in items if item["type"] == name]


def ratios(tp, fp, fn):
    p = tp / (tp + fp) if tp + fp else 0
    r = tp / (tp + fn) if tp + fn else 0
    return p, r, 2 * p * r / (p + r) if p + r else 0


def corpus(files, target, mode):
    """Micro counts, counts by type, and macro precision, recall and F1 over files [(gold, system)]."""
    types = {item["type"] for file in files for side in file for item in side[target]}
    overall = [counts(g[target], s[target], mode) for g, s in files]
    micro = tuple(map(sum, zip(*overall, strict=True)))
    by_type = {}
    for name in types:
        found = [counts(of_type(g[target], name), of_type(s[target], name), mode) for g, s in files]
        by_type[name] = tuple(map(sum, zip(*found, strict=True)))
    macro = tuple(sum(column) / len(files) for column in zip(*(ratios(*c) for c in overall), strict=True))
    return micro, by_type, macro
