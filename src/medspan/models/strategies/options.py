"""What a recipe says about its strategy, beside the strategy's name. Imports without torch and peft."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AdapterOptions"]


class AdapterOptions(BaseModel):
    """The recipe's key `adapter`: sizes of what a strategy adds; each strategy reads the fields that concern it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(8, ge=1, description="lora: width of the low-rank update of a matrix")
    alpha: float = Field(16.0, gt=0, description="lora: the update is scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="lora: dropout on what enters the update")
    targets: tuple[str, ...] = Field(
        (),
        description="lora, ia3: which matrices are adapted: query, key, value, output, up, down, attention (the first "
        "three), all, or ends of module names; empty: attention for lora, key, value and down for ia3",
    )
    tokens: int = Field(16, ge=1, description="prompt, p-tuning, prefix: number of virtual tokens")
    hidden: int | None = Field(
        None,
        ge=1,
        description="p-tuning: width of the network that makes the prompt (null: as wide as the embeddings); "
        "prefix: null learns keys and values directly, a number learns them through a network of that width",
    )
    init_std: float | None = Field(
        None,
        ge=0,
        description="prompt, p-tuning, prefix: standard deviation of the new embeddings; null: a prompt starts as the "
        "embeddings of random words, p-tuning and prefix with 1.0",
    )
    freeze_backbone: bool = Field(
        True, description="prompt, p-tuning, prefix: false trains the backbone together with the virtual tokens"
    )
