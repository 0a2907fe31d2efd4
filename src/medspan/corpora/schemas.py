"""The label schemas that come with the package, one YAML file each under corpora/schemas/."""

from functools import cache
from importlib.resources import files
from typing import Any

from medspan.annotation import LabelSchema
from medspan.registry import unknown_name

__all__ = ["schema", "schema_names"]


def schema_names() -> list[str]:
    """Names of the packaged schemas, sorted."""
    folder = files("medspan.corpora") / "schemas"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


@cache
def schema(name: str) -> LabelSchema:
    """Return the packaged schema called `name`; raises UnknownNameError with a suggestion."""
    import yaml

    if name not in schema_names():
        raise unknown_name("schema", name, schema_names())
    source = files("medspan.corpora") / "schemas" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return LabelSchema.from_dict(content)
