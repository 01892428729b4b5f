"""What the market does and which labels come of it."""

from tidewheel.observability.dashboards.annotations import BEFORE
from tidewheel.observability.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    INSTRUMENT,
    OF_INSTRUMENT,
    ORANGE,
    PURPLE,
    RED,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    nonzero,
    rate,
    seldom,
)
from tidewheel.observability.dashboards.venues import LIVE_VENUES
from tidewheel.observability.queries import newest

ENDED = f"tidewheel_transactions_total{{{INSTRUMENT}}}"
BY_OUTCOME = "instrument, outcome"
OUTCOMES = {"PROFIT": GREEN, "LOSS": RED, "EXPIRED": GREY, "VOID": PURPLE}
LIVES = (
    f"sum by ({BY_OUTCOME}) (rate(tidewheel_order_life_seconds_total{{{INSTRUMENT}}}[$__rate_interval])) / "
    f"({nonzero(rate(ENDED, BY_OUTCOME))})"
)


def where_rose(gauge: str, counter: str, by: str) -> str:
    """A gauge where a counter of the same process has moved since the step before, and nothing elsewhere."""
    moved = f"{counter} - last_over_time({counter}{BEFORE}) > 0"
    return newest(f"{gauge} and on (job, instance, {by}) ({moved})", by)


def barrier(which: str) -> Query:
    """The newest order's, at steps in which orders were placed."""
    of, placed = f"tidewheel_{which}_barrier_price{{{INSTRUMENT}}}", f"tidewheel_orders_placed_total{{{INSTRUMENT}}}"
    return Query(where_rose(of, placed, "instrument"), f"{{{{instrument}}}} {which} barrier")


