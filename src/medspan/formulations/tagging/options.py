"""What can be chosen in this formulation."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Options"]


class Options(BaseModel):
    """Choices of the formulation, as in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: Literal["auto", "one", "label"] | dict[str, tuple[tuple[str, ...], ...]] = Field(
        "auto",
        description="labels that share one BIO sequence. one: all, the longer of two overlapping mentions wins; label: "
        "each label has its own; auto: labels that overlap in the training gold are apart; or the labels of each "
        "sequence, by head set, which is what auto becomes in the checkpoint",
    )
    crf: bool = Field(False, description="whether sequences are scored by a linear-chain CRF")
    pieces: Literal["first", "all"] = Field(
        "first", description="what is tagged: the first word piece of each word, or every piece"
    )
    attach: Literal["nearest", "none"] = Field(
        "nearest",
        description="what becomes of mentions that exist only as event arguments. nearest: they join the nearest "
        "trigger in the window that may have them; none: they stay alone",
    )
