"""Annotated corpora: file formats, the catalog of known corpora, label schemas and views of documents."""

from medspan.corpora.catalog import CorpusEntry, catalog_entry, corpus_names, load_corpus
from medspan.corpora.formats import Loss, Problem, ReadResult, guess_format, read, stream, write
from medspan.corpora.label_sets import view
from medspan.corpora.location import corpora_root
from medspan.corpora.mapping import Mapping, map_documents, mapping_names
from medspan.corpora.schemas import schema, schema_names
from medspan.corpora.views import adaptable, restrict, tune_split, unwrap_events

__all__ = [
    "CorpusEntry",
    "Loss",
    "Mapping",
    "Problem",
    "ReadResult",
    "adaptable",
    "catalog_entry",
    "corpora_root",
    "corpus_names",
    "guess_format",
    "load_corpus",
    "map_documents",
    "mapping_names",
    "read",
    "restrict",
    "schema",
    "schema_names",
    "stream",
    "tune_split",
    "unwrap_events",
    "view",
    "write",
]
