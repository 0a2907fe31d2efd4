"""Which documents are of one patient, and splits that keep them together."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from medspan.annotation import Document
from medspan.corpora.entry import PatientSplit

__all__ = ["InferredSplit", "infer_split"]

SHARES = {"train": 80, "dev": 10, "test": 10}
# Keys of metadata that name a patient, the surest first.
_KEYS = ("patient", "patient_id", "person_id", "subject_id")
# What may tell the patient: a folder, the outermost first, what stands before the first separator of a file name, or
# its first number.
_PATTERNS = (
    r"^([^/]+)/",
    r"^([^/]+/[^/]+)/",
    r"^(.+)/[^/]+$",
    r"^((?:.*/)?[^/_]+)_[^/]*$",
    r"^((?:.*/)?[^/-]+)-[^/]*$",
    r"^((?:.*/)?[^/.]+)\.[^/]*$",
    r"^((?:.*/)?[^/\d]*\d{2,})[^/\d][^/]*$",
)
_FEWEST_PATIENTS = 3
# A patient of a corpus has few of its notes; what takes more is the name of the corpus or of a ward.
_LARGEST_SHARE = 0.25
_SALTS = 200
_NOTHING = "nothing: each document counts as a patient of its own"


@dataclass(frozen=True)
class InferredSplit:
    """A rule for splits with what it was judged by: number of patients, documents by split, and how they were told.

    `is_told` is false where nothing tells the patient, and each document counts as one of its own.
    """

    rule: PatientSplit
    n_patients: int
    n_documents: Counter[str]
    told_by: str
    is_told: bool


def infer_split(documents: Sequence[Document], salt: str) -> InferredSplit:
    """Find what tells the patient, and a salt with which the shares come out near 80, 10 and 10 percent.

    Metadata decides where every document has one of the keys patient, patient_id, person_id or subject_id; else the
    beginning of file names that several files share; else every document counts as a patient of its own.
    """
    rule, told_by = _rule(documents, salt)
    sizes = Counter(rule.patient_of(document) for document in documents)
    best, found, distance = rule, Counter[str](), float("inf")
    for number in range(_SALTS if len(sizes) >= _FEWEST_PATIENTS else 1):
        tried = replace(rule, salt=salt if number == 0 else f"{salt}-{number}")
        counts = Counter(dict.fromkeys(SHARES, 0))
        for patient, n in sizes.items():
            counts[tried.split_of_patient(patient)] += n
        off = sum(abs(counts[split] * 100 / len(documents) - share) for split, share in SHARES.items())
        off += 100 * sum(counts[split] == 0 for split in SHARES)
        if off < distance:
            best, found, distance = tried, counts, off
    return InferredSplit(best, len(sizes), found, told_by, told_by != _NOTHING)


def _rule(documents: Sequence[Document], salt: str) -> tuple[PatientSplit, str]:
    for key in _KEYS:
        if documents and all(document.metadata.get(key) not in (None, "") for document in documents):
            return PatientSplit(SHARES, salt, key=key), f"metadata key {key!r}"
    ids = [document.id for document in documents]
    for pattern in _PATTERNS:
        if _tells_patients(pattern, ids):
            return PatientSplit(SHARES, salt, pattern), f"file names, by {pattern}"
    return PatientSplit(SHARES, salt), _NOTHING


def _tells_patients(pattern: str, ids: Sequence[str]) -> bool:
    """Say whether a pattern divides documents as patients would: all match, many parts, some of several documents."""
    found = [re.search(pattern, key) for key in ids]
    if not all(found):
        return False
    sizes = Counter(match[1] for match in found if match)
    n_shared = sum(n > 1 for n in sizes.values())
    return (
        len(sizes) >= _FEWEST_PATIENTS
        and n_shared * 5 >= len(sizes)
        and max(sizes.values()) <= max(2, _LARGEST_SHARE * len(ids))
    )
