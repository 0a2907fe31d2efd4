"""The 2022 n2c2 rules once more, slowly and in plain lists, straight from the words of the rules.

An event here is a list of dictionaries, trigger first: {"type", "start", "end", "subtype", "text"}.
"""

WITH_VALUE = ["StatusTime", "StatusEmploy", "TypeLiving"]


def share_a_character(a, b):
    return len(set(range(a["start"], a["end"])) & set(range(b["start"], b["end"]))) > 0


def words(text):
    found, word = [], ""
    for character in text + " ":
        if character.isalnum() or character == "_":
            word += character
            continue
        if word:
            found.append(word)
        word = ""
        if not character.isspace():
            found.append(character)
    return found


def common_run(a, b):
    longest = 0
    for i in range(len(a)):
        for j in range(len(b)):
            n = 0
            while i + n < len(a) and j + n < len(b) and a[i + n] == b[j + n]:
                n += 1
            longest = max(longest, n)
    return longest


def align_triggers(gold, predicted, mode):
    aligned = []
    if mode == "min_dist":
        remaining = []
        for i in range(len(gold)):
            for j in range(len(predicted)):
                g, p = gold[i][0], predicted[j][0]
                if g["type"] == p["type"]:
                    middle_of_gold = (g["start"] + g["end"] - 1) / 2
                    middle_of_predicted = (p["start"] + p["end"] - 1) / 2
                    remaining.append((abs(middle_of_gold - middle_of_predicted), i, j))
        while remaining:
            _, best_i, best_j = min(remaining)
            aligned.append((best_i, best_j))
            remaining = [r for r in remaining if r[1] != best_i and r[2] != best_j]
        return aligned
    used = set()
    for i in range(len(gold)):
        for j in range(len(predicted)):
            g, p = gold[i][0], predicted[j][0]
            if g["type"] != p["type"] or j in used:
                continue
            equal = g["start"] == p["start"] and g["end"] == p["end"]
            if equal if mode == "exact" else share_a_character(g, p):
                aligned.append((i, j))
                used.add(j)
                break
    return aligned


def argument_value(gold, predicted, span, labelled):
    if gold["type"] != predicted["type"]:
        return 0
    equal = gold["start"] == predicted["start"] and gold["end"] == predicted["end"]
    shared = share_a_character(gold, predicted)
    if gold["type"] in WITH_VALUE:
        if gold["subtype"] != predicted["subtype"]:
            return 0
        return {"label": 1, "exact": int(equal), "overlap": int(shared)}[labelled]
    if span == "partial":
        return common_run(words(gold["text"]), words(predicted["text"])) if shared else 0
    return {"exact": int(equal), "overlap": int(shared)}[span]


def count(table, column, event, argument, subtype, n=1):
    row = table.setdefault((event, argument, subtype or "N/A"), {"NT": 0, "NP": 0, "TP": 0})
    row[column] += n


def score_document(gold, predicted, trigger, span, labelled):
    """Return {(event, argument, subtype): {"NT", "NP", "TP"}} of one document."""
    table = {}
    for column, events in (("NT", gold), ("NP", predicted)):
        for event in events:
            kind = event[0]["type"]
            count(table, column, kind, "Trigger", event[0]["subtype"])
            for argument in event[1:]:
                by_token = span == "partial" and argument["type"] not in WITH_VALUE
                n = len(words(argument["text"])) if by_token else 1
                count(table, column, kind, argument["type"], argument["subtype"], n)
    for i, j in align_triggers(gold, predicted, trigger):
        kind = gold[i][0]["type"]
        count(table, "TP", kind, "Trigger", gold[i][0]["subtype"])
        taken_gold, taken_predicted = set(), set()
        for a in range(1, len(gold[i])):
            for b in range(1, len(predicted[j])):
                n = argument_value(gold[i][a], predicted[j][b], span, labelled)
                if n == 0:
                    continue
                is_free = span == "partial" and gold[i][a]["type"] not in WITH_VALUE
                if is_free or (a not in taken_gold and b not in taken_predicted):
                    count(table, "TP", kind, gold[i][a]["type"], gold[i][a]["subtype"], n)
                    taken_gold.add(a)
                    taken_predicted.add(b)
    return table
