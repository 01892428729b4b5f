"""Faults planted into the services, one at a time: proof that the simulation can fail, and how soon it does."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from services.ingest import app as ingest_app
from services.ingest.publisher import Publisher
from services.labeler.core import Labeler
from services.labeler.history import History
from services.labeler.partition import Partition
from services.labeler.work import LabelerWork
from services.orderbot.progress import Progress
from services.predictor.watcher import Watcher
from services.trainer import scorecard
from services.trainer.events import RunEvents
from services.trainer.ledger import Ledger
from services.trainer.recall import Recall
from services.trainer.service import Service
from services.trainer.worker import Worker
from tests.simulation import runs, wrong
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.orderbots import FaustLike
from tests.simulation.runs import Outcome
from tests.simulation.sending import ClientLog
from tidewheel.domain.training import Step
from tidewheel.runtime.transaction_policy import Policy
from tidewheel.runtime.transactional import TransactionalLoop


@dataclass(frozen=True)
class Planted:
    """`seed`: the first that finds it, when this was written; a change may make it another. `found_as`: words of its
    failure, the checker's name where one finds it; a run that fails in other words has not found it."""

    seed: int
    name: str
    found_as: str
    plant: Callable[[], AbstractContextManager[Any]]


PLANTED = (
    Planted(
        1,
        "orderbot: commits one record too far",
        "orders: ",
        wrong.instead(Progress, "take_committable", wrong.commit_one_too_far),
    ),
    Planted(
        1,
        "orderbot: commits what came, delivered or not",
        "orders: ",
        wrong.instead(Progress, "take_committable", wrong.commit_what_came),
    ),
    Planted(
        5,
        "orderbot: sends on behind a record that was given up",
        "orders: ",
        wrong.instead(FaustLike, "give_up", wrong.nothing),
    ),
    Planted(
        0,
        "ingest: does not look at its log",
        "seconds: ",
        lambda: patch.object(ingest_app, "last_second", lambda *_: None),
    ),
    Planted(
        0,
        "labeler: goes on after an abort without going back",
        "labels: ",
        wrong.instead(TransactionalLoop, "_rewind", wrong.nothing),
    ),
    Planted(
        0,
        "labeler: offsets beside the transaction",
        "labels: ",
        wrong.instead(TransactionalLoop, "_send_offsets", wrong.offsets_beside),
    ),
    Planted(
        66,
        "labeler: begins again after an uncertain end",
        "labels: ",
        wrong.instead(ClientLog, "line", wrong.calm_lines),
    ),
    Planted(
        0,
        "labeler: takes records from before a rebalance",
        "NotTakenUp: a record of ",
        wrong.instead(TransactionalLoop, "_turn", wrong.go_on_after_rebalance),
    ),
    Planted(
        35,
        "labeler: ends of a consumer that is fenced by itself",
        "gave up: another labeler with the same name has taken over",
        wrong.instead(TransactionalLoop, "_join_again", wrong.replaced),
    ),
    Planted(
        2,
        "labeler: ends where another transaction would do",
        "Kafka cannot be used (_STATE)",
        wrong.instead(TransactionalLoop, "_start_over", wrong.never_give_up),
    ),
    Planted(
        13,
        "labeler: forgets what was set aside",
        "strangers: ",
        wrong.instead(LabelerWork, "restore", wrong.nothing_set_aside),
    ),
    Planted(
        6, "trainer: a bad record is passed over", "strangers: ", wrong.instead(RunEvents, "produce", wrong.no_letters)
    ),
    Planted(2, "labeler: writes again what is written", "labels: ", wrong.instead(Labeler, "replay_to", wrong.nothing)),
    Planted(
        2,
        "labeler: a snapshot forgets what waits",
        "labels made again up to second ",
        wrong.instead(Partition, "_first_waiting", wrong.without_waiting),
    ),
    Planted(
        0,
        "labeler: no state in the transaction",
        "labels: ",
        wrong.instead(Partition, "complete", lambda right: lambda _: iter(())),
    ),
    Planted(0, "labeler: features one second late", "labels: ", wrong.instead(History, "cut", wrong.shifted)),
    Planted(
        19,
        "labeler: state read to the stable end only",
        "labels: ",
        wrong.instead(SimAdmin, "list_offsets", wrong.stable_ends),
    ),
    Planted(
        0, "all: uncommitted records are read", "labels: ", wrong.instead(SimConsumer, "__init__", wrong.uncommitted)
    ),
    Planted(
        4, "trainer: commits past unfinished windows", "windows: ", wrong.instead(Service, "_unfinished", wrong.no_jobs)
    ),
    Planted(
        4,
        "trainer: commits nothing of what is to be remembered",
        "windows: ",
        wrong.instead(Recall, "place", wrong.nothing_remembered),
    ),
    Planted(
        7,
        "trainer: another word on a window after a restart",
        "windows: ",
        wrong.instead(Worker, "_repeated", wrong.another_word),
    ),
    Planted(
        1,
        "trainer: a candidate without its bytes",
        "windows: ",
        wrong.instead(Ledger, "publish_candidate", wrong.bytes_forgotten),
    ),
    Planted(
        0,
        "trainer: a model judged beside itself or a later one",
        "promotions: ",
        wrong.instead(Worker, "_rival", wrong.whoever_serves),
    ),
    Planted(30, "registry: no fence", "pointers: ", wrong.no_fence),
    Planted(1, "ingest: sets nothing aside", "dead_letters: ", wrong.instead(Publisher, "rejected", wrong.nothing)),
    Planted(
        0,
        "labeler: every label on the other partition too",
        "strays: ",
        wrong.instead(LabelerWork, "_write", wrong.twice(lambda number: 1 - number)),
    ),
    Planted(
        0,
        "labeler: every label under an empty key too",
        "strays: ",
        wrong.instead(LabelerWork, "_write", wrong.twice(lambda number: number, b"")),
    ),
    Planted(
        1,
        "labeler: commits when there is much, not when time has passed",
        "nothing_left_open: ",
        wrong.instead(Policy, "due", wrong.by_count_only),
    ),
    Planted(
        0,
        "trainer: uncommitted examples are read",
        "causality: ",
        wrong.instead(SimConsumer, "__init__", wrong.trainer_uncommitted),
    ),
    Planted(
        0,
        "trainer: does not say that a window closed",
        "windows: ",
        wrong.instead(RunEvents, "write", wrong.silent(Step.WINDOW_CLOSED)),
    ),
    Planted(
        0, "trainer: records without offsets", "windows: ", wrong.instead(Worker, "_record", wrong.without_offsets)
    ),
    Planted(
        7, "trainer: another sha256 after a restart", "windows: ", wrong.instead(Worker, "_say", wrong.another_sha256)
    ),
    Planted(0, "trainer: refuses every model", "rulings: ", wrong.instead(Worker, "_gate", wrong.refuse_all)),
    Planted(
        1, "trainer: forgets what was judged", "rulings: ", wrong.instead(Ledger, "judged", lambda right: lambda *_: [])
    ),
    Planted(
        0,
        "trainer: no scorecard in the registry",
        "scorecards: ",
        wrong.instead(Ledger, "put_scorecard", wrong.nothing),
    ),
    Planted(
        0,
        "trainer: no event of a scorecard",
        "scorecards: ",
        wrong.instead(RunEvents, "write", wrong.silent(Step.SCORED)),
    ),
    Planted(
        0,
        "trainer: a model judged on rows placed before its window closed",
        "scorecards: ",
        wrong.instead(scorecard, "rows_after", lambda right: lambda _, following: following),
    ),
    Planted(
        21, "trainer: a model judged beside nothing", "scorecards: ", wrong.instead(Worker, "_rival", wrong.nothing)
    ),
    Planted(0, "predictor: never looks at the registry", "serving: ", wrong.instead(Watcher, "turn", wrong.nothing)),
    Planted(
        0, "predictor: keeps its first model", "serving: ", wrong.instead(Watcher, "_swap", wrong.first_model_only)
    ),
    Planted(
        0,
        "predictor: new names on old weights",
        "by other weights",
        wrong.instead(Watcher, "_swap", wrong.older_weights),
    ),
    Planted(
        7,
        "predictor: goes back to its first model for a while",
        "pointers: ",
        wrong.instead(Watcher, "_swap", wrong.first_model_again),
    ),
)


def find(planted: Planted, seeds: Iterable[int]) -> Outcome | None:
    """The first run that fails with it, be it for another reason."""
    with planted.plant():
        for seed in seeds:
            outcome = runs.run(seed)
            if outcome.failure:
                return outcome
    return None
