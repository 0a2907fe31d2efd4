"""Backbones, heads, checkpoints and export. Torch is imported from here on, inside functions or torch-only modules."""

from medspan.models.checkpoint import CheckpointConfig, read_config

__all__ = ["CheckpointConfig", "read_config"]
