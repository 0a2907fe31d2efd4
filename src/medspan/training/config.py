"""A recipe: everything that defines one training run, as a typed tree.

The field descriptions are the help text. Unknown keys fail with a suggestion; the resolved recipe is written into the
checkpoint.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from medspan.errors import ConfigError
from medspan.formulations.pair_classification.options import Options as PairOptions
from medspan.formulations.reading_comprehension.options import Options as ReadingOptions
from medspan.formulations.tagging.options import Options as TaggingOptions
from medspan.models.strategies.options import AdapterOptions
from medspan.training.extends import read_extended
from medspan.training.names import LoggerName, LossName, ScheduleName
from medspan.training.space import Space
from medspan.training.typed import assign, validated

__all__ = ["HeadConfig", "Optimisation", "Recipe", "SourceConfig", "TargetConfig", "WindowConfig", "load_recipe"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeadConfig(_Part):
    """One head set: the layers above the encoder that answer one label schema."""

    label_schema: str = Field(alias="schema", description="name of the label schema whose labels this head set scores")
    without_events: bool = Field(False, description="leave out the schema's events and the labels only they use")
    fragmented: bool = Field(False, description="whether mentions may be discontinuous")


class TargetConfig(_Part):
    """A head set that a source trains."""

    head: str = Field(description="name of the head set")
    mapping: str | None = Field(None, description="mapping from the corpus's labels to the head's; none: as they are")
    tune: bool = Field(True, description="whether the head set is scored on this source's tune documents")


class SourceConfig(_Part):
    """Documents to train on."""

    corpus: str = Field("", description="name in the catalog, or invented:KIND for generated notes")
    path: Path | None = Field(None, description="in place of a corpus: an annotated file or folder of your own")
    format: str | None = Field(None, description="format of `path`; none: guessed")
    splits: tuple[str, ...] = Field(("train",), description="splits to read")
    count: int = Field(0, ge=0, description="how many notes to generate, for invented sources")
    repeat: float = Field(1.0, gt=0, description="how often each row is seen in an epoch")
    tune: bool = Field(True, description="whether a tenth of the documents is kept apart as `tune`")
    targets: tuple[TargetConfig, ...] = Field(min_length=1, description="head sets this source trains")

    @property
    def name(self) -> str:
        """What the source is called in logs and cards: the corpus, or the last part of its path."""
        return self.corpus or (self.path.name if self.path else "")

    def model_post_init(self, _context: Any) -> None:
        """Check that there is exactly one place to read from."""
        if bool(self.corpus) == (self.path is not None):
            raise ValueError("a source names either a corpus or a path")


class WindowConfig(_Part):
    """How notes are cut into encoder rows."""

    budget: int = Field(190, ge=8, description="tokens a row, special tokens not counted")
    overlap: int = Field(0, ge=0, description="tokens of whole sentences that the next row sees again")


class Optimisation(_Part):
    """How the weights are moved."""

    epochs: int = Field(10, ge=1, description="passes over the sources, repeats included")
    steps: int = Field(0, ge=0, description="steps at most; 0: as many as the epochs have")
    batch_tokens: int = Field(2048, ge=16, description="tokens a batch, padding included")
    batch_rows: int = Field(0, ge=0, description="rows a batch at most; 0: as many as the tokens allow")
    accumulation: int = Field(1, ge=1, description="batches whose gradients make one step, on each device")
    learning_rate: float = Field(3e-4, gt=0, description="peak rate of the encoder's last layer, and of adapters")
    head_learning_rate: float = Field(1e-3, gt=0, description="peak rate of everything above the encoder")
    adapter_learning_rate: float | None = Field(
        None, gt=0, description="peak rate of what the strategy adds to the encoder; none: `learning_rate`"
    )
    layer_decay: float = Field(0.9, gt=0, le=1, description="factor on the rate for each layer further down")
    weight_decay: float = Field(
        0.01, ge=0, description="AdamW weight decay; not on biases, norms, virtual tokens and factors of ia3"
    )
    warmup: float = Field(0.06, ge=0, description="steps with a rising rate: below 1 a share, else their number")
    schedule: ScheduleName = Field("cosine", description="how the rate falls after that")
    schedule_power: float = Field(2.0, gt=0, description="power of the polynomial schedule")
    schedule_floor: float = Field(0.0, ge=0, le=1, description="share of the peak rate that is left at the end")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout above the encoder")
    loss: LossName = Field(
        "cross_entropy", description="or focal: less on what is right already; or class_balanced: more on rare classes"
    )
    focal_gamma: float = Field(2.0, ge=0, description="focal: power by which what is right already counts less")
    class_balance: float = Field(
        0.999, ge=0, lt=1, description="class_balanced: beta of Cui et al. 2019; a class's samples count as 1/(1-beta)"
    )
    average: float = Field(0.998, ge=0, lt=1, description="decay of the weight average that is evaluated and kept")
    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32", description="arithmetic of the encoder in training; fp16 needs a GPU"
    )
    checkpoint_gradients: bool = Field(False, description="compute layers twice instead of keeping their insides")
    threads: int = Field(0, ge=0, description="CPU threads; 0: as many as cores")
    save_every: int = Field(0, ge=0, description="steps between states to resume from; 0: one at each epoch's end")


class Evaluation(_Part):
    """When the `tune` documents are scored, when to stop, and who is told."""

    every: int = Field(1, ge=1, description="epochs between scores on tune")
    every_steps: int = Field(0, ge=0, description="steps between scores on tune, in place of epochs; 0: by epochs")
    patience: int = Field(5, ge=1, description="scores without improvement before stopping early")
    min_delta: float = Field(0.0, ge=0, description="smallest rise of the score that is an improvement")
    keep_last: bool = Field(True, description="keep the weights of the last step as well, as a checkpoint in last/")
    export: bool = Field(
        False,
        description="write the kept encoder for the CPU runtime as well, in float32: it scores faster",
    )
    loggers: tuple[LoggerName, ...] = Field((), description="tensorboard, mlflow, wandb: who else is told the numbers")


FormulationName = Literal["joint", "tagging", "reading_comprehension", "pair_classification"]
StrategyName = Literal["full", "head", "prompt", "p-tuning", "prefix", "lora", "ia3"]


class Recipe(_Part):
    """One run of `medspan train`."""

    name: str = Field(description="name of the model")
    description: str = Field("", description="one sentence for the model card")
    formulation: FormulationName = Field("joint", description="how extraction becomes a model problem")
    tagging: TaggingOptions = Field(default_factory=TaggingOptions)
    reading_comprehension: ReadingOptions = Field(default_factory=ReadingOptions)
    pair_classification: PairOptions = Field(default_factory=PairOptions)
    entities: Path | None = Field(
        None, description="pair_classification: run that finds the entities; none: they are given"
    )
    strategy: StrategyName = Field("full", description="which weights learn")
    adapter: AdapterOptions = Field(default_factory=AdapterOptions)
    backbone: str = Field(description="folder, hub id or pkg:module/path of the pretrained encoder, or tiny")
    allow_download: bool = Field(False, description="whether a backbone given as a hub id may be fetched")
    architecture: dict[str, Any] | None = Field(
        None, description="the encoder's model_type and sizes, where no model folder has them"
    )
    seed: int = Field(1, ge=0, description="seed of weights, order and dropout")
    heads: dict[str, HeadConfig] = Field(min_length=1, description="head sets by name")
    compose: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="schemas that are answered by several head sets together"
    )
    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="training documents")
    held_out: tuple[str, ...] = Field(
        (), description="corpus:split parts that will be scored; documents sharing id, group or text are not trained on"
    )
    window: WindowConfig = Field(default_factory=WindowConfig)
    optimisation: Optimisation = Field(default_factory=Optimisation)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    search: dict[str, Space] = Field(
        default_factory=dict, description="keys as in optimisation.learning_rate, with what `train --search` may try"
    )

    @property
    def options(self) -> dict[str, Any]:
        """The choices of the formulation, as plain data."""
        chosen: BaseModel | None = getattr(self, self.formulation, None)
        return {} if chosen is None else chosen.model_dump(mode="json")

    def model_post_init(self, _context: Any) -> None:
        """Check that every named head exists."""
        for source in self.sources:
            for target in source.targets:
                if target.head not in self.heads:
                    raise ValueError(f"source {source.corpus}: head {target.head!r} is not under heads")
        for schema, heads in self.compose.items():
            for head in heads:
                if head not in self.heads:
                    raise ValueError(f"compose {schema}: head {head!r} is not under heads")


def load_recipe(path: Path, settings: tuple[str, ...] = ()) -> Recipe:
    """Read a YAML recipe with all it extends and apply `key.path=value` settings.

    Raises ConfigError that names the file and the key.
    """
    import yaml

    data = read_extended(path)
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {setting}: expected key=value")
        try:
            assign(data, key, yaml.safe_load(value), f"--set {setting}")
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {setting}: the value is not valid YAML") from error
    return validated(Recipe, data, path.name)
