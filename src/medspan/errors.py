"""Everything a user can cause, as one tree of exceptions.

    MedspanError
    ├── AnnotationError        a document, schema or span that cannot exist
    ├── FormatError            a file that does not follow its format
    ├── CorpusError            a corpus that is unknown, absent or damaged
    ├── ConfigError            a recipe or option that makes no sense
    ├── CheckpointError        a model directory that cannot be loaded or trusted
    ├── ScoringError           gold and predictions that cannot be compared
    ├── MissingExtraError      an optional package is not installed
    └── UnknownNameError       a name that no registry holds

Messages say where, what was expected and what to do. They never hold note text: ids, offsets and counts only.
"""

__all__ = [
    "AnnotationError",
    "CheckpointError",
    "ConfigError",
    "CorpusError",
    "FormatError",
    "MedspanError",
    "MissingExtraError",
    "ScoringError",
    "UnknownNameError",
]


class MedspanError(Exception):
    """The root: catch this to catch everything medspan raises on purpose."""


class AnnotationError(MedspanError, ValueError):
    """A span, entity, relation, event, document or schema that is not valid."""


class FormatError(MedspanError, ValueError):
    """A file or record that does not follow its format; names the file and line."""


class CorpusError(MedspanError):
    """A corpus that is unknown, not downloaded, incomplete or changed."""


class ConfigError(MedspanError, ValueError):
    """A recipe, flag or combination of options that cannot be carried out."""


class CheckpointError(MedspanError):
    """A model directory that is damaged, untrusted or of another version."""


class ScoringError(MedspanError, ValueError):
    """Gold and predicted documents that cannot be compared; lists document ids."""


class MissingExtraError(MedspanError, ImportError):
    """An optional dependency is missing; names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}: pip install 'medspan[{extra}]'")


class UnknownNameError(MedspanError, KeyError):
    """A name that was not registered; suggests the nearest ones."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""
