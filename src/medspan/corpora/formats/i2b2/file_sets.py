"""Notes and the files that annotate them, side by side or in a folder for each kind of file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import files, is_archive, member_names
from medspan.errors import FormatError

__all__ = ["FileKind", "FileSet", "file_sets", "read_sets"]


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: suffixes it may end in, longer ones first, and folders it may lie in with its like.

    With `bare`, a name without any dot is of this kind too. A kind that `is_note` needs no other beside it.
    """

    name: str
    suffixes: tuple[str, ...]
    folders: frozenset[str] = frozenset()
    bare: bool = False
    is_note: bool = False

    def stem(self, name: str) -> str | None:
        """Return the name without its suffix, None when the file is not of this kind."""
        lower = name.lower()
        for suffix in self.suffixes:
            for ending in (suffix, f"{suffix}.gz"):
                if lower.endswith(ending) and len(lower) > len(ending):
                    return name[: -len(ending)]
        return name if self.bare and "." not in _base(name) else None

    def key(self, stem: str) -> str:
        """Return a stem without the first folder in it that is named after the kind."""
        parts = stem.split("/")
        at = next((n for n, part in enumerate(parts[:-1]) if part.lower() in self.folders), None)
        return stem if at is None else "/".join(parts[:at] + parts[at + 1 :])


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files of one note: their names by kind, and a function that reads one by its name."""

    id: str
    names: dict[str, str]
    read: Callable[[str], bytes]


def file_sets(path: Path, kinds: tuple[FileKind, ...], problems: list[Problem]) -> Iterator[FileSet]:
    """Yield the files of each note, sorted by id: names first, contents only when read.

    Files belong together when their paths are equal but for the suffix and one
    folder named after the kind, or when their base name occurs once in each kind. Annotations without a note are
    listed in `problems`. For a single file the others are looked for beside it. An archive is held whole.
    """
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    if path.is_dir() or is_archive(path):
        yield from _of_many(path, kinds, problems)
        return
    kind = next((kind for kind in kinds if kind.stem(path.name) is not None), None)
    if kind is None:
        raise FormatError(f"{path.name}: a file that ends in {', '.join(s for k in kinds for s in k.suffixes)} is due")
    stem = kind.stem(path.name)
    found: dict[str, str] = {}
    root = path.parent
    for other in kinds:
        # The kinds may lie in one folder, or each in its own beside the others.
        places = [root]
        if root.name.lower() in kind.folders:
            places += sorted(p for p in root.parent.iterdir() if p.is_dir() and p.name.lower() in other.folders)
        for place in places:
            fitting = sorted(p for p in place.glob("*") if p.is_file() and other.stem(p.name) == stem)
            if fitting:
                found.setdefault(other.name, str(fitting[0]))
    found[kind.name] = str(path)
    if not any(kind.is_note and kind.name in found for kind in kinds):
        raise FormatError(f"{path.name}: the note that it annotates does not lie beside it")
    yield FileSet(str(stem), found, lambda name: next(files(Path(name), ()))[1])


def _of_many(path: Path, kinds: tuple[FileKind, ...], problems: list[Problem]) -> Iterator[FileSet]:
    suffixes = tuple(s + ending for kind in kinds for s in kind.suffixes for ending in ("", ".gz"))
    if any(kind.bare for kind in kinds):
        suffixes = ("",)
    contents = dict(files(path, suffixes)) if is_archive(path) else None
    listed = sorted(member_names(path) if contents is None else contents)
    by_kind: dict[str, list[tuple[str, str]]] = {kind.name: [] for kind in kinds}
    for name in listed:
        # The longest suffix decides, so that `.xml.txt` is no `.txt`.
        fitting = [(len(stem), n, kind, stem) for n, kind in enumerate(kinds) if (stem := kind.stem(name)) is not None]
        if fitting:
            _, _, kind, stem = min(fitting, key=lambda item: item[:2])
            by_kind[kind.name].append((name, stem))

    sets: dict[str, dict[str, str]] = {}
    by_stem: dict[str, str] = {}
    by_base: dict[str, list[str]] = {}
    for kind in (kind for kind in kinds if kind.is_note):
        for name, stem in by_kind[kind.name]:
            key = kind.key(stem)
            # Two notes that differ in the kind's folder alone keep their whole paths apart.
            key = stem if kind.name in sets.get(key, ()) else key
            if kind.name in sets.get(key, ()):
                problems.append(Problem(key, None, "skipped", f"a second note of this name, {_base(name)}"))
                continue
            if key not in sets:
                by_base.setdefault(_base(stem), []).append(key)
            sets.setdefault(key, {})[kind.name] = name
            by_stem[stem] = key
    for kind in (kind for kind in kinds if not kind.is_note):
        bases: dict[str, int] = {}
        for _, stem in by_kind[kind.name]:
            bases[_base(stem)] = bases.get(_base(stem), 0) + 1
        for name, stem in by_kind[kind.name]:
            key = kind.key(stem)
            base = _base(stem)
            if key not in sets:
                key = by_stem.get(stem, key)
            if key not in sets and bases[base] == 1 and len(by_base.get(base, ())) == 1:
                key = by_base[base][0]
            if key not in sets:
                problems.append(Problem(key, None, "skipped", f"no note was found for {_base(name)}"))
            elif kind.name in sets[key]:
                problems.append(Problem(key, None, "skipped", f"a second file of its kind, {_base(name)}"))
            else:
                sets[key][kind.name] = name
    for key in sorted(sets):
        yield FileSet(key, sets[key], lambda name: _content(path, contents, name))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _content(path: Path, contents: dict[str, bytes] | None, name: str) -> bytes:
    return contents[name] if contents is not None else next(files(path / name, ()))[1]


def read_sets(
    sets: Iterator[FileSet], document_of: Callable[[FileSet, Problems], Document], problems: list[Problem]
) -> Iterator[Document]:
    """Yield the document of each set; one that is not in its format is skipped, and raised when no other was read."""
    return read_singly(((found.id, found) for found in sets), document_of, problems)
