"""What is asked, in words and as rows for the encoder. Questions depend on label schemas and options alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import FRAGMENT, Layout
from medspan.formulations.reading_comprehension.options import Options
from medspan.formulations.tokens import TextTokenizer, Tokens

__all__ = ["MAX_QUOTED", "Asked", "Questions", "entity_texts", "link_texts", "shown_mentions"]

IntArray = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]

MAX_QUOTED = 16
"""So many tokens of a head mention are repeated in a question about it; all of them are marked in the window."""

MARKER = "@"
"""Put before and after the head mention in the window, so that of two mentions with the same words one is meant."""

LONGEST_EXAMPLE = 30
"""Characters of a mention that may be shown in a question."""


@dataclass(frozen=True)
class Asked:
    """A row for the encoder: a question and a window. `text`: (tokens,) where the window's tokens are in the row."""

    row: EncoderInput
    text: Positions


def entity_texts(layouts: Mapping[str, Layout], options: Options) -> dict[str, tuple[str, ...]]:
    """Return the question for each label of each head set, in column order; no two are the same."""
    texts = {}
    for head, layout in layouts.items():
        names = _told_apart([(kind.name, kind.verbalization) for kind in layout.schema.entities])
        shown = options.examples.get(head, {})
        parts = []
        for name, kind in zip(names, layout.schema.entities, strict=True):
            mentions = shown.get(kind.name, ()) if options.questions == "examples" else ()
            text = f"Find all {name} entities" + (f", such as {', '.join(mentions)}." if mentions else ".")
            parts.append(text + (f" {kind.definition}" if options.questions == "definition" else ""))
        texts[head] = tuple(parts)
    repeated = Counter(text for parts in texts.values() for text in parts)
    return {
        head: tuple(f"{head}: {text}" if repeated[text] > 1 else text for text in parts)
        for head, parts in texts.items()
    }


def link_texts(layouts: Mapping[str, Layout], options: Options) -> dict[tuple[str, int, int], tuple[str, str]]:
    """Return what is asked about a head mention, by head set, label and link: the words before the mention and after.

    Only links that are legal for the label have a question; no two are the same.
    """
    texts: dict[tuple[str, int, int], tuple[str, str]] = {}
    for head, layout in layouts.items():
        labels = _told_apart([(kind.name, kind.verbalization) for kind in layout.schema.entities])
        for label, name in enumerate(layout.labels):
            columns = [int(column) for column in np.flatnonzero(layout.link_legal[label].any(axis=0))]
            kinds = [_link_words(layout, name, layout.links[column]) for column in columns]
            words = _told_apart([(layout.links[c], words) for c, (words, _) in zip(columns, kinds, strict=True)])
            for column, asked, (_, definition) in zip(columns, words, kinds, strict=True):
                after = f". {asked}?" + (f" {definition}" if options.questions == "definition" else "")
                texts[head, label, column] = (f"{labels[label]}: ", after)
    repeated = Counter(texts.values())
    return {
        key: (f"{key[0]}: {before}", after) if repeated[before, after] > 1 else (before, after)
        for key, (before, after) in texts.items()
    }


def _link_words(layout: Layout, label: str, link: str) -> tuple[str, str]:
    """Return how a link is called in running text, seen from heads of a label, and its definition."""
    if link == FRAGMENT:
        return "another part of it", "Another fragment of the same mention."
    role = link.removeprefix("role:")
    if role != link:
        roles = (r for event in layout.schema.events if event.trigger == label for r in event.roles)
        found = next(r for r in roles if r.name == role)
        return found.verbalization, found.definition
    relation = next(r for r in layout.schema.relations if r.name == link)
    return relation.verbalization, relation.definition


def _told_apart(names: Sequence[tuple[str, str]]) -> list[str]:
    """Return the verbalization of each (name, verbalization), with the name where several share it."""
    count = Counter(words for _, words in names)
    return [words if count[words] == 1 else f"{words} ({name})" for name, words in names]


def shown_mentions(documents: Iterable[Document], layout: Layout, n: int) -> dict[str, tuple[str, ...]]:
    """Return the `n` most frequent mentions of each label that are short and of one piece, ties by the alphabet."""
    counts: dict[str, Counter[str]] = {}
    for document in documents:
        for entity in document.entities:
            words = " ".join(document.text[entity.start : entity.end].split())
            if len(entity.fragments) == 1 and entity.label in layout.label_index and len(words) <= LONGEST_EXAMPLE:
                counts.setdefault(entity.label, Counter())[words.lower()] += 1
    return {
        label: tuple(sorted(counts[label], key=lambda words: (-counts[label][words], words))[:n])
        for label in layout.labels
        if label in counts
    }


class Questions:
    """The questions of some head sets, tokenized once, and the rows that ask them of a window."""

    def __init__(self, tokenizer: TextTokenizer, layouts: Mapping[str, Layout], options: Options) -> None:
        self._tokenizer = tokenizer
        self._entity = {
            head: [tokens.ids for tokens in tokenizer(parts)] for head, parts in entity_texts(layouts, options).items()
        }
        links = link_texts(layouts, options)
        parts = [tokens.ids for tokens in tokenizer([text for pair in links.values() for text in pair])]
        self._link = {key: (parts[2 * n], parts[2 * n + 1]) for n, key in enumerate(links)}
        self._marker = tokenizer([MARKER])[0].ids

    @property
    def overhead(self) -> int:
        """Most tokens that a row has beside its window's: question, special tokens and markers."""
        longest = max((len(ids) for parts in self._entity.values() for ids in parts), default=0)
        for before, after in self._link.values():
            longest = max(longest, len(before) + MAX_QUOTED + len(after) + 2 * len(self._marker))
        nothing = np.zeros(0, np.int32)
        return longest + len(self._tokenizer.pair(nothing, nothing)[0])

    def entity(self, head: str, label: int, window: Tokens) -> Asked:
        """Ask a window for the mentions of a label."""
        return self._asked(self._entity[head][label], window.ids, np.arange(len(window)))

    def link(self, head: str, label: int, column: int, window: Tokens, first: int, last: int) -> Asked:
        """Ask a window what a link joins to its mention of tokens `first` to `last`, both inclusive."""
        before, after = self._link[head, label, column]
        mention = window.ids[first : last + 1]
        question = np.concatenate([before, mention[:MAX_QUOTED], after])
        marked = [window.ids[:first], self._marker, mention, self._marker, window.ids[last + 1 :]]
        text = np.arange(len(window))
        text[first:] += len(self._marker)
        text[last + 1 :] += len(self._marker)
        return self._asked(question, np.concatenate(marked), text)

    def _asked(self, question: IntArray, window: IntArray, text: Positions) -> Asked:
        ids, types, start = self._tokenizer.pair(question, window)
        return Asked(EncoderInput(ids, types), text + start)
