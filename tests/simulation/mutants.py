"""Mutation tests of the simulation: a fault in a service, one at a time, proves that a check can fail, and how soon."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
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
from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.models.follower import Follower
from services.predictor.models.watcher import Watcher
from services.trainer.app import TrainerApp
from services.trainer.promotion import scorecard
from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.ledger import Ledger
from services.trainer.windows.replay import Replay
from services.trainer.worker import Worker
from tests.simulation import mutations as to
from tests.simulation import runs
from tests.simulation.clients import SimAdmin
from tests.simulation.consumer import SimConsumer
from tests.simulation.orderbots import FakeFaustApp
from tests.simulation.redis_memory import Store
from tests.simulation.request_sender import ClientLog
from tests.simulation.runs import RunOutcome
from tidewheel.domain.training import Step
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import TransactionalLoop

Patch = tuple[Any, str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Mutant:
    """`seed`: the first that finds it, when this was written; a change may make it another. `killed_by`: words of its
    failure, the checker's name where one finds it; a run that fails in other words has not found it. `method` of
    `owner` is what `made` makes of the right one; `beside`: others that are changed with it."""

    seed: int
    name: str
    killed_by: str
    owner: Any
    method: str
    made: Callable[[Any], Any]
    beside: tuple[Patch, ...] = ()

    @contextmanager
    def apply(self) -> Iterator[None]:
        """The fault, as long as it is open."""
        with ExitStack() as stack:
            for owner, name, made in ((self.owner, self.method, self.made), *self.beside):
                stack.enter_context(patch.object(owner, name, made(getattr(owner, name))))
            yield


# The script forgets to compare, and neither does the trainer ask what was published before.
NO_QUESTION: tuple[Patch, ...] = ((Worker, "_repeated", to.nothing),)
MUTANTS = (
    Mutant(
        1, "orderbot: commits one record too far", "orders: ", OffsetTracker, "take_committable", to.commit_one_too_far
    ),
    Mutant(
        1,
        "orderbot: commits what was received, delivered or not",
        "orders: ",
        OffsetTracker,
        "take_committable",
        to.commit_what_was_received,
    ),
    Mutant(
        134, "orderbot: sends on behind a record that was given up", "orders: ", FakeFaustApp, "abort_sends", to.nothing
    ),
    Mutant(0, "ingest: does not look at its log", "seconds: ", ingest_app, "last_second", to.nothing),
    Mutant(
        0, "labeler: goes on after an abort without going back", "labels: ", TransactionalLoop, "_rewind", to.nothing
    ),
    Mutant(
        0, "labeler: offsets beside the transaction", "labels: ", TransactionalLoop, "_send_offsets", to.offsets_beside
    ),
    Mutant(66, "labeler: begins again after an uncertain end", "labels: ", ClientLog, "write_line", to.calm_lines),
    Mutant(
        0,
        "labeler: takes records from before a rebalance",
        "PartitionNotAssignedError: a record of ",
        TransactionalLoop,
        "_poll_once",
        to.go_on_after_rebalance,
    ),
    Mutant(
        32,
        "labeler: ends of a consumer that is fenced by itself",
        "gave up: another labeler with the same name has taken over",
        TransactionalLoop,
        "_rejoin",
        to.replaced,
    ),
    Mutant(
        2,
        "labeler: ends where another transaction would do",
        "Kafka cannot be used (_STATE)",
        TransactionalLoop,
        "_abort_and_retry",
        to.never_give_up,
    ),
    Mutant(
        9,
        "labeler: forgets what was rejected",
        "poison_pills: ",
        LabelerProcessor,
        "on_assigned",
        to.nothing_rejected,
    ),
    Mutant(6, "trainer: a bad record is passed over", "poison_pills: ", RunEventProducer, "produce", to.no_letters),
    Mutant(3, "labeler: writes again what is written", "labels: ", Labeler, "replay_to", to.nothing),
    Mutant(
        2,
        "labeler: a snapshot forgets what waits",
        "labels made again up to second ",
        Partition,
        "_first_buffered",
        to.without_waiting,
    ),
    Mutant(
        0,
        "labeler: no state in the transaction",
        "labels: ",
        Partition,
        "checkpoint_records",
        lambda right: lambda _: iter(()),
    ),
    Mutant(2, "labeler: takes a repeat for a new second", "labels: ", Labeler, "on_second", to.repeats_are_new),
    Mutant(0, "labeler: features one second late", "labels: ", History, "extract_features", to.shifted),
    Mutant(12, "labeler: state read to the stable end only", "labels: ", SimAdmin, "list_offsets", to.stable_ends),
    Mutant(0, "all: uncommitted records are read", "labels: ", SimConsumer, "__init__", to.uncommitted),
    Mutant(9, "trainer: commits past unfinished windows", "windows: ", TrainerApp, "_unfinished", to.no_jobs),
    Mutant(
        9, "trainer: commits nothing of what is to be remembered", "windows: ", Replay, "place", to.nothing_remembered
    ),
    Mutant(30, "trainer: another word on a window after a restart", "windows: ", Worker, "_repeated", to.another_word),
    Mutant(1, "trainer: a candidate without its bytes", "windows: ", Ledger, "publish_candidate", to.bytes_forgotten),
    Mutant(
        0,
        "trainer: a model judged beside itself or a later one",
        "promotions: ",
        Worker,
        "_champion",
        to.whoever_serves,
    ),
    Mutant(30, "registry: no fence", "pointers: ", Store, "fence_default", to.switched_off, NO_QUESTION),
    Mutant(1, "ingest: rejects nothing", "dead_letters: ", Publisher, "publish_rejected", to.nothing),
    Mutant(
        0,
        "labeler: every label on the other partition too",
        "misplaced_records: ",
        LabelerProcessor,
        "_produce_outputs",
        to.twice(lambda number: 1 - number),
    ),
    Mutant(
        0,
        "labeler: every label under an empty key too",
        "misplaced_records: ",
        LabelerProcessor,
        "_produce_outputs",
        to.twice(lambda number: number, b""),
    ),
    Mutant(
        1,
        "labeler: commits when there is much, not when time has passed",
        "no_open_transactions: ",
        TransactionPolicy,
        "should_commit",
        to.by_count_only,
    ),
    Mutant(
        17, "trainer: uncommitted examples are read", "causality: ", SimConsumer, "__init__", to.trainer_uncommitted
    ),
    Mutant(
        0,
        "trainer: does not say that a window closed",
        "windows: ",
        RunEventProducer,
        "write",
        to.silent(Step.WINDOW_CLOSED),
    ),
    Mutant(0, "trainer: records without offsets", "windows: ", Worker, "_record", to.without_offsets),
    Mutant(30, "trainer: another sha256 after a restart", "windows: ", Worker, "_publish", to.another_sha256),
    Mutant(0, "trainer: refuses every model", "gate_verdicts: ", Worker, "_gate", to.refuse_all),
    Mutant(1, "trainer: forgets what was judged", "gate_verdicts: ", Ledger, "judged", lambda right: lambda *_: []),
    Mutant(0, "trainer: no scorecard in the registry", "scorecards: ", Ledger, "put_scorecard", to.nothing),
    Mutant(0, "trainer: no event of a scorecard", "scorecards: ", RunEventProducer, "write", to.silent(Step.SCORED)),
    Mutant(
        0,
        "trainer: a model judged on rows placed before its window closed",
        "scorecards: ",
        scorecard,
        "rows_after",
        lambda right: lambda _, following: following,
    ),
    Mutant(2, "trainer: a model judged beside nothing", "scorecards: ", Worker, "_champion", to.nothing),
    Mutant(0, "predictor: never looks at the registry", "serving: ", Watcher, "poll_once", to.nothing),
    Mutant(0, "predictor: keeps its first model", "serving: ", Follower, "take", to.first_model_only),
    Mutant(0, "predictor: new names on old weights", "by other weights", Follower, "take", to.older_weights),
    Mutant(
        0, "predictor: goes back to its first model for a while", "pointers: ", Follower, "take", to.first_model_again
    ),
    Mutant(
        1,
        "predictor: takes an older second for a newer one",
        "predict_now: ",
        PriceHistory,
        "add",
        to.newest_is_what_came_last,
    ),
    Mutant(0, "predictor: shows a market once and no more", "predict_now: ", MarketViews, "put", to.first_view_only),
)


def find(mutant: Mutant, seeds: Iterable[int]) -> RunOutcome | None:
    """The first run that fails with it, be it for another reason."""
    with mutant.apply():
        for seed in seeds:
            outcome = runs.run(seed)
            if outcome.failure:
                return outcome
    return None
