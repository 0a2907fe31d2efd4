"""medspan: patient notes into entities, attributes, relations and events.

>>> import medspan
>>> for document in medspan.load().annotate(["No fever."]):  # doctest: +SKIP
...     print([(document.mention(entity), entity.label) for entity in document.entities])
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medspan.annotation import (
    Argument,
    Attribute,
    Document,
    Entity,
    Event,
    LabelSchema,
    Relation,
    Span,
)

if TYPE_CHECKING:
    from medspan.corpora import read, write
    from medspan.inference import Extractor
    from medspan.interchange import rows
    from medspan.scoring import score

__version__ = "0.1.0"

__all__ = [
    "Argument",
    "Attribute",
    "Document",
    "Entity",
    "Event",
    "LabelSchema",
    "Relation",
    "Span",
    "__version__",
    "load",
    "read",
    "rows",
    "score",
    "write",
]

_LAZY = {"read": "corpora", "write": "corpora", "rows": "interchange", "score": "scoring"}


def load(model: str | Path = "default", engine: str = "auto", threads: int | None = None) -> "Extractor":
    """Load a model by bundled name or folder; its `annotate` takes texts or documents.

    engine: `onnx` (no torch needed), `torch`, or `auto`. threads: CPU threads of the encoder; None uses every core.
    Raises CheckpointError for a model that is not there or cannot be trusted.
    """
    from medspan.inference import load as load_model

    return load_model(model, engine=engine, threads=threads)


def __getattr__(name: str) -> Any:
    # Reading, writing and scoring load numpy and YAML; importing medspan must cost nothing.
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"medspan.{_LAZY[name]}"), name)
