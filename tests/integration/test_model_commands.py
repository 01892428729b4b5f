"""`tidewheel models` on a real Redis: what people and programs are told of the registry, and moves by hand."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from tests.synthetic_models import CARD, INSTRUMENT, published, put
from tidewheel.cli.main import main
from tidewheel.domain.models import Evidence, ModelRecord, Verdict
from tidewheel.registry import keys
from tidewheel.registry.store import Registry

pytestmark = pytest.mark.redis_server
Models = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(empty_redis: str, capsys: pytest.CaptureFixture[str]) -> Models:
    """Runs `tidewheel models`; exit code, standard output, standard error."""

    def called(*arguments: str) -> tuple[int, str, str]:
        code = main(["models", *arguments, "--redis", empty_redis])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return called


def refused_run(seq: int) -> ModelRecord:
    return ModelRecord(INSTRUMENT, seq, "", Verdict.REFUSED, "one_class", Evidence.NONE, 0)


def test_what_is_told_of_the_registry(registry: Registry, empty_redis: str, models: Models) -> None:
    assert models("list") == (0, "no models yet\n", "")
    assert models("show", "current") == (1, "", "tidewheel: no models yet\n")
    registry.publish(*published(1))
    registry.publish(*published(2))
    put(registry, refused_run(3))
    registry.rollback(INSTRUMENT, 1)
    code, out, _ = models("list", "--json")
    assert (code, [(run["seq"], run["verdict"], run["current"]) for run in json.loads(out)]) == (
        0,
        [(3, "refused", False), (2, "published", False), (1, "published", True)],
    )
    code, out, _ = models("list")
    assert [line.split()[:3] for line in out.splitlines()[2:5]] == [
        ["3", "refused", "one_class"],
        ["2", "published", "–"],
        ["*", "1", "published"],
    ]
    assert out.endswith("evidence, of the last models\n  no model has been judged on a next window yet\n")
    put(registry, replace(published(1)[1], scorecard=CARD))
    assert "\n  1 model on its next window: precision 0.600 (" in models("list")[1]
    assert "\n  1 model on its next window: precision 0.600 (" in models("show", "2")[1]
    assert json.loads(models("show", "2", "--json")[1])["pooled"]["precision"]["value"] == 0.6
    assert json.loads(models("show", "1", "--json")[1])["pooled"]["models"] == 0, "its own window is not before it"
    code, out, _ = models("show", "current", "--json")
    assert (code, json.loads(out)["seq"], json.loads(out)["epoch"]) == (0, 1, 2)
    assert models("show", "2")[1].startswith("model           2 of sim:BTC-USD\n")
    registry.publish(*published(1, "sim:ETH-USD"))
    for arguments, expected, words in (
        (["show", "current"], 2, "say which with --instrument: sim:BTC-USD, sim:ETH-USD"),
        (["show", "latest"], 2, "must be a window's number"),
        (["show", "9", "--instrument", INSTRUMENT], 1, "nothing is known of model 9"),
        (["list", "--instrument", "sim:XRP-USD"], 1, "no models of sim:XRP-USD"),
        (["list", "--instrument", "XRP"], 2, "is no instrument id"),
    ):
        code, out, err = models(*arguments)
        assert (code, out, err.count("\n"), words in err) == (expected, "", 1, True), err
    with redis.Redis.from_url(empty_redis) as raw:
        raw.delete(keys.model(INSTRUMENT, 1))
    assert "does not verify: missing" in models("list")[1]


def test_a_candidate_is_told_and_promoted_by_hand(registry: Registry, models: Models) -> None:
    registry.publish(*published(1))
    registry.publish(*published(2))
    put(registry, refused_run(3))
    payload, record = published(4)
    not_proven = replace(record, verdict=Verdict.REFUSED, reason="not_proven")
    registry.publish_candidate(payload, not_proven)
    put(registry, replace(published(5)[1], verdict=Verdict.REFUSED, reason="worse_than_served"))
    assert [line.split()[:4] for line in models("list")[1].splitlines()[2:4]] == [
        ["5", "refused", "worse_than_served", "none"],
        ["c", "4", "refused", "not_proven"],
    ]
    assert f"4 of {INSTRUMENT}, the candidate" in models("show", "4")[1]
    for arguments, words in (
        (["rollback", "4"], f"model 4 of {INSTRUMENT} is newer than the serving one; see `tidewheel models promote`"),
        (["promote", "3"], f"run 3 of {INSTRUMENT} was refused: it left no model"),
        (["promote", "5"], f"model 5 of {INSTRUMENT} is not kept: its run was refused (worse_than_served)"),
        (["promote", "9"], "nothing is known of model 9"),
    ):
        code, out, err = models(*arguments)
        assert (code, out, err.count("\n"), words in err) == (1, "", 1, True), err
    captured = models("promote", "4")
    assert captured == (0, f"model 4 of {INSTRUMENT} serves at epoch 2\n", "")
    assert models("list")[1].splitlines()[3].split()[:4] == [*("*", "4", "refused", "not_proven")]
    assert "refused – not_proven, promoted by hand" in models("show", "current")[1]
    code, out, err = models("promote", "1")
    assert (code, "is older than the serving one; see `tidewheel models rollback`" in err) == (1, True)
