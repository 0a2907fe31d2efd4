"""The scorers of shared tasks and corpora, quirks kept, each under its own name; `scorers.SCORERS` finds them."""

__all__: list[str] = []
