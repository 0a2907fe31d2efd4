"""The 2012 i2b2 rules once more, slowly and in dictionaries, straight from the words of the rules.

A mention is a dictionary {"id", "start", "end", "text", ...attributes}, a link a tuple (id, from, to, type).
"""

from itertools import product

PUNCTUATION = list(",.?!\"'<>;:/\\~_-+=()[]{}|@#$%^&*`")
LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


# --- mentions ---------------------------------------------------------------------------------------------------------


def span_score(one, two):
    if not LETTERS & set(one["text"]) or not LETTERS & set(two["text"]):
        return 0
    if one["start"] <= two["start"] and not one["end"] >= two["start"] + 1:
        return 0
    if one["start"] > two["start"] and not two["end"] > one["start"] + 1:
        return 0
    same = [w for w in one["text"].split() if w not in PUNCTUATION] == [
        w for w in two["text"].split() if w not in PUNCTUATION
    ]
    return 1 if same else 0.5


def compare_events(file1, file2):
    """Return, by id of file 1, [score, modality, polarity, type] and all partners."""
    state = {e["id"]: {"score": 0, "modality": 0, "polarity": 0, "type": 0, "partner": None} for e in file1}
    owner = {e["id"]: None for e in file2}
    dic = {e["id"]: [] for e in file1}
    for one in file1:
        for two in file2:
            points = span_score(one, two)
            if points == 0:
                continue
            dic[one["id"]].append(two["id"])
            agree = {name: int(one[name].upper() == two[name].upper()) for name in ("modality", "polarity", "type")}
            mine = state[one["id"]]
            agreed_before = mine["modality"] + mine["polarity"] + mine["type"]
            is_free = owner[two["id"]] is None
            take = False
            if points == 1 and is_free:
                take = mine["score"] < 1 or sum(agree.values()) > agreed_before
            elif points == 1:
                take = state[owner[two["id"]]]["score"] < 1
            elif is_free:
                take = mine["score"] != 1 and sum(agree.values()) > agreed_before
            if not take:
                continue
            if is_free:
                if mine["partner"] is not None:
                    owner[mine["partner"]] = None
            else:
                state[owner[two["id"]]] = {"score": 0, "modality": 0, "polarity": 0, "type": 0, "partner": None}
            state[one["id"]] = {"score": points, "partner": two["id"], **agree}
            owner[two["id"]] = one["id"]
    return state, dic


def compare_times(file1, file2):
    state = {t["id"]: {"score": 0, "val": 0, "mod": 0, "type": 0, "partner": None} for t in file1}
    owner = {t["id"]: None for t in file2}
    dic = {t["id"]: [] for t in file1}
    for one in file1:
        for two in file2:
            points = span_score(one, two)
            if points == 0:
                continue
            dic[one["id"]].append(two["id"])
            agree = {
                "val": int(values_agree(one, two)),
                "mod": int(one["mod"].upper() == two["mod"].upper()),
                "type": int(one["type"].upper() == two["type"].upper()),
            }
            mine, holder = state[one["id"]], owner[two["id"]]
            if holder is None:
                if not (agree["val"] > mine["val"] or mine["val"] == 0):
                    continue
                if mine["partner"] is not None:
                    owner[mine["partner"]] = None
            elif state[holder]["score"] < 1:
                state[holder] = {"score": 0, "val": 0, "mod": 0, "type": 0, "partner": None}
            else:
                continue
            state[one["id"]] = {"score": points, "partner": two["id"], **agree}
            owner[two["id"]] = one["id"]
    return state, dic


# --- values -----------------------------------------------------------------------------------------------------------


def read_period(text):
    """Read "T12H" as (has T, "12", "H"); the last character is the unit, whatever it is."""
    if not text:
        return None
    has_t = text.startswith("T")
    return has_t, text[has_t:-1], text[-1]


