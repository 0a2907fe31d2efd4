"""File syntaxes, each one module (or package) with `stream`, `losses` and `write`, by name or guessed from the path."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from medspan.annotation import Document
from medspan.corpora.formats.guess import guess_format, refuse_packed
from medspan.corpora.formats.losses import Loss, refusal
from medspan.corpora.formats.result import Problem, ReadResult
from medspan.corpora.formats.targets import published
from medspan.errors import FormatError
from medspan.registry import Registry

__all__ = ["FORMATS", "Format", "Loss", "Problem", "ReadResult", "guess_format", "read", "stream", "write"]


class Format(Protocol):
    """A file syntax. `read(write(d))` equals `d` but for ids renumbered and for what `losses(d)` names."""

    def stream(self, path: Path, problems: list[Problem]) -> Iterator[Document]:
        """Yield the documents of a file, folder or archive one by one, adding to `problems` on the way.

        Raises FormatError only when nothing can be read.
        """

    def losses(self, document: Document) -> Iterator[Loss]:
        """Yield what writing `document` would lose; nothing when the format holds it whole. Scores do not count."""

    def write(self, documents: Iterable[Document], path: Path) -> None:
        """Write a file or folder, without what `losses` names."""


_MODULES = (
    "ade",
    "bioc",
    "bioc-json",
    "brat",
    "conll",
    "ddi",
    "e3c",
    "inception",
    "jsonl",
    "label-studio",
    "n2c2-2022",
    "phee",
    "pubtator",
    "radgraph",
    "text",
)
_I2B2 = {
    "i2b2-2009": "medication",
    "i2b2-2010": "concepts",
    "i2b2-2012": "temporal",
    "i2b2-2014": "deidentification",
}
FORMATS: Registry[Format] = Registry(
    "format",
    {name: f"{__name__}.{name.replace('-', '_')}" for name in _MODULES}
    | {name: f"{__name__}.i2b2.{module}" for name, module in _I2B2.items()},
)


def stream(path: str | Path, format: str | None = None, problems: list[Problem] | None = None) -> Iterator[Document]:  # noqa: A002
    """Yield documents one by one, in bounded memory where the files allow it: folders, and one document a line.

    What was repaired or skipped is added to `problems` as reading goes on. Raises as `read` does.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    refuse_packed(path)
    return FORMATS.get(format or guess_format(path)).stream(path, [] if problems is None else problems)


def read(path: str | Path, format: str | None = None) -> ReadResult:  # noqa: A002
    """Read annotated or plain documents; the format is guessed from the path when not given.

    Raises FormatError for a path that does not exist or a file that cannot be read at all, UnknownNameError for an
    unknown format. Everything smaller is repaired or skipped, and listed in the result.
    """
    problems: list[Problem] = []
    documents = list(stream(path, format, problems))
    return ReadResult.of(documents, problems, Path(path).name)


def write(documents: Iterable[Document], path: str | Path, format: str, *, lossy: bool = False) -> list[Loss]:  # noqa: A002
    """Write documents, taking one at a time; returns what was lost, which is nothing unless `lossy`.

    Raises FormatError, naming what would be lost, where the format has no place for something and `lossy` is not
    given. Then, and after any other error, nothing stands under `path` that was not there before.
    """
    chosen = FORMATS.get(format)
    lost: list[Loss] = []
    with published(Path(path)) as partial:
        chosen.write(_checked(documents, chosen, format, lost, lossy), partial)
    return lost


def _checked(
    documents: Iterable[Document], chosen: Format, name: str, lost: list[Loss], lossy: bool
) -> Iterator[Document]:
    """Pass documents on as long as they may be written, and then see how much all the others would lose."""
    for document in documents:
        lost.extend(chosen.losses(document))
        if lossy or not lost:
            yield document
    if lost and not lossy:
        raise FormatError(refusal(name, lost))
