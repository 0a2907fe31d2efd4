"""The parts of a large JSON file, one at a time: members of its outer object or items of its outer list."""

import json
import re
from collections.abc import Iterator
from typing import Any

from medspan.corpora.formats.result import Problems

__all__ = ["Part", "parts", "plain", "shown"]

Part = tuple[int, str | None, Any]

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_ID = re.compile(r"[\w.-]{1,16}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parts(content: str, problems: Problems) -> Iterator[Part]:
    """Yield (line, key, value) of the members of a JSON object, or (line, None, item) of the items of a JSON list.

    Only one part is decoded at a time. What follows a mistake cannot be read and is skipped with its line, and so is
    a part that holds half of a surrogate pair, which is no text.
    """
    content = content.removeprefix("\ufeff")
    at = _after_space(content, 0)
    if content[at : at + 1] not in ("{", "["):
        problems.skipped(1, "neither a JSON object nor a JSON list")
        return
    closing = "}" if content[at] == "{" else "]"
    at = _after_space(content, at + 1)
    line, counted = 1, 0
    try:
        while content[at : at + 1] != closing:
            line, counted = line + content.count("\n", counted, at), at
            start, key = at, None
            if closing == "}":
                key, at = _DECODER.raw_decode(content, at)
                at = _after_space(content, at)
                if not isinstance(key, str) or content[at : at + 1] != ":":
                    raise json.JSONDecodeError("a name and a colon are expected", "", at)
                at = _after_space(content, at + 1)
            value, at = _DECODER.raw_decode(content, at)
            if _SURROGATE.search(content, start, at) and not plain([key, value]):
                problems.skipped(line, "half of a surrogate pair stands in the record; write the file again as UTF-8")
            else:
                yield line, key, value
            at = _after_space(content, at)
            if content[at : at + 1] == ",":
                at = _after_space(content, at + 1)
            elif content[at : at + 1] != closing:
                raise json.JSONDecodeError("a comma is expected", "", at)
        if content[at + 1 :].strip():
            problems.skipped(line, f"{len(content) - at - 1} characters after the end of the JSON value")
    except RecursionError:
        problems.skipped(line, "nested too deeply; nothing after this line was read")
    except ValueError as error:
        # The error's own message may quote the file.
        where = getattr(error, "pos", None)
        reason = "a number is too long" if where is None else f"not JSON at character {where}"
        problems.skipped(line, f"{reason}; nothing after it was read")


def plain(value: Any) -> bool:
    """Say whether a JSON value can be encoded as UTF-8 and written again."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError):
        return False
    return True


def shown(name: str) -> str:
    """Return an id fit for a message; what does not look like one might be note text."""
    is_id = _ID.fullmatch(name) and (len(name) < 3 or any(c.isdigit() or c in "_-" for c in name))
    return name if is_id else "(unreadable id)"


def _after_space(content: str, at: int) -> int:
    match = _SPACE.match(content, at)
    return match.end() if match else at
