"""What differs between corpora that are distributed as brat stand-off."""

from dataclasses import dataclass

__all__ = ["BRAT", "Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A use of brat's files.

    `name` is the metadata key for what has no other place. `splits_lines`: a mention across a line break is written as
    one fragment a line, and such fragments are read as one. `single_values`: a mention has one value of an attribute,
    always written out; another is noted as doubtful.
    """

    name: str
    splits_lines: bool = False
    single_values: bool = False


BRAT = Dialect("brat")
