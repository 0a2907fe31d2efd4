"""One drug with its directions, as slots for a template: mentions marked up and linked to `#d`."""

from collections.abc import Callable, Mapping
from random import Random

from medspan.corpora.invent.grammar import Grammar
from medspan.corpora.invent.vocabulary import DrugRecord, directions, drugs

__all__ = ["Pharmacy"]

_ONSETS = ("Ab", "Bel", "Cor", "Dax", "El", "Fen", "Gal", "Ilo", "Jex", "Kel", "Lum", "Mor", "Nor", "Ox", "Pra", "Qin")
_MIDDLES = ("a", "ave", "eni", "iro", "o", "uta", "ami", "exi", "olu", "ori", "ydra", "ilo")
_STEMS = (
    "statin", "pril", "sartan", "olol", "dipine", "azole", "cillin", "floxacin", "mycin", "vir", "mab", "tinib",
    "gliptin", "gliflozin", "oxetine", "azepam", "triptan", "profen", "setron", "lukast", "terol", "parin", "zide",
)  # fmt: skip
_INVENTED_IN_100 = 8
_MODIFIED_REASON_IN_100 = 15


class Pharmacy:
    """Draws drugs and writes templates about them."""

    def __init__(self, grammar: Grammar, rng: Random) -> None:
        self._grammar = grammar
        self._rng = rng

    def written(self, template_name: str) -> Callable[[], str]:
        """Return a symbol that writes `template_name` about a fresh drug, its names bounded by a scope."""

        def write() -> str:
            return f"‹{self._grammar.bind(self._slots(self.draw())).draw(template_name)}›"

        return write

    def draw(self) -> DrugRecord:
        """Draw a listed drug, or now and then one whose name nobody has heard, taken like another."""
        record = self._rng.choice(drugs())
        if self._rng.random() * 100 >= _INVENTED_IN_100:
            return record
        name = self._rng.choice(_ONSETS) + self._rng.choice(_MIDDLES) + self._rng.choice(_STEMS)
        return DrugRecord((self._rng.choice([name, name.lower()]),), record.kind, record.strengths, record.reasons)

    def name(self, record: DrugRecord | None = None) -> str:
        """Write one of the drug's names, the generic ones in some case."""
        names = (record or self.draw()).names
        name = self._rng.choice(names)
        if name == names[0] and self._rng.random() < 0.35:
            name = name[:1].upper() + name[1:]
        return name.upper() if self._rng.random() < 0.04 else name

    def _slots(self, record: DrugRecord) -> Mapping[str, Callable[[], str]]:
        ways = directions()[record.kind]
        reasons = list(record.reasons)
        self._rng.shuffle(reasons)

        def one(name: str, label: str = "") -> Callable[[], str]:
            def write() -> str:
                words = ways.get(name, ())
                if not words:
                    return ""
                word = self._rng.choice(words)
                return f"[{label} >d|{word}]" if label else word

            return write

        def dose() -> str:
            if "dosage" not in ways:
                return ""
            unit = self._rng.choice(ways["unit"]) if "unit" in ways else ""
            return f"[Dosage >d|{self._rng.choice(ways['dosage'])}] {unit}"

        def strength() -> str:
            return f"[Strength >d|{self._strength(record)}]" if record.strengths else ""

        def reason() -> str:
            words = reasons.pop() if reasons else "{disease}"
            if not record.reasons or self._rng.random() * 100 < _MODIFIED_REASON_IN_100:
                words = self._rng.choice(["{symptom}", "{disease}", "{severity} {region} pain", "{lr} {joint} pain"])
            return f"[Problem Reason>d|{words}]"

        def other() -> str:
            return f"[Drug #e|{self.name()}]"

        return {
            "drug": lambda: f"[Drug #d|{self.name(record)}]",
            "generic": lambda: f"[Drug #d|{record.names[0]}]",
            "brand": lambda: record.names[-1],
            "strength": strength,
            "any_strength": lambda: self._strength(record) if record.strengths else "20 mg",
            "any_frequency": lambda: self._rng.choice(ways["frequency"]),
            "form": one("form", "Form"),
            "route": one("route", "Route"),
            "frequency": one("frequency", "Frequency"),
            "prn": one("prn", "Frequency"),
            "duration": one("duration", "Duration"),
            "site": one("site"),
            "verb": one("verb") if "verb" in ways else lambda: "take",
            "dose": dose,
            "reason": reason,
            "other": other,
        }

    def _strength(self, record: DrugRecord) -> str:
        strength = self._rng.choice(record.strengths)
        roll = self._rng.random()
        if roll < 0.08:
            return strength.replace(" ", "")
        if roll < 0.12:
            return strength.replace(" mg", " milligrams").replace(" mcg", " micrograms")
        if roll < 0.15 and strength.endswith(" mg"):
            return strength.replace(" mg", "-mg")
        return strength
