"""Ways in which a file of lines may be untidy."""

import re
from random import Random

__all__ = [
    "blank_lines",
    "broken_mentions",
    "capital_letters",
    "crlf",
    "missing_if_empty",
    "no_last_line_end",
    "one_attribute_id",
    "relations_first",
    "widened_mentions",
    "with_mark",
]

_MARK = b"\xef\xbb\xbf"
_BOUND = re.compile(rb"^(T\d+\t[^\t\n]+\t)([^\t\n]*)$", re.MULTILINE)
_WORDS = re.compile(r'^c="(.*?)" (?=\d+:\d+ \d+:\d+\|\|t=)', re.MULTILINE)


def crlf(content: bytes, _: Random) -> bytes:
    """End lines in CR LF."""
    return content if b"\r" in content else content.replace(b"\n", b"\r\n")


def with_mark(content: bytes, _: Random) -> bytes:
    """Put a byte order mark in front."""
    return content if content.startswith(_MARK) else _MARK + content


def no_last_line_end(content: bytes, _: Random) -> bytes:
    """Leave the last line without its end."""
    return content.removesuffix(b"\n")


def blank_lines(content: bytes, rng: Random) -> bytes:
    """Put an empty line at the end, or two."""
    return content + b"\n" * rng.randint(1, 2)


def missing_if_empty(content: bytes, _: Random) -> bytes | None:
    """Leave out a file that would say nothing."""
    return content or None


def relations_first(content: bytes, _: Random) -> bytes:
    """Put the relations of a brat file before what they relate."""
    lines = content.splitlines(keepends=True)
    early = [line for line in lines if line.startswith(b"R")]
    return b"".join(early + [line for line in lines if not line.startswith(b"R")])


def one_attribute_id(content: bytes, _: Random) -> bytes:
    """Call all attributes of a brat file by one id: nothing refers to them."""
    return re.sub(rb"^A\d+\t", b"A1\t", content, flags=re.MULTILINE)


def widened_mentions(content: bytes, rng: Random) -> bytes:
    """Double some spaces in the stated words of a brat file, which then differ from the text in white space."""

    def widen(match: re.Match[bytes]) -> bytes:
        return match[1] + (match[2].replace(b" ", b"  ") if rng.random() < 0.3 else match[2])

    return _BOUND.sub(widen, content)


def broken_mentions(content: bytes, rng: Random) -> bytes:
    """Write some stated words of a brat file over two lines, as tools do that copy them from the text."""

    def cut(match: re.Match[bytes]) -> bytes:
        head, space, tail = match[2].rpartition(b" ")
        return match[1] + head + b"\n" + tail if space and head and tail and rng.random() < 0.3 else match[0]

    return _BOUND.sub(cut, content)


def capital_letters(content: bytes, _: Random) -> bytes:
    """State the words of concepts in capitals: the text is right, they are not."""
    return _WORDS.sub(lambda m: f'c="{m[1].upper()}" ', content.decode("utf-8")).encode("utf-8")
