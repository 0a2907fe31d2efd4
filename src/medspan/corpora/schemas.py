"""The label schemas that come with the package, one YAML file each under corpora/schemas/, and those of own corpora."""

from functools import cache
from importlib.resources import files
from typing import Any

from medspan.annotation import LabelSchema
from medspan.corpora.local import local_content, local_names
from medspan.errors import AnnotationError, ConfigError
from medspan.registry import unknown_name

__all__ = ["schema", "schema_names"]


def schema_names() -> list[str]:
    """Names of the packaged schemas, sorted."""
    return list(_packaged_names())


def schema(name: str) -> LabelSchema:
    """Return the packaged schema called `name`, or the one that the corpus.yaml of a local corpus `name` holds.

    Raises UnknownNameError with a suggestion, ConfigError for a corpus.yaml whose schema cannot be built.
    """
    if name in schema_names():
        return _packaged(name)
    if name not in (own := local_names()):
        raise unknown_name("schema", name, [*schema_names(), *own])
    content = local_content(name).get("schema")
    if isinstance(content, str) and content in schema_names():
        return _packaged(content)
    if not isinstance(content, dict):
        raise ConfigError(f"corpus {name}: its corpus.yaml holds no schema; `medspan corpora init` writes one")
    try:
        return LabelSchema.from_dict({"name": name, **content})
    except AnnotationError as error:
        raise ConfigError(f"corpus {name}: corpus.yaml: {error}") from error


@cache
def _packaged_names() -> tuple[str, ...]:
    folder = files("medspan.corpora") / "schemas"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


@cache
def _packaged(name: str) -> LabelSchema:
    import yaml

    source = files("medspan.corpora") / "schemas" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return LabelSchema.from_dict(content)
