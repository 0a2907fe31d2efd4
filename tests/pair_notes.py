"""Five invented notes with relations, a symmetric one too, and events, some of them over a sentence's end."""

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span

__all__ = ["FIVE", "note"]


def note(
    id_: str,
    text: str,
    *mentions: tuple[str, str],
    relations: tuple[tuple[str, int, int], ...] = (),
    events: tuple[tuple[int, dict[str, int]], ...] = (),
) -> Document:
    """A note whose mentions are given by their words, "..." between fragments, and links by mention numbers."""
    entities = []
    for number, (label, words) in enumerate(mentions):
        fragments, at = [], 0
        for part in words.split("..."):
            at = text.index(part, at)
            fragments.append(Span(at, at + len(part)))
        values = (Attribute("assertion", "present"),) if label == "Problem" else ()
        entities.append(Entity(f"T{number}", label, tuple(fragments), values))
    return Document(
        id_,
        text,
        tuple(entities),
        tuple(Relation(f"R{n}", name, f"T{head}", f"T{tail}") for n, (name, head, tail) in enumerate(relations)),
        tuple(
            Event(f"E{n}", "Smoking", f"T{at}", tuple(Argument(role, f"T{target}") for role, target in filled.items()))
            for n, (at, filled) in enumerate(events)
        ),
    )


FIVE = [
    note(
        "1",
        "Aspirin 81 mg for severe chest pain. Denies fever.",
        ("Drug", "Aspirin"),
        ("Dose", "81 mg"),
        ("Problem", "severe chest pain"),
        ("Problem", "pain"),
        ("Problem", "fever"),
        relations=(("dose-of", 1, 0), ("reason", 2, 0)),
    ),
    note(
        "2",
        "Arms and legs are swollen, no rash. Started ibuprofen for it.",
        ("Problem", "Arms...swollen"),
        ("Problem", "legs...swollen"),
        ("Problem", "rash"),
        ("Drug", "ibuprofen"),
        relations=(("reason", 0, 3), ("reason", 1, 3)),
    ),
    note(
        "3",
        "He smokes one pack daily, quit in May.",
        ("Habit", "smokes"),
        ("Amount", "one pack daily"),
        ("Status", "quit"),
        events=((0, {"amount": 1, "status": 2}),),
    ),
    note(
        "4",
        "Lisinopril 10 mg and metformin 500 mg; lisinopril is the same as Zestril.",
        ("Drug", "Lisinopril"),
        ("Dose", "10 mg"),
        ("Drug", "metformin"),
        ("Dose", "500 mg"),
        ("Drug", "lisinopril"),
        ("Drug", "Zestril"),
        relations=(("dose-of", 1, 0), ("dose-of", 3, 2), ("same", 4, 5)),
    ),
    note(
        "5",
        "Former smoker and current vaper: smoking stopped, vaping now.",
        ("Habit", "smoker"),
        ("Habit", "vaper"),
        ("Status", "stopped"),
        ("Status", "now"),
        ("Habit", "smoking"),
        events=((0, {"status": 2}), (1, {"status": 3}), (4, {"status": 2})),
    ),
]
