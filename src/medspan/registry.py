"""Named things of one kind: formats, formulations, strategies, scorers.

A registry maps a name to an import path ("package.module:attribute", or "package.module" where the module itself is
the thing), which is imported at the first `get`, so that listing the names costs nothing and heavy packages load only
when used.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Generic, TypeVar, cast

from medspan.errors import UnknownNameError

__all__ = ["Registry", "unknown_name"]

T = TypeVar("T")


def unknown_name(kind: str, name: str, known: list[str]) -> UnknownNameError:
    """Build the error for a mistyped name, with the nearest known names first."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return UnknownNameError(f"unknown {kind} {name!r}; {hint}")


class Registry(Generic[T]):
    """A read-only table from name to lazily imported object."""

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str) -> T:
        """Return the object registered as `name`; raises UnknownNameError with a suggestion."""
        if name not in self._entries:
            raise unknown_name(self.kind, name, sorted(self._entries))
        module, _, attribute = self._entries[name].partition(":")
        found = import_module(module)
        return cast(T, getattr(found, attribute) if attribute else found)
