"""How a page looks: `style.css`, which every page carries within itself."""

from functools import cache
from importlib.resources import files


@cache
def style() -> str:
    """The style sheet's text; nothing of it is put there by a run."""
    return files("tidewheel.report").joinpath("style.css").read_text(encoding="utf-8")
