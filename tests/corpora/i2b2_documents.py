"""Documents for the i2b2 formats: notes of words, quotes, bars, line ends and odd spaces, annotated anywhere."""

import string

from hypothesis import strategies as st

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span

__all__ = ["documents", "texts", "token_spans"]

WORDS = [
    '"',
    "||",
    '||t="problem"',
    "1:0",
    '1:0||t="x"',
    'c="',
    "gout",
    "Gout",
    "İ",
    "Σ",
    "é",
    "😀",
    "nm",
    "...",
    "<b>",
    "&amp;",
]
WORDS += ["]]>", '"/>', "</TEXT>", "&", "x" * 30, "\ufeff", "\x01", "a\x00b"]
SPACES = [" ", " ", " ", "\n", "\n", "  ", " \n", "\r\n", "\u00a0", "\u2028", "\x85", "\t", "\x0b", "\n\n"]

texts = st.one_of(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)), min_size=1, max_size=14).map(
        lambda pairs: "".join(word + space for word, space in pairs)
    ),
    st.text(min_size=1, max_size=30),
)


def token_spans(text: str) -> list[Span]:
    """Every token of a text, in the way of `str.split` on every line of it; a byte order mark before it is none."""
    spans, at = [], int(text.startswith("\ufeff"))
    for word in text[at:].split():
        start = text.index(word, at)
        at = start + len(word)
        spans.append(Span(start, at))
    return spans


@st.composite
def spans(draw: st.DrawFn, text: str, aligned: bool) -> Span:
    tokens = token_spans(text)
    if aligned and tokens:
        first, last = sorted((draw(st.integers(0, len(tokens) - 1)), draw(st.integers(0, len(tokens) - 1))))
        return Span(tokens[first].start, tokens[last].end)
    start = draw(st.integers(0, len(text) - 1))
    return Span(start, draw(st.integers(start + 1, len(text))))


@st.composite
def documents(
    draw: st.DrawFn,
    *,
    labels: list[str],
    attributes: dict[str, list[str]],
    relations: list[str],
    events: dict[str, list[str]] | None = None,
    tidy: bool = True,
) -> Document:
    """Documents that a format can hold for the most part, or, when not `tidy`, anything."""
    text = draw(texts)
    odd = st.text(string.printable, max_size=6)
    entities: list[Entity] = []
    for n in range(draw(st.integers(0, 5))):
        span = draw(spans(text, tidy or draw(st.booleans())))
        fragments = (span,)
        if not tidy and len(span) > 2 and draw(st.booleans()):
            fragments = (Span(span.start, span.start + 1), Span(span.end - 1, span.end))
        label = draw(st.sampled_from(labels) if tidy or draw(st.booleans()) else odd)
        given = [
            Attribute(name, draw(st.sampled_from(values))) for name, values in attributes.items() if draw(st.booleans())
        ]
        if not tidy and draw(st.booleans()):
            given.append(Attribute(draw(odd), draw(odd)))
        entities.append(Entity(f"X{n}", label, fragments, tuple(given), None if tidy else draw(st.none() | odd)))
    if not entities:
        return Document("n", text)
    ids = st.sampled_from([e.id for e in entities])
    links = [
        Relation(
            f"L{n}", draw(st.sampled_from(relations) if tidy or draw(st.booleans()) else odd), draw(ids), draw(ids)
        )
        for n in range(draw(st.integers(0, 4)) if relations or not tidy else 0)
        if relations
    ]
    made: list[Event] = []
    groups: list[Group] = []
    metadata: dict[str, str] = {}
    if events is not None or not tidy:
        for n in range(draw(st.integers(0, 3))):
            label = draw(st.sampled_from(list(events or {"e": []})))
            roles = (events or {}).get(label) or ["role"]
            arguments = draw(st.lists(st.builds(Argument, st.sampled_from(roles), ids), max_size=4))
            made.append(Event(f"V{n}", label, draw(ids), tuple(arguments)))
    if not tidy:
        groups = [Group(f"G{n}", "or", (draw(ids),)) for n in range(draw(st.integers(0, 1)))]
        metadata = draw(st.sampled_from([{}, {"source": "x"}]))
        if made and links and draw(st.booleans()):
            links.append(Relation("L9", draw(st.sampled_from(relations)), made[0].id, entities[0].id))
    return Document("n", text, tuple(entities), tuple(links), tuple(made), tuple(groups), metadata=metadata)
