"""Options that hold several values."""

__all__ = ["split_list"]


def split_list(value: str | None) -> tuple[str, ...]:
    """Split "A,B" at commas; blanks around names and empty names are dropped."""
    return tuple(name for part in (value or "").split(",") if (name := part.strip()))
