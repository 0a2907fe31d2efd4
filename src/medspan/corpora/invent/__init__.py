"""Invented, annotated clinical text: what the small open corpora hold too little of, and every native format besides.

Nothing here was copied from a note. Templates say what is annotated in them (see `markup`), word lists fill them, and
one seed gives the same notes on every machine. docs/invented-notes.md tells how they are made and what they lack.
"""

from medspan.corpora.invent.genres import GENRES, invent_documents
from medspan.corpora.invent.kinds import KINDS, invent
from medspan.corpora.invent.markup import concatenate, parse
from medspan.corpora.invent.untidy import untidy
from medspan.corpora.invent.writing import DEFAULT_SCHEMA, documents_for, write_corpus

__all__ = [
    "DEFAULT_SCHEMA",
    "GENRES",
    "KINDS",
    "concatenate",
    "documents_for",
    "invent",
    "invent_documents",
    "parse",
    "untidy",
    "write_corpus",
]
