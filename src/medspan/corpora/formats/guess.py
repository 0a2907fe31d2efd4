"""Which format a path holds, judged by names first and by the first line where names do not tell."""

import gzip
import json
from pathlib import Path

from medspan.corpora.formats.guess_content import ROOTS, beginning, json_format, text_format, xml_format
from medspan.corpora.formats.sources import is_archive, member_names
from medspan.errors import FormatError

__all__ = ["guess_format", "refuse_packed"]

_CONLL_NAMES = (".tsv", ".conll", ".bio", ".iob")
_I2B2_NAMES = {
    "con": "i2b2-2010",
    "ast": "i2b2-2010",
    "rel": "i2b2-2010",
    "extent": "i2b2-2012",
    "tlink": "i2b2-2012",
    "entries": "i2b2-2009",
    "i2b2": "i2b2-2009",
    "m": "i2b2-2009",
}
_ADE_NAMES = ("drug-ae.rel", "drug-dose.rel")
_TOLD = "jsonl ndjson json ann txt pubtator parquet xml xmi tsv conll bio iob rel con ast extent tlink entries i2b2 m"
_PACKED = (".zip", ".7z", ".rar", ".bz2", ".tbz2", ".xz", ".txz", ".zst")
_ADVICE = "say the format with --from or --format"


def guess_format(path: str | Path) -> str:
    """Name the format of a file, folder or archive; `parquet` is named too, though the interchange package reads it.

    Raises FormatError when nothing fits.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    if path.is_dir() or is_archive(path):
        return _of_many(path)
    refuse_packed(path)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith(".ann") or (name.endswith(".txt") and path.with_suffix(".ann").exists()):
        return "brat"
    if name.endswith(".pubtator"):
        return "pubtator"
    if name.endswith((".jsonl", ".json", ".ndjson")):
        return _of_json(path)
    if name.endswith((".xml", ".xmi")) and (found := xml_format(beginning(path))):
        return found
    if name in _ADE_NAMES:
        return "ade"
    if name.endswith(_CONLL_NAMES):
        return "conll"
    if (suffix := name.rpartition(".")[2]) in _I2B2_NAMES:
        return _I2B2_NAMES[suffix]
    if name.endswith(".txt"):
        return text_format(beginning(path))
    raise FormatError(f"{path.name}: {_untold(name)}; {_ADVICE}")


def refuse_packed(path: Path) -> None:
    """Raise FormatError for a file packed in a way that no format is read from, which tools of annotation export."""
    if path.name.lower().endswith(_PACKED) and path.is_file():
        raise FormatError(f"{path.name}: packed files of this kind are not read; unpack it (.gz, .tar and .tar.gz are)")


def _of_many(path: Path) -> str:
    suffixes: set[str] = set()
    marked: str | None = None
    note: str | None = None
    for name in member_names(path):
        parts = name.lower().removesuffix(".gz").rpartition(".")
        suffixes.add(parts[2])
        if parts[2] == "txt":
            note = note or name
        if parts[2] == "ann":
            return "brat"
        if name.lower().rpartition("/")[2].removesuffix(".gz") in _ADE_NAMES:
            return "ade"
        if marked is None and parts[2] in ("xml", "xmi"):
            marked = xml_format(beginning(path, name))
        if marked is None and parts[2] == "json":
            marked = json_format(beginning(path, name))
    if marked is not None:
        return marked
    if suffixes.intersection(name[1:] for name in _CONLL_NAMES):
        return "conll"
    for suffix, found in _I2B2_NAMES.items():
        if suffix in suffixes:
            return found
    for suffix, found in (("jsonl", "jsonl"), ("ndjson", "jsonl"), ("parquet", "parquet"), ("pubtator", "pubtator")):
        if suffix in suffixes:
            return found
    if note is not None:
        return text_format(beginning(path, note))
    if suffixes.intersection(("xml", "xmi", "json")):
        raise FormatError(f"{path}: no XML or JSON in it begins as that of a known format; {_ADVICE}")
    raise FormatError(f"{path}: no file in it has a suffix of a known format ({_suffixes()}); {_ADVICE}")


def _untold(name: str) -> str:
    if name.endswith((".xml", ".xmi")):
        return f"the root element is that of no known format ({', '.join(ROOTS)})"
    return f"the name does not tell the format, as these suffixes would: {_suffixes()}"


def _suffixes() -> str:
    return " ".join(f".{suffix}" for suffix in _TOLD.split())


def _of_json(path: Path) -> str:
    if path.name.lower().endswith((".json", ".json.gz")) and (found := json_format(beginning(path))):
        return found
    try:
        record = json.loads(_first_line(path).removeprefix("\ufeff") or "{}")
    except json.JSONDecodeError:
        return "jsonl"
    return "phee" if isinstance(record, dict) and "context" in record and "annotations" in record else "jsonl"


def _first_line(path: Path) -> str:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace", newline="\n") as stream:
            # A line longer than this is a whole note, and its beginning is enough for a name test, not for JSON.
            return str(stream.readline(1 << 24)).strip()
    except (OSError, EOFError) as error:
        raise FormatError(f"{path.name}: cannot be opened ({type(error).__name__})") from error
