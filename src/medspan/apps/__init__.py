"""What users start: the command line and the jobs behind it."""

__all__: list[str] = []
