"""What `tidewheel run` makes of its command line, with the run itself left out."""

import json
from pathlib import Path

import pytest

from tidewheel.cli import run as command
from tidewheel.cli.main import main
from tidewheel.local.run_request import RunOutputs, RunRequest
from tidewheel.registry.redis_access import RedisAccess


class Runs:
    """Takes the place of the run; keeps what it was asked for, and remembers it as a run does."""

    def __init__(self) -> None:
        self.asked: list[tuple[RunRequest, RunOutputs]] = []

    def __call__(self, request: RunRequest, outputs: RunOutputs) -> int:
        self.asked.append((request, outputs))
        request.data_dir.mkdir(parents=True, exist_ok=True)
        facts = {"lasting": request.lasting(), "changing": request.options.changing()}
        (request.data_dir / "run.json").write_text(json.dumps(facts))
        return 0

    @property
    def last(self) -> RunRequest:
        return self.asked[-1][0]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    made = Runs()
    monkeypatch.setattr(command, "run_system", made)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quotes.csv").write_text("time_ms,bid,offer\n1714521600000,1,1\n")
    return made


def test_a_run_without_options(runs: Runs) -> None:
    assert main(["run"]) == 0
    options = runs.last.options
    assert (options.watched, options.speed, str(options.threshold)) == ("sim:BTC-USD", "60", "10")
    assert (options.window, options.step, options.trials, options.orders_per_second) == (10_000, 10_000, 10, 5)
    assert (runs.last.kafka, runs.last.redis) == (None, None)
    assert runs.last.data_dir.parent == Path("tidewheel-data")