def hours(has_t, amount, unit):
    if unit == "M":
        return amount / 60 if has_t else amount * 672
    return {"H": amount, "S": amount / 2400, "D": amount * 24, "W": amount * 168, "Y": amount * 12 * 4 * 7 * 24}[unit]


def periods_agree(one, two, without_modifier):
    first, second = read_period(one), read_period(two)
    if first is None or second is None:
        return False
    (t1, n1, u1), (t2, n2, u2) = first, second
    if u1 == u2:
        if u1 == "M" and t1 != t2:
            return False
        if without_modifier:
            return n1 == n2
    if not all(n.replace(".", "", 1).isdigit() for n in (n1, n2)):
        return False
    if u1 == u2:
        return abs(float(n1) - float(n2)) < 3
    if u1 not in tuple("YMWDHS") or u2 not in tuple("YMWDHS"):
        return False
    in_hours = hours(t2, float(n2), u2)
    if without_modifier:
        return hours(t1, float(n1), u1) == in_hours
    lowest = float(n1) - 2 if float(n1) >= 2 else 0.0
    return hours(t1, lowest, u1) < in_hours <= hours(t1, float(n1) + 2, u1)


def is_like(value, letter):
    """Look for R, number, P, T, number, unit, or P, T, number, unit; all but the first letter may be missing."""
    rest = value.removeprefix(letter)
    if rest == value:
        return False
    if letter == "R":
        rest = skip_number(rest)
        rest = rest.removeprefix("P").removeprefix("T")
    else:
        rest = rest.lstrip("T")
    return skip_number(rest) in ("", *"YMWDHS")


def skip_number(text):
    return text.lstrip("0123456789").removeprefix(".").lstrip("0123456789")


def values_agree(one, two):
    val1, val2 = one["val"].upper(), two["val"].upper()
    kinds = {one["type"].upper(), two["type"].upper()}
    if not kinds <= {"DURATION", "FREQUENCY"} or val1 == "" or val2 == "":
        return val1 == val2
    if len(kinds) == 2:
        return False
    without_modifier = one["mod"].upper() == "NA" and two["mod"].upper() == "NA"
    if kinds == {"DURATION"}:
        if not is_like(val1, "P") or not is_like(val2, "P"):
            return False
        return periods_agree(val1[1:], val2[1:], without_modifier)
    if not is_like(val1, "R") or not is_like(val2, "R"):
        return False
    if "P" in val1 and "P" in val2:
        return val1[: val1.index("P")] == val2[: val2.index("P")] and periods_agree(
            val1[val1.index("P") + 1 :], val2[val2.index("P") + 1 :], without_modifier
        )
    return val1 == val2


# --- links ------------------------------------------------------------------------------------------------------------


def overlap(kind):
    return kind.upper().replace("SIMULTANEOUS", "OVERLAP")


def corresponding(dic, name):
    """Give what an id stands for on the other side: all partners, or itself where it has none; nothing if unknown."""
    if name in ("Admission", "Discharge"):
        return [name]
    return (dic[name] or [name]) if name in dic else []


def original_found(links, other_links, dic, other_closure=None):
    """Count the links of a file that the other file has; `other_closure` (from, to) -> types stands for its closure."""
    n = 0
    for name, start, end, kind in links:
        if not start or not end or "R" in name or "S" in start or "S" in end:
            continue
        starts = corresponding(dic, start) if dic else [start]
        ends = corresponding(dic, end) if dic else [end]
        right = False
        for a, b in product(starts, ends):
            for _, other_start, other_end, other_kind in other_links:
                right = right or (a, b, overlap(kind)) == (other_start, other_end, overlap(other_kind))
            right = right or (other_closure is not None and overlap(kind) in other_closure.get((a, b), ()))
        n += right
    return n


BEFORE, AFTER, OVERLAP = "BEFORE", "AFTER", "OVERLAP"


