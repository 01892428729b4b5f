"""A model made again from the log, and the commands that compare and move models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from redis import Redis

from services.trainer.rebuild import ModelOrigin, RebuildError, rebuild
from tests.trainers import INSTRUMENT, SIZE, easy_rows, publish, records, running, send, settings
from tidewheel.cli.main import main
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.registry.store import Registry
from tidewheel.registry.verify import sha256_of

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]
ROWS = easy_rows(3 * SIZE)


def trained(broker: str, redis: str) -> None:
    """Three windows, with what no trainer can use before and between their rows."""
    send(broker, [b"no example"])
    publish(broker, ROWS.take(slice(0, SIZE + 5)))
    publish(broker, ROWS.take(slice(0, SIZE)), "sim:OTHER", 0)
    publish(broker, ROWS.take(slice(SIZE + 5, 3 * SIZE)))
    with running() as begin:
        begin(settings(broker, redis)).step_until(lambda: set(records(redis)) == {1, 2, 3})


def test_every_model_is_made_again_to_the_byte(broker: str, empty_redis: str, registry: Registry) -> None:
    trained(broker, empty_redis)
    for seq in (1, 2, 3):
        model, record = registry.load(INSTRUMENT, seq), registry.record_of(INSTRUMENT, seq)
        assert record is not None
        assert rebuild(broker, ModelOrigin.of(model, record)).sha256 == record.sha256
    # One of a program that told no range is compared without it.
    older = replace(model, lowest=b"", highest=b"")
    assert rebuild(broker, ModelOrigin.of(older, record)).sha256 == sha256_of(encode_model(older)) != record.sha256
    # Without a place to begin at it reads the topic from its first record.
    assert (
        rebuild(broker, ModelOrigin.of(model, replace(record, first_offset=0, replay_offset=0))).sha256 == record.sha256
    )
    # So it does where the record says a wrong place, among the rows or behind the last.
    for wrong in (record.replay_offset + 1, record.first_offset + 1, 10**12):
        assert rebuild(broker, ModelOrigin.of(model, replace(record, replay_offset=wrong))).sha256 == record.sha256


def test_what_cannot_be_made_again_is_told(broker: str, empty_redis: str, registry: Registry) -> None:
    trained(broker, empty_redis)
    model, record = registry.load(INSTRUMENT, 2), registry.record_of(INSTRUMENT, 2)
    assert record is not None
    assert record.replay_offset < record.first_offset
    with pytest.raises(RebuildError, match="does not hold all of sim:NOBODY any more"):
        rebuild(broker, ModelOrigin.of(replace(model, instrument="sim:NOBODY"), record))
    config = model.lineage.training_config
    older = replace(
        model, lineage=replace(model.lineage, training_config=config.replace('"procedure":', '"procedure":9'))
    )
    with pytest.raises(RebuildError, match="use the program of then"):
        rebuild(broker, ModelOrigin.of(older, record))


def test_the_commands(
    broker: str, empty_redis: str, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(broker, empty_redis)
    redis = ["--redis", empty_redis, "--instrument", INSTRUMENT]

    def printed(*words: str) -> str:
        assert main(["models", *words, *redis]) == 0
        return capsys.readouterr().out

    record = registry.record_of(INSTRUMENT, 2)
    assert record is not None
    assert (
        printed("rebuild", "2", "--kafka", broker)
        == f"model 2 of {INSTRUMENT}: the same bytes, sha256 {record.sha256}\n"
    )
    assert "weights: cosine" in printed("diff", "1", "current")
    assert printed("rollback", "2") == f"model 2 of {INSTRUMENT} serves at epoch 2\n"
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    assert (pointer.seq, pointer.epoch) == (2, 2)
    printed("export", "current", "--out", str(tmp_path / "m.json"))
    assert f'"sha256": "{record.sha256}"' in (tmp_path / "m.json").read_text()
    for words, code, message in (
        (["rollback", "9"], 1, "nothing is known of model 9"),
        (["export", "2", "--out", str(tmp_path / "m.pmml")], 2, "must end in .json or .onnx"),
        (["diff", "1", "last"], 2, "must be a window's number, or the word current"),
    ):
        assert main(["models", *words, *redis]) == code
        assert message in capsys.readouterr().err


def test_what_the_registry_lost_is_made_again_from_the_log(
    broker: str, empty_redis: str, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(broker, empty_redis)
    kept = {seq: registry.record_of(INSTRUMENT, seq) for seq in (1, 2, 3)}
    servers = ["--kafka", broker, "--redis", empty_redis]
    Redis.from_url(empty_redis).flushall()
    for seq, record in kept.items():
        assert record is not None
        assert main(["models", "rebuild", str(seq), "--instrument", INSTRUMENT, *servers]) == 0
        said = capsys.readouterr()
        assert said.out == f"model {seq} of {INSTRUMENT}: the same bytes, sha256 {record.sha256}\n"
        assert "asking topic training-runs" in said.err
    assert main(["models", "rebuild", "2", *servers]) == 0, "of the only instrument whose run made a model 2"
    for which, words in (
        ("1", f"runs of several instruments made a model 1: {INSTRUMENT}, sim:OTHER; say which"),
        ("7", "no run on topic training-runs tells what model 7 was made of"),
        ("current", "no models yet"),
    ):
        assert main(["models", "rebuild", which, *servers]) == 1
        assert words in capsys.readouterr().err


def test_other_rows_are_noticed(broker: str, empty_redis: str, registry: Registry) -> None:
    """The comparison can fail: one label of the log was not what it was when the model was made."""
    trained(broker, empty_redis)
    model, record = registry.load(INSTRUMENT, 1), registry.record_of(INSTRUMENT, 1)
    assert record is not None
    changed = ROWS.take(slice(0, SIZE))
    label = changed.label.copy()
    label[SIZE // 3] ^= 1
    publish(broker, replace(changed, label=np.ascontiguousarray(label)), partition=1)
    elsewhere = replace(model, lineage=replace(model.lineage, partition=1))
    assert rebuild(broker, ModelOrigin.of(elsewhere, replace(record, first_offset=0))).sha256 != record.sha256
