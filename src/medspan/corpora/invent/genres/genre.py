"""What makes a genre of invented notes, and how one note is put together from its templates."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from medspan.annotation import Document, LabelSchema
from medspan.corpora.invent.grammar import Grammar, Symbol, tidy
from medspan.corpora.invent.markup import concatenate, parse
from medspan.corpora.invent.medications import Pharmacy
from medspan.corpora.invent.notes import note_grammar, person, write_section
from medspan.corpora.invent.prescription import about_a_drug
from medspan.corpora.invent.vocabulary import genre_templates, symbols
from medspan.corpora.schemas import schema

__all__ = ["Finish", "Genre"]

#: What is done to a finished note: the document, the generator of its randomness, and whether traps are wanted.
Finish = Callable[[Document, Random, bool], Iterable[Document]]

_EMPTY = re.compile(r"\[[^\]|\[]*\|\s*\]")
_MARGIN = 60
_NASTY_IN_100 = 6
_EMPTY_NOTES_IN_100 = 2
_EMPTY_NOTES = (
    "See above.", "Please refer to the scanned record.", "No note was dictated.", "Addendum: none.", "Cancelled",
    "Error: entered on the wrong chart.\n",
)  # fmt: skip


@dataclass(frozen=True)
class Genre:
    """Notes in the manner of one corpus, by the name of its schema.

    `name_of` gives a document id for (seed, place); `finish` does to a note what the corpus does to its texts and may
    make several documents of it. `borrowed` names sections of other kinds of invented notes that may stand among
    its own, as many in a hundred as `borrowed_in_100` says, and `borrow` brings them into this schema.
    `marked_in` makes of the schema the one that templates are marked up in, where that is another. `is_shorthand` says
    that its writers use short forms.
    """

    schema_name: str
    name_of: Callable[[int, int], str]
    finish: Finish
    low: int = 2
    high: int = 6
    between: str = "\n\n"
    borrowed: Sequence[str] = ()
    borrowed_in_100: int = 0
    borrow: Callable[[Document], Document] | None = None
    marked_in: Callable[[LabelSchema], LabelSchema] | None = None
    is_shorthand: bool = True

    @cached_property
    def schema(self) -> LabelSchema:
        """The label schema that every document keeps to."""
        return schema(self.schema_name)

    @cached_property
    def _marks(self) -> LabelSchema:
        return self.schema if self.marked_in is None else self.marked_in(self.schema)

    def write(self, seed: int, at: int, traps: bool, characters: int | None) -> Iterable[Document]:
        """Write note number `at` of the run with this seed."""
        rng = Random(f"{self.schema_name}/{seed}/{at}")
        name = self.name_of(seed, at)
        if traps and rng.random() * 100 < _EMPTY_NOTES_IN_100:
            return self.finish(Document(name, rng.choice(_EMPTY_NOTES)), rng, False)
        parts = self._parts(self._grammar(rng, traps), rng, characters, name)
        return self.finish(concatenate(parts, name), rng, traps)

    def _grammar(self, rng: Random, traps: bool) -> Grammar:
        own = genre_templates(self.schema_name)
        words: dict[str, Symbol] = {**symbols(), **person(rng), **own}
        if self.is_shorthand:
            short = genre_templates("abbreviations")
            words |= {name: (*symbols()[name], *forms) for name, forms in short.items() if name not in own}
        if traps:
            nasty = genre_templates("nasty")
            for name, alternatives in nasty.items():
                words[f"nasty_{name}"] = alternatives
                if name in words:
                    words[name] = _seasoned(words[name], alternatives, rng)
        base = Grammar(words, rng)
        base = base.bind(_drug_names(base, rng))
        return base.bind({name: about_a_drug(base, name, rng) for name in own if name.endswith("_d")})

    def _parts(self, grammar: Grammar, rng: Random, characters: int | None, name: str) -> list[Document]:
        parts: list[Document] = []
        length = 0

        def add(document: Document) -> None:
            nonlocal length
            if parts:
                parts.append(Document("break", self.between))
            parts.append(document)
            length += len(document.text) + len(self.between)

        if grammar.knows("opening") and rng.random() < 0.6:
            add(self._own("opening", grammar, name))
        wanted = rng.randint(self.low, self.high)
        n_sections = 0
        while n_sections < wanted if characters is None else length < characters - _MARGIN:
            borrows = self.borrow is not None and rng.random() * 100 < self.borrowed_in_100
            add(self._borrowed(rng, name) if borrows else self._own("section", grammar, name))
            n_sections += 1
        if grammar.knows("closing") and rng.random() < 0.4 and characters is None:
            add(self._own("closing", grammar, name))
        return parts

    def _own(self, symbol: str, grammar: Grammar, name: str) -> Document:
        return parse(tidy(_EMPTY.sub("", grammar.draw(symbol))), self._marks, name)

    def _borrowed(self, rng: Random, name: str) -> Document:
        assert self.borrow is not None
        kind = rng.choice(self.borrowed)
        if kind == "events":
            from medspan.corpora.invent.genres.n2c2_2022 import GENRE as EVENTS

            return self.borrow(EVENTS._own("section", EVENTS._grammar(rng, False), name))
        of = schema("sdoh" if kind == "social" else "clin")
        return self.borrow(parse(tidy(write_section(kind, note_grammar(rng), rng)), of, name))


def _seasoned(words: Symbol, nasty: Sequence[str], rng: Random) -> Callable[[], str]:
    def draw() -> str:
        if rng.random() * 100 < _NASTY_IN_100:
            return rng.choice(nasty)
        return words() if callable(words) else rng.choice(words)

    return draw


def _drug_names(grammar: Grammar, rng: Random) -> dict[str, Symbol]:
    """Return symbols for the name of some drug: any of its names, its generic one, a brand."""
    pharmacy = Pharmacy(grammar, rng)

    def brand() -> str:
        while True:
            if len(names := pharmacy.draw().names) > 1:
                return rng.choice(names[1:])

    return {
        "drug_plain": pharmacy.name,
        "generic_name": lambda: pharmacy.draw().names[0],
        "brand_name": brand,
    }
