"""A comparison as a table, as a page, and as facts."""

import json
import re
from pathlib import Path

from backtest import results
from backtest.command import RUN_OPTIONS, VARIABLE_OPTIONS, _configuration
from backtest.plan import ComparisonRequest, Configuration
from backtest.text_table import shown
from tests.unit.backtest.values import WINDOWS, comparison, found
from tests.unit.report.reading import numbers, parsed, visible_text
from tidewheel.cli.tables import UNLIMITED, as_text
from tidewheel.domain.comparison import Comparison, History
from tidewheel.domain.prices import Threshold
from tidewheel.report.comparison import page

SETTINGS = {name: option.default for name, option in VARIABLE_OPTIONS.items()} | {
    "threshold": Threshold.parse("8"),
    "step": None,
    "max_holding": None,
    "instrument": "BTC-USD",
}


def configuration(memory: int) -> Configuration:
    assert "memory" in RUN_OPTIONS
    return _configuration(Path("a.csv"), {**SETTINGS, "memory": memory}, {"memory": str(memory)})


def a_request() -> ComparisonRequest:
    return ComparisonRequest((Path("a.csv"),), (configuration(1), configuration(8)), "replay:BTC-USD", 0, 1, "loky")


# ---- the table ----


def lines(compared: Comparison, width: int = UNLIMITED) -> list[str]:
    return as_text(shown(compared), width).splitlines()


def test_a_table_a_file_with_columns_of_one_width() -> None:
    printed = lines(comparison())
    first, head, *rows = printed[:5]
    assert first == "a.csv"
    assert head.split()[:4] == ["configuration", "windows", "served", "flagged"]
    # name, windows, served, share, lift, net each, net in all, wealth twice, evidence
    assert re.sub(" +", " ", rows[0]).strip() == (
        "memory 1 12 11 22.5 % +0.100 (-0.050 to +0.250) +0.001667 +1.50 30 0.5 weak"
    )
    assert re.sub(" +", " ", rows[2]).strip() == "memory 64 12 0 – – – +0.00 30 0.5 none"
    ends = [line.rindex(one) + len(one) for line, one in zip(rows, ("0.5 ", "0.5 ", "0.5 "), strict=True)]
    assert len(set(ends)) == 1
    assert printed.index("b.csv.gz") > 5


def test_a_narrow_terminal_gets_lift_and_evidence() -> None:
    printed = lines(comparison(), width=80)
    assert max(map(len, printed)) <= 80
    assert printed[1].split()[0] == "configuration"
    assert "+0.100 (-0.050 to +0.250)" in printed[2]
    assert "no room for: windows, served" in " ".join(printed)


def unwrapped(compared: Comparison) -> str:
    return " ".join(" ".join(lines(compared)).split())


def test_what_is_shown_better_is_said_with_what_was_asked_for() -> None:
    printed = unwrapped(comparison(300.0))
    assert "memory <8> over memory 1: e = 300 after 40 rounds, weak evidence." in printed
    assert "Who looks at 8 duels asks for 8 times as much: weak from e = 160, strong from 800." in printed
    assert printed.count("None is shown better than another.") == 1
    assert "The strongest: memory 1 over memory <8>: e = 2 " in printed


def test_one_configuration_is_compared_with_nothing() -> None:
    only = comparison().histories[0].standings[:1]
    printed = "\n".join(lines(Comparison((History("a.csv", only, ()),))))
    assert "better" not in printed
    none = "\n".join(lines(Comparison((History("a.csv", only * 2, ()),))))
    assert "fewer than two configurations have flagged orders" in none


# ---- the page ----


def test_the_page_is_well_formed_alone_and_safe() -> None:
    text = page(comparison())
    root = parsed(text)
    for element in root.iter():
        assert element.tag not in ("script", "link", "img", "iframe", "a")
        assert [name for name in element.attrib if name.startswith("on") or name in ("src", "href")] == []
    assert re.findall(r"https?:|url\(|@import", text) == []
    assert re.findall(r"\b(nan|inf|None|True|False)\b", visible_text(root)) == []
    assert "memory <8>" in visible_text(root)


def test_drawings_stay_within_their_frame() -> None:
    drawn = list(parsed(page(comparison())).iter("svg"))
    assert len(drawn) == 4
    for drawing in drawn:
        _, _, width, height = map(float, drawing.attrib["viewBox"].split())
        for axis, value in numbers(drawing):
            assert 0 <= value <= (width if axis == "x" else height)


def test_the_matrix_has_every_duel_and_marks_what_is_shown() -> None:
    root = parsed(page(comparison(300.0)))
    first, other = (one for one in root.iter("table") if "Wealth" in visible_text(one))
    assert [visible_text(one) for one in first.iter("b")] == ["300 weak"]
    assert list(other.iter("b")) == []
    cells = [[visible_text(cell) for cell in row.iter("td")] for row in other.iter("tr")][1:]
    assert cells == [["–", "2", "1.5"], ["0.4", "–", "1.2"], ["0.5", "0.9", "–"]]
    assert "asks for 8 times as much" in visible_text(root)


def test_a_page_without_anything_to_compare() -> None:
    only = comparison().histories[1].standings[2:]
    root = parsed(page(Comparison((History("a.csv", only, ()),))))
    assert list(root.iter("svg")) == []
    assert "Which is shown better" not in visible_text(root)


# ---- facts ----


def test_facts_are_json_and_named_as_in_a_summary() -> None:
    request, each = a_request(), [[found(), found()]]
    compared = results.summarize(request, each)
    printed = json.loads(json.dumps(results.as_dict(request, each, compared), allow_nan=False))
    first, second = printed["files"][0]["configurations"]
    assert (first["name"], second["varied"]) == ("memory 1", {"memory": "8"})
    assert (first["windows"], first["models_served"], first["flagged"], first["bets"]) == (WINDOWS, WINDOWS, 40, 4)
    assert (first["flagged_share"], first["net"], first["net_an_order"]) == (0.2, "0.00000001", "0")
    assert [model["seq"] for model in first["models"]] == [1, 2, 3]
    assert first["models"][0]["next"]["wealth"] == {"e_gross": 1.0, "e_net": 1.0, "bets": 4}
    assert [(one["better"], one["evidence"]) for one in printed["files"][0]["duels"]] == [
        *(("memory 1", "none"), ("memory 8", "none")),
    ]
    assert (printed["looks"], printed["weak_at"]) == (2, 40.0)
