"""Ways in which a file of lines may be untidy."""

import re
from random import Random

__all__ = ["blank_lines", "crlf", "doubled_blanks", "no_last_newline", "swapped_lines", "with_bom"]


def crlf(content: bytes, rng: Random) -> bytes:  # noqa: ARG001
    """End lines in CR LF."""
    return content.replace(b"\n", b"\r\n")


def with_bom(content: bytes, rng: Random) -> bytes:  # noqa: ARG001
    """Put a byte order mark in front."""
    return b"\xef\xbb\xbf" + content


def no_last_newline(content: bytes, rng: Random) -> bytes:  # noqa: ARG001
    """Leave the last line without its end."""
    return content.removesuffix(b"\n")


def blank_lines(content: bytes, rng: Random) -> bytes:
    """Put an empty line at the end, or two."""
    return content + b"\n" * rng.randint(1, 2)


def doubled_blanks(content: bytes, rng: Random) -> bytes:
    """Double some blanks between the columns of the line."""
    return re.sub(rb"(?<=\d) (?=\d)", lambda m: b"  " if rng.random() < 0.1 else m[0], content)


def swapped_lines(content: bytes, rng: Random) -> bytes:  # noqa: ARG001
    """Put the relations of a brat file before what they relate."""
    lines = content.splitlines(keepends=True)
    early = [line for line in lines if line.startswith(b"R")]
    return b"".join(early + [line for line in lines if not line.startswith(b"R")])
