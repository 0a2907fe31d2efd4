"""What the catalog says about a corpus, checked when read from YAML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

from medspan.annotation import Document
from medspan.errors import ConfigError

__all__ = ["ACCESS", "CorpusEntry", "CorpusFile", "Part", "PatientSplit"]

ACCESS = ("open", "non-commercial", "no-licence", "agreement")


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus: its sha256 as computed, and where its content is public.

    `sha256` is that of the file as mirrors hold it; `content_sha256` that of the unzipped content, which is what
    the public address serves. Of an archive only members below one of `folders` (the parts' `inside` when empty) that
    end in one of `suffixes` count. `rows_of_splits` says that lines of other documents than the splits' are left out.
    """

    name: str
    sha256: str | None = None
    url: str | None = None
    content_sha256: str | None = None
    folders: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    rows_of_splits: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A file's or folder's share of a split: the folder `inside` an archive, the `prefix` that comes before ids."""

    file: str
    inside: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class PatientSplit:
    """A rule that gives each patient's documents to one split, whatever other documents there are.

    The patient is what the first group of the regular expression `patient` finds in a document's id; without one it is
    what the document's metadata say under `key`, else the id itself. `shares` are in percent.
    """

    shares: Mapping[str, int]
    salt: str
    patient: str | None = None
    key: str = "patient"

    def __post_init__(self) -> None:
        if not self.shares or sum(self.shares.values()) != 100 or min(self.shares.values()) < 0:
            raise ConfigError("split_rule: shares must be percentages that add up to 100")
        try:
            groups = re.compile(self.patient or "()").groups
        except re.error as error:
            raise ConfigError(f"split_rule: patient is no regular expression: {error}") from None
        if groups < 1:
            raise ConfigError("split_rule: patient must have a group in parentheses: what tells the patient")

    def patient_of(self, document: Document) -> str:
        """Name the patient of a document."""
        if self.patient is None:
            given = document.metadata.get(self.key)
            return document.id if given in (None, "") else str(given)
        found = re.search(self.patient, document.id)
        return found[1] or document.id if found else document.id

    def split_of(self, document: Document) -> str:
        """Name the split that the document's patient belongs to."""
        return self.split_of_patient(self.patient_of(document))

    def split_of_patient(self, patient: str) -> str:
        """Name the split that a patient belongs to."""
        digest = sha256(f"{self.salt} {patient}".encode(errors="surrogatepass")).digest()
        at, passed = int.from_bytes(digest[:8], "big") * 100 >> 64, 0
        for split, share in self.shares.items():
            passed += share
            if at < passed:
                return split
        raise AssertionError("the shares add up to 100")


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """What the catalog says about a corpus.

    `folder` is its place under the data folder, its name unless said otherwise. `access` tells who may use it; where it
    takes an agreement, `apply_at` names the place to ask, and `layout` says in sentences where files go. `split_ids`
    names the list of document ids (or their beginnings up to `group_separator`) that makes the splits of a corpus whose
    files do not, `split_rule` a rule that does. `annotates` names the text corpus that stand-off annotations are joined
    with. `schema` names a label schema; `is_local` says that the entry is a corpus.yaml in the data folder.
    """

    name: str
    title: str
    licence: str
    citation: str
    origin: str
    commit: str | None
    format: str
    schema: str | None
    splits: Mapping[str, tuple[Part, ...]]
    files: tuple[CorpusFile, ...]
    flaws: tuple[str, ...] = ()
    split_ids: str | None = None
    split_rule: PatientSplit | None = None
    group_separator: str | None = None
    unwraps_events: bool = False
    annotates: str | None = None
    columns: Mapping[str, str] | None = None
    folder: str = ""
    access: str = "open"
    apply_at: str | None = None
    layout: tuple[str, ...] = ()
    is_local: bool = False

    def __post_init__(self) -> None:
        if self.access not in ACCESS:
            raise ConfigError(f"corpus {self.name!r}: access {self.access!r} is none of {', '.join(ACCESS)}")
        if not self.splits or not all(self.splits.values()):
            raise ConfigError(f"corpus {self.name!r}: splits must name at least one file each")

    @property
    def place(self) -> str:
        """The corpus's folder, relative to the data folder or absolute."""
        return self.folder or self.name

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "CorpusEntry":
        """Build from the YAML of an entry; raises ConfigError for keys that are unknown, missing or of a wrong kind."""
        where = f"corpus {content.get('name')!r}"
        unknown = set(content) - {f.name for f in fields(cls)}
        if unknown:
            raise ConfigError(f"{where}: unknown keys {sorted(unknown)}")
        given = dict(content)
        try:
            for key in ("flaws", "layout"):
                given[key] = tuple(content.get(key) or ())
            given["splits"] = {
                split: tuple(Part(**part) for part in parts) for split, parts in content["splits"].items()
            }
            given["files"] = tuple(_file(name, about or {}) for name, about in (content.get("files") or {}).items())
            if content.get("split_rule"):
                given["split_rule"] = PatientSplit(**content["split_rule"])
            return cls(**given)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from error


def _file(name: str, about: Mapping[str, Any]) -> CorpusFile:
    lists = {key: tuple(about.get(key) or ()) for key in ("folders", "suffixes")}
    return CorpusFile(name, **{**about, **lists})
