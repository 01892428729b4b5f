"""What `tidewheel compare` makes of its command line, with the work itself left out."""

import importlib
from dataclasses import fields
from pathlib import Path

import pytest

from backtest import parallel
from backtest.command import VARIABLE_OPTIONS
from backtest.parallel import ConfigurationResult
from backtest.plan import ComparisonRequest
from tests.unit.backtest.values import found
from tidewheel.cli.main import main
from tidewheel.domain.orders import ExitOn

FILE = "quotes.csv"
QUOTES = "time_ms,bid,offer\n1700000000000,10,11\n"


class Work:
    """Takes the place of the work; keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[ComparisonRequest] = []

    def __call__(self, request: ComparisonRequest) -> list[list[ConfigurationResult]]:
        self.asked.append(request)
        return [[found() for _ in request.configurations] for _ in request.files]

    @property
    def last(self) -> ComparisonRequest:
        return self.asked[-1]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Work:
    made = Work()
    monkeypatch.setattr(parallel, "compare", made)
    monkeypatch.chdir(tmp_path)
    Path(FILE).write_text(QUOTES)
    Path("other.csv").write_text(QUOTES)
    return made


def names(request: ComparisonRequest) -> list[str]:
    return [one.name for one in request.configurations]


def test_one_configuration_where_nothing_varies(done: Work) -> None:
    assert main(["compare", FILE]) == 0
    (only,) = done.last.configurations
    config = only.trainer.training()
    assert only.name == "as given"
    assert (config.window, config.step, config.memory, config.trials, config.seed) == (10_000, 10_000, 12, 10, 1)
    assert (str(only.labeling.orders.threshold), only.labeling.orders.per_second) == ("10", 5)
    assert only.labeling.labels.exit_on is ExitOn.BID
    assert (done.last.instrument, done.last.backend) == ("replay:BTC-USD", "loky")
    assert done.last.jobs >= 1


def test_every_combination_in_the_order_given(done: Work) -> None:
    varied = ["--vary", "threshold=8,12bps", "--vary", "memory=1,8"]
    assert main(["compare", FILE, "other.csv", *varied, "--window", "500", "--jobs", "3"]) == 0
    assert names(done.last) == [
        *("threshold 8 memory 1", "threshold 8 memory 8", "threshold 12bps memory 1", "threshold 12bps memory 8"),
    ]
    assert [one.trainer.memory for one in done.last.configurations] == [1, 8, 1, 8]
    assert {one.trainer.window for one in done.last.configurations} == {500}
    assert len(done.last.labelings) == 2
    assert ([file.name for file in done.last.files], done.last.jobs) == ([FILE, "other.csv"], 3)


def test_settings_that_a_run_takes_from_the_environment(done: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWHEEL_SEED", "5")
    monkeypatch.setenv("TIDEWHEEL_RECALL_MIN", "0.123456789")
    assert main(["compare", FILE, "--vary", "warm-start=false,true", "--vary", "loss=logistic,hinge"]) == 0
    trainers = [one.trainer.training() for one in done.last.configurations]
    assert {(one.seed, one.criterion.recall_min) for one in trainers} == {(5, 0.123456789)}
    assert [(one.warm_start, one.loss) for one in trainers] == [
        *((False, "logistic"), (False, "hinge"), (True, "logistic"), (True, "hinge")),
    ]
    assert main(["compare", FILE, "--vary", "seed=1,2"]) == 0
    assert [one.trainer.seed for one in done.last.configurations] == [1, 2]


def test_a_step_follows_the_window(done: Work) -> None:
    assert main(["compare", FILE, "--vary", "window=400,800"]) == 0
    assert [one.trainer.training().step for one in done.last.configurations] == [400, 800]


# What shapes no model, label or figure, or is the clock's.
NO_MATTER = {
    *(
        "kafka",
        "redis",
        "hmac_key",
        "instance",
        "session_timeout_s",
        "metrics_host",
        "metrics_port",
        "log_level",
        "tuning_limit_s",
    ),
    "scratch_dir",
    *("kafka_security", "kafka_username", "kafka_password_file", "kafka_mechanism"),
    *("kafka_ca_file", "kafka_certificate_file", "kafka_key_file"),
    *("redis_password_file", "redis_ca_file", "hmac_key_file"),
    *("feed", "instrument", "speed", "ahead_max_s", "sim_seed", "sim_edge", "sim_flip_s", "sim_events_file"),
    *("venue_url", "venue_late_max_ms", "venue_book", "warm_up", "ig_username", "ig_password_file", "ig_key_file"),
    *("commit_interval_ms", "commit_records_max"),
    # What a file means is no matter of taste: `compare` takes them, and varies none.
    *("columns", "time_unit", "instrument_column", "candle_spread", "any_year", "sort", "late_max_ms", "place_file"),
}


@pytest.mark.parametrize("service", ["ingest", "orderbot", "labeler", "trainer"])
def test_whatever_shapes_a_figure_can_be_varied(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    names = {field.name for field in fields(settings)} - NO_MATTER
    assert names
    assert {"max_holding" if name == "max_holding_s" else name for name in names} <= set(VARIABLE_OPTIONS)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--vary", "memory"], "--vary memory: give a name and its values, like memory=1,8"),
        (["--vary", "colour=1,2"], "--vary colour: there is nothing of that name to vary; there is beta, criterion"),
        (["--vary", "max_holding=60"], "--vary max_holding: write it as max-holding"),
        (["--vary", "memory=1,8,1"], "--vary memory=1,8,1: 1 is there twice"),
        (["--vary", "threshold=8,8.0"], "8.0 is there twice"),
        (["--vary", "memory=1,"], "--vary memory=1,: a value is missing"),
        (["--vary", "memory=1", "--vary", "memory=2"], "--vary memory is given twice"),
        (["--vary", "memory=1,2", "--memory", "3"], "memory is varied, and given as --memory too"),
        (["--vary", "memory=1,99"], "'--memory': 99 is not in the range 1<=x<=64"),
        (["--vary", "threshold=8,far"], "'--threshold': threshold 'far': give a positive amount"),
        (["--vary", "exit-on=bid,ask"], "'--exit-on': 'ask' is not one of 'bid', 'mid', 'offer'"),
        (["--vary", "recall-min=2"], "'--recall-min': '2' must be a number from 0.01 to 1"),
        (["--vary", "window=400,800", "--step", "500"], "window step 500 must be from 1 to the window size 400"),
        (["--vary", "seed=" + ",".join(map(str, range(33))), "--vary", "memory=1,2"], "makes 66 configurations"),
        (["--seed", "many"], "'--seed'"),
        ([FILE], f"{FILE} is named twice"),
        (["quotes.txt"], ""),
        (["--jobs", "0"], "'--jobs'"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    done: Work, typed: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", FILE, *typed]) in (1, 2)
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert done.asked == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["none.csv"], "none.csv cannot be read: No such file"),
        (["bad.csv"], "no column is understood as its time"),
        (["empty.csv"], "empty.csv is empty"),
        ([FILE, "--backend", "nonsense"], "--backend nonsense cannot be used: Invalid backend: nonsense"),
        ([FILE, "--backend", "multiprocessing"], "--backend multiprocessing cannot be used"),
        ([FILE, "--backend", "dask"], "--backend dask cannot be used"),
        ([FILE, "--html", f"{FILE}/page.html"], "cannot be made"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_work_begins(
    done: Work, typed: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("bad.csv").write_text("when,how much\n1,2\n")
    Path("empty.csv").write_text("")
    assert main(["compare", *typed]) == 1
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert done.asked == []


def test_a_page_beside_the_table(done: Work, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", FILE, "--vary", "memory=1,2", "--html", "p/page.html"]) == 0
    assert "memory 2" in capfd.readouterr().out
    assert "memory 2" in Path("p/page.html").read_text()
