"""Corpora brought to this machine: from a mirror or the network, unpacked safely, verified, joined with their texts."""

from medspan.corpora.getting.corpus import content_digest, get_corpus

__all__ = ["content_digest", "get_corpus"]
