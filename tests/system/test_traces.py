"""A real run that is traced: from a market second to the prediction that used it, through all five services."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.collector import Collector, SeenSpan, collecting
from tests.system import driver
from tests.waiting import eventually

pytestmark = pytest.mark.system
SHORT = ("--window", "200", "--trials", "2", "--orders-per-second", "5", "--threshold", "2", "--speed", "40")
SERVICES = {f"tidewheel-{name}" for name in ("ingest", "orderbot", "labeler", "trainer", "predictor")}
WAY = {"training run", "label", "market second"}


def whole_way(collector: Collector) -> list[SeenSpan]:
    """Answers to PredictNow whose links lead to the second that they saw, and by their model's run to others; and which
    the order bot has answered too, which may do so later than the predictor."""
    return [
        span
        for span in collector.named("PredictNow")
        if {one.name for one in collector.behind(span)} >= WAY and orders_beside(collector, span)
    ]


def orders_beside(collector: Collector, span: SeenSpan) -> list[SeenSpan]:
    """What else was made of the second that it saw."""
    return [one for one in collector.named("orders") if one.parent in span.links]


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_prediction_leads_back_to_market_seconds(tmp_path: Path) -> None:
    with collecting() as collector:
        settings = {"OTLP_ENDPOINT": collector.url, "TRACE_RATIO": "1", "LOG_FORMAT": "json"}
        environment = {f"TIDEWHEEL_{name}": value for name, value in settings.items()}
        data = tmp_path / "data"
        with driver.started(["run", *SHORT, "--data-dir", str(data)], tmp_path, environment) as running:
            eventually(lambda: bool(whole_way(collector)), "a prediction that leads all the way", 0.5)
            running.scan()
            running.process.terminate()
            running.wait(60)
            assert running.wait_gone() == []
    assert {span.service for span in collector.spans.values()} == SERVICES
    prediction = whole_way(collector)[0]
    seen = {collector.spans[place].name: collector.spans[place] for place in prediction.links}
    assert seen["market second"].attributes["tidewheel.second"] == prediction.attributes["tidewheel.second"]
    assert seen["training run"].attributes["tidewheel.window"] == prediction.attributes["tidewheel.window"]
    of_the_run = [span for span in collector.spans.values() if span.parent == seen["training run"].place]
    assert {"search", "fit and gate", "publish"} <= {span.name for span in of_the_run}
    orders = orders_beside(collector, prediction)
    assert [(span.service, span.parent) for span in orders] == [("tidewheel-orderbot", seen["market second"].place)]

    of_window = [one for one in lines(data / "logs" / "trainer.log") if one.get("window") == 1]
    ended = [one for one in of_window if "trace_id" in one]
    assert ended, "the run's own lines lead to its trace"
    assert [one["trace_id"] for one in ended] == [place_of_run(collector, 1)] * len(ended)
    swapped = [one for one in lines(data / "logs" / "predictor.log") if one["message"].startswith("serving model")]
    assert swapped
    assert all({"instrument", "window", "trace_id"} <= set(one) for one in swapped)


def place_of_run(collector: Collector, window: int) -> str:
    (run,) = [span for span in collector.named("training run") if span.attributes["tidewheel.window"] == window]
    return run.place[0]
