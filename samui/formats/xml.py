"""XML as far as annotations use it: read one element after the other, and texts and attributes written safely.

What a document type could do (entities that multiply, files that are read) is refused with the first one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from samui.errors import FormatError
from samui.formats import checks

_DEEP = 50  # elements in each other
_BLOCK = 1 << 16
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Element:
    """An element of a document. children: in order. text: of itself, without that of its children."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list[Element]:
        """Its children of a tag."""
        return [one for one in self.children if one.tag == tag]

    def first(self, tag: str) -> Element | None:
        """Its first child of a tag."""
        return next((one for one in self.children if one.tag == tag), None)

    def text_of(self, tag: str, where: str) -> str:
        """The text of a child that must be there."""
        found = self.first(tag)
        if found is None:
            raise FormatError(f"{where}.{tag}: must be there, got none")
        return found.text.strip()

    def number_of(self, tag: str, where: str) -> float:
        """The number in a child that must be there."""
        return number(self.text_of(tag, where), f"{where}.{tag}")

    def number(self, name: str, where: str) -> float:
        """The number in an attribute that must be there."""
        return number(self.attributes.get(name), f"{where}.{name}")


def number(text: str | None, where: str) -> float:
    """The finite number that a text is."""
    try:
        return checks.number(float(text or ""), where)
    except ValueError:
        raise FormatError(f"{where}: must be a finite number, got {checks.short(text)}") from None


def whole(text: str | None, where: str) -> int:
    """The whole number that a text is."""
    return checks.whole(number(text, where), where)


def elements(data: bytes, root: tuple[str, ...]) -> Iterator[Element]:
    """The root without its children, then each of its children as it ends; one at a time is in memory.

    root: tags that the root may have. Raises FormatError for what is no XML, a document type, and nesting without end.
    """
    open_ones: list[Element] = []
    ready: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not open_ones and tag not in root:
            raise FormatError(f"the root: must be {' or '.join(root)}, got {checks.short(tag)}")
        if len(open_ones) >= _DEEP:
            raise FormatError(f"{checks.short(tag)}: must be XML of at most {_DEEP} levels, got more")
        one = Element(tag, attributes)
        if len(open_ones) > 1:
            open_ones[-1].children.append(one)
        elif not open_ones:
            ready.append(Element(tag, attributes))
        open_ones.append(one)

    def end(_: str) -> None:
        one = open_ones.pop()
        one.text = "".join(texts.pop(id(one), ()))
        if len(open_ones) == 1:
            ready.append(one)

    texts: dict[int, list[str]] = {}

    def characters(text: str) -> None:
        if open_ones:
            texts.setdefault(id(open_ones[-1]), []).append(text)

    def doctype(*_: object) -> None:
        raise FormatError("must be XML without a document type, got one")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        for at in range(0, len(data) + 1, _BLOCK):
            parser.Parse(data[at : at + _BLOCK], False)
            yield from ready
            ready.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FormatError(f"must be XML, got: {error}") from None
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise FormatError(f"must be XML, got: {error}") from None
    yield from ready


def document(data: bytes, *root: str) -> Element:
    """The root with all of its children. For small files."""
    first, *rest = elements(data, root)
    return Element(first.tag, first.attributes, rest)


def text(value: str) -> str:
    """A text as XML can hold it: the few characters that it has no way of saying become "\ufffd"."""
    return _ILLEGAL.sub("\ufffd", value)


def content(value: str) -> str:
    """A text between two tags."""
    return escape(text(value)).replace("\r", "&#13;")


def attribute(value: object) -> str:
    """A value of an attribute, with its quotes."""
    return quoteattr(text(str(value)), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
