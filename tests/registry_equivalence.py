"""The trainer's ledger on two registries at once: the same calls, and all that the trainer reads of either."""

import logging
import threading
from dataclasses import replace
from random import Random

from services.trainer.modelling.assembly import Candidate
from services.trainer.runs.ledger import Ledger, Store
from tests.synthetic_models import CARD, INSTRUMENT, make_model, published
from tests.synthetic_rows import market
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.models import Champion, Model, ModelRecord, Verdict
from tidewheel.registry.store import Publication

CALLS, SEQ_MAX = 120, 9
ROWS = market(1, 60).part(0, 10)
KINDS = ("publish", "candidate", "record", "scorecard", "scorecard")


def ledger_on(store: Store) -> Ledger:
    return Ledger(store, threading.Event(), logging.getLogger("trainer"))


def assert_equivalent(one: Store, other: Store, seed: int) -> None:
    """Calls drawn by a seed, as a trainer makes them, get the same answers from both, and leave the same behind."""
    chance, ledgers = Random(seed), (ledger_on(one), ledger_on(other))
    answers = set()
    for number in range(CALLS):
        newest = 1 + number * SEQ_MAX // CALLS
        call = chance.choice(KINDS), chance.randint(max(1, newest - 2), newest), chance.choice((0, 0, 1))
        answers_of = [result_of(ledger, *call) for ledger in ledgers]
        assert answers_of[0] == answers_of[1], call
        assert state_of(ledgers[0], one) == state_of(ledgers[1], other), call
        answers.add(answers_of[0])
    assert answers >= {*Publication, True, None}


def candidate_of(seq: int, salt: int) -> tuple[Candidate, ModelRecord]:
    payload, record = published(seq, salt=salt)
    return Candidate(make_model(seq, salt=salt), payload, None, ROWS), record


def result_of(ledger: Ledger, kind: str, seq: int, salt: int) -> object:
    """What a call of the trainer's answers."""
    candidate, record = candidate_of(seq, salt)
    if kind == "publish":
        return ledger.publish(candidate, record)
    if kind == "candidate":
        kept = replace(record, verdict=Verdict.REFUSED, reason="not_proven")
        return ledger.publish_candidate(candidate, kept)
    if kind == "record":
        return ledger.put_record(replace(record, sha256="", verdict=Verdict.REFUSED, reason="one_class"))
    champion = Champion(1, 9, 4) if salt else None
    ledger.put_scorecard(INSTRUMENT, seq, replace(CARD, flagged=20 + salt, hits=10 + salt), champion)
    return None


def encoded(model: Model | None) -> bytes | None:
    return encode_model(model) if model else None


def state_of(ledger: Ledger, registry: Store) -> list[object]:
    """All that the trainer reads."""
    pointers = [registry.current(INSTRUMENT), registry.candidate(INSTRUMENT)]
    records = [ledger.record_of(INSTRUMENT, seq) for seq in range(1, SEQ_MAX + 1)]
    return [
        *[pointer and replace(pointer, pointed_at_ns=0, born_ns=0) for pointer in pointers],
        *records,
        *[record and ledger.points_at(record) for record in records],
        *[encoded(ledger.kept(INSTRUMENT, seq)) for seq in range(1, SEQ_MAX + 1)],
        *[encoded(ledger.newest_model(INSTRUMENT, seq)) for seq in (3, SEQ_MAX + 1)],
        encoded(ledger.served(INSTRUMENT)),
        ledger.newest_run(INSTRUMENT),
        *[(ledger.scorecards(INSTRUMENT, seq), ledger.account(INSTRUMENT, seq)) for seq in (4, SEQ_MAX + 1)],
        ledger.judged(INSTRUMENT, SEQ_MAX + 1),
    ]
