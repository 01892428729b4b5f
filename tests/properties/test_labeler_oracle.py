"""The labeler core against the oracle: equal in every transaction and every byte of features, however it is fed."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.labeler.core import Labeler, LabelerConfig, Output
from tests import markets, oracle
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import ExitOn, SecondOrders

MARKETS = hypothesis_settings(
    max_examples=20,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
Record = MarketSecond | SecondOrders


def config_of(settings: oracle.Settings) -> LabelerConfig:
    return LabelerConfig(exit_on=ExitOn[settings.exit_on.upper()], max_holding_ns=settings.max_holding_ns)


def from_labeler(outputs: list[Output]) -> list[tuple[Any, ...]]:
    """Each transaction as plain values, with its example's."""
    found: list[tuple[Any, ...]] = []
    for transaction, example in outputs:
        t, e = transaction, example
        assert e is None or e.schema_hash == SCHEMA_HASH
        found.append(
            (
                *(t.order_id, t.session, t.placed_ns, t.entry_e9, t.upper_e9, t.lower_e9),
                *(t.resolved_ns, t.resolved_seq, t.exit_e9, t.outcome.name, t.pnl_e9),
                e and (e.example_seq, e.order_id, e.placed_ns, e.resolved_ns, e.label, e.pnl_e9, bytes(e.features)),
            )
        )
    return found


def from_oracle(result: oracle.Result) -> list[tuple[Any, ...]]:
    examples = {e.order_id: e for e in result.examples()}
    found: list[tuple[Any, ...]] = []
    for t in result.transactions:
        o, e = t.order, examples.get(t.order.order_id)
        found.append(
            (
                *(o.order_id, o.session, o.placed_ns, o.offer, o.upper, o.lower),
                *(t.resolved_ns, t.resolved_seq, t.exit, t.outcome, t.pnl),
                e and (e.example_seq, e.order_id, e.placed_ns, e.resolved_ns, e.label, e.pnl, e.features),
            )
        )
    return found


def interleaved(chance: Random, seconds: list[MarketSecond], orders: list[SecondOrders]) -> list[Record]:
    """Both topics in some order that keeps each one's own, now one ahead, now the other, with repeats."""
    queues: list[list[Record]] = [list(reversed(seconds)), list(reversed(orders))]
    fed: list[Record] = []
    while any(queues):
        queue = chance.choice([queue for queue in queues if queue])
        for _ in range(min(len(queue), chance.choice((1, 1, 2, 50, 1000)))):
            fed.append(queue.pop())
            if chance.random() < 0.02:
                fed.append(fed[-1])
    return fed


def feed(labeler: Labeler, records: list[Record]) -> list[Output]:
    outputs: list[Output] = []
    for record in records:
        if isinstance(record, MarketSecond):
            outputs += labeler.on_second(record)
        else:
            outputs += labeler.on_orders(record)
    return outputs


def labeled(chance: Random, result: oracle.Result, config: LabelerConfig) -> list[tuple[Any, ...]]:
    records = interleaved(chance, markets.seconds(result), markets.second_orders(result))
    return from_labeler(feed(Labeler(markets.INSTRUMENT, config), records))


@MARKETS
@given(chance=st.randoms(use_true_random=False), feeding=st.integers(0, 2**32))
def test_equal_to_the_oracle(chance: Random, feeding: int) -> None:
    settings = markets.settings(chance)
    note(str(settings))
    result = oracle.evaluate_rows(markets.rows(chance, quotes=25), settings)
    assert labeled(Random(feeding), result, config_of(settings)) == from_oracle(result)


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_the_oracle_on_longer_markets(seed: int) -> None:
    chance = Random(seed)
    settings = markets.settings(chance)
    result = oracle.evaluate_rows(markets.rows(chance, quotes=100), settings)
    assert labeled(chance, result, config_of(settings)) == from_oracle(result)


