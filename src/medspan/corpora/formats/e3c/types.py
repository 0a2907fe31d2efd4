"""The type system of an XMI file, built from the layers and features that occur in it.

E3C comes without its type system, and files of later WebAnno versions have more layers. All features are strings, but
for those that list links.
"""

import warnings
from collections.abc import Mapping
from functools import lru_cache
from keyword import iskeyword
from typing import Any

from medspan.errors import MissingExtraError

__all__ = [
    "CUSTOM",
    "LINKS",
    "METADATA",
    "RESERVED",
    "SENTENCE",
    "TOKEN",
    "feature_of",
    "is_feature_name",
    "link_type",
    "python_name",
    "type_system",
]

CUSTOM = "webanno.custom."
METADATA = f"{CUSTOM}METADATA"
SENTENCE = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Sentence"
TOKEN = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token"
# What is not a feature of its layer, or is one with a meaning of its own.
RESERVED = frozenset({"begin", "end", "id", "sofa", "xmiID", "elements"})
# The features of E3C's layers that list links; other layers get LINK.
LINKS: Mapping[str, tuple[str, ...]] = {
    "EVENT": ("TLINK", "ALINK"),
    "RML": ("PERTAINSTO",),
    "TIMEX3": ("timexLink",),
}
_ASPECTUAL = frozenset({"CONTINUES", "INITIATES", "REINITIATES", "TERMINATES"})

# (full type name, is annotation, string features, link features); a link type itself has no features here.
Layer = tuple[str, bool, tuple[str, ...], tuple[str, ...]]


def feature_of(layer: str, role: str) -> str:
    """Return the feature of a layer that a link of this role belongs in, where nothing else is said."""
    features = LINKS.get(layer, ("LINK",))
    return features[-1] if role in _ASPECTUAL else features[0]


def link_type(type_name: str, feature: str) -> str:
    """Return the type of the links that a feature lists, as WebAnno names it."""
    return f"{type_name}{feature[0].upper()}{feature[1:]}Link"


def is_feature_name(name: str) -> bool:
    """Say whether a feature can have this name, which becomes one of Python code too."""
    is_plain = name.isascii() and name.isidentifier() and not iskeyword(name)
    return is_plain and not name.startswith("_") and name not in ("self_", "type_")


def python_name(feature: str) -> str:
    """Return the name by which cassis knows a feature."""
    return f"{feature}_" if feature in ("self", "type") else feature


@lru_cache(maxsize=64)
def type_system(layers: tuple[Layer, ...]) -> Any:
    """Build the cassis TypeSystem of these layers; equal ones are built once."""
    try:
        from cassis import TypeSystem
    except ImportError:
        raise MissingExtraError("dkpro-cassis", "formats") from None

    types = TypeSystem()
    with warnings.catch_warnings():
        # It warns of names that Python reserves, which `python_name` knows.
        warnings.simplefilter("ignore")
        _fill(types, layers)
    return types


def _fill(types: Any, layers: tuple[Layer, ...]) -> None:
    for name, is_annotation, _, _ in layers:
        if not types.contains_type(name):
            types.create_type(name, "uima.tcas.Annotation" if is_annotation else "uima.cas.TOP")
    for name, _, features, links in layers:
        layer = types.get_type(name)
        for feature in features:
            if layer.get_feature(python_name(feature)) is None:
                types.create_feature(layer, feature, "uima.cas.String")
        for feature in links:
            link = types.create_type(link_type(name, feature), "uima.cas.TOP")
            types.create_feature(link, "role", "uima.cas.String")
            types.create_feature(link, "target", "uima.tcas.Annotation")
            types.create_feature(layer, feature, "uima.cas.FSArray", elementType=link)
