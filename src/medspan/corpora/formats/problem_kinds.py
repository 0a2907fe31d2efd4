"""Problems of reading sorted by kind: the reason without the ids, names and numbers that make it one of its kind."""

import re
from collections import Counter
from collections.abc import Iterable

from medspan.corpora.formats import Problem

__all__ = ["problem_kind", "problem_kinds"]

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ID = re.compile(r"\b[A-Z]{1,3}\d[\w.-]*|\*\d*")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")


def problem_kind(problem: Problem) -> str:
    """Return the reason with ids as X, names as '…' and numbers as N."""
    return _NUMBER.sub("N", _ID.sub("X", _QUOTED.sub("'…'", problem.reason)))


def problem_kinds(problems: Iterable[Problem]) -> Counter[tuple[str, str]]:
    """Count problems by what was done and by kind, the most frequent first."""
    counts = Counter((problem.action, problem_kind(problem)) for problem in problems)
    return Counter(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))
