"""The columns of every Parquet file that medspan writes, spelled out so that no file depends on its content."""

from collections.abc import Mapping
from typing import Any

from medspan.annotation import FORMAT_VERSION
from medspan.interchange.columns import KeepType

__all__ = ["VERSION_KEY", "documents_schema", "entities_schema", "events_schema", "relations_schema"]

VERSION_KEY = b"medspan.format_version"


def entities_schema(keep: Mapping[str, KeepType]) -> Any:
    """Return the schema of `entities.parquet`: one row an entity."""
    import pyarrow as pa

    return _schema(
        [
            _required("document_id", pa.string()),
            _required("entity_id", pa.string()),
            _required("label", pa.string()),
            _required("start", pa.int32()),
            _required("end", pa.int32()),
            _required("fragments", pa.list_(_fragment())),
            _required("mention", pa.string()),
            ("assertion", pa.string()),
            _required("attributes", pa.string()),
            ("code", pa.string()),
            ("score", pa.float64()),
        ],
        keep,
    )


def relations_schema(keep: Mapping[str, KeepType]) -> Any:
    """Return the schema of `relations.parquet`: one row a relation."""
    import pyarrow as pa

    ends = [_required(f"{side}_{name}", kind) for side in ("head", "tail") for name, kind in _end_columns(pa)]
    names = [_required(name, pa.string()) for name in ("document_id", "relation_id", "label")]
    return _schema([*names, *ends, ("score", pa.float64())], keep)


def events_schema(keep: Mapping[str, KeepType]) -> Any:
    """Return the schema of `events.parquet`: one row an argument; argument columns are null without one."""
    import pyarrow as pa

    trigger = [_required(f"trigger_{name}", kind) for name, kind in _end_columns(pa) if name != "label"]
    argument = [(f"argument_{name}", kind) for name, kind in _end_columns(pa)]
    return _schema(
        [
            *(_required(name, pa.string()) for name in ("document_id", "event_id", "label")),
            *trigger,
            _required("attributes", pa.string()),
            ("score", pa.float64()),
            ("role", pa.string()),
            *argument,
            ("argument_attributes", pa.string()),
            ("argument_score", pa.float64()),
        ],
        keep,
    )


def documents_schema(keep: Mapping[str, KeepType]) -> Any:
    """Return the schema of `documents.parquet`: one row a whole document, text included.

    The nested columns follow the JSON interchange form, but a fragment is a struct of start and end, and `metadata`
    is JSON text because its values may be of any type.
    """
    import pyarrow as pa

    text, score = pa.string(), pa.float64()
    attribute = pa.struct([("name", text), ("value", text), ("score", score)])
    entity = pa.struct(
        [
            ("id", text),
            ("label", text),
            ("fragments", pa.list_(_fragment())),
            ("attributes", pa.list_(attribute)),
            ("code", text),
            ("score", score),
        ]
    )
    relation = pa.struct([("id", text), ("label", text), ("head", text), ("tail", text), ("score", score)])
    argument = pa.struct([("role", text), ("target", text), ("score", score)])
    event = pa.struct(
        [
            ("id", text),
            ("label", text),
            ("trigger", text),
            ("arguments", pa.list_(argument)),
            ("attributes", pa.list_(attribute)),
            ("score", score),
        ]
    )
    group = pa.struct([("id", text), ("label", text), ("members", pa.list_(text))])
    fact = pa.struct([("label", text), ("head_code", text), ("tail_code", text), ("extra", pa.list_(text))])
    return _schema(
        [
            _required("id", text),
            _required("text", text),
            _required("entities", pa.list_(entity)),
            _required("relations", pa.list_(relation)),
            _required("events", pa.list_(event)),
            _required("groups", pa.list_(group)),
            _required("concept_relations", pa.list_(fact)),
            _required("metadata", text),
        ],
        keep,
    )


def _schema(fields: list[Any], keep: Mapping[str, KeepType]) -> Any:
    import pyarrow as pa

    kinds = {"timestamp": pa.timestamp("us"), "timestamp_utc": pa.timestamp("us", tz="UTC"), "date32": pa.date32()}
    kept = [(name, kinds.get(kind) or pa.type_for_alias(kind)) for name, kind in keep.items()]
    return pa.schema([*fields, *kept], metadata={VERSION_KEY: str(FORMAT_VERSION).encode()})


def _required(name: str, kind: Any) -> Any:
    import pyarrow as pa

    return pa.field(name, kind, nullable=False)


def _fragment() -> Any:
    import pyarrow as pa

    return pa.struct([_required("start", pa.int32()), _required("end", pa.int32())])


def _end_columns(pa: Any) -> list[tuple[str, Any]]:
    return [
        ("id", pa.string()),
        ("label", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("mention", pa.string()),
    ]