@pytest.mark.parametrize("seed", range(8))
def test_a_labeler_restored_from_a_snapshot_goes_on_as_if_nothing_had_been(seed: int) -> None:
    chance = Random(seed)
    settings = markets.settings(chance)
    result = oracle.evaluate_rows(markets.rows(chance, quotes=60), settings)
    records = interleaved(chance, markets.seconds(result), markets.second_orders(result))
    cut = chance.randrange(len(records))
    labeler = Labeler(markets.INSTRUMENT, config_of(settings))
    before = feed(labeler, records[:cut])
    state = labeler.snapshot()
    after = [record for record in records if record.second > state.frontier.second]
    restored = Labeler.restore(state, config_of(settings))
    assert from_labeler(before + feed(restored, after)) == from_oracle(result)
    assert restored.frontier.example_seq == len(list(result.examples()))
    assert restored.frontier.transactions == len(result.transactions)
    assert restored.open_order_count == 0


def disagreements(mutated: oracle.Settings | None = None, seeds: int = 8, **fixed: Any) -> int:
    """Seeded markets on which the labeler and the oracle differ when they are told different things."""
    found = 0
    for seed in range(seeds):
        chance = Random(seed)
        settings = oracle.Settings(threshold="2", **fixed)
        result = oracle.evaluate_rows(markets.rows(chance), settings)
        found += labeled(chance, result, config_of(mutated or settings)) != from_oracle(result)
    return found


def test_the_same_settings_agree_where_the_planted_faults_do_not() -> None:
    assert disagreements() == 0


@pytest.mark.parametrize("exit_on", ["mid", "offer"])
def test_a_planted_exit_on_another_price_is_noticed(exit_on: str) -> None:
    assert disagreements(oracle.Settings(exit_on=exit_on)) > 2


@pytest.mark.parametrize("off_by_ns", [-1, 1])
def test_a_planted_holding_time_off_by_a_nanosecond_is_noticed(off_by_ns: int) -> None:
    held = 2 * oracle.E9
    assert disagreements(oracle.Settings(max_holding_ns=held + off_by_ns), max_holding_ns=held) > 2


def test_a_planted_strict_comparison_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(exits: Any, start: int, end: int, order: oracle.Order) -> int | None:
        beyond = (i for i in range(start, end) if exits[i] > order.upper or exits[i] < order.lower)
        return next(beyond, None)

    monkeypatch.setattr(oracle, "first_touch", strict)
    assert disagreements() > 2


def test_a_planted_tick_at_the_orders_own_instant_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    touch = oracle.first_touch
    monkeypatch.setattr(oracle, "first_touch", lambda exits, start, end, order: touch(exits, start + 1, end, order))
    assert disagreements() > 2


def test_a_planted_shift_of_the_history_by_a_second_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = oracle.features_of

    def shifted(session: oracle.Session, mids: Any, order: oracle.Order) -> bytes | None:
        features = cut(session, mids, order)
        return features and features[:20] + features[24:] + features[-4:]

    monkeypatch.setattr(oracle, "features_of", shifted)
    assert disagreements() > 1


def test_the_markets_hold_what_they_are_to_test() -> None:
    """Else agreement would mean little: sessions, every outcome, late ticks, examples, all reasons but thresholds."""
    results = []
    for seed in range(12):
        chance = Random(seed)
        settings = markets.settings(chance)
        results.append(oracle.evaluate_rows(markets.rows(chance, quotes=100), settings))
    outcomes = [t.outcome for result in results for t in result.transactions]
    assert {outcome: outcomes.count(outcome) > 30 for outcome in set(outcomes)} == dict.fromkeys(
        ("PROFIT", "LOSS", "EXPIRED", "VOID"), True
    )
    assert sum(len(result.sessions) > 1 for result in results) > 5
    assert sum(tick.late for result in results for tick in result.ticks) > 30
    assert sum(sum(1 for _ in result.examples()) for result in results) > 300
    assert {reason for result in results for reason in result.not_placed_by_reason} == {"spread", "stale"}
    exact = [t for result in results for t in result.transactions if t.exit in (t.order.upper, t.order.lower)]
    assert len(exact) > 100
