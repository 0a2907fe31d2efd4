"""`medspan models`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medspan.apps.cli.failures import reports_failures

if TYPE_CHECKING:
    from medspan.annotation import LabelSchema
    from medspan.apps.models import ModelDescription

__all__ = ["models"]

models = typer.Typer(help="Look at models: labels, scores, licences.", no_args_is_help=True, rich_markup_mode=None)


@models.command("list")
@reports_failures
def list_models() -> None:
    """List the models that ship with medspan."""
    from rich.table import Table

    from medspan.apps.cli.console import stdout
    from medspan.apps.models import describe_model
    from medspan.inference import bundled_models

    found = bundled_models()
    if not found:
        typer.echo("no model is bundled; give a model folder with --model")
        return
    shown = Table()
    for column in ("name", "default schema", "schemas", "MB", "description"):
        shown.add_column(column)
    for name, folder in found.items():
        about = describe_model(folder)
        schemas = ", ".join(sorted(about.schemas))
        shown.add_row(name, about.default_schema, schemas, f"{about.size / 1e6:.1f}", about.description)
    stdout().print(shown)


@models.command("show")
@reports_failures
def show_model(
    name: Annotated[str, typer.Argument(help="A bundled model or a model folder.")] = "default",
    schema: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show the labels of this schema; the default one if left out.")
    ] = None,
) -> None:
    """Describe a model: method, schemas, labels with their definitions, scores, and the corpora it learnt from."""
    from medspan.apps.models import describe_model
    from medspan.inference import model_folder
    from medspan.registry import unknown_name

    about = describe_model(model_folder(name))
    chosen = schema or about.default_schema
    if chosen not in about.schemas:
        raise unknown_name("schema", chosen, sorted(about.schemas))
    lines = [
        f"{about.name}: {about.description}" if about.description else about.name,
        f"{about.size / 1e6:.1f} MB, {'exported: needs no torch' if about.is_exported else 'needs torch'}",
        f"sha256 {about.digest}",
        f"formulation {about.formulation}, strategy {about.strategy}{_learnt(about.metrics)}",
        *_entities(about),
        f"schemas: {', '.join(sorted(about.schemas))} (default {about.default_schema})",
        "",
        *_labels(about.schemas[chosen]),
        "",
        "Trained on",
        *(
            f"  {entry.name} ({n:,} documents): {entry.title}. {entry.licence}. {entry.citation}"
            for entry, n in about.corpora
        ),
        "",
        "Scores",
        *(f"  {line}" for line in _scores(about.metrics)),
    ]
    for line in lines:
        typer.echo(line)


def _learnt(metrics: Mapping[str, Any]) -> str:
    if "trainable" not in metrics:
        return ""
    return f": {metrics['trainable']:,} of {metrics['parameters']:,} weights trained"


def _entities(about: "ModelDescription") -> Iterator[str]:
    if about.finder:
        yield f"joins the entities that the {about.finder} model in its folder finds"
    elif about.joins_given:
        yield "joins the entities that the documents given have; plain notes have none"


def _labels(schema: "LabelSchema") -> Iterator[str]:
    yield f"Labels of schema {schema.name}"
    for entity in schema.entities:
        yield f"  {entity.name}: {entity.definition}"
    for attribute in schema.attributes:
        values = ", ".join(attribute.values) or "any value"
        yield f"  {attribute.name} of {', '.join(attribute.labels)}: {values}. {attribute.definition}"
    for relation in schema.relations:
        yield f"  {relation.name}: {relation.definition}"
    for event in schema.events:
        roles = ", ".join(role.name for role in event.roles)
        yield f"  event {event.name}: {event.definition}" + (f" Roles: {roles}." if roles else "")


def _scores(metrics: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in metrics.items():
        where = f"{path} {key}".strip()
        if isinstance(value, Mapping):
            yield from _scores(value, where)
        elif not isinstance(value, list):  # such as the learning curve
            yield f"{where}: {value}"