class SlowGraph:
    """A table of what is known between any two end points, closed by trying every third point (Floyd-Warshall).

    `table[p, q]` is "<", "=" or missing. Only BEFORE, AFTER and OVERLAP are known here.
    """

    def __init__(self, links):
        self.kept, self.violated, self.known = [], [], {}
        for link in links:
            if self.implied(self.kept, link):
                continue
            if self.close([*self.kept, link]) is None:
                self.violated.append(link)
            else:
                self.kept.append(link)
        self.reduced = list(self.kept)
        for link in self.kept:
            rest = [other for other in self.reduced if other is not link]
            if self.implied(rest, link):
                self.reduced = rest
        self.table = self.close(self.kept)

    @staticmethod
    def facts(link):
        a, b, kind = link
        if kind == BEFORE:
            return [((a, "end"), "<", (b, "start"))]
        if kind == AFTER:
            return [((b, "end"), "<", (a, "start"))]
        return [((a, "start"), "=", (b, "start")), ((a, "end"), "=", (b, "end"))]

    def close(self, links):
        """Return the closed table, or None where the links contradict each other."""
        key = tuple(links)
        if key not in self.known:
            self.known[key] = self.closed_table(links)
        return self.known[key]

    def closed_table(self, links):
        points = sorted({(name, side) for link in links for name in link[:2] for side in ("start", "end")})
        table = {(p, p): "=" for p in points}

        def learn(p, sign, q):
            if sign == "<" or (p, q) not in table:
                table[p, q] = sign

        for name, _ in points:
            learn((name, "start"), "<", (name, "end"))
        for link in links:
            for p, sign, q in self.facts(link):
                learn(p, sign, q)
                if sign == "=":
                    learn(q, sign, p)
        for via, p, q in product(points, points, points):
            if (p, via) in table and (via, q) in table:
                learn(p, "<" if "<" in (table[p, via], table[via, q]) else "=", q)
        return None if any(table[p, p] == "<" for p in points) else table

    def implied(self, links, link):
        if link[0] == link[1]:
            return link[2] == OVERLAP
        table = self.close(links)
        return all(table.get((p, q)) == sign for p, sign, q in self.facts(link))

    def says(self, link):
        if link[0] == link[1]:
            return link[2] == OVERLAP
        return all(self.table.get((p, q)) == sign for p, sign, q in self.facts(link))

    def pairs(self):
        """Return (from, to) -> types, of all that follows between two intervals."""
        names = sorted({p[0] for p, _ in self.table})
        return {
            (a, b): [kind for kind in (BEFORE, AFTER, OVERLAP) if self.says((a, b, kind))]
            for a, b in product(names, names)
            if a != b
        }


def named(links):
    return [(a, b, overlap(kind)) for _, a, b, kind in links if a and b and kind]


def closed(links):
    """List a file's links and then every link that follows and is not among them."""
    found = list(links)
    for (a, b), kinds in SlowGraph(named(links)).pairs().items():
        found += [("closure", a, b, kind) for kind in kinds if (a, b, kind) not in named(links)]
    return found


def tempeval(gold_links, system_links, gold_dic, system_dic):
    """Return (system links right, system links, gold links right, gold links)."""

    def first(dic, name):
        return (corresponding(dic, name) or [""])[0] if dic else name

    def gold_name(name):
        there = first(gold_dic, name)
        return (corresponding(system_dic, there) or [name])[0]

    gold = [(gold_name(a), gold_name(b), kind) for a, b, kind in named(gold_links)]
    system = [(first(system_dic, a), first(system_dic, b), kind) for a, b, kind in named(system_links)]
    system = [link for link in system if link[0] and link[1]]
    turned = {BEFORE: AFTER, AFTER: BEFORE, OVERLAP: OVERLAP}

    def right(graph, other_graph, other_links):
        found = graph.reduced + graph.violated
        stated = other_links + [(b, a, turned[kind]) for a, b, kind in other_links]
        return sum(1 for link in found if link in stated or other_graph.says(link)), len(found)

    gold_graph, system_graph = SlowGraph(gold), SlowGraph(system)
    return (*right(system_graph, gold_graph, gold), *right(gold_graph, system_graph, system))
