"""The genres by the name of their schema."""

from medspan.corpora.invent.genres.genre import Genre
from medspan.registry import Registry

__all__ = ["GENRES"]

_NAMES = (
    "ade", "bc5cdr", "clinical", "ddi", "e3c", "i2b2-2009", "i2b2-2010", "i2b2-2012", "i2b2-2014", "n2c2-2018",
    "n2c2-2022", "radgraph", "soda",
)  # fmt: skip

#: What can be invented, by the name of its label schema.
GENRES: Registry[Genre] = Registry(
    "invented corpus",
    {name: f"medspan.corpora.invent.genres.{name.replace('-', '_')}:GENRE" for name in _NAMES},
)
