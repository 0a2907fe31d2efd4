"""One drug and how it is taken, in bare words for the slots of a template."""

import re
from collections.abc import Callable, Mapping
from random import Random

from medspan.corpora.invent.grammar import Grammar
from medspan.corpora.invent.medications import Pharmacy
from medspan.corpora.invent.vocabulary import directions

__all__ = ["about_a_drug", "drug_words"]

_MARKED = re.compile(r"\[[^|]*\||\]")


def about_a_drug(grammar: Grammar, name: str, rng: Random) -> Callable[[], str]:
    """Return a symbol that writes one alternative of `name` about a fresh drug, in a scope of its own."""

    def write() -> str:
        return f"‹{grammar.bind(drug_words(grammar, rng)).draw(name)}›"

    return write


def drug_words(grammar: Grammar, rng: Random) -> Mapping[str, Callable[[], str]]:
    """Return the slots of one drug: its names, how it is taken and what for, and another drug's name and strength.

    A slot that the drug has no word for is empty.
    """
    pharmacy = Pharmacy(grammar, rng)
    record, other = pharmacy.draw(), pharmacy.draw()
    ways = directions()[record.kind]

    def one(kind: str) -> Callable[[], str]:
        words = ways.get(kind, ())
        return lambda: _MARKED.sub("", rng.choice(words)) if words else ""

    def nasty_or(kind: str, plain: Callable[[], str]) -> Callable[[], str]:
        seasoned = f"nasty_{kind}"
        return lambda: grammar.draw(seasoned) if grammar.knows(seasoned) and rng.random() < 0.03 else plain()

    return {
        "drug": lambda: pharmacy.name(record),
        "generic": lambda: record.names[0],
        "brand": lambda: record.names[-1],
        "other_drug": lambda: pharmacy.name(other),
        "strength": lambda: rng.choice(record.strengths) if record.strengths else "",
        "other_strength": lambda: rng.choice(other.strengths) if other.strengths else "10 mg",
        "dose": one("dosage"),
        "unit": one("unit"),
        "form": one("form"),
        "route": one("route"),
        "frequency": nasty_or("frequency", one("frequency")),
        "prn": one("prn"),
        "duration": one("duration"),
        "site": one("site"),
        "verb": one("verb") if "verb" in ways else lambda: "take",
        "reason": nasty_or("reason", lambda: rng.choice(record.reasons) if record.reasons else grammar.draw("disease")),
    }