def test_a_grafana_goes_with_observe(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--grafana", "http://127.0.0.1:3000"]) == 2
    assert main(["run", "--observe", "--grafana", "http://user:word@127.0.0.1:3000"]) == 2
    assert "must look like http://127.0.0.1:3000" in capsys.readouterr().err
    assert runs.asked == []


def test_a_recorded_file_runs_as_fast_as_it_can(runs: Runs) -> None:
    assert main(["run", "--feed", "replay:quotes.csv", "--instrument", "XAU-USD"]) == 0
    assert (runs.last.options.watched, runs.last.options.speed) == ("replay:XAU-USD", "max")


READING = ["--columns", "time=when,bid=b,offer=o", "--time-unit", "us", "--instrument-column", "sym=BTC", "--sort"]


def test_how_a_file_is_read_is_shown_handed_on_and_kept(runs: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    Path("odd.csv").write_text("sym,when,b,o\nETH,1714521600000000,9,9\nBTC,1714521600000000,1,2\n")
    assert main(["run", "--feed", "replay:odd.csv", "--data-dir", "d", *READING]) == 0
    assert "odd.csv: columns by their names: time = when (microseconds since 1970, UTC)" in capfd.readouterr().out
    first = runs.last.options
    wanted = {"COLUMNS": "time=when,bid=b,offer=o", "TIME_UNIT": "us", "INSTRUMENT_COLUMN": "sym=BTC", "SORT": "true"}
    assert dict(first.reading) == wanted
    assert main(["run", "--data-dir", "d"]) == 0
    assert runs.last.options == first
    assert main(["run", "--data-dir", "d", "--time-unit", "ms"]) == 2
    assert "--time-unit was us, now ms" in capfd.readouterr().err


def test_several_instruments_of_a_file_are_a_run_of_theirs(runs: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    Path("two.csv").write_text("sym,time_ms,bid,offer\nB,1714521600000,1,1\nA,1714521600000,1,1\n")
    file = ["run", "--feed", "replay:two.csv"]
    assert main(file) == 1
    assert "--instrument-column sym" in capfd.readouterr().err
    assert main([*file, "--instrument-column", "sym", "--data-dir", "d"]) == 0
    assert "instruments in its first rows: A, B" in capfd.readouterr().out
    options = runs.last.options
    assert (options.watched, options.traded) == (None, "instruments by sym=*")
    assert main(["run", "--data-dir", "d"]) == 0
    assert runs.last.options == options
    assert main([*file, "--instrument-column", "sym=A,B", "--instrument", "X"]) == 2
    assert "leave --instrument out" in capfd.readouterr().err
    assert main([*file, "--instrument-column", "sym=A", "--instrument", "X"]) == 0
    assert (runs.last.options.watched, runs.last.options.traded) == ("replay:X", "replay:X")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("time_ms,bid,offer\n1714521609000,1,1\n1714521600000,1,1\n1714521500000,1,1\n", "line 3: its time goes back"),
        ("time_ms,bid,offer\n1714521600,1,1\n", "Is it in seconds"),
        (
            "time_ms,bid,offer\nx,1,1\n1,2\n",
            "holds no usable quote: 2 malformed, the first odd.csv, line 2: time_ms 'x'",
        ),
        ("what,is,this\n1,2,3\n", "--columns time=…,bid=…,offer=…"),
        ("time_ms,open,high,low,close\n1714521600000,1,2,1,2\n", "--candle-spread"),
    ],
)
def test_what_would_end_a_run_is_said_before_it_starts(
    runs: Runs, content: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("odd.csv").write_text(content)
    assert main(["run", "--feed", "replay:odd.csv"]) == 1
    err = capfd.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert runs.asked == []


def test_what_comes_by_a_pipe_is_kept_as_a_file_of_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("quotes.csv").open() as piped:
        monkeypatch.setattr("sys.stdin", piped)
        assert main(["run", "--feed", "replay:-", "--data-dir", "d"]) == 0
    kept = Path("d/stdin").resolve()
    assert (runs.last.options.feed.path, kept.read_text()) == (kept, Path("quotes.csv").read_text())
    assert main(["run", "--data-dir", "d"]) == 0
    assert runs.last.options.feed.path == kept


def test_a_market_flips_where_it_is_told_to_and_goes_on_so(runs: Runs) -> None:
    assert main(["run", "--sim-flip-s", "8000", "--data-dir", "d"]) == 0
    assert main(["run", "--data-dir", "d"]) == 0
    assert [request.options.sim_flip_s for request, _ in runs.asked] == [8_000, 8_000]


@pytest.mark.parametrize("seconds", ["-1", "soon", "0.5", "99999999999"])
def test_a_wrong_flip_is_one_line(runs: Runs, seconds: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--sim-flip-s", seconds]) == 2
    err = capfd.readouterr().err
    assert "--sim-flip-s" in err
    assert err.count("\n") == 1
    assert runs.asked == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--sim-edge", "nan"),
        ("--max-holding", "nan"),
        ("--max-holding", "inf"),
        ("--speed", "nan"),
        ("--threshold", "nan"),
    ],
)
def test_what_is_no_number_is_one_line(runs: Runs, option: str, value: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", option, value]) == 2
    err = capfd.readouterr().err
    assert option in err
    assert err.count("\n") == 1
    assert runs.asked == []


def test_products_are_made_room_for(runs: Runs) -> None:
    assert main(["run", "--summary", "a/s.json", "--export", "b/out"]) == 0
    assert runs.asked[-1][1] == RunOutputs(Path("a/s.json"), Path("b/out"))
    assert Path("a").is_dir()
    assert Path("b/out").is_dir()


RESUMED = [
    "run",
    "--feed",
    "replay:quotes.csv",
    "--threshold",
    "15bps",
    "--step",
    "500",
    "--speed",
    "7",
    "--data-dir",
    "d",
]


def test_a_resumed_run_takes_what_is_not_said_again_from_the_run_before(runs: Runs) -> None:
    assert main([*RESUMED, "--max-holding", "60", "--trials", "3", "--exit-after-models", "2"]) == 0
    first = runs.last.options
    assert main(["run", "--data-dir", "d"]) == 0
    again = runs.last.options
    assert again.lasting() == first.lasting()
    assert again.changing() == first.changing()
    assert (again.max_holding, again.exit_after_models) == (60.0, None)
    assert main(["run", "--data-dir", "d", "--speed", "max"]) == 0
    assert runs.last.options.speed == "max"


def test_saying_the_same_again_is_no_change(runs: Runs) -> None:
    assert main(RESUMED) == 0
    assert main(RESUMED) == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--threshold", "16bps"], "--threshold was 15bps, now 16bps"),
        (["--kafka", "127.0.0.1:9092"], "--kafka was None, now 127.0.0.1:9092"),
        (["--feed", "sim"], "--feed was replay:"),
    ],
)
def test_a_resumed_run_cannot_change_its_labels(
    runs: Runs, more: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(RESUMED) == 0
    assert main(["run", "--data-dir", "d", *more]) == 2
    err = capfd.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert len(runs.asked) == 1


def test_what_cannot_be_done_now_is_code_1(runs: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    cases = [["--summary", "file/s.json"], ["--export", "file/out"]]
    for more in cases:
        assert main(["run", *more]) == 1, more
        assert capfd.readouterr().err.count("\n") == 1
    Path("d").mkdir()
    Path("d/run.json").write_text('{"lasting": {"window": "many"}}')
    assert main(["run", "--data-dir", "d"]) == 1
    assert "earlier run" in capfd.readouterr().err
    assert runs.asked == []


@pytest.mark.parametrize(
    ("name", "value", "header"),
    [
        ("COLUMNS", "time=x,bid=y,offer=z", "x,y,z"),
        ("TIME_UNIT", "ms", "time,bid,offer"),
        ("ANY_YEAR", "true", "time_ms,bid,offer"),
        ("LATE_MAX_MS", "60000", "time_ms,bid,offer"),
    ],
)
def test_the_environment_counts_as_it_does_for_ingest(
    runs: Runs, name: str, value: str, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads a file before the run reads it as the run will."""
    monkeypatch.setenv(f"TIDEWHEEL_{name}", value)
    rows = "1714521600000,4,5\n" * 3 + ("1714521590000,4,5\n" * 3 if name == "LATE_MAX_MS" else "")
    Path("quotes.csv").write_text(f"{header}\n{rows}")
    assert main(["run", "--feed", "replay:quotes.csv"]) == 0
    assert dict(runs.last.options.reading)[name] == value


def test_a_password_is_neither_kept_nor_shown(runs: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    url = "redis://:secret@there:6379/0"
    assert main(["run", "--data-dir", "d", "--redis", url]) == 0
    assert runs.last.redis == RedisAccess(url)
    assert "secret" not in Path("d/run.json").read_text()
    assert main(["run", "--data-dir", "d", "--redis", url.replace("secret", "newer")]) == 0
    assert main(["run", "--data-dir", "d"]) == 2
    assert main(["run", "--data-dir", "d", "--redis", "redis://:secret@elsewhere:6379/0"]) == 2
    said = capfd.readouterr().err
    assert "give --redis again" in said
    assert "redis://:***@elsewhere" in said
    assert "secret" not in said
