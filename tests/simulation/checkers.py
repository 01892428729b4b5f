"""Checkers of a run that is over. They share no code with the services but the messages' codecs and the registry's
keys: what must be is the oracle's word, what is, is what a reader of committed records gets."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import TypeVar

from services.predictor.refusals import PredictionRefusedError
from tests.simulation.committed import InvariantError, partition_key_of, records, values
from tests.simulation.inputs import ExpectedMarket, second_values
from tests.simulation.services import System
from tests.simulation.trainer_checkers import expected_windows, gate_verdicts, promotions, scorecards, windows
from tidewheel.contracts.codecs.market import decode_dead_letter, decode_second
from tidewheel.contracts.codecs.models import decode_model
from tidewheel.contracts.codecs.orders import decode_example, decode_orders, decode_transaction
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import (
    DEAD_LETTERS,
    EXAMPLES,
    LABELER_STATE,
    ORDERS,
    TICKS,
    TOPICS,
    TRAINING_RUNS,
    TRANSACTIONS,
)
from tidewheel.domain.training import Step
from tidewheel.registry import keys

# Who rejects records of a topic; not the predictor, which only looks.
READERS = {TICKS.name: ("orderbot", "labeler"), ORDERS.name: ("labeler",), EXAMPLES.name: ("trainer",)}
T = TypeVar("T")


def no_open_transactions(system: System) -> None:
    """No transaction is open, so every reader gets to the end of every partition. Asked first: what an open one hides
    is missing everywhere."""
    if system.broker.unsettled:
        raise InvariantError(f"transactions left open: {[one.owner for one in system.broker.unsettled]}")
    for place, partition in system.broker.partitions.items():
        if partition.stable_end != partition.end:
            raise InvariantError(f"{place}: readable up to {partition.stable_end} of {partition.end}")


def seconds(system: System, market: ExpectedMarket) -> None:
    """`ticks`: each second of the market once, in order, so that `seq` has no gap, but for what a fault wrote again."""
    place = partition_key_of(market, TICKS)
    written = records(system, market, TICKS)
    got = [decode_second(record.value) for offset, record in written if (*place, offset) not in system.repeats]
    next_seq = 1
    for second in got:
        if second.first_seq != next_seq:
            raise InvariantError(f"{market.instrument}: seq {second.first_seq} after {next_seq - 1}")
        next_seq += len(second.quotes)
    _same("market seconds", market, [second_values(second) for second in got], market.seconds, lambda one: str(one[1]))


def orders(system: System, market: ExpectedMarket) -> None:
    """`orders`: a record for each second; repeats are the same record and change nothing for a reader who passes over
    seconds that it has seen."""
    first: dict[int, bytes] = {}
    seen, latest = [], -1
    for value in values(system, market, ORDERS):
        second = decode_orders(value).second
        if first.setdefault(second, value) != value:
            raise InvariantError(f"{market.instrument}: two different records of orders of second {second}")
        if second > latest:
            latest = second
            seen.append(value)
    _same("orders", market, seen, market.orders, lambda value: str(decode_orders(value).second))


def labels(system: System, market: ExpectedMarket) -> None:
    """Not one label lost, doubled, changed or out of order; `example_seq` without a gap."""
    transactions = values(system, market, TRANSACTIONS)
    _same("transactions", market, transactions, market.transactions, lambda v: str(decode_transaction(v).order_id))
    examples = values(system, market, EXAMPLES)
    numbers = [decode_example(value).example_seq for value in examples]
    if numbers != list(range(1, len(numbers) + 1)):
        raise InvariantError(f"{market.instrument}: example_seq has a gap or goes back: {numbers}")
    _same("examples", market, examples, market.examples, lambda v: str(decode_example(v).order_id))


def dead_letters(system: System, market: ExpectedMarket) -> None:
    """Each row that is no tick was rejected; a crash may repeat one, but not another row."""
    letters = (decode_dead_letter(value) for value in values(system, market, DEAD_LETTERS))
    letters_seen = {letter.offset for letter in letters}
    if letters_seen != {row.line for row in market.crossed}:
        raise InvariantError(f"{market.instrument}: rejected were lines {sorted(letters_seen)}")


def misplaced_records(system: System) -> None:
    """On no partition of any topic is there a record but those that the checks of some market, or of what strangers
    wrote, look at."""
    known = {
        (*partition_key_of(market, topic), market.instrument.encode())
        for market in system.markets
        for topic in TOPICS.values()
    }
    known |= {(DEAD_LETTERS.name, 0, topic.encode()) for topic in READERS}
    for place, partition in system.broker.partitions.items():
        for offset, record in partition.committed():
            key = record.key or b""
            owner = key.partition(b"|")[0] if place[0] == LABELER_STATE.name else key
            if (*place, owner) not in known and (*place, offset) not in system.poison:
                raise InvariantError(
                    f"{place}: the record at {offset} has key {key!r}, and no market of that key is there"
                )


def poison_pills(system: System) -> None:
    """A record that nobody can read is rejected by each who reads its topic: once by the labeler, whose letters are in
    its transactions, once at least by the others; and nothing else is."""
    letters_seen: Counter[tuple[str, tuple[str, int, int]]] = Counter()
    for _, record in system.broker.partitions[DEAD_LETTERS.name, 0].committed():
        letter = decode_dead_letter(record.value)
        if letter.service == "ingest":
            continue
        place = letter.source, letter.partition, letter.offset
        if place not in system.poison or letter.raw != (system.poison[place] or b""):
            raise InvariantError(f"{letter.service} rejected {place}: {letter.detail}")
        letters_seen[letter.service, place] += 1
    for place in system.poison:
        for service in READERS[place[0]]:
            if not (count := letters_seen.pop((service, place), 0)) or (service == "labeler" and count > 1):
                raise InvariantError(f"{service} rejected {place} {count} times")
    if letters_seen:
        raise InvariantError(f"rejected by those who do not read it: {dict(letters_seen)}")


def causality(system: System, market: ExpectedMarket) -> None:
    """No window closed before its last row was committed: what a transaction may still take back is not learnt from."""
    examples = [record for _, record in records(system, market, EXAMPLES)]
    log = system.broker.partitions[partition_key_of(market, EXAMPLES)].records
    committed = {one.transaction: one.stamp for one in log if one is not None and one.is_marker}
    last = {window.number: examples[window.last_example_seq - 1] for window in expected_windows(system, market)}
    for _, record in records(system, market, TRAINING_RUNS):
        event = decode_run_event(record.value)
        if event.step is Step.WINDOW_CLOSED and event.seq in last:
            row = last[event.seq]
            if record.stamp <= committed.get(row.transaction, row.stamp):
                raise InvariantError(
                    f"{market.instrument}: window {event.seq} closed before its last row was committed"
                )


def pointers(system: System) -> None:
    """Pointers move forward only, unless the epoch grows; so does what predictors serve."""
    moves: dict[str, list[tuple[int, int]]] = {}
    for instrument, epoch, seq in system.store.moves:
        moves.setdefault(instrument, []).append((epoch, seq))
    served = {f"{who} of {name}": [(one.epoch, one.seq) for one in path] for (who, name), path in system.served.items()}
    for who, path in (*moves.items(), *served.items()):
        if any(after <= before for before, after in pairwise(path)):
            raise InvariantError(f"{who}: the pointer moved back: {path}")


def serving(system: System) -> None:
    """In the end every predictor that lives serves each instrument's current model, by its very weights."""
    if not system.predictors:
        raise InvariantError("no predictor lives")
    for name in [market.instrument for market in system.markets]:
        current = system.store.hashes.get(keys.pointer(name, keys.CURRENT))
        if current is None:
            continue
        wanted = int(current["epoch"]), int(current["seq"])
        for who in system.predictors:
            served = system.served[who, name][-1] if (who, name) in system.served else None
            if served is None or (served.epoch, served.seq) != wanted:
                found = (served.epoch, served.seq) if served else "nothing"
                raise InvariantError(f"{who} serves {found} of {name}, pointed at is {wanted}")
            model = decode_model(system.store.values[keys.model(name, served.seq)])
            if (served.scorer.weights != model.coefficients / model.std).any():
                raise InvariantError(f"{who} scores {name} by other weights than those of model {served.seq}")


