"""Corpora of one's own: what a corpus.yaml says, inferred from a folder of annotated documents."""

from medspan.corpora.starting.corpus import StartedCorpus, start_corpus
from medspan.corpora.starting.inferring import infer_schema, is_placeholder
from medspan.corpora.starting.patients import infer_split

__all__ = ["StartedCorpus", "infer_schema", "infer_split", "is_placeholder", "start_corpus"]