MARKET = Row(
    "Market",
    (
        Panel(
            "Where is the price?",
            Unit.PRICE,
            "Bid below offer, moving between the newest order's barriers; flat: the market is closed or the feed dead. "
            "Dots: where the newest order of an outcome ended, one of many since the last dot.",
            "FeedDead",
            (
                Query(newest(f"tidewheel_bid_price{{{INSTRUMENT}}}"), "{{instrument}} bid"),
                Query(newest(f"tidewheel_offer_price{{{INSTRUMENT}}}"), "{{instrument}} offer"),
                barrier("upper"),
                barrier("lower"),
                Query(
                    where_rose(f"tidewheel_exit_price{{{INSTRUMENT}}}", ENDED, BY_OUTCOME),
                    "{{instrument}} {{outcome}}",
                ),
            ),
            width=24,
            colours={"bid$": BLUE, "offer$": ORANGE, "upper barrier$": GREEN, "lower barrier$": RED, **OUTCOMES},
            points="PROFIT|LOSS|EXPIRED|VOID",
            dashed="barrier$",
        ),
        Panel(
            "What does it cost to buy and sell at once?",
            Unit.PRICE,
            "The spread, narrow and steady against the threshold: what is won is won beyond it.",
            "FeedDead",
            (
                Query(
                    f"{newest(f'tidewheel_offer_price{{{INSTRUMENT}}}')} - "
                    f"{newest(f'tidewheel_bid_price{{{INSTRUMENT}}}')}",
                    "{{instrument}}",
                ),
            ),
            width=12,
            least=0,
        ),
        Panel(
            "How many quotes come?",
            Unit.QUOTES_PER_SECOND,
            "As many as the venue sends, times the speed.",
            "FeedDead",
            (Query(rate(f"tidewheel_ticks_total{{{INSTRUMENT}}}", "instrument"), "{{instrument}}"),),
            width=12,
            least=0,
        ),
        Panel(
            "How much of the market is stale?",
            Unit.RATIO,
            "Near 0 while the market is open. Nothing is bought at a quote that is too old.",
            "FeedDead",
            (Query(f"instrument:tidewheel_stale:ratio{{{INSTRUMENT}}}", "{{instrument}}"),),
            least=0,
            most=1,
        ),
        Panel(
            "Which rows of the feed become no tick?",
            Unit.RECORDS_PER_SECOND,
            "None, or single strays. More than one in a hundred: the source is not what it is taken for.",
            "RowsRejected",
            (
                Query(
                    seldom('tidewheel_dead_letters_total{source="feed"}', "reason"),
                    "{{reason}}",
                ),
            ),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
        ),
        Panel(
            "Did the feed break?",
            Unit.COUNT,
            "The session's number stays. Each step is a break, after which orders and features begin anew.",
            "FeedDead",
            (Query(newest(f"tidewheel_session{{{INSTRUMENT}}}"), "{{instrument}}"),),
            least=0,
            reach=(0, 2),
            decimals=0,
        ),
    ),
)
LABELS = Row(
    "Orders and labels",
    (
        Panel(
            "How many orders are placed?",
            Unit.ORDERS_PER_SECOND,
            "The rate that is set, times the speed.",
            "FeedDead",
            (Query(rate(f"tidewheel_orders_placed_total{{{INSTRUMENT}}}", "instrument"), "{{instrument}}"),),
            least=0,
        ),
        Panel(
            "Why was no order placed?",
            Unit.ORDERS_PER_SECOND,
            "Little against those that are placed: warming up after a break, or a quote that is stale.",
            "FeedDead",
            (
                Query(
                    seldom(f"tidewheel_orders_not_placed_total{{{INSTRUMENT}}}", "reason"),
                    "{{reason}}",
                ),
            ),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
            colours={"spread": ORANGE, "threshold": BLUE, "stale": PURPLE},
        ),
        Panel(
            "How many orders are open?",
            Unit.COUNT,
            "Up and down around a level. It grows while the market is flat, and falls when it moves.",
            "LabelsBehind",
            (Query(newest(f"tidewheel_open_orders{{{INSTRUMENT}}}"), "{{instrument}}"),),
            least=0,
        ),
        Panel(
            "How do orders end?",
            Unit.ORDERS_PER_SECOND,
            "PROFIT and LOSS both come, and about as many as are placed.",
            "LabelsBehind",
            (
                Query(
                    nonzero(rate(f"tidewheel_transactions_total{{{INSTRUMENT}}}", BY_OUTCOME)),
                    "{{instrument}} {{outcome}}",
                ),
            ),
            Kind.BARS,
            least=0,
            colours=OUTCOMES,
        ),
        Panel(
            "Which share ends with PROFIT?",
            Unit.RATIO,
            "The base rate, that a model has to beat: far from 0 and 1, or there is little to choose.",
            "EdgeGone",
            (Query(f"instrument:tidewheel_base_rate:ratio{{{INSTRUMENT}}}", "{{instrument}}"),),
            least=0,
            most=1,
        ),
        Panel(
            "How long does an order live?",
            Unit.MARKET_SECONDS,
            "Mean market time to its end, by outcome. Much longer than a window takes: labels come late.",
            "LabelsBehind",
            (Query(LIVES, "{{instrument}} {{outcome}}"),),
            least=0,
            colours=OUTCOMES,
        ),
        Panel(
            "How far are labels behind the market?",
            Unit.MARKET_SECONDS,
            "Market seconds: steady, a few of them live, and some times the speed in a replay.",
            "LabelsBehind",
            (Query(f"instrument:tidewheel_label_lag:market_seconds{{{INSTRUMENT}}}", "{{instrument}}"),),
            least=0,
        ),
        Panel(
            "How many training rows are written?",
            Unit.RECORDS_PER_SECOND,
            "As many as orders end.",
            "LabelsBehind",
            (Query(rate(f"tidewheel_examples_total{{{INSTRUMENT}}}", "instrument"), "{{instrument}}"),),
            least=0,
        ),
        Panel(
            "Does ingest wait for the labeler?",
            Unit.RATIO,
            "Share of the time: 0 live. In a replay at full speed near 1, where the labeler sets the pace.",
            "LabelsBehind",
            (Query(f"instrument:tidewheel_held_back:ratio{{{INSTRUMENT}}}", "{{instrument}}"),),
            least=0,
            most=1,
        ),
    ),
)
MARKET_AND_LABELS = Dashboard(
    "tidewheel-market",
    "Tidewheel: market and labels",
    "Where is the price, and is the feed whole? Which orders are placed, and how do they end?",
    (MARKET, LABELS, LIVE_VENUES),
    (OF_INSTRUMENT,),
)
