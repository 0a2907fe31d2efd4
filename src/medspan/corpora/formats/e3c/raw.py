"""XMI as elements, cleared of what its reader would fail on: every removed piece is a problem with its line."""

import re
from dataclasses import dataclass, field
from typing import Any

from medspan.corpora.formats.e3c.types import CUSTOM, LINKS, Layer, is_feature_name, link_type
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.xml_safety import refuse_declarations
from medspan.errors import FormatError, MissingExtraError

__all__ = ["Checked", "checked"]

_XMI = "{http://www.omg.org/XMI}"
_ID = f"{_XMI}id"
_CAS = "{http:///uima/cas.ecore}"
_TAG = re.compile(r"\{http:///([\w/.]+)\.ecore\}([A-Za-z_]\w*)", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(slots=True)
class Checked:
    """A file that cassis will read, its layers, and the line of every annotation by its XMI id."""

    content: bytes
    layers: tuple[Layer, ...]
    lines: dict[int, int]


def checked(content: bytes, name: str, problems: Problems) -> Checked:
    """Remove from an XMI file what cannot be read; raises FormatError for one that is no XMI or has no text."""
    refuse_declarations(content, name)
    try:
        from lxml import etree
    except ImportError:
        raise MissingExtraError("lxml", "formats") from None

    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise FormatError(
            f"{name} line {error.lineno or 1}: not well-formed XML, or beyond the parser's limits"
        ) from None
    if root.tag != f"{_XMI}XMI":
        raise FormatError(f"{name} line 1: the root is no xmi:XMI element; is this a file of E3C or another CAS?")
    clearing = _Clearing(root, name, problems)
    clearing.run()
    return Checked(etree.tostring(root, encoding="UTF-8", xml_declaration=True), clearing.layers(), clearing.lines)


@dataclass(slots=True)
class _Layer:
    is_annotation: bool
    features: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


class _Clearing:
    """The state of going through one file.

    An id of E3C may stand for an annotation and for a link or the text as well, so that a reference is looked up among
    what it can mean. In the end everything is numbered anew in the order of the file.
    """

    def __init__(self, root: Any, name: str, problems: Problems) -> None:
        self.root = root
        self.name = name
        self.problems = problems
        self.annotations: dict[str, Any] = {}
        self.others: dict[str, Any] = {}
        self.lines: dict[int, int] = {}
        self.found: dict[str, _Layer] = {}

    def run(self) -> None:
        sofa = self._sofa()
        ids = {sofa.get(_ID)}
        for element in list(self.root):
            if element is sofa:
                continue
            if element.tag in (f"{_CAS}View", f"{_CAS}NULL"):
                self.root.remove(element)
            elif reason := self._fault(element, sofa):
                self._remove(element, reason)
            else:
                key = element.get(_ID)
                if key in ids:
                    self.problems.repaired(element.sourceline, f"XMI id {key} is used twice; the later gets a new one")
                ids.add(key)
                (self.others if element.get("begin") is None else self.annotations).setdefault(key, element)
        numbers = self._numbers()
        links = self._links(numbers)
        self._features(links)
        members: list[str] = []
        for element, number in numbers.items():
            if element.getparent() is None:
                continue
            element.set(_ID, str(number))
            self.lines[number] = element.sourceline
            if element.get("begin") is not None:
                element.set("sofa", str(numbers[sofa]))
                members.append(str(number))
        view = self.root.makeelement(f"{_CAS}View", {"sofa": str(numbers[sofa]), "members": " ".join(members)})
        self.root.append(view)

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers found; a link type comes with the feature that lists it."""
        return tuple(
            (name, layer.is_annotation, tuple(sorted(layer.features)), tuple(sorted(layer.links)))
            for name, layer in sorted(self.found.items())
        )

    def _sofa(self) -> Any:
        sofas = self.root.findall(f"{_CAS}Sofa")
        chosen = next((s for s in sofas if s.get("sofaID") == "_InitialView"), None)
        if chosen is None or chosen.get("sofaString") is None or chosen.get(_ID) is None:
            raise FormatError(f"{self.name}: there is no text: a cas:Sofa of _InitialView with an id and a sofaString")
        for other in sofas:
            if other is not chosen:
                self._remove(other, "another text, with what belongs to it")
        for feature in set(chosen.attrib) - {_ID, "sofaID", "mimeType", "sofaString"}:
            del chosen.attrib[feature]
        chosen.set("sofaNum", "1")
        self.length = len(chosen.get("sofaString").encode("utf-16-le")) // 2
        return chosen

    def _fault(self, element: Any, sofa: Any) -> str | None:
        """Say why an element cannot be read; None when it can."""
        tag = _TAG.fullmatch(element.tag) if isinstance(element.tag, str) else None
        if tag is None or tag[1].startswith("uima/"):
            return "an element that is no feature structure of a layer"
        if len(element) or element.get(_ID) is None:
            return "a feature structure without id, or with parts of its own"
        begin, end = element.get("begin"), element.get("end")
        if (begin is None) != (end is None):
            return "an annotation with but one of begin and end"
        if begin is not None:
            if tag[2].endswith("Link"):
                return "a link with offsets of its own, which only mentions have"
            if not (_NUMBER.fullmatch(begin) and _NUMBER.fullmatch(end) and int(begin) <= int(end) <= self.length):
                return f"an annotation whose offsets are no numbers or outside the text of {self.length}"
            if element.get("sofa") != sofa.get(_ID):
                return "an annotation of another text"
        return None

    def _numbers(self) -> dict[Any, int]:
        return {element: number for number, element in enumerate(self.root, start=1)}

    def _links(self, numbers: dict[Any, int]) -> set[Any]:
        """Take out links to nowhere and references to what is no link; returns the links."""
        types = {_type(element) for element in self.others.values()}
        owned: set[Any] = set()
        for element in [e for e in numbers if e.get("begin") is not None]:
            layer = _type(element)
            for feature in [f for f in element.attrib if is_feature_name(f) and f not in ("begin", "end", "sofa")]:
                expected = link_type(layer, feature)
                if feature not in LINKS.get(layer.removeprefix(CUSTOM), ()) and expected not in types:
                    continue
                legal: list[str] = []
                for key in element.get(feature).split():
                    link = self.others.get(key)
                    target = None if link is None else self.annotations.get(link.get("target") or "")
                    if link is None or link in owned or target is None or _type(link) != expected:
                        self._problem(element, f"a reference of {feature} to what is no link, or one without target")
                        continue
                    owned.add(link)
                    link.set("target", str(numbers[target]))
                    legal.append(str(numbers[link]))
                element.set(feature, " ".join(legal))
                self._layer(element).links.add(feature)
        for element in numbers:
            if element.get("begin") is None and element not in owned and _type(element).endswith("Link"):
                self._remove(element, "a link without target, or that no mention lists")
        return owned

    def _features(self, links: set[Any]) -> None:
        for element in [e for e in self.root if e.tag != f"{_CAS}Sofa"]:
            layer = None if element in links else self._layer(element)
            for feature in [f for f in element.attrib if f not in (_ID, "begin", "end", "sofa")]:
                if feature in (("role", "target") if layer is None else layer.links):
                    continue
                if layer is None or not is_feature_name(feature) or feature in ("xmiID", "elements"):
                    self._problem(element, "a feature whose name or place is not legal")
                    del element.attrib[feature]
                else:
                    layer.features.add(feature)

    def _layer(self, element: Any) -> _Layer:
        layer = self.found.setdefault(_type(element), _Layer(element.get("begin") is not None))
        layer.is_annotation |= element.get("begin") is not None
        return layer

    def _remove(self, element: Any, reason: str) -> None:
        self._problem(element, reason)
        self.root.remove(element)

    def _problem(self, element: Any, reason: str) -> None:
        self.problems.skipped(element.sourceline or None, reason)


def _type(element: Any) -> str:
    """Return the full name of the type, such as webanno.custom.EVENT; nothing for the text."""
    tag = _TAG.fullmatch(element.tag)
    return f"{tag[1].replace('/', '.')}.{tag[2]}" if tag else ""
