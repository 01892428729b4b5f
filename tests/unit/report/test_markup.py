"""Text stays text, and every element is closed."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tidewheel.report.markup import joined, tag, text


def test_an_element() -> None:
    assert tag("td", "a", None, 1, class_="x", stroke_width=2, left=None) == '<td class="x" stroke-width="2">a1</td>'
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8"/>'
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"
    assert joined(["<", None, Markup("<br/>")]) == "&lt;<br/>"


def test_what_is_added_to_markup_by_hand_is_escaped() -> None:
    assert text(tag("b") + "<script>") == "<b></b>&lt;script&gt;"
    assert text(f"{tag('b')}<script>") == "&lt;b&gt;&lt;/b&gt;&lt;script&gt;"


@given(st.text(st.characters()), st.text(st.characters()))
def test_whatever_is_put_in_comes_out_as_text(inside: str, attribute: str) -> None:
    element = ElementTree.fromstring(tag("p", inside, title=attribute).encode())
    assert list(element) == []
    assert list(element.attrib) == ["title"]
    printable = "".join(c for c in inside if c >= " ")
    assert [c for c in element.text or "" if c >= " " and c not in "\N{REPLACEMENT CHARACTER}\x7f"] == [
        c for c in printable if c not in "\ufffe\uffff\N{REPLACEMENT CHARACTER}\x7f" and not "\ud800" <= c <= "\udfff"
    ]
