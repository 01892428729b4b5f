"""How live venues are heard. Where a run hears none each panel says so, and is not empty."""

from tidewheel.observability.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    nonzero,
    or_none,
    rate,
    seldom,
)

NO_VENUE = 2
# Neither good nor bad, and no more to be looked at than an empty place.
DIM = "#464c54"
# A clock that is off and a line that is slow look alike but beside one another.
APART = " or ".join(
    f'label_replace(max by (venue) ({gauge}), "what", "$1 {what}", "venue", "(.+)")'
    for gauge, what in (("tidewheel_venue_skew_seconds", "clock"), ("tidewheel_venue_lag_seconds", "latest quote"))
)

LIVE_VENUES = Row(
    "Live venues",
    (
        Panel(
            "Are live venues heard?",
            Unit.COUNT,
            "Connected, and all that was asked for is subscribed. A gap of some seconds is a new connection.",
            "VenueSilent",
            (Query(or_none("min by (venue) (tidewheel_venue_serving)", "venue", NO_VENUE), "{{venue}}"),),
            Kind.STATES,
            words={0: ("away", RED), 1: ("heard", GREEN), NO_VENUE: ("this run hears no live venue", DIM)},
        ),
        Panel(
            "What do live venues say?",
            Unit.FRAMES_PER_SECOND,
            "Quotes that become ticks, and a heartbeat or so a second. Heartbeats alone are a quiet market.",
            "VenueSilent",
            (Query(or_none(nonzero(rate("tidewheel_venue_frames_total", "outcome")), "outcome"), "{{outcome}}"),),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            colours={
                "^tick$": GREEN,
                "^rejected$": RED,
                "^repeated$": BLUE,
                "^unwanted$": PURPLE,
                "^other$": GREY,
                "^none$": GREEN,
            },
        ),
        Panel(
            "Are connections to venues lost?",
            Unit.PER_MINUTE,
            "Seldom: venues end a connection once a day or so. Quotes may be missing after each, and it is a gap.",
            "VenueReconnects",
            (
                Query(
                    or_none(nonzero(f"60 * {rate('tidewheel_venue_connections_lost_total', 'reason')}"), "reason"),
                    "{{reason}}",
                ),
            ),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
        ),
        Panel(
            "Do live quotes give way to later ones?",
            Unit.QUOTES_PER_SECOND,
            "None. A few while Kafka is away; always some: ingest cannot keep up.",
            "QuotesConflated",
            (Query(seldom("tidewheel_quotes_conflated_total", "venue"), "{{venue}}"),),
            Kind.BARS,
            least=0,
            reach=(0, 1),
            unwanted=True,
        ),
        Panel(
            "How many live quotes wait for ingest?",
            Unit.COUNT,
            "A second's worth at most. From 65,536 on they give way to later ones.",
            "QuotesConflated",
            (Query(or_none("sum by (venue) (tidewheel_live_quotes_waiting)", "venue"), "{{venue}}"),),
            least=0,
            reach=(0, 1),
        ),
        Panel(
            "How far apart are our clock and a venue's?",
            Unit.SECONDS,
            "Some hundredths, the latest quote close to the clock. Far above it the line is slow; both far off, "
            "a clock is wrong.",
            "VenueClockSkew",
            (Query(or_none(APART, "what"), "{{what}}"),),
            reach=(0, 0.1),
            colours={"clock": BLUE, "latest quote": ORANGE, "^none$": GREEN},
        ),
    ),
)
