"""A study as plain data."""

from typing import Any

__all__ = ["tiny_study"]


def tiny_study(backbone: str = "nowhere", **changes: Any) -> dict[str, Any]:
    """A study as plain data: one group, two strategies, two seeds, on the corpus `ward`."""
    group = {
        "name": "ward",
        "base": {
            "heads": {"clin": {"schema": "clin"}},
            "sources": [{"corpus": "ward", "targets": [{"head": "clin"}]}],
            "window": {"budget": 62},
        },
        "axes": {"rate": {"fast": {"optimisation.learning_rate": 4e-3}}, "seed": [1, 2]},
        "score": {"documents": "ward:dev"},
    }
    study: dict[str, Any] = {
        "name": "tiny",
        "budget": 5,
        "evaluations": 2,
        "bootstrap": 50,
        "exchanges": 100,
        "base": {
            "backbone": backbone,
            "optimisation": {
                "steps": 12,
                "epochs": 20,
                "batch_tokens": 400,
                "head_learning_rate": 4e-3,
                "average": 0.5,
            },
        },
        "groups": [group | changes.pop("group", {})],
    }
    return study | changes
