from collections.abc import Callable

import pytest
from hypothesis import settings

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span

# Oracles are imported inside the tests, and a busy machine is slow: time is no reason to fail.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")


def build(
    *entities: str,
    relations: tuple[str, ...] = (),
    events: tuple[str, ...] = (),
    key: str = "n1",
    text: str = "." * 100,
    scores: tuple[float | None, ...] = (),
) -> Document:
    """A note from short forms: "Drug 0-5", "Drug 0-3,8-12 assertion=absent", "Form-Drug T2 T1", "Tobacco T1 Type:T2".

    Entities are T1, T2 and so on; relations R1 and events E1 likewise. An event's attribute is written like an
    entity's.
    """

    def attributes(words: list[str]) -> tuple[Attribute, ...]:
        return tuple(Attribute(*word.split("=")) for word in words if "=" in word)

    def entity(n: int, form: str) -> Entity:
        label, place, *rest = form.split()
        fragments = tuple(Span(*map(int, part.split("-"))) for part in place.split(","))
        return Entity(f"T{n}", label, fragments, attributes(rest), score=scores[n - 1] if scores else None)

    def event(n: int, form: str) -> Event:
        label, trigger, *rest = form.split()
        arguments = tuple(Argument(*word.split(":")) for word in rest if ":" in word)
        return Event(f"E{n}", label, trigger, arguments, attributes(rest))

    return Document(
        key,
        text,
        tuple(entity(n, form) for n, form in enumerate(entities, 1)),
        tuple(Relation(f"R{n}", *form.split()) for n, form in enumerate(relations, 1)),
        tuple(event(n, form) for n, form in enumerate(events, 1)),
    )


@pytest.fixture(scope="session")
def note() -> Callable[..., Document]:
    return build
