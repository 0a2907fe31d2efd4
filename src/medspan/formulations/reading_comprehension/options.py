"""What can be chosen in reading comprehension."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Options"]


class Options(BaseModel):
    """Choices of the formulation, as in a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: Literal["label", "definition", "examples"] = Field(
        "label",
        description="what a question holds: the label in words; also its definition; or also some mentions, which are "
        "copied from the training notes into config.json unless `examples` gives others: never share such a "
        "checkpoint of a corpus that may not be shared",
    )
    examples: Mapping[str, Mapping[str, tuple[str, ...]]] = Field(
        default_factory=dict,
        description="mentions to show by head set and label, for questions: examples; none: frequent ones of training",
    )
    n_examples: int = Field(3, ge=1, description="mentions shown for each label, for questions: examples")
    negatives: float = Field(
        0.2, gt=0, description="how often an epoch asks for a label the window has none of; every one is asked later"
    )
    link_negatives: float = Field(
        0.5, gt=0, description="how often an epoch asks about a mention for a link that it has not"
    )
    new_tails: bool = Field(
        False,
        description="whether answers about links may be mentions that no label's question found; else only those that "
        "were found are scored, and nothing is asked where there is none",
    )
