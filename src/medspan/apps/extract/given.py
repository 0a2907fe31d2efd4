"""Documents with their entities, for models that join entities and find none themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medspan.annotation import Document, Quarantine
from medspan.apps.extract.notes import Source
from medspan.corpora import Problem
from medspan.errors import ConfigError

__all__ = ["AnnotatedSource", "open_annotated"]

_ADVICE = (
    "give annotated documents (brat, jsonl and others, or the results of medspan extract with another model), or "
    "train with a run that finds entities (entities: RUN in the recipe)"
)


@dataclass(frozen=True)
class AnnotatedSource:
    """One annotated file or folder, read with its entities. Raises ConfigError where there is none in all of it.

    keep: the keys of `metadata` that go through to the output.
    """

    path: Path
    keep: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Document | Quarantine]:
        from medspan.apps.documents import stream_any  # which knows the results that this package writes

        problems: list[Problem] = []
        n_entities = 0
        for document in stream_any(self.path, None, problems):
            n_entities += len(document.entities)
            yield replace(document, metadata={name: document.metadata.get(name) for name in self.keep})
        for problem in problems:
            if problem.action == "skipped" and problem.line is None:
                yield Quarantine(problem.document, problem.reason)
        if n_entities == 0:
            raise ConfigError(f"{self.path.name}: no entity in it, and this model joins entities only: {_ADVICE}")

    def count(self) -> None:
        """Unknown without reading."""
        return


def open_annotated(inputs: Sequence[str], keep: tuple[str, ...] = ()) -> list[Source]:
    """Return a source for each input; raises ConfigError for plain text, in which there is nothing to join."""
    from medspan.apps.documents import located

    found: list[Source] = []
    for name in inputs:
        if name == "-" or located(Path(name), None)[1] == "text":
            what = "standard input" if name == "-" else name
            raise ConfigError(f"{what}: plain text has no entities, and this model joins entities only: {_ADVICE}")
        found.append(AnnotatedSource(Path(name), keep))
    return found
