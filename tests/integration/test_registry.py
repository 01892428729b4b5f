"""The registry on a real Redis: the fence, rollback, retention, and what lies in the keys."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.servers import server_port
from tests.synthetic_models import CARD, INSTRUMENT, make_model, make_record, published, put
from tidewheel.cli.main import main
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Evidence, ModelRecord, Verdict
from tidewheel.local.servers.redis import start_redis
from tidewheel.registry import keys
from tidewheel.registry.limits import MODEL_BYTES_MAX, RECORD_BYTES_MAX
from tidewheel.registry.store import (
    MODELS_KEPT,
    RECORDS_KEPT,
    Publication,
    Registry,
    RegistryUnavailableError,
    VerificationError,
    VerificationFailure,
)

pytestmark = pytest.mark.redis_server
PUBLISHED, ALREADY_PUBLISHED, STALE = Publication.PUBLISHED, Publication.ALREADY_PUBLISHED, Publication.STALE


@pytest.fixture
def raw(empty_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(empty_redis) as client:
        yield client


def refused_run(seq: int) -> ModelRecord:
    return ModelRecord(INSTRUMENT, seq, "", Verdict.REFUSED, "one_class", Evidence.NONE, 0)


def served(registry: Registry) -> tuple[int, int]:
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    return pointer.epoch, pointer.seq


def test_what_is_published_can_be_loaded(registry: Registry) -> None:
    payload, record = published(1)
    assert registry.current(INSTRUMENT) is None
    assert registry.publish(payload, record) is PUBLISHED
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    assert (pointer.seq, pointer.epoch, pointer.sha256) == (1, 1, record.sha256)
    assert pointer.schema_hash_hex == SCHEMA_HASH.hex()
    assert pointer.published_at_ns == record.published_at_ns
    assert encode_model(registry.load(INSTRUMENT, 1)) == payload
    assert encode_model(registry.load_pointed(pointer)) == payload
    assert registry.records(INSTRUMENT) == [record]
    assert registry.instruments() == [INSTRUMENT]


def test_the_same_again_changes_nothing(registry: Registry) -> None:
    payload, record = published(1)
    registry.publish(payload, record)
    put(registry, replace(record, scorecard=CARD))
    before = registry.current(INSTRUMENT)
    assert registry.publish(payload, record) is ALREADY_PUBLISHED
    assert registry.current(INSTRUMENT) == before
    known = registry.record_of(INSTRUMENT, 1)
    assert known is not None
    assert known.scorecard == CARD


def test_an_older_window_and_other_bytes_are_stale(registry: Registry) -> None:
    registry.publish(*published(5))
    assert registry.publish(*published(4)) is STALE
    assert registry.publish(*published(5, salt=1)) is STALE
    assert served(registry) == (1, 5)
    assert registry.record_of(INSTRUMENT, 4) is None
    with pytest.raises(VerificationError):
        registry.load(INSTRUMENT, 4)


def test_instruments_do_not_fence_each_other(registry: Registry) -> None:
    registry.publish(*published(5))
    assert registry.publish(*published(1, "kraken:BTC-USD")) is PUBLISHED
    assert registry.instruments() == ["kraken:BTC-USD", INSTRUMENT]


def test_publishing_again_restores_lost_bytes(registry: Registry, raw: redis.Redis) -> None:
    payload, record = published(1)
    registry.publish(payload, record)
    for damage in (b"damaged", None):
        raw.delete(keys.model(INSTRUMENT, 1))
        if damage:
            raw.set(keys.model(INSTRUMENT, 1), damage)
        with pytest.raises(VerificationError):
            registry.load(INSTRUMENT, 1)
        assert registry.publish(payload, record) is ALREADY_PUBLISHED
        registry.load(INSTRUMENT, 1)


def test_what_is_too_long_never_travels(registry: Registry, raw: redis.Redis) -> None:
    raw.set(keys.model(INSTRUMENT, 1), bytes(MODEL_BYTES_MAX + 1))
    raw.set(keys.record(INSTRUMENT, 1), bytes(RECORD_BYTES_MAX + 1))
    registry.publish(*published(2))
    raw.hset(keys.pointer(INSTRUMENT, keys.CURRENT), "evidence", "x" * 1_000_000)
    reader = registry.reader
    states = [
        *reader.model_states([(INSTRUMENT, 1)]),
        *reader.values([keys.record(INSTRUMENT, 1)], RECORD_BYTES_MAX),
        *reader.pointers([INSTRUMENT], keys.CURRENT),
    ]
    assert [state[:5] for state in states] == [b"!long"] * 3
    assert max(map(len, states)) < 20


def test_the_last_models_are_kept_and_the_pointed_one(registry: Registry, raw: redis.Redis) -> None:
    for seq in range(1, 4):
        registry.publish(*published(seq))
    registry.publish_candidate(*published(4))
    registry.rollback(INSTRUMENT, 2)
    # A pointer at an old model, and windows that end without one that is served.
    for seq in range(5, 5 + MODELS_KEPT):
        registry.publish_candidate(*published(seq))
    last = 4 + MODELS_KEPT
    kept = {int(seq) for seq in raw.zrange(keys.models(INSTRUMENT), 0, -1)}
    assert kept == {2, *range(last - MODELS_KEPT + 1, last + 1)}
    assert {key for key in kept if raw.exists(keys.model(INSTRUMENT, key))} == kept
    assert len(raw.keys("tw:*:model:*")) == len(kept)
    registry.load(INSTRUMENT, 2)


def test_records_are_bounded(registry: Registry, raw: redis.Redis) -> None:
    registry.publish(*published(1))
    for seq in range(2, RECORDS_KEPT + 12):
        put(registry, refused_run(seq))
    records = registry.records(INSTRUMENT)
    assert [records[0].seq, records[-1].seq] == [RECORDS_KEPT + 11, 1]
    assert len(records) == RECORDS_KEPT + 1 == len(raw.keys("tw:*:about:*"))


def test_a_record_that_cannot_be_read_hides_no_other(
    registry: Registry, raw: redis.Redis, empty_redis: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for seq in (1, 2, 3):
        registry.publish(*published(seq))
    raw.set(keys.record(INSTRUMENT, 2), b"\xff")
    newest, broken, oldest = registry.records(INSTRUMENT)
    assert isinstance(newest, ModelRecord)
    assert isinstance(oldest, ModelRecord)
    assert (newest.seq, oldest.seq) == (3, 1)
    assert isinstance(broken, VerificationError)
    assert broken.reason is VerificationFailure.RECORD
    assert main(["models", "list", "--redis", empty_redis, "--json"]) == 0
    captured = capsys.readouterr()
    assert [run["seq"] for run in json.loads(captured.out)] == [3, 1]
    assert captured.err.startswith(f"tidewheel: the record of run 2 of {INSTRUMENT}:")


def test_refused_and_scored_runs_stand_in_the_history(registry: Registry) -> None:
    payload, record = published(1)
    put(registry, refused_run(2))
    registry.publish(payload, record)
    assert registry.current(INSTRUMENT) is not None
    put(registry, replace(record, scorecard=CARD, evidence=Evidence.WEAK))
    assert [(r.seq, r.verdict, r.scorecard) for r in registry.records(INSTRUMENT)] == [
        (2, Verdict.REFUSED, None),
        (1, Verdict.PUBLISHED, CARD),
    ]
    pointer = registry.current(INSTRUMENT)
    assert pointer is not None
    assert pointer.evidence is Evidence.WEAK
    with pytest.raises(VerificationError):
        registry.load(INSTRUMENT, 2)


def test_a_refused_run_leaves_the_pointer_alone(registry: Registry) -> None:
    registry.publish(*published(1))
    put(registry, refused_run(2))
    assert served(registry) == (1, 1)


def test_a_candidate_serves_nobody_until_it_is_promoted(registry: Registry) -> None:
    registry.publish(*published(1))
    assert registry.publish_candidate(*published(2)) is PUBLISHED
    assert registry.publish_candidate(*published(2)) is ALREADY_PUBLISHED
    assert registry.publish_candidate(*published(1)) is ALREADY_PUBLISHED
    assert registry.publish_candidate(*published(1, salt=1)) is STALE
    candidate = registry.candidate(INSTRUMENT)
    assert candidate is not None
    assert (candidate.seq, served(registry)) == (2, (1, 1))
    registry.publish(*published(2, "sim:ETH-USD"))
    assert registry.publish_candidate(*published(1, "sim:ETH-USD")) is STALE
    # A window has one model and ends once, whichever pointer names it: a slow trainer cannot make it serve.
    assert registry.publish(*published(2, salt=1)) is STALE
    assert registry.publish(*published(2)) is ALREADY_PUBLISHED
    assert served(registry) == (1, 1)
    registry.promote(INSTRUMENT, 2)
    assert served(registry) == (2, 2)
    assert registry.candidate(INSTRUMENT) is None


def test_bytes_no_predictor_would_take_are_not_published(registry: Registry) -> None:
    payload = encode_model(replace(make_model(1), golden_score=0.0))
    with pytest.raises(VerificationError) as caught:
        registry.publish(payload, make_record(payload, 1))
    assert caught.value.reason is VerificationFailure.GOLDEN
    assert registry.current(INSTRUMENT) is None


def test_signed_models(empty_redis: str, registry: Registry) -> None:
    signing, other = Registry.connect(empty_redis, b"key"), Registry.connect(empty_redis, b"other")
    payload, record = published(1)
    signing.publish(payload, record)
    put(signing, replace(record, scorecard=CARD))
    signing.load(INSTRUMENT, 1)
    registry.load(INSTRUMENT, 1)
    registry.publish(*published(2))
    for store, seq in ((other, 1), (signing, 2)):
        with pytest.raises(VerificationError) as caught:
            store.load(INSTRUMENT, seq)
        assert caught.value.reason is VerificationFailure.RECORD_HMAC
    assert registry.current(INSTRUMENT)
    with pytest.raises(VerificationError) as caught:
        signing.current(INSTRUMENT)
    assert caught.value.reason is VerificationFailure.POINTER_HMAC
    signing.close()
    other.close()


def test_a_pointer_or_record_that_cannot_be_read(registry: Registry, raw: redis.Redis) -> None:
    registry.publish(*published(1))
    raw.set(keys.record(INSTRUMENT, 1), b"\xff")
    for call in (registry.load, registry.record_of):
        with pytest.raises(VerificationError) as caught:
            call(INSTRUMENT, 1)
        assert caught.value.reason is VerificationFailure.RECORD
    raw.hset(keys.pointer(INSTRUMENT, keys.CURRENT), "seq", "x")
    with pytest.raises(VerificationError) as caught:
        registry.current(INSTRUMENT)
    assert caught.value.reason is VerificationFailure.POINTER


@pytest.mark.parametrize(
    ("key", "reads"),
    [
        (keys.pointer(INSTRUMENT, keys.CURRENT), ("current", "rollback")),
        (keys.pointer(INSTRUMENT, keys.CANDIDATE), ("candidate",)),
        (keys.history(INSTRUMENT), ("records", "newest_run")),
        (keys.models(INSTRUMENT), ()),
        (keys.record(INSTRUMENT, 1), ("record_of", "load")),
        (keys.model(INSTRUMENT, 1), ("load",)),
        (keys.INSTRUMENTS, ("instruments",)),
        (keys.MOVED, ()),
    ],
)
def test_a_key_of_another_type_is_a_doubt_of_its_own_until_it_is_written_over(
    registry: Registry, raw: redis.Redis, key: str, reads: tuple[str, ...]
) -> None:
    registry.publish(*published(1))
    registry.publish(*published(1, "sim:ETH-USD"))
    raw.delete(key)
    raw.lpush(key, "x")
    every: dict[str, Callable[[], object]] = {
        "rollback": lambda: registry.rollback(INSTRUMENT, 1),
        "load": lambda: registry.load(INSTRUMENT, 1),
        "record_of": lambda: registry.record_of(INSTRUMENT, 1),
        "instruments": registry.instruments,
        **{
            name: partial(getattr(registry, name), INSTRUMENT)
            for name in ("current", "candidate", "records", "newest_run")
        },
    }
    for name, call in every.items():
        if name not in reads:
            if not (name == "rollback" and key in (keys.record(INSTRUMENT, 1), keys.model(INSTRUMENT, 1))):
                call()
            continue
        with pytest.raises(VerificationError) as caught:
            call()
        assert caught.value.reason is VerificationFailure.KEY, name
    assert registry.current("sim:ETH-USD")
    put(registry, published(1)[1])
    assert registry.publish_candidate(*published(2)) is PUBLISHED
    assert registry.publish(*published(3)) is PUBLISHED
    assert registry.current(INSTRUMENT)
    assert registry.candidate(INSTRUMENT) is None
    assert registry.newest_run(INSTRUMENT) == 3
    assert INSTRUMENT in registry.instruments()
    assert registry.load(INSTRUMENT, 3)


def test_concurrent_publishers_leave_the_newest(empty_redis: str, registry: Registry) -> None:
    windows = [published(seq) for seq in range(1, 21)]
    publications: list[Publication] = []
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            pointer = registry.current(INSTRUMENT)
            if pointer is not None:
                registry.load_pointed(pointer)
                seen.append(pointer.seq)

    def publish(seed: int) -> None:
        store = Registry.connect(empty_redis)
        in_any_order = random.Random(seed).sample(windows, len(windows))
        publications.extend(store.publish(*window) for window in in_any_order)
        store.close()

    with ThreadPoolExecutor(5) as pool:
        watching = pool.submit(watch)
        for work in [pool.submit(publish, seed) for seed in range(4)]:
            work.result()
        done.set()
        watching.result()
    assert served(registry) == (1, 20)
    assert seen == sorted(seen)
    # Each window moved the pointer at most once, whoever came first.
    assert publications.count(PUBLISHED) == len(registry.records(INSTRUMENT))


def test_news_of_a_publication(registry: Registry) -> None:
    with registry.notifications() as news:
        assert not news.wait(0.1)
        registry.publish(*published(1))
        assert news.wait(5.0) == {INSTRUMENT}


def test_redis_away_and_back(tmp_path: Path) -> None:
    server = start_redis(tmp_path, server_port())
    registry = Registry.connect(server.url)
    try:
        registry.publish(*published(1))
        news = registry.notifications()
        assert not news.wait(0.5)  # the subscription's own confirmation
    finally:
        server.stop()
    calls = [
        lambda: registry.publish(*published(2)),
        lambda: put(registry, refused_run(2)),
        lambda: registry.current(INSTRUMENT),
        lambda: registry.candidate(INSTRUMENT),
        lambda: registry.records(INSTRUMENT),
        lambda: registry.load(INSTRUMENT, 1),
        lambda: registry.rollback(INSTRUMENT, 1),
        lambda: registry.promote(INSTRUMENT, 1),
        registry.instruments,
        registry.ping,
        registry.notifications,
        lambda: news.wait(0.1),
    ]
    for call in calls:
        with pytest.raises(RegistryUnavailableError, match=r"127\.0\.0\.1"):
            call()
    server = start_redis(tmp_path, server.port)
    try:
        assert served(registry) == (1, 1)
        assert registry.publish(*published(2)) is PUBLISHED
    finally:
        news.close()
        registry.close()
        server.stop()


def test_words_of_an_outage_hold_no_password() -> None:
    registry = Registry.connect("redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(RegistryUnavailableError) as caught:
        registry.ping()
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "redis://127.0.0.1:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError):
        Registry.connect(url)
