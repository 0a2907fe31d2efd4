"""The genres by the name of their schema."""

from medspan.corpora.invent.genres.genre import Genre
from medspan.registry import Registry

__all__ = ["GENRES"]

_MODULES = {"i2b2-2010": "i2b2_2010", "n2c2-2018": "n2c2_2018"}

#: What can be invented, by the name of its label schema.
GENRES: Registry[Genre] = Registry(
    "invented corpus",
    {name: f"medspan.corpora.invent.genres.{module}:GENRE" for name, module in _MODULES.items()},
)
