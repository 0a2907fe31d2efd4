"""Rows as the encoder gets them, and the padded arrays they become."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.errors import ConfigError

__all__ = ["EncoderInput", "held", "pad"]

IntArray = npt.NDArray[np.int32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EncoderInput:
    """One row for the encoder, special tokens included.

    ids, types, positions: (tokens,) token, segment and position ids; None leaves the encoder's default.
    visible: (tokens, tokens), whether a token (first axis) attends to another (second); None: everyone to everyone.
    """

    ids: IntArray
    types: IntArray | None = None
    positions: IntArray | None = None
    visible: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ids)


def held(rows: Sequence[EncoderInput]) -> frozenset[str]:
    """Name what rows hold beside their ids, out of `types`, `positions` and `visible`.

    All of them hold the same, or ConfigError is raised: padded together, some would lose what they say.
    """
    names = ("types", "positions", "visible")
    kinds = [frozenset(name for name in names if getattr(row, name) is not None) for row in rows]
    for number, kind in enumerate(kinds):
        if kind != kinds[0]:
            odd = ", ".join(sorted(kind ^ kinds[0]))
            raise ConfigError(f"rows 0 and {number} do not go together: only one of them has {odd}")
    return kinds[0] if kinds else frozenset()


def pad(rows: Sequence[EncoderInput], width: int = 0) -> dict[str, Ids]:
    """Lay rows on top of each other as int64 arrays by the names that encoders use.

    `input_ids` and `attention_mask` are always there, (rows, width); `token_type_ids` and `position_ids` where the
    first row has them, as all rows then must. With `visible`, `attention_mask` is (rows, width, width) and padding
    sees itself alone. `width` is at least the longest row. What padding has for an id does not matter: nothing sees it,
    and it stands behind the row, where it moves no token's position.
    """
    width = max(width, max(len(row) for row in rows))
    shape = (len(rows), width)
    arrays = {"input_ids": np.zeros(shape, np.int64), "attention_mask": np.zeros(shape, np.int64)}
    if rows[0].types is not None:
        arrays["token_type_ids"] = np.zeros(shape, np.int64)
    if rows[0].positions is not None:
        arrays["position_ids"] = np.zeros(shape, np.int64)
    for number, row in enumerate(rows):
        arrays["input_ids"][number, : len(row)] = row.ids
        arrays["attention_mask"][number, : len(row)] = 1
        for name, values in (("token_type_ids", row.types), ("position_ids", row.positions)):
            if values is not None:
                arrays[name][number, : len(row)] = values
    if rows[0].visible is not None:
        arrays["attention_mask"] = np.broadcast_to(np.eye(width, dtype=np.int64), (*shape, width)).copy()
        for number, row in enumerate(rows):
            if row.visible is not None:
                arrays["attention_mask"][number, : len(row), : len(row)] = row.visible
    return arrays
