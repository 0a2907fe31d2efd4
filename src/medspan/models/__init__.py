"""Backbones, heads, checkpoints and export. Torch is imported from here on, inside functions or torch-only modules."""
