"""Ways in which an XML file may be untidy, well-formedness included."""

import re
from random import Random

__all__ = ["bare_signs", "commented", "on_one_line", "repeated_ids", "undeclared"]

_DECLARATION = re.compile(rb"\A<\?xml[^>]*\?>\s*")
_STATED = re.compile(rb'(?<= text=")[^"]*(?=")')
# A sign that stands before what would read as a reference must stay escaped, or it would mean another.
_BARE = ((re.compile(rb"&amp;(?!#?\w+;)"), b"&"), (re.compile(rb"&lt;"), b"<"), (re.compile(rb"&gt;"), b">"))
_ID = re.compile(rb'(?<= id=")[^"]+(?=")')
_END = re.compile(rb'(?:fromID|toID)="([^"]+)"')


def undeclared(content: bytes, _: Random) -> bytes:
    """Leave out the XML declaration."""
    return _DECLARATION.sub(b"", content)


def commented(content: bytes, _: Random) -> bytes:
    """Put a comment between declaration and root."""
    if b"<!-- " in content:
        return content
    match = _DECLARATION.match(content)
    at = match.end() if match else 0
    return content[:at] + b"<!-- exported -->\n" + content[at:]


def on_one_line(content: bytes, _: Random) -> bytes:
    """Close up the white space between elements."""
    return re.sub(rb">\s*\n\s*<", b"><", content)


def bare_signs(content: bytes, _: Random) -> bytes:
    """Leave &, < and > unescaped in stated words: malformed, and common."""

    def bare(match: re.Match[bytes]) -> bytes:
        words = match[0]
        for pattern, sign in _BARE:
            words = pattern.sub(sign, words)
        return words

    return _STATED.sub(bare, content)


def repeated_ids(content: bytes, _: Random) -> bytes:
    """Give two mentions that no link refers to one id."""
    linked = set(_END.findall(content))
    begin = content.rfind(b"<TAGS>")
    found = [m for m in _ID.finditer(content, max(begin, 0)) if m[0] not in linked and m[0][:1] in b"EP"]
    if begin < 0 or len(found) < 2:
        return content
    first, last = found[0], found[-1]
    return content[: last.start()] + first[0] + content[last.end() :]
