"""Mutation tests of the simulation: a fault in a service, one at a time, proves that a check can fail, and how soon."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from services.ingest import app as ingest_app
from services.ingest.publisher import Publisher
from services.labeler.app import LabelerProcessor
from services.labeler.core import Labeler
from services.labeler.history import History
from services.labeler.partition import Partition
from services.orderbot.offset_tracker import OffsetTracker
from services.predictor.history import MarketViews, PriceHistory
from services.predictor.watcher import Watcher
from services.trainer.app import TrainerApp
from services.trainer.promotion import scorecard
from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.ledger import Ledger
from services.trainer.windows.replay import Replay
from services.trainer.worker import Worker
from tests.simulation import mutations, runs
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.orderbots import FakeFaustApp
from tests.simulation.request_sender import ClientLog
from tests.simulation.runs import RunOutcome
from tidewheel.domain.training import Step
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import TransactionalLoop


@dataclass(frozen=True)
class Mutant:
    """`seed`: the first that finds it, when this was written; a change may make it another. `killed_by`: words of its
    failure, the checker's name where one finds it; a run that fails in other words has not found it."""

    seed: int
    name: str
    killed_by: str
    apply: Callable[[], AbstractContextManager[Any]]


MUTANTS = (
    Mutant(
        1,
        "orderbot: commits one record too far",
        "orders: ",
        mutations.instead(OffsetTracker, "take_committable", mutations.commit_one_too_far),
    ),
    Mutant(
        1,
        "orderbot: commits what was received, delivered or not",
        "orders: ",
        mutations.instead(OffsetTracker, "take_committable", mutations.commit_what_was_received),
    ),
    Mutant(
        5,
        "orderbot: sends on behind a record that was given up",
        "orders: ",
        mutations.instead(FakeFaustApp, "abort_sends", mutations.nothing),
    ),
    Mutant(
        0,
        "ingest: does not look at its log",
        "seconds: ",
        lambda: patch.object(ingest_app, "last_second", lambda *_: None),
    ),
    Mutant(
        0,
        "labeler: goes on after an abort without going back",
        "labels: ",
        mutations.instead(TransactionalLoop, "_rewind", mutations.nothing),
    ),
    Mutant(
        0,
        "labeler: offsets beside the transaction",
        "labels: ",
        mutations.instead(TransactionalLoop, "_send_offsets", mutations.offsets_beside),
    ),
    Mutant(
        66,
        "labeler: begins again after an uncertain end",
        "labels: ",
        mutations.instead(ClientLog, "write_line", mutations.calm_lines),
    ),
    Mutant(
        0,
        "labeler: takes records from before a rebalance",
        "PartitionNotAssignedError: a record of ",
        mutations.instead(TransactionalLoop, "_poll_once", mutations.go_on_after_rebalance),
    ),
    Mutant(
        32,
        "labeler: ends of a consumer that is fenced by itself",
        "gave up: another labeler with the same name has taken over",
        mutations.instead(TransactionalLoop, "_rejoin", mutations.replaced),
    ),
    Mutant(
        2,
        "labeler: ends where another transaction would do",
        "Kafka cannot be used (_STATE)",
        mutations.instead(TransactionalLoop, "_abort_and_retry", mutations.never_give_up),
    ),
    Mutant(
        9,
        "labeler: forgets what was set aside",
        "poison_pills: ",
        mutations.instead(LabelerProcessor, "on_assigned", mutations.nothing_set_aside),
    ),
    Mutant(
        6,
        "trainer: a bad record is passed over",
        "poison_pills: ",
        mutations.instead(RunEventProducer, "produce", mutations.no_letters),
    ),
    Mutant(
        2,
        "labeler: writes again what is written",
        "labels: ",
        mutations.instead(Labeler, "replay_to", mutations.nothing),
    ),
    Mutant(
        2,
        "labeler: a snapshot forgets what waits",
        "labels made again up to second ",
        mutations.instead(Partition, "_first_buffered", mutations.without_waiting),
    ),
    Mutant(
        0,
        "labeler: no state in the transaction",
        "labels: ",
        mutations.instead(Partition, "checkpoint_records", lambda right: lambda _: iter(())),
    ),
    Mutant(
        2,
        "labeler: takes a repeat for a new second",
        "labels: ",
        mutations.instead(Labeler, "on_second", mutations.repeats_are_new),
    ),
    Mutant(
        0,
        "labeler: features one second late",
        "labels: ",
        mutations.instead(History, "extract_features", mutations.shifted),
    ),
    Mutant(
        12,
        "labeler: state read to the stable end only",
        "labels: ",
        mutations.instead(SimAdmin, "list_offsets", mutations.stable_ends),
    ),
    Mutant(
        0,
        "all: uncommitted records are read",
        "labels: ",
        mutations.instead(SimConsumer, "__init__", mutations.uncommitted),
    ),
    Mutant(
        9,
        "trainer: commits past unfinished windows",
        "windows: ",
        mutations.instead(TrainerApp, "_unfinished", mutations.no_jobs),
    ),
    Mutant(
        9,
        "trainer: commits nothing of what is to be remembered",
        "windows: ",
        mutations.instead(Replay, "place", mutations.nothing_remembered),
    ),
    Mutant(
        30,
        "trainer: another word on a window after a restart",
        "windows: ",
        mutations.instead(Worker, "_repeated", mutations.another_word),
    ),
    Mutant(
        1,
        "trainer: a candidate without its bytes",
        "windows: ",
        mutations.instead(Ledger, "publish_candidate", mutations.bytes_forgotten),
    ),
    Mutant(
        0,
        "trainer: a model judged beside itself or a later one",
        "promotions: ",
        mutations.instead(Worker, "_champion", mutations.whoever_serves),
    ),
    Mutant(30, "registry: no fence", "pointers: ", mutations.no_fence),
    Mutant(
        1,
        "ingest: sets nothing aside",
        "dead_letters: ",
        mutations.instead(Publisher, "publish_rejected", mutations.nothing),
    ),
    Mutant(
        0,
        "labeler: every label on the other partition too",
        "misplaced_records: ",
        mutations.instead(LabelerProcessor, "_produce_outputs", mutations.twice(lambda number: 1 - number)),
    ),
    Mutant(
        0,
        "labeler: every label under an empty key too",
        "misplaced_records: ",
        mutations.instead(LabelerProcessor, "_produce_outputs", mutations.twice(lambda number: number, b"")),
    ),
    Mutant(
        1,
        "labeler: commits when there is much, not when time has passed",
        "no_open_transactions: ",
        mutations.instead(TransactionPolicy, "should_commit", mutations.by_count_only),
    ),
    Mutant(
        0,
        "trainer: uncommitted examples are read",
        "causality: ",
        mutations.instead(SimConsumer, "__init__", mutations.trainer_uncommitted),
    ),
    Mutant(
        0,
        "trainer: does not say that a window closed",
        "windows: ",
        mutations.instead(RunEventProducer, "write", mutations.silent(Step.WINDOW_CLOSED)),
    ),
    Mutant(
        0,
        "trainer: records without offsets",
        "windows: ",
        mutations.instead(Worker, "_record", mutations.without_offsets),
    ),
    Mutant(
        30,
        "trainer: another sha256 after a restart",
        "windows: ",
        mutations.instead(Worker, "_emit", mutations.another_sha256),
    ),
    Mutant(
        0, "trainer: refuses every model", "gate_verdicts: ", mutations.instead(Worker, "_gate", mutations.refuse_all)
    ),
    Mutant(
        1,
        "trainer: forgets what was judged",
        "gate_verdicts: ",
        mutations.instead(Ledger, "judged", lambda right: lambda *_: []),
    ),
    Mutant(
        0,
        "trainer: no scorecard in the registry",
        "scorecards: ",
        mutations.instead(Ledger, "put_scorecard", mutations.nothing),
    ),
    Mutant(
        0,
        "trainer: no event of a scorecard",
        "scorecards: ",
        mutations.instead(RunEventProducer, "write", mutations.silent(Step.SCORED)),
    ),
    Mutant(
        0,
        "trainer: a model judged on rows placed before its window closed",
        "scorecards: ",
        mutations.instead(scorecard, "rows_after", lambda right: lambda _, following: following),
    ),
    Mutant(
        2,
        "trainer: a model judged beside nothing",
        "scorecards: ",
        mutations.instead(Worker, "_champion", mutations.nothing),
    ),
    Mutant(
        0,
        "predictor: never looks at the registry",
        "serving: ",
        mutations.instead(Watcher, "poll_once", mutations.nothing),
    ),
    Mutant(
        0,
        "predictor: keeps its first model",
        "serving: ",
        mutations.instead(Watcher, "_swap", mutations.first_model_only),
    ),
    Mutant(
        0,
        "predictor: new names on old weights",
        "by other weights",
        mutations.instead(Watcher, "_swap", mutations.older_weights),
    ),
    Mutant(
        0,
        "predictor: goes back to its first model for a while",
        "pointers: ",
        mutations.instead(Watcher, "_swap", mutations.first_model_again),
    ),
    Mutant(
        1,
        "predictor: takes an older second for a newer one",
        "predict_now: ",
        mutations.instead(PriceHistory, "add", mutations.newest_is_what_came_last),
    ),
    Mutant(
        0,
        "predictor: shows a market once and no more",
        "predict_now: ",
        mutations.instead(MarketViews, "put", mutations.first_view_only),
    ),
)


def find(mutant: Mutant, seeds: Iterable[int]) -> RunOutcome | None:
    """The first run that fails with it, be it for another reason."""
    with mutant.apply():
        for seed in seeds:
            outcome = runs.run(seed)
            if outcome.failure:
                return outcome
    return None
