r"""XML that holds a note in TEXT and what is marked in it as elements of TAGS, read though it be malformed.

The text is taken from the file as it stands: a parser would turn \r\n into \n and so move the offsets behind it. The
tags come from a parser when the file is well-formed, else from patterns, since bare `&`, `<` and quotes in stated
words are common. Nothing reaches a parser that declares entities.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import unescape

from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import decode
from medspan.corpora.formats.xml_safety import parse, refuse_declarations
from medspan.corpora.formats.xml_text import legal
from medspan.errors import FormatError

__all__ = ["Tag", "Tagged", "is_name", "read_tagged", "tag_line", "tagged_file"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_ROOT = re.compile(r"<([A-Za-z_][\w.-]*+)(?=[\s/>])")
_ENCODING_LINE = re.compile(r"\A\s*+<\?xml[^>]{0,200}\?>")
_TEXT = re.compile(r"<TEXT(?:\s++[^>]{0,200})?>")
_TEXT_PART = re.compile(r"<!\[CDATA\[|</TEXT\s*+>")
# Stated words may hold what looks like a tag, so that it counts only at the beginning of a line or behind another.
_TAG = re.compile(r"(?:^|>)[ \t]*+<([A-Za-z_][\w.-]*+)\s++(?=(?:id|start|end|fromID)\s*+=)", re.MULTILINE)
_TAGS_END = re.compile(r"</(?:TAGS|ClinicalNarrativeTemporalAnnotation|deIdi2b2)\s*+>")
_CLOSING = re.compile(r"></[\w.-]++\s*+>\s*+\Z")
_KNOWN = "id|start|end|text|modality|polarity|type|val|mod|dvalue|fromID|fromText|toID|toText|TYPE|comment"
# Stated words may hold what looks like an attribute, so that only a known name counts, or one right behind a quote.
_ATTRIBUTE = re.compile(rf'(?<!\S)(?:({_KNOWN})|(?<="\s)([A-Za-z_][\w.-]*+))\s*+=\s*+"')
_N_CLOSING = 200
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_ESCAPED = re.compile('[&<>"\n\r\t]')


@dataclass(frozen=True, slots=True)
class Tag:
    """One element of TAGS: its name, its attributes in file order, and the line on which it begins."""

    name: str
    attributes: dict[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Tagged:
    """The note of a file, as it stands in TEXT, and its tags."""

    text: str
    tags: list[Tag]


def read_tagged(content: bytes, name: str, root: str, problems: Problems) -> Tagged:
    """Read a file whose root element is `root`; raises FormatError when it has no such root or no text."""
    refuse_declarations(content, name)
    source = decode(content, name).removeprefix("\ufeff")
    opening = _ROOT.search(re.sub(r"<!--.*?(?:-->|\Z)", lambda m: "\n" * m[0].count("\n"), source[:4096], flags=re.S))
    if opening is None or opening[1] != root:
        raise FormatError(f"{name} line 1: the root element is not <{root}>")
    text, end = _text(source, name)
    try:
        # The bytes are UTF-8 whatever the file says of itself.
        plain = _ENCODING_LINE.sub(lambda m: "\n" * m[0].count("\n"), source)
        parsed = parse(plain.encode("utf-8"), name)
    except FormatError as error:
        where = re.search(r" line ([0-9]+)", str(error))
        problems.repaired(int(where[1]) if where else None, "not well-formed XML; its tags were found by patterns")
        return Tagged(text, _tags(source, end))
    # The text element found by pattern is the real one unless it stands in a comment, say.
    element = parsed.root.find("TEXT")
    stated = "".join(element.itertext()) if element is not None else ""
    if _one_line_end(stated) != _one_line_end(text):
        text = stated
    tags = [
        Tag(child.tag, dict(child.attrib), parsed.lines[child]) for part in parsed.root.iter("TAGS") for child in part
    ]
    return Tagged(text, tags)


def _text(source: str, name: str) -> tuple[str, int]:
    """Return the content of TEXT and where it ends in the file."""
    opening = _TEXT.search(source)
    if opening is None:
        raise FormatError(f"{name} line 1: there is no TEXT element")
    parts: list[str] = []
    at = opening.end()
    while True:
        part = _TEXT_PART.search(source, at)
        if part is None:
            break
        parts.append(_unescaped(source[at : part.start()]))
        if part[0] != "<![CDATA[":
            return "".join(parts), part.end()
        at = source.find("]]>", part.end())
        if at < 0:
            break
        parts.append(source[part.end() : at])
        at += len("]]>")
    line = source.count("\n", 0, opening.start()) + 1
    raise FormatError(f"{name} line {line}: TEXT never ends; is the file cut off?")


def _tags(source: str, begin: int) -> list[Tag]:
    """Find the tags of a malformed file: each goes on to the beginning of the next."""
    openings = list(_TAG.finditer(source, begin))
    found: list[Tag] = []
    line, counted = 1, 0
    for n, opening in enumerate(openings):
        end = openings[n + 1].start(1) - 1 if n + 1 < len(openings) else len(source)
        line, counted = line + source.count("\n", counted, opening.start(1)), opening.start(1)
        inside = source[opening.end() : end]
        if n + 1 == len(openings) and (closing := _TAGS_END.search(inside)):
            inside = inside[: closing.start()]
        if closing := _CLOSING.search(inside, max(0, len(inside) - _N_CLOSING)):
            inside = inside[: closing.start()]
        found.append(Tag(opening[1], _attributes(inside), line))
    return found


def _attributes(inside: str) -> dict[str, str]:
    """Find the attributes of one tag: the value of each goes on to the last quote before the next."""
    openings = list(_ATTRIBUTE.finditer(inside))
    found: dict[str, str] = {}
    for n, opening in enumerate(openings):
        end = openings[n + 1].start() if n + 1 < len(openings) else len(inside)
        closing = inside.rfind('"', opening.end(), end)
        behind = inside[closing + 1 : end].lstrip() if closing >= 0 else "no quote"
        if not behind or behind.startswith((">", "/>")):
            found.setdefault(opening[1] or opening[2], _unescaped(inside[opening.end() : closing]))
    return found


def _unescaped(words: str) -> str:
    return _REFERENCE.sub(lambda m: unescape(m[0]) if m[0][1] != "#" else _character(m[0]), words)


def _character(reference: str) -> str:
    code = int(reference[3:-1], 16) if reference[2] == "x" else int(reference[2:-1])
    # html.unescape would read &#133; as Windows does.
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else reference


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_name(name: str) -> bool:
    """Say whether a tag or attribute can be called so."""
    return _NAME.fullmatch(name) is not None


def tag_line(name: str, attributes: Mapping[str, str]) -> str:
    """Write one tag as the official scripts want it: attributes in their order, a space before the end."""
    escaped = (f'{key}="{_ESCAPED.sub(lambda m: _ESCAPES[m[0]], legal(value))}"' for key, value in attributes.items())
    return f"<{name} {' '.join(escaped)} />"


def tagged_file(root: str, text: str, tags: Iterable[str]) -> bytes:
    r"""Write a file around a text and lines of tags; \r becomes a reference, which no parser changes."""
    body = legal(text).replace("]]>", "]]]]><![CDATA[>").replace("\r", "]]>&#13;<![CDATA[")
    listed = "".join(f"{line}\n" for line in tags)
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?>\n<{root}>\n<TEXT><![CDATA[{body}]]></TEXT>\n'
        f"<TAGS>\n{listed}</TAGS>\n</{root}>\n"
    ).encode()
