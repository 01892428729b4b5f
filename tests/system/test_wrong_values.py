"""Wrong values on the command line: one line that says what is allowed, and exit code 2, before anything is started."""

from pathlib import Path

import pytest

from tests.system import driver

pytestmark = pytest.mark.system

CASES = [
    (["nonsense"], "nonsense"),
    (["run", "--nonsense"], "--nonsense"),
    (["run", "--feed", "nasdaq"], "replay:<path>"),
    (["run", "--feed", "replay:"], "replay:<path>"),
    (["run", "--feed", "replay:missing.csv"], "missing.csv"),
    (["run", "--feed", "replay:quotes.txt"], "there is no file"),
    (["run", "--speed", "fast"], "max"),
    (["run", "--speed", "0"], "max"),
    (["run", "--speed", "-1"], "max"),
    (["run", "--speed", "nan"], "max"),
    (["run", "--threshold", "0"], "15bps"),
    (["run", "--threshold", "-10"], "15bps"),
    (["run", "--threshold", "ten"], "15bps"),
    (["run", "--threshold", "10percent"], "15bps"),
    (["run", "--orders-per-second", "0"], "1"),
    (["run", "--orders-per-second", "1001"], "1000"),
    (["run", "--orders-per-second", "2.5"], "2.5"),
    (["run", "--window", "0"], "100"),
    (["run", "--step", "0"], "1"),
    (["run", "--window", "1000", "--step", "2000"], "1000"),
    (["run", "--trials", "0"], "1"),
    (["run", "--exit-after-models", "0"], "1"),
    (["run", "--exit-on", "last"], "bid"),
    (["run", "--max-holding", "0"], "1"),
    (["run", "--max-holding", "nan"], "no number"),
    (["run", "--sim-edge", "nan"], "no number"),
    (["run", "--promotion", "best"], "proven"),
    (["run", "--instrument", "two words"], "instrument"),
    (["run", "--kafka", "nowhere"], "127.0.0.1:9092"),
    (["run", "--redis", "nowhere"], "redis://"),
    (["topics", "nonsense"], "nonsense"),
    (["topics", "tail"], "TOPIC"),
    (["topics", "tail", "nonsense"], "ticks"),
    (["export", "nonsense", "--out", "x.csv"], "ticks"),
    (["export", "ticks", "--out", "x.docx"], ".parquet"),
    (["export", "ticks"], "--out"),
    (["models", "show"], "SEQ"),
    (["predict", "--nonsense"], "--nonsense"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_one_line_and_code_2(
    arguments: list[str], words: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidewheel.cli.main import main

    monkeypatch.chdir(tmp_path)
    code = main(arguments)
    out, err = capfd.readouterr()
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1, err
    assert words in err
    assert list(tmp_path.iterdir()) == [], "nothing is made for a wrong command line"


@pytest.mark.parametrize("arguments", [["run", "--speed", "fast"], ["nonsense"]], ids=" ".join)
def test_as_a_real_process(arguments: list[str], tmp_path: Path) -> None:
    ended = driver.run(arguments, tmp_path, 60)
    assert ended.code == 2
    assert ended.output == ""
    assert ended.errors.count("\n") == 1
    assert ended.pids == 0


@pytest.mark.parametrize("service", ["ingest", "orderbot", "labeler", "trainer", "predictor"])
def test_a_service_names_every_wrong_setting_at_once(service: str, tmp_path: Path) -> None:
    wrong = {"TIDEWHEEL_METRICS_PORT": "many", "TIDEWHEEL_LOG_LEVEL": "LOUD"}
    ended = driver.run([service], tmp_path, 60, settings=wrong)
    assert ended.code == 2
    lines = ended.errors.splitlines()
    assert len(lines) == len(wrong), ended.errors
    for name in wrong:
        assert [line for line in lines if line.startswith(f"tidewheel {service}: {name}: ")], ended.errors
