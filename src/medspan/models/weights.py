"""Trained torch weights in and out of a checkpoint, for every strategy.

The files are those of `medspan.models.checkpoint`. Names in them are those of the plain transformers model, whatever
peft put around its layers. Each file is exchanged whole, so that a killed run leaves none that is cut off.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medspan.errors import CheckpointError, ConfigError, MissingExtraError
from medspan.models.backbones import read_json
from medspan.models.checkpoint import refuse_code, write_json

if TYPE_CHECKING:
    from medspan.models.encoder import Encoder

__all__ = ["load_trained_encoder", "load_weights", "plain_backbone_state", "save_weights"]

BACKBONE = "encoder.backbone."

_ENCODER = "encoder."
_WEIGHTS = "model.safetensors"
_ADAPTER = "adapter"
_PLAIN = frozenset({"full", "head"})
"""Strategies that add nothing to the backbone."""


def save_weights(folder: Path, network: Any, *, frozen_too: bool = True) -> None:
    """Write what a network has learnt, and the backbone below it, into a checkpoint.

    `network`: a torch module whose attribute `encoder` is an Encoder. Heads, and a backbone that learns, go to
    `model.safetensors`, the strategy's additions to `adapter/`, a frozen backbone to `backbone/model.safetensors`.
    That one never changes: `frozen_too` is for the first time that a run saves. Raises ConfigError for an encoder
    whose virtual tokens are fixed.
    """
    encoder: Encoder = network.encoder
    if encoder.n_virtual and not encoder.has_adapter:
        raise ConfigError("an encoder as it is served, with fixed virtual tokens, is no network in training")
    state = {name: value for name, value in network.state_dict().items() if not name.startswith(_ENCODER)}
    backbone = folder / "backbone"
    backbone.mkdir(parents=True, exist_ok=True)
    described = json.loads(encoder.config.to_json_string(use_diff=False))
    described.pop("_name_or_path", None)  # a path of this machine
    write_json(backbone / "config.json", described)
    if encoder.changes_backbone:
        state |= {f"{BACKBONE}{name}": value for name, value in plain_backbone_state(encoder).items()}
        (backbone / _WEIGHTS).unlink(missing_ok=True)
    elif frozen_too:
        _write(backbone / _WEIGHTS, plain_backbone_state(encoder))
    if encoder.has_adapter:
        _write_adapter(encoder, folder / _ADAPTER)
    else:
        shutil.rmtree(folder / _ADAPTER, ignore_errors=True)  # of an earlier run
    _write(folder / _WEIGHTS, state)


def load_weights(folder: Path) -> dict[str, Any]:
    """Read `model.safetensors` as torch tensors by name; raises CheckpointError where it is missing or damaged."""
    path = folder / _WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{folder}: {_WEIGHTS} is missing; this folder holds an exported model only")
    return _read(path)


def load_trained_encoder(folder: Path, strategy: str | None = None) -> "Encoder":
    """Return the trained Encoder of a checkpoint in evaluation mode, float32, as it was saved: adapters not merged.

    strategy: the one that config.json names; None takes the adapter that is there, if any. Nothing of the encoder
    learns any more. Raises CheckpointError for files that are missing, damaged, of another backbone or strategy,
    or asking to run code.
    """
    path = folder / "backbone" / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: backbone/config.json is missing; use --engine onnx for an exported model")
    refuse_code(read_json(path), path)
    try:
        from transformers import AutoConfig

        from medspan.models.architectures import new_encoder
        from medspan.models.encoder import Encoder
    except ImportError as error:
        raise MissingExtraError(error.name or "transformers", "train") from error
    try:
        backbone = new_encoder(AutoConfig.from_pretrained(str(path.parent), trust_remote_code=False)).float()
    except Exception as error:  # transformers and huggingface_hub raise kinds of their own
        raise CheckpointError(f"{path}: {next(iter(str(error).splitlines()), type(error).__name__)}") from error
    saved = {name.removeprefix(BACKBONE): v for name, v in load_weights(folder).items() if name.startswith(BACKBONE)}
    source = folder / _WEIGHTS
    if not saved:
        source = path.parent / _WEIGHTS
        if not source.is_file():
            raise CheckpointError(f"{folder}: the backbone's weights are in neither {_WEIGHTS} nor backbone/{_WEIGHTS}")
        saved = _read(source)
    _take_over(backbone, saved, source)
    if not (folder / _ADAPTER).is_dir():
        encoder = Encoder(backbone.requires_grad_(False))
    else:
        from medspan.models.strategies import load_adapter

        encoder = load_adapter(backbone, folder / _ADAPTER)
    _check_strategy(folder, encoder, strategy)
    return encoder.eval()


def plain_backbone_state(encoder: "Encoder") -> dict[str, Any]:
    """Return the weights of an encoder's backbone by the names of the plain transformers model, without additions."""
    state: dict[str, Any] = encoder.bare.state_dict()
    if not encoder.has_adapter:
        return state
    from peft.tuners.tuners_utils import BaseTunerLayer

    inside = [f"{name}." for name, module in encoder.bare.named_modules() if isinstance(module, BaseTunerLayer)]
    for around in inside:
        for name in [name for name in state if name.startswith(around)]:
            value = state.pop(name)
            if name.startswith(f"{around}base_layer."):
                state[around + name.removeprefix(f"{around}base_layer.")] = value
    return state


def _check_strategy(folder: Path, encoder: "Encoder", strategy: str | None) -> None:
    """Refuse an encoder without its adapter, or with another one: it would run, and find something else."""
    found = encoder.strategy if encoder.n_virtual or encoder.has_adapter else None
    if strategy is not None and found != (None if strategy in _PLAIN else strategy):
        there = f"it holds one of strategy {found}" if found else "there is none"
        raise CheckpointError(
            f"{folder / _ADAPTER}: config.json says strategy {strategy}, but {there}; copy the run's folder whole"
        )


def _take_over(backbone: Any, saved: Mapping[str, Any], source: Path) -> None:
    wanted = {name: tuple(value.shape) for name, value in backbone.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in saved.items()}
    if wanted != found:
        other = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise CheckpointError(
            f"{source}: weights do not fit backbone/config.json: {len(other)} are missing, unknown or of another "
            f"shape, {other[0]} among them"
        )
    backbone.load_state_dict(saved)


def _write_adapter(encoder: "Encoder", folder: Path) -> None:
    from medspan.models.strategies import save_adapter

    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        save_adapter(encoder, Path(scratch))
        for written in Path(scratch).iterdir():
            written.replace(folder / written.name)


def _write(path: Path, state: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    part = path.with_name(path.name + ".part")
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(tensors, str(part), metadata={"format": "pt"})
    part.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    try:
        return dict(load_file(str(path)))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file") from error
