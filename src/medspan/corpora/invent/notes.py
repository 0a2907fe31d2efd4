"""Compose invented sentences into sections and notes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.grammar import Grammar, Symbol
from medspan.corpora.invent.medications import Pharmacy
from medspan.corpora.invent.vocabulary import symbols

__all__ = ["SECTIONS", "Section", "note_grammar", "person", "recased", "write_section"]


@dataclass(frozen=True)
class Section:
    """A kind of section: its headings, its templates with weights, and how many sentences it runs to."""

    headings: tuple[str, ...]
    templates: Mapping[str, int]
    low: int
    high: int


SECTIONS: Mapping[str, Section] = {
    "medications": Section((), {"med_section": 1}, 1, 1),
    "directions": Section(("PLAN", "Plan", "TREATMENT", "INSTRUCTIONS"), {"med_sentence_d": 6, "distractor": 1}, 1, 6),
    "allergies": Section((), {"allergy_section": 1}, 1, 1),
    "adverse": Section(("ADVERSE REACTIONS", "Interval history"), {"ade_sentence_d": 4, "distractor": 1}, 1, 4),
    "complaints": Section(
        ("HISTORY OF PRESENT ILLNESS", "HPI", "History of Present Illness", "CHIEF COMPLAINT", "SUBJECTIVE"),
        {"complaint_sentence": 8, "med_sentence_d": 2, "ade_sentence_d": 1, "result_sentence": 1, "distractor": 1},
        1,
        9,
    ),
    "review": Section(("REVIEW OF SYSTEMS", "Review of Systems", "ROS"), {"review_item": 1}, 1, 5),
    "history": Section(
        ("PAST MEDICAL HISTORY", "Past Medical History", "PMH", "MEDICAL HISTORY", "PAST SURGICAL HISTORY"),
        {"history_sentence": 1},
        1,
        3,
    ),
    "family": Section(("FAMILY HISTORY", "Family History", "FAMILY HX", "FH"), {"family_sentence": 1}, 1, 4),
    "examination": Section(
        ("PHYSICAL EXAMINATION", "Physical Exam", "PHYSICAL EXAM", "EXAM", "OBJECTIVE"),
        {"exam_item": 6, "vital_sentence": 1},
        1,
        6,
    ),
    "results": Section(("RESULTS", "LABORATORY DATA", "IMAGING", "Results", "DATA"), {"result_sentence": 1}, 1, 5),
    "plan": Section(
        ("ASSESSMENT AND PLAN", "PLAN", "ASSESSMENT", "Assessment and Plan", "IMPRESSION", "A/P", "INSTRUCTIONS"),
        {"plan_item": 8, "distractor": 1},
        1,
        9,
    ),
    "social": Section(
        ("SOCIAL HISTORY", "Social History", "SOCIAL HX", "SH", "SOCHX", "Social"), {"social_sentence": 1}, 1, 6
    ),
}

_HEADED_IN_100 = 35


def person(rng: Random) -> dict[str, Symbol]:
    """Return the words of one patient: pronouns, names and numbers drawn from `rng`."""
    he, his, himself, title = rng.choice(
        [("he", "his", "himself", "Mr."), ("she", "her", "herself", "Ms."), ("she", "her", "herself", "Mrs.")]
    )
    surname = rng.choice([*symbols()["surname"], "\\[**Name**\\]", "\\[**Last Name**\\]"])
    him = {"he": "him", "she": "her"}[he]
    subjects = [he.capitalize()] * 5 + ["The patient", "The patient", "Patient", "Pt", f"{title} {surname}"]

    def number(low: float, high: float, digits: int = 0) -> Callable[[], str]:
        return lambda: f"{rng.uniform(low, high):.{digits}f}"

    return {
        "he": (he,),
        "his": (his,),
        "him": (him,),
        "himself": (himself,),
        "He": subjects,
        "Patient": ("The patient", "Patient", f"{title} {surname}"),
        "age": number(19, 94),
        "bp": lambda: f"{rng.randint(92, 188)}/{rng.randint(50, 104)}",
        "rate": number(48, 126),
        "temp": number(96.4, 103.1, 1),
        "resp": number(12, 28),
        "sat": number(88, 100),
        "weight": lambda: f"{rng.randint(98, 290)} {rng.choice(['pounds', 'lbs', 'kg'])}",
        "number": lambda: f"{rng.uniform(0.3, 250):.{rng.randint(0, 1)}f}",
    }


def note_grammar(rng: Random) -> Grammar:
    """Return the grammar of one note: its patient, its numbers and its drugs are drawn from `rng`."""
    base = Grammar({**symbols(), **person(rng), "allergen_d": ("[Drug #d|{allergen}]",)}, rng)
    pharmacy = Pharmacy(base, rng)
    return base.bind(
        {
            "med_list_item_d": pharmacy.written("med_list_item"),
            "med_sentence_d": pharmacy.written("med_sentence"),
            "ade_sentence_d": pharmacy.written("ade_sentence"),
            "allergy_item_d": lambda: f"‹{base.draw('allergy_item')}›",
            "drug_name": lambda: f"[Drug|{pharmacy.name()}]",
            "drug_plain": pharmacy.name,
        }
    )


def write_section(kind: str, grammar: Grammar, rng: Random) -> str:
    """Write one section as markup, sometimes under a heading."""
    section = SECTIONS[kind]
    names: Sequence[str] = list(section.templates)
    weights = list(section.templates.values())
    count = rng.randint(section.low, section.high)
    items = [f"‹{grammar.draw(name)}›" for name in rng.choices(names, weights, k=count)]
    layout = rng.choice(["prose", "prose", "prose", "lines", "bullets", "numbered"]) if count > 1 else "prose"
    if layout != "prose" and any(re.match(r"[‹\W]*\d|.*\n", item) for item in items):
        layout = "lines"  # a list inside a list would be read as one list
    if layout == "prose":
        body = rng.choice([" ", "\\ \\ "]).join(items)
    elif layout == "lines":
        body = "\n".join(items)
    elif layout == "bullets":
        mark = rng.choice(["- ", "• ", "* "])
        body = "\n".join(mark + item for item in items)
    else:
        style = rng.choice(["{}. ", "{}) "])
        body = "\n".join(style.format(n) + item for n, item in enumerate(items, start=1))
    if section.headings and rng.random() * 100 < _HEADED_IN_100:
        body = rng.choice(section.headings) + rng.choice([": ", ":\n", "\n", "\n\n", ":\\ \\ "]) + body
    return body


def recased(document: Document, rng: Random) -> Document:
    """Return the note as it is, or now and then all in capitals or all in small letters."""
    roll = rng.random()
    text = document.text.upper() if roll < 0.04 else document.text.lower() if roll < 0.07 else document.text
    if len(text) != len(document.text):  # a letter whose other case is longer would move the offsets
        return document
    return Document(document.id, text, document.entities, document.relations, document.events)
