"""Make written files as untidy as native corpora are, without a change of meaning.

Each function takes the content of one file and gives it back spoiled in one way that its format's reader has to
repair or to bear: reading the files gives the same documents as before.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from medspan.corpora.invent.untidy.standoff import (
    blank_lines,
    crlf,
    no_last_newline,
    swapped_lines,
    with_bom,
)

__all__ = ["untidy"]

Spoil = Callable[[bytes, Random], bytes]

_BRAT: tuple[Spoil, ...] = (crlf, with_bom, no_last_newline, blank_lines, swapped_lines)
_LINES: tuple[Spoil, ...] = (crlf, with_bom, no_last_newline, blank_lines)

#: By format and file suffix, the ways in which a file may be untidy.
_WAYS: Mapping[str, Mapping[str, tuple[Spoil, ...]]] = {
    "brat": {".ann": _BRAT},
}
_UNTIDY_IN_100 = 40


def untidy(path: Path, format: str, seed: int) -> int:  # noqa: A002
    """Spoil about two in five of the files under `path`, one way each; returns how many were changed.

    A file is spoiled the same way in every run with this seed. Formats that nothing is known of are left as they are.
    """
    n_changed = 0
    for suffix, ways in _WAYS.get(format, {}).items():
        for file in sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]:
            rng = Random(f"{seed}/{file.name}")
            if rng.random() * 100 >= _UNTIDY_IN_100:
                continue
            before = file.read_bytes()
            after = rng.choice(ways)(before, rng)
            if after != before:
                file.write_bytes(after)
                n_changed += 1
    return n_changed
