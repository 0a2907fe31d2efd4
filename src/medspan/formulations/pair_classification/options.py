"""What can be chosen in this formulation."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Options"]


class Options(BaseModel):
    """Choices of the formulation, as in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)
