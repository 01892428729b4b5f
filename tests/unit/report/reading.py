"""A page as a strict reader sees it. Shares no code with what made it."""

from collections.abc import Iterator
from xml.etree import ElementTree

Element = ElementTree.Element


def parsed(page: str) -> Element:
    """The page as XML, which takes no unclosed tag, no bare & and no control character."""
    head, _, body = page.partition("\n")
    assert head == "<!DOCTYPE html>"
    return ElementTree.fromstring(body)


def visible_text(element: Element, skip: tuple[str, ...] = ("style",)) -> str:
    """All text below an element, blanks evened out."""
    return " ".join(" ".join(_texts(element, skip)).split())


def _texts(element: Element, skip: tuple[str, ...]) -> Iterator[str]:
    if element.tag not in skip:
        yield element.text or ""
        for child in element:
            yield from _texts(child, skip)
            yield child.tail or ""


def numbers(element: Element) -> Iterator[tuple[str, float]]:
    """Every coordinate of a drawing with the axis it is on. A path's are those it moves to absolutely."""
    for one in element.iter():
        for name, axis in (("x", "x"), ("y", "y"), ("cx", "x"), ("cy", "y"), ("x1", "x"), ("x2", "x"), ("y1", "y")):
            if name in one.attrib:
                yield axis, float(one.attrib[name])
        if one.tag == "rect":
            assert float(one.attrib["width"]) >= 0
            assert float(one.attrib["height"]) >= 0
            yield "x", float(one.attrib["x"]) + float(one.attrib["width"])
            yield "y", float(one.attrib["y"]) + float(one.attrib["height"])
        for pair in one.attrib.get("points", "").split():
            x, y = pair.split(",")
            yield "x", float(x)
            yield "y", float(y)
