"""Formulations: how extraction becomes a model problem, and predictions become documents again."""

from medspan.formulations.rows import Row, WindowSize, rows
from medspan.formulations.tokens import TextTokenizer, Tokens

__all__ = ["Row", "TextTokenizer", "Tokens", "WindowSize", "rows"]
