"""What recipes may name in optimisation and evaluation. Imports without torch."""

from typing import Literal

__all__ = ["LoggerName", "LossName", "ScheduleName"]

ScheduleName = Literal["cosine", "linear", "constant", "polynomial"]
LossName = Literal["cross_entropy", "focal", "class_balanced"]
LoggerName = Literal["tensorboard", "mlflow", "wandb"]
