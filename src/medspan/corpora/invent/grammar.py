"""Templates with slots, expanded by a seeded generator.

In a template `{name}` stands for one of the alternatives called `name`, `{Name}` for one with a capital where no symbol
has that name itself; `{name?}` is left out half of the time and `{name?30}` in seventy of a hundred;
`{one way;another;}` chooses on the spot; `{name*and}` is a list of two to five different expansions joined as the word
says (`and`, `or`, `comma`, `semicolon`, `slash`, `lines`, `bullets`, `numbered`, `inline`, `sentences`),
`{name*and:3-6}` one of three to six. Slots nest, the innermost first. `tidy` closes up what empty slots leave behind.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

from medspan.errors import ConfigError

__all__ = ["Grammar", "tidy"]

Symbol = Sequence[str] | Callable[[], str]

_SLOT = re.compile(r"\{([^{}]*)\}")
_LIST = re.compile(r"(?P<name>\w+)\*(?P<how>\w+)(?::(?P<low>\d+)-(?P<high>\d+))?$")
_OPTIONAL = re.compile(r"(?P<name>\w+)\?(?P<percent>\d*)$")
_MAX_EXPANSIONS = 2000


class Grammar:
    """Named alternatives and the generator that draws from them."""

    def __init__(self, symbols: Mapping[str, Symbol], rng: Random) -> None:
        self._symbols = dict(symbols)
        self._rng = rng

    def bind(self, symbols: Mapping[str, Symbol]) -> "Grammar":
        """Return a grammar that knows `symbols` too, and draws from the same generator."""
        return Grammar({**self._symbols, **symbols}, self._rng)

    def knows(self, name: str) -> bool:
        """Say whether there is a symbol of that name."""
        return name in self._symbols

    def draw(self, name: str) -> str:
        """Expand one alternative of `name`; raises ConfigError for an unknown name."""
        symbol = self._symbols.get(name)
        if symbol is None and name[:1].isupper():
            return _capital(self.draw(name[:1].lower() + name[1:]))
        if symbol is None:
            raise ConfigError(f"template: no symbol {name!r}")
        return self.expand(symbol() if callable(symbol) else self._rng.choice(symbol))

    def expand(self, template: str) -> str:
        """Fill every slot of a template; raises ConfigError where expansion does not end."""
        for _ in range(_MAX_EXPANSIONS):
            match = _SLOT.search(template)
            if match is None:
                return template
            template = template[: match.start()] + self._slot(match[1]) + template[match.end() :]
        raise ConfigError("template: expansion does not end")

    def _slot(self, slot: str) -> str:
        if ";" in slot:
            return self._rng.choice(re.split(r"(?<!\\);", slot))
        if match := _LIST.match(slot):
            return self._list(match["name"], match["how"], int(match["low"] or 2), int(match["high"] or 5))
        if match := _OPTIONAL.match(slot):
            percent = int(match["percent"] or 50)
            return self.draw(match["name"]) if self._rng.random() * 100 < percent else ""
        return self.draw(slot)

    def _list(self, name: str, how: str, low: int, high: int) -> str:
        items: list[str] = []
        wanted = self._rng.randint(low, high)
        for _ in range(4 * wanted):
            item = self.draw(name)
            if item not in items:
                items.append(item)
            if len(items) == wanted:
                break
        if how in ("and", "or"):
            return self._conjoin(items, how)
        if how in ("bullets", "numbered", "inline"):
            marks = self._marks(how, len(items))
            separator = self._rng.choice([" ", "\\ \\ "]) if how == "inline" else "\n"
            return separator.join(f"{mark}{_capital(item)}" for mark, item in zip(marks, items, strict=True))
        separators = {"comma": ", ", "semicolon": "\\; ", "slash": "/", "lines": "\n", "sentences": " "}
        if how not in separators:
            raise ConfigError(f"template: {how!r} is no way to join a list")
        return separators[how].join(items)

    def _conjoin(self, items: list[str], word: str) -> str:
        if len(items) == 1:
            return items[0]
        comma = self._rng.choice([",", ""]) if len(items) > 2 else ""
        return f"{', '.join(items[:-1])}{comma} {word} {items[-1]}"

    def _marks(self, how: str, count: int) -> list[str]:
        if how == "bullets":
            return [self._rng.choice(["- ", "• ", "* ", "-", "· ", "\t- "])] * count
        style = self._rng.choice(["{}. ", "{}.\\ \\ ", "{}) ", "#{} ", "({}) "])
        return [style.format(n) for n in range(1, count + 1)]


def _capital(item: str) -> str:
    """Raise the first letter of a list item, behind the head of a mention where it opens with one."""
    match = re.match(r"[‹\s]*(?:\[[^|\]]*\|)*", item)
    at = match.end() if match else 0
    return item[:at] + item[at : at + 1].upper() + item[at + 1 :]


def tidy(markup: str) -> str:
    """Close up what empty slots leave behind: double spaces, spaces before punctuation, doubled stops."""
    markup = re.sub(r"(?<!\\) {2,}", " ", markup)
    markup = re.sub(r"\| +", "|", markup)
    markup = re.sub(r" +(\]|›)", r"\1", markup)
    markup = re.sub(r"(?<!\\) +([,.;:)\n])", r"\1", markup)
    markup = re.sub(r",([\]›]*)(?=[,.;])", r"\1", markup)
    markup = re.sub(r"/ (?=/)", "", markup)
    markup = re.sub(r"\.([\]›]*)\.+", r".\1", markup)
    markup = re.sub(r"(?<![#<>])\b([Aa]) (?=[‹]*(?:\[[^|\]]*\|)*(?:[aeiouAEIO]|8\d?[- ]|1[18]-))", r"\1n ", markup)
    return markup.strip(" ")