def predict_now(system: System, market: ExpectedMarket) -> None:
    """In the end every predictor that lives scores the row of an order in the second after the market's last one, by
    the oracle's word, or refuses where the market's past is too short."""
    for who in system.predictors:
        try:
            row = system.row_now(who, market.instrument)
        except PredictionRefusedError as refused:
            raise InvariantError(f"{who} refuses {market.instrument}: {refused}") from refused
        if row != market.features_now:
            wanted = "no row" if market.features_now is None else "the row of an order in the next second"
            raise InvariantError(f"{who} scores {row and row[:20].hex()}… of {market.instrument} instead of {wanted}")


Check = Callable[[System], None]


def _each(checker: Callable[[System, ExpectedMarket], None]) -> Check:
    """The check of every market."""

    @wraps(checker)
    def check_each(system: System) -> None:
        for market in system.markets:
            checker(system, market)

    return check_each


# A check may take for granted what one before it has judged.
CHECKERS: tuple[Check, ...] = (
    *(
        no_open_transactions,
        _each(seconds),
        _each(orders),
        _each(labels),
        _each(dead_letters),
        misplaced_records,
        poison_pills,
    ),
    *(_each(causality), _each(windows), _each(promotions), _each(gate_verdicts), _each(scorecards), pointers, serving),
    _each(predict_now),
)


def check(system: System) -> None:
    """Raises InvariantError at the first promise that was not kept, and says whose check found it."""
    for checker in CHECKERS:
        try:
            checker(system)
        except InvariantError as violation:
            raise InvariantError(f"{checker.__name__}: {violation}") from violation


def _same(what: str, market: ExpectedMarket, got: list[T], wanted: list[T], named: Callable[[T], str]) -> None:
    if got == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    here = [named(one) for one in got[at : at + 3]]
    there = [named(one) for one in wanted[at : at + 3]]
    raise InvariantError(
        f"{market.instrument}: {what} differ from place {at} on: {here} where {there} must stand "
        f"({len(got)} there, {len(wanted)} wanted)"
    )
