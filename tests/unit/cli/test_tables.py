"""Tables that fit a terminal where there is one, and are whole anywhere else."""

import pytest
from rich.text import Text

from tidewheel.cli.tables import FittedTable, as_text, echo, pairs, section, separated

WORDS = "a sentence of several words"
HEAD = ("", "n", "word", "figure")
ROWS = (("*", "5", WORDS, "+0.123"), ("", "123", "bcd", "–"))


def made() -> FittedTable:
    return FittedTable(HEAD, ROWS, wrapped=("word",), omissible=("n", "figure"))


def test_columns_line_up() -> None:
    table = FittedTable(("", "n", "word"), [("*", "5", "a"), ("", "123", "bcd")])
    assert as_text(table).splitlines() == ["     n  word", "*    5  a", "   123  bcd"]


def test_figures_with_a_sign_are_figures() -> None:
    table = FittedTable(("a", "b", "c"), [("+1", "-", ">1,000"), ("-22", "-", "<0.01")])
    assert as_text(table).splitlines() == ["  a  b       c", " +1  -  >1,000", "-22  -   <0.01"]


def test_nothing_is_cut_or_wrapped_without_a_terminal() -> None:
    words = "word " * 500
    assert as_text(FittedTable(("x", "y"), [(words, words)], wrapped=("x",), omissible=("y",))).count("word") == 1000
    assert len(as_text(separated((section("h", pairs({"a": words})), Text(words)))).splitlines()) == 4


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, [f"*    5  {WORDS}  +0.123", "   123  bcd                               –"]),
        (28, ["*    5  a sentence    +0.123", "        of several"]),
        (24, ["*  a sentence of  +0.123", "   several words"]),
        (20, ["*  a sentence of", "   several words"]),
    ],
)
def test_words_are_wrapped_before_columns_are_left_out(width: int, lines: list[str]) -> None:
    printed = as_text(made(), width).splitlines()
    assert printed[1 : 1 + len(lines)] == lines
    assert ("(no room for" in " ".join(printed)) == (width <= 24)


def test_figures_are_never_broken_or_cut() -> None:
    table = FittedTable(("first", "second"), [("123456789", "987654321")])
    assert as_text(table, 10).splitlines()[1] == "123456789  987654321"


def test_a_long_value_stays_beside_its_name() -> None:
    printed = as_text(section("head", pairs({"name": WORDS})), 20).splitlines()
    assert printed == ["head", "  name  a sentence", "        of several", "        words"]


def test_what_looks_like_markup_is_text() -> None:
    table = FittedTable(("[bold]",), [("[red]:smile:",)])
    assert as_text(separated((table, pairs({"[b]": "[link=x]"})))).splitlines() == [
        *("[bold]", "[red]:smile:", "", "[b]  [link=x]"),
    ]


def test_a_pipe_gets_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    echo(made())
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\x1b" in as_text(made(), styled=True)
    assert printed.splitlines()[1] == f"*    5  {WORDS}  +0.123"
