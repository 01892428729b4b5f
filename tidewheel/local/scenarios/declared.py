"""Every scenario: what it does, what to watch, and which alert is to fire. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tidewheel.domain.market_events import EventKind

KILLS = 3


class Step(StrEnum):
    """What dashboards mark of a scenario: its begin, the fault that is there, its alert, the fault undone, its end."""

    BEGINS = "begins"
    FAULT = "fault"
    FIRES = "fires"
    UNDONE = "undone"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Paused:
    """A server of the run stands still, and keeps its connections: SIGSTOP, then SIGCONT."""

    process: str


@dataclass(frozen=True, slots=True)
class Killed:
    """A service is killed, and again when it is back: so many times in all."""

    process: str
    times: int


@dataclass(frozen=True, slots=True)
class Poisoned:
    """The pointer to the serving model names a checksum that no model has."""


@dataclass(frozen=True, slots=True)
class Market:
    """Something happens to the simulated market. `lasts_s`: wall clock, None for good."""

    event: EventKind
    lasts_s: int | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """`what` it does and how that ends, `watch`: dashboard's title -> questions of its panels. `alert` is to fire
    within `fires_s` of the fault, and to be over within `over_s` after it. `tolerated`: alert -> why it may fire
    too."""

    name: str
    what: str
    fault: Paused | Killed | Poisoned | Market
    watch: Mapping[str, tuple[str, ...]]
    alert: str
    fires_s: int
    over_s: int
    tolerated: Mapping[str, str] = field(default_factory=dict)


OVERVIEW, MARKET, LEARNING = "Tidewheel: overview", "Tidewheel: market and labels", "Tidewheel: learning"
SERVING, MACHINE = "Tidewheel: serving", "Tidewheel: Kafka, Redis and processes"

BY_ITSELF = {
    "EdgeGone": "it comes by itself too: a false alarm in fifty windows at most, in the mean, for ten minutes",
}

DECLARED = (
    Scenario(
        "redis-away",
        "Redis stands still until RedisAway fires, some 75 s. Models that are made wait, and are published in order "
        "when it is back; the predictor serves on with the model it has.",
        Paused("redis"),
        {
            OVERVIEW: ("Which alerts fire?", "When was the serving model published?"),
            MACHINE: ("Does Redis answer?",),
        },
        "RedisAway",
        fires_s=180,
        over_s=120,
        tolerated=BY_ITSELF,
    ),
    Scenario(
        "broker-paused",
        "Kafka stands still until KafkaAway fires, some 75 s. Market time stands still with it, and goes on when it is "
        "back; nothing that was confirmed is lost.",
        Paused("kafka"),
        {
            OVERVIEW: ("How old is the newest market second?", "Which alerts fire?"),
            MACHINE: ("Does Kafka answer?", "Are transactions given up?"),
        },
        "KafkaAway",
        fires_s=180,
        over_s=180,
        tolerated={
            **BY_ITSELF,
            "FeedDead": "without a broker no market second is written, and two minutes of that are its business too",
        },
    ),
    Scenario(
        "feed-gap",
        "The market brings no quotes, while ingest lives and answers, until FeedDead fires, some 2.5 minutes. Then "
        "ingest is ended by SIGTERM, as the runbook says: started again, it goes on behind the gap.",
        Market(EventKind.GAP, 1_800),
        {
            OVERVIEW: ("How old is the newest market second?", "How fast does the market run?"),
            MARKET: ("How many quotes come?", "Did the feed break?", "How do orders end?"),
        },
        "FeedDead",
        fires_s=420,
        over_s=180,
        tolerated=BY_ITSELF,
    ),
    Scenario(
        "burst",
        "For 30 s the market is a fast one: twenty times as many quotes, one in 25 of them crossed, as venues send "
        "them then. RowsRejected fires a minute later, and is over when five minutes have passed. LabelsBehind must "
        "stay silent: labels keep up.",
        Market(EventKind.BURST, 30),
        {
            MARKET: ("How many quotes come?", "Which rows of the feed become no tick?"),
            OVERVIEW: ("How far are labels behind the market?", "Which alerts fire?"),
        },
        "RowsRejected",
        fires_s=240,
        over_s=600,
        tolerated=BY_ITSELF,
    ),
    Scenario(
        "labeler-killed",
        f"The labeler is killed, and again as soon as it is back, {KILLS} times at most. Each start is a recovery and "
        "loses nothing; ServiceRestarting fires at the third within ten minutes, and is over ten minutes later.",
        Killed("labeler", KILLS),
        {
            MACHINE: ("Who starts again?", "Are records lost, repeated or rejected?"),
            MARKET: ("How far are labels behind the market?",),
        },
        "ServiceRestarting",
        fires_s=240,
        over_s=720,
        tolerated=BY_ITSELF,
    ),
    Scenario(
        "poisoned-model",
        "Somebody writes to Redis: the pointer to the serving model names a checksum that no model has. The predictor "
        "refuses it and serves on with what it has, and SwapsRefused fires, for ten minutes. The pointer is put back, "
        "unless a new model has replaced it.",
        Poisoned(),
        {
            SERVING: ("Are models refused, or copies lost?", "Which model serves?", "With which codes do calls end?"),
            OVERVIEW: ("Which alerts fire?",),
        },
        "SwapsRefused",
        fires_s=120,
        over_s=900,
        tolerated=BY_ITSELF,
    ),
    Scenario(
        "flip",
        "The pattern that the models have learnt turns its sign, for good. They do worse than chance until new ones "
        "have learnt the turned one; EdgeGone fires when the bettors against them have shown it, as may happen again "
        "some windows later, and is over ten minutes after the last time. A second flip would be another fault, so "
        "nothing is turned back.",
        Market(EventKind.FLIP, None),
        {
            LEARNING: (
                "Do the models turn bad?",
                "Is precision above the base rate?",
                "How far back does a model learn?",
            ),
            OVERVIEW: ("What is choosing by the model worth?", "Which alerts fire?"),
        },
        "EdgeGone",
        fires_s=900,
        over_s=1800,  # seen to fire anew six minutes on, with windows of forty seconds
        tolerated={
            "ModelOverdue": "while the pattern turns, windows hold both, and no threshold may be right often enough",
        },
    ),
)
SCENARIOS: Mapping[str, Scenario] = MappingProxyType({one.name: one for one in DECLARED})
