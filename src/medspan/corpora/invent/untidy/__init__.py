"""Make written files as untidy as native corpora are, without a change of meaning.

Each way takes the content of one file and gives it back spoiled as real files are: reading it gives the same documents
as before, with something repaired or kept in doubt. None instead of content means that the file is to be missing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from medspan.corpora.invent.untidy import lines, records, tags

__all__ = ["WAYS", "Way", "untidy"]

Way = Callable[[bytes, Random], bytes | None]

_ANY: tuple[Way, ...] = (lines.crlf, lines.with_mark, lines.no_last_line_end, lines.blank_lines)
_ANN: tuple[Way, ...] = (*_ANY, lines.missing_if_empty, lines.widened_mentions, lines.broken_mentions)
_RANGES: tuple[Way, ...] = (*_ANY, lines.missing_if_empty)
_XML: tuple[Way, ...] = (lines.with_mark, tags.undeclared, tags.commented)
_TAGS: tuple[Way, ...] = (*_XML, tags.bare_signs, tags.bare_signs, tags.repeated_ids)
_JSON: tuple[Way, ...] = (lines.with_mark, lines.no_last_line_end, records.indented)

#: By format and by what a file's name ends in, the ways in which it may be untidy.
WAYS: Mapping[str, Mapping[str, tuple[Way, ...]]] = {
    "ade": {".rel": _ANY, ".txt": _ANY},
    "bioc": {"": (lines.with_mark, tags.undeclared, tags.on_one_line)},
    "bioc-json": {"": _JSON},
    "brat": {".ann": (*_ANN, lines.relations_first)},
    "conll": {"": (lines.crlf,)},
    "ddi": {".xml": _XML},
    "e3c": {".xml": _XML, ".xmi": _XML},
    "i2b2-2009": {".entries": _RANGES},
    "i2b2-2010": {".con": (*_RANGES, lines.capital_letters), ".ast": _RANGES, ".rel": _RANGES},
    "i2b2-2012": {".xml": _TAGS, ".extent": _RANGES, ".tlink": _RANGES},
    "i2b2-2014": {".xml": _TAGS},
    "jsonl": {"": (lines.crlf, lines.no_last_line_end, lines.blank_lines)},
    "n2c2-2022": {".ann": (*_ANN, lines.one_attribute_id)},
    "pubtator": {"": _ANY},
    "radgraph": {"": (*_JSON, records.counted_by_single_spaces, records.dangling_relations)},
}
_UNTIDY_IN_100 = 40


def untidy(path: Path, format: str, seed: int) -> int:  # noqa: A002
    """Spoil two in five of the files at `path`, or a format's only file, in one way each; returns how many changed.

    The same seed spoils the same files in the same way. A format that nothing is known of is left as it is.
    """
    n_changed = 0
    for ending, ways in WAYS.get(format, {}).items():
        files = sorted(f for f in path.rglob(f"*{ending}") if f.is_file()) if path.is_dir() else [path]
        for file in files:
            rng = Random(f"{seed}/{file.relative_to(path).as_posix()}")
            if len(files) > 1 and rng.random() * 100 >= _UNTIDY_IN_100:
                continue
            n_changed += _spoil(file, rng.sample(ways, len(ways)), rng)
    return n_changed


def _spoil(file: Path, ways: list[Way], rng: Random) -> bool:
    """Apply the first way that changes anything."""
    before = file.read_bytes()
    for way in ways:
        after = way(before, rng)
        if after is None:
            file.unlink()
        elif after != before:
            file.write_bytes(after)
        else:
            continue
        return True
    return False
