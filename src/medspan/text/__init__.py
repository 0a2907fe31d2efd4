"""Geometry of note text: sentences, windows, and joining annotated windows again. No models, no tokenizers."""

from medspan.text.boundaries import sentences
from medspan.text.merging import merge
from medspan.text.planning import plan_windows
from medspan.text.windows import Window, cut, unreachable

__all__ = ["Window", "cut", "merge", "plan_windows", "sentences", "unreachable"]
