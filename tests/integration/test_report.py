"""`tidewheel report` on runs of a real trainer, and with only one of its two sources."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import redis as redis_client

from tests.trainers import INSTRUMENT, SIZE, easy_rows, events, one_class, publish, records, running, settings
from tidewheel.cli.main import main
from tidewheel.registry.store import Registry

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]
NOBODY = "127.0.0.1:1"
OTHER = "sim:OTHER"


def trained(broker: str, redis: str) -> None:
    """Windows 1 and 3 are published, 2 is refused; another instrument has a run too."""
    publish(broker, one_class(easy_rows(3 * SIZE), SIZE, 2 * SIZE))
    publish(broker, easy_rows(SIZE), OTHER, 1)
    with running() as begin:
        trainer = begin(settings(broker, redis))
        trainer.step_until(
            lambda: set(records(redis)) == {1, 2, 3} and len({e.instrument for e in events(broker)}) == 2
        )
        trainer.step_until(trainer.idle)


def test_reports(
    broker: str, empty_redis: str, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(broker, empty_redis)
    out = tmp_path / "report.html"

    def page_text(*words: str, code: int = 0, kafka: str = broker, redis: str = empty_redis) -> str:
        """What is on the page, or on standard error."""
        out.unlink(missing_ok=True)
        assert main(["report", *words, "--kafka", kafka, "--redis", redis, "--out", str(out)]) == code
        captured = capsys.readouterr()
        if code:
            assert captured.err.count("\n") == 1
            return captured.err
        return " ".join(ElementTree.fromstring(out.read_text().partition("\n")[2]).itertext())

    ours = ("--instrument", INSTRUMENT)
    record = registry.record_of(INSTRUMENT, 3)
    assert record is not None
    newest = page_text(*ours)
    for words in ("window 3", "Published", "chosen", "Coefficients", record.sha256, "recall floor 0.25"):
        assert words in newest
    assert "What this page lacks" not in newest
    assert page_text("current", *ours).count("This model serves now, at epoch 1.") == 1
    assert "Refused" in page_text("2", *ours)
    assert "one class" in page_text("2", *ours)
    assert page_text("1", *ours).count("Not judged yet") == 0

    whole = page_text("all")
    for words in (f"{INSTRUMENT}, {OTHER}", "asked of 2 instruments at once", "2 published, 1 refused", "one class"):
        assert words in whole
    assert OTHER not in page_text("all", *ours)
    assert "Topic ticks could not be read" not in whole
    assert "What this page lacks" in page_text("all", *ours, kafka=NOBODY)

    assert "no Kafka broker answers at 127.0.0.1:1" in page_text("3", *ours, kafka=NOBODY)
    assert "Coefficients" in page_text("3", *ours, kafka=NOBODY)
    assert "does not answer" in page_text("3", *ours, redis=f"redis://{NOBODY}/0")
    with redis_client.Redis.from_url(empty_redis) as client:
        client.flushall()
    from_the_log = page_text("3", *ours)
    assert "The registry holds no record of this run." in from_the_log
    assert "Precision by recall on the test part" in from_the_log

    for words, failing, why in (
        (
            ["9", *ours],
            1,
            f"neither topic training-runs nor the registry knows run 9 of {INSTRUMENT}; known are 1 to 3",
        ),
        (["current", *ours], 1, f"no model of {INSTRUMENT} serves yet"),
        (["all", "--instrument", "sim:NONE"], 1, f"known are: {INSTRUMENT}, {OTHER}"),
        (["--instrument", "sim:NONE"], 1, f"there are runs of: {INSTRUMENT}, {OTHER}"),
        ([], 2, f"say which with --instrument: {INSTRUMENT}, {OTHER}"),
        (["last", *ours], 2, "must be a window's number, or the word current, or the word all"),
        (["--instrument", "nonsense"], 2, "nonsense"),
    ):
        assert why in page_text(*words, code=failing)
        assert not out.exists()
    assert "no training run is known yet. The log could not be read" in page_text(code=1, kafka=NOBODY)
    out = tmp_path / "no" / "folder.html"
    assert "cannot be written" in page_text("3", *ours, code=1)
