"""What a search may try for a key of a recipe. Imports without torch and optuna."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Choices", "Range", "Space"]


class Range(BaseModel):
    """Numbers between two bounds, both included; whole ones where both bounds are whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: int | float = Field(description="smallest value")
    high: int | float = Field(description="largest value")
    log: bool = Field(False, description="whether factors count rather than differences, as for learning rates")

    def model_post_init(self, _context: object) -> None:
        """Check the bounds."""
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("with log, low must be above 0")


Choices = tuple[bool | int | float | str | None, ...]
Space = Range | Choices
"""A range, or a list of values to choose from."""
