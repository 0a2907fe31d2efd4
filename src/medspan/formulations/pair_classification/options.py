"""What can be chosen in this formulation."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Options"]


class Options(BaseModel):
    """Choices of the formulation, as in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cutoff: int = Field(1, ge=0, description="how many sentences apart a pair may be; 0: in one sentence")
    partners: int = Field(50, ge=1, description="pairs tried at most for each entity as a head, the nearest first")
    text: Literal["passage", "two_sentences", "joined_sentences"] = Field(
        "passage",
        description="what is read of a pair: from the one's sentence to the other's; the sentence of each with a "
        "separator between, given twice where it is the same; the same without a separator",
    )
    markers: Literal["plain", "typed", "levitated"] = Field(
        "typed",
        description="how mentions are marked: around them; around them with their labels; with their labels behind "
        "the text, so that several pairs share a row",
    )
    scheme: Literal["cls", "cls_starts", "cls_markers", "starts"] = Field(
        "cls_markers",
        description="what is classified: the state of the row's first token; that and both start markers; that and "
        "all four markers; both start markers",
    )
    pairs_per_row: int = Field(16, ge=1, description="levitated: pairs that share a row at most")
    negatives: float = Field(
        1.0, gt=0, le=1, description="share of the unrelated pairs that each epoch sees; scoring always sees all"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        if self.markers == "levitated" and self.text != "passage":
            raise ValueError("levitated markers share one passage: use text passage, or markers plain or typed")
        if self.markers == "levitated" and self.scheme == "cls":
            raise ValueError(
                "levitated markers are not seen by the first token, so scheme cls would give every pair the same "
                "answer: use another scheme, or markers plain or typed"
            )
        return self
