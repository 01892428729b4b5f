"""One HTML document that needs nothing beside itself: no script, no font, no picture from elsewhere."""

from markupsafe import Markup

from tidewheel.report.markup import tag
from tidewheel.report.style import style


def document(title: str, main: Markup) -> str:
    """A page of this title around its main part, as text."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style())),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', main), lang='en')}\n"
