"""Text that came from outside, fit to be shown: in a log, on a terminal, in an error message."""

SHOWN_MAX = 400


def printable(text: str, length_max: int = SHOWN_MAX) -> str:
    """The text with everything escaped that could move a cursor or break a line, and cut to a length."""
    shown = text if text.isprintable() else "".join(map(_escaped, text[: length_max + 1]))
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"


def _escaped(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
