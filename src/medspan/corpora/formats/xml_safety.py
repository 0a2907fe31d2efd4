"""XML that cannot hurt: no declarations that define entities, no encoding that could hide them, lines for messages.

lxml, which several libraries for corpus formats parse with, expands entities and cannot be told not to from outside.
So nothing is handed to it before `refuse_declarations` has seen the beginning of the file. What needs no such library
is parsed by `parse`, which stands on defusedxml.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medspan.errors import FormatError, MissingExtraError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["ParsedXml", "parse", "refuse_declarations"]

_UTF8_MARK = b"\xef\xbb\xbf"
# Only in these can the scan below trust that an ASCII byte means its ASCII character.
_PLAIN_ENCODING = re.compile(r"utf-?8|(us-)?ascii|iso[-_]?8859-?\d+|latin-?\d+|windows-125\d|cp-?125\d", re.IGNORECASE)
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']*)["']""")
_SPACE = re.compile(rb"[ \t\r\n]*")


def refuse_declarations(content: bytes, name: str) -> None:
    """Raise FormatError for XML with a DOCTYPE or ENTITY declaration, and for encodings that could hide one.

    A document type declaration, the only place of entity declarations, is legal before the root element and nowhere
    else, so that the scan ends there, whatever the size. It does not check that the rest is XML.
    """
    position = len(_UTF8_MARK) if content.startswith(_UTF8_MARK) else 0
    if b"\0" in content[:64] or content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:4] == b"\x4c\x6f\xa7\x94":
        raise FormatError(f"{name}: the XML is not in UTF-8; convert it, for example with iconv -t UTF-8")
    opens = content.startswith(b"<?xml", position)
    declared = _ENCODING.search(content, position, content.find(b"?>", position)) if opens else None
    if declared and not _PLAIN_ENCODING.fullmatch(declared[1].decode("ascii", "replace")):
        raise FormatError(f"{name} line 1: the XML declares an encoding other than UTF-8; convert it")
    while True:
        position = _skip_space(content, position)
        if content.startswith(b"<!--", position):
            end = content.find(b"-->", position + 4)
            position = end + 3
        elif content.startswith(b"<?", position):
            end = content.find(b"?>", position + 2)
            position = end + 2
        elif content.startswith(b"<!", position):
            line = content.count(b"\n", 0, position) + 1
            raise FormatError(
                f"{name} line {line}: a DOCTYPE or ENTITY declaration, which is refused because it can expand without "
                "bound or read other files; delete it"
            )
        else:
            return
        if end < 0:
            raise FormatError(f"{name}: not XML: a comment or instruction at its beginning never ends")


@dataclass(frozen=True, slots=True)
class ParsedXml:
    """The root of an XML file and, for messages, the line on which each of its elements begins."""

    root: "Element"
    lines: Mapping["Element", int]


def parse(content: bytes, name: str) -> ParsedXml:
    """Parse a file with defusedxml; raises FormatError with its name and the line for anything but plain XML."""
    refuse_declarations(content, name)
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import DefusedXMLParser
    except ImportError:
        raise MissingExtraError("defusedxml", "formats") from None
    from xml.etree.ElementTree import Element, ParseError, TreeBuilder

    lines: dict[Element, int] = {}

    def element(tag: str, attributes: dict[str, Any]) -> Element:
        made = Element(tag, attributes)
        lines[made] = parser.parser.CurrentLineNumber
        return made

    parser = DefusedXMLParser(target=TreeBuilder(element_factory=element), forbid_dtd=True)
    try:
        parser.feed(content)
        return ParsedXml(parser.close(), lines)
    except ParseError as error:
        # The library's message may quote the file.
        line, column = error.position
        raise FormatError(f"{name} line {line}: not well-formed XML at column {column}; correct it by hand") from None
    except (DefusedXmlException, LookupError, ValueError) as error:
        raise FormatError(f"{name}: the XML is refused ({type(error).__name__})") from None


def _skip_space(content: bytes, position: int) -> int:
    match = _SPACE.match(content, position)
    return match.end() if match else position
