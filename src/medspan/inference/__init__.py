"""The extractor and the engines that run encoders."""

from medspan.inference.extractor import Extractor, Heads
from medspan.inference.load import build_extractor, bundled_models, load, model_folder

__all__ = ["Extractor", "Heads", "build_extractor", "bundled_models", "load", "model_folder"]
