"""The invented corpora: for each label schema, notes in the manner of the corpus that brought it.

The YAML files beside this module hold the templates of one genre each; the modules say how its notes are put together
and what is done to them afterwards.
"""

from collections.abc import Iterator

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.genres.registry import GENRES
from medspan.errors import ConfigError

__all__ = ["GENRES", "Genre", "invent_documents"]


def invent_documents(
    schema: str, n: int, seed: int, traps: bool = True, characters: int | None = None
) -> Iterator[Document]:
    """Write `n` annotated notes of the packaged schema `schema`, one at a time.

    A note is one document, except where the corpus keeps one for each annotator or sentence.
    It depends on
    schema, seed, its place in the run and the last two arguments alone. `traps` puts in what
    readers trip over: quotes and bars in mentions, odd white space, symbols, notes without any mention. `characters`
    asks for notes of about that length instead of a varied one. Raises UnknownNameError for a schema of which nothing
    can be invented, ConfigError for numbers that make no sense.
    """
    genre = GENRES.get(schema)
    if n < 0:
        raise ConfigError(f"number of invented notes: {n} is negative")
    if characters is not None and characters < 1:
        raise ConfigError(f"length of invented notes: {characters} characters is too few")
    return (document for at in range(n) for document in genre.write(seed, at, traps, characters))
