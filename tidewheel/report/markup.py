"""Elements of a page, put together by markupsafe: whatever is not markup is escaped.

Every element is closed and every attribute quoted, so a page is well-formed XML as well as HTML.
"""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

# What neither XML nor a browser takes as text.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
VOID = frozenset({"br", "meta"})


def text(value: object) -> Markup:
    """Anything as text of a page."""
    return value if isinstance(value, Markup) else escape(UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. `class_` is `class`, other underscores are hyphens; attributes and children that are None are left
    out."""
    head = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{head}/>" if name in VOID else f"<{head}>{joined(children)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after the other, those that are None left out."""
    return Markup().join(text(part) for part in parts if part is not None)
