"""Judges of a run that is over. They share no code with the services: what must be is the oracle's word, what is, is
what a reader of committed records gets."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from tests.oracle import windows_of
from tests.simulation.inputs import Expected, plain
from tests.simulation.learner import ONE_OF_SO_MANY_FAILS, digest
from tests.simulation.records import Record
from tests.simulation.services import System
from tidewheel.contracts.codecs.market import decode_dead_letter, decode_second
from tidewheel.contracts.codecs.models import decode_model, decode_model_record
from tidewheel.contracts.codecs.orders import decode_example, decode_orders, decode_transaction
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import DEAD_LETTERS, EXAMPLES, ORDERS, TICKS, TRAINING_RUNS, TRANSACTIONS
from tidewheel.domain.models import ModelRecord, Verdict
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry import keys

CLOSING = {Step.PUBLISHED: Verdict.PUBLISHED, Step.REFUSED: Verdict.REFUSED, Step.FAILED: Verdict.FAILED}
# Who sets records of a topic aside; not the predictor, which only looks.
READERS = {TICKS.name: ("orderbot", "labeler"), ORDERS.name: ("labeler",), EXAMPLES.name: ("trainer",)}
T = TypeVar("T")


class Broken(Exception):
    """A promise that was not kept; the message says which."""


def check(system: System) -> None:
    """Raises Broken at the first promise that was not kept."""
    for market in system.markets:
        for checker in (seconds, orders, labels, causality, windows, promotions, dead_letters):
            checker(system, market)
    strangers(system)
    pointers(system)
    nothing_left_open(system)


def _of(system: System, market: Expected, topic: str, partition: int | None = None) -> list[Record]:
    place = topic, market.partition if partition is None else partition
    key = market.instrument.encode()
    return [record for _, record in system.broker.partitions[place].committed() if record.key == key]


def _values(records: list[Record]) -> list[bytes]:
    return [record.value or b"" for record in records]


def seconds(system: System, market: Expected) -> None:
    """`ticks`: each second of the market once, in order, so that `seq` has no gap."""
    got = [decode_second(value) for value in _values(_of(system, market, TICKS.name))]
    next_seq = 1
    for second in got:
        if second.first_seq != next_seq:
            raise Broken(f"{market.instrument}: seq {second.first_seq} after {next_seq - 1}")
        next_seq += len(second.quotes)
    _same("market seconds", market, [plain(second) for second in got], market.seconds, lambda one: str(one[1]))


def orders(system: System, market: Expected) -> None:
    """`orders`: a record for each second; repeats are the same record and change nothing for a reader who passes over
    seconds that it has seen."""
    first: dict[int, bytes] = {}
    seen, latest = [], -1
    for value in _values(_of(system, market, ORDERS.name)):
        second = decode_orders(value).second
        if first.setdefault(second, value) != value:
            raise Broken(f"{market.instrument}: two different records of orders of second {second}")
        if second > latest:
            latest = second
            seen.append(value)
    _same("orders", market, seen, market.orders, lambda value: str(decode_orders(value).second))


def labels(system: System, market: Expected) -> None:
    """Not one label lost, doubled, changed or out of order; `example_seq` without a gap."""
    transactions = _values(_of(system, market, TRANSACTIONS.name))
    _same("transactions", market, transactions, market.transactions, lambda v: str(decode_transaction(v).order_id))
    examples = _values(_of(system, market, EXAMPLES.name))
    numbers = [decode_example(value).example_seq for value in examples]
    if numbers != list(range(1, len(numbers) + 1)):
        raise Broken(f"{market.instrument}: example_seq has a gap or goes back: {numbers}")
    _same("examples", market, examples, market.examples, lambda v: str(decode_example(v).order_id))


def causality(system: System, market: Expected) -> None:
    """No label before the second that decided it was on the log: nothing comes from the future."""
    stamps = [record.stamp for record in _of(system, market, TICKS.name)]
    known = {plain[1]: stamp for plain, stamp in zip(market.seconds, stamps, strict=True)}
    for record, second in zip(_of(system, market, TRANSACTIONS.name), market.resolved_seconds, strict=True):
        if record.stamp <= known[second]:
            raise Broken(f"{market.instrument}: a label of second {second} was written before that second")


def dead_letters(system: System, market: Expected) -> None:
    """Each row that is no tick was set aside; a crash may repeat one, but not another row."""
    letters = (decode_dead_letter(value) for value in _values(_of(system, market, DEAD_LETTERS.name, 0)))
    told = {letter.offset for letter in letters}
    if told != {row.line for row in market.crossed}:
        raise Broken(f"{market.instrument}: set aside were lines {sorted(told)}")


def strangers(system: System) -> None:
    """A record that nobody can read is set aside by each who reads its topic: once by the labeler, whose letters are in
    its transactions, once at least by the others; and nothing else is."""
    told: Counter[tuple[str, tuple[str, int, int]]] = Counter()
    for _, record in system.broker.partitions[DEAD_LETTERS.name, 0].committed():
        letter = decode_dead_letter(record.value)
        if letter.service == "ingest":
            continue
        place = letter.source, letter.partition, letter.offset
        if place not in system.strange or letter.raw != (system.strange[place] or b""):
            raise Broken(f"{letter.service} set {place} aside: {letter.detail}")
        told[letter.service, place] += 1
    for place in system.strange:
        for service in READERS[place[0]]:
            if not (count := told.pop((service, place), 0)) or (service == "labeler" and count > 1):
                raise Broken(f"{service} set {place} aside {count} times")
    if told:
        raise Broken(f"set aside by those who do not read it: {dict(told)}")


def windows(system: System, market: Expected) -> None:
    """Every window ended, with one verdict, and a model of exactly its rows."""
    examples, (size, step) = market.plain_examples, system.windowing
    expected = windows_of([one.label for one in examples], size, step)
    events = _events(system, market)
    store, name = system.store, market.instrument
    if (found := sorted(store.sorted.get(keys.history(name), ()))) != [one.number for one in expected]:
        raise Broken(f"{name}: the registry knows windows {found}, there are {len(expected)}")
    for window in expected:
        record = decode_model_record(store.values[keys.about(name, window.number)])
        said = [event for event in events if event.seq == window.number]
        _spans(market, window.first_example_seq, window.last_example_seq, said)
        rows = examples[window.first_example_seq - 1 : window.last_example_seq]
        seal = digest(window.number, [r.features for r in rows], [r.label for r in rows], [r.order_id for r in rows])
        _verdict(market, window.number, record.verdict, said)
        _model(system, market, record, seal, one_class=window.one_class)


def _events(system: System, market: Expected) -> list[RunEvent]:
    return [decode_run_event(value) for value in _values(_of(system, market, TRAINING_RUNS.name))]


def _spans(market: Expected, first: int, last: int, events: list[RunEvent]) -> None:
    for event in events:
        if event.step is Step.WINDOW_CLOSED and (event.first_example_seq, event.last_example_seq) != (first, last):
            raise Broken(
                f"{market.instrument}: window {event.seq} holds examples {event.first_example_seq} to "
                f"{event.last_example_seq}, not {first} to {last}"
            )


def _verdict(market: Expected, window: int, verdict: Verdict, events: list[RunEvent]) -> None:
    """A crash may repeat the word on a window, not contradict it; that another trainer was first (`stale`) is no word
    on the window."""
    ended = Counter(CLOSING[event.step] for event in events if event.step in CLOSING and event.reason != "stale")
    if set(ended) != {verdict}:
        raise Broken(f"{market.instrument}: window {window} is {verdict} in the registry, told was {dict(ended)}")


def _model(system: System, market: Expected, record: ModelRecord, seal: bytes, *, one_class: bool) -> None:
    window, verdict, fails = record.seq, record.verdict, seal[0] % ONE_OF_SO_MANY_FAILS == 0
    if one_class and verdict is not Verdict.REFUSED:
        raise Broken(f"{market.instrument}: window {window} holds one class and is {verdict}")
    if not one_class and fails != (verdict is Verdict.FAILED):
        raise Broken(f"{market.instrument}: window {window} is {verdict}, the learner {'fails' if fails else 'works'}")
    payload = system.store.values.get(keys.model(market.instrument, window))
    if (payload is not None) != _kept(record):
        raise Broken(f"{market.instrument}: window {window} is {verdict}, and its model is {payload and 'there'}")
    if payload is not None and decode_model(payload).coefficients[6] != int.from_bytes(seal[2:8], "little") / 2**80:
        raise Broken(f"{market.instrument}: the model of window {window} was made of other rows")


def _kept(record: ModelRecord) -> bool:
    return record.verdict is Verdict.PUBLISHED or record.reason == "not_proven"


def promotions(system: System, market: Expected) -> None:
    """The trainer points at published models only, the candidate is the newest model that is not proven, and each model
    was judged beside one that served."""
    store, name = system.store, market.instrument
    records = [
        decode_model_record(store.values[keys.about(name, seq)])
        for seq in sorted(store.sorted.get(keys.history(name), ()))
    ]
    moves = [(epoch, seq) for instrument, epoch, seq in store.moves if instrument == name]
    by_hand = {(epoch, seq) for (before, _), (epoch, seq) in pairwise([(1, 0), *moves]) if epoch != before}
    by_trainer = {seq for epoch, seq in moves if (epoch, seq) not in by_hand}
    published = {record.seq for record in records if record.verdict is Verdict.PUBLISHED}
    if by_trainer != published:
        raise Broken(f"{name}: published are {sorted(published)}, the trainer pointed at {sorted(by_trainer)}")
    kept_back = [record.seq for record in records if record.reason == "not_proven"]
    if kept_back and system.promotion != "proven":
        raise Broken(f"{name}: {kept_back} are not proven, and nobody asked")
    newest = max((seq for _, seq in moves), default=0)
    wanted = max((seq for seq in kept_back if seq > newest), default=0)
    found = int(store.hashes.get(keys.pointer(name, keys.CANDIDATE), {}).get("seq", 0))
    if found != wanted:
        raise Broken(f"{name}: the candidate is {found}, the newest model that is not proven {wanted}")
    for record in records:
        if (rival := record.rival) and (rival.seq >= record.seq or rival.seq not in {seq for _, seq in moves}):
            raise Broken(f"{name}: model {record.seq} was judged beside {rival.seq}, which did not serve then")


def pointers(system: System) -> None:
    """Pointers move forward only, unless the epoch grows; so does what predictors serve; in the end both agree."""
    moves: dict[str, list[tuple[int, int]]] = {}
    for instrument, epoch, seq in system.store.moves:
        moves.setdefault(instrument, []).append((epoch, seq))
    for who, path in (*moves.items(), *system.served.items()):
        if any(after <= before for before, after in pairwise(path)):
            raise Broken(f"{who}: the pointer moved back: {path}")
    for who, path in system.served.items():
        if who.startswith(system.predictor) and path[-1] != moves[who.partition(" ")[2]][-1]:
            raise Broken(f"{who} serves {path[-1]}, pointed at is {moves[who.partition(' ')[2]][-1]}")


def nothing_left_open(system: System) -> None:
    """No transaction is open, so every reader gets to the end of every partition."""
    if system.broker.unsettled:
        raise Broken(f"transactions left open: {[one.owner for one in system.broker.unsettled]}")
    for place, partition in system.broker.partitions.items():
        if partition.stable_end != partition.end:
            raise Broken(f"{place}: readable up to {partition.stable_end} of {partition.end}")


def _same(what: str, market: Expected, got: list[T], wanted: list[T], named: Callable[[T], str]) -> None:
    if got == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    here = [named(one) for one in got[at : at + 3]]
    there = [named(one) for one in wanted[at : at + 3]]
    raise Broken(
        f"{market.instrument}: {what} differ from place {at} on: {here} where {there} must stand "
        f"({len(got)} there, {len(wanted)} wanted)"
    )
