"""Every metric, declared once: name with unit, labels, and a sentence on when it moves and what that means.

Dashboards and alerts may name only what stands here. Cores return facts; shells record them with these.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DIFFERENCE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
_RUN_S = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0)


def _counter(name: str, documentation: str, *labels: str) -> Counter:
    return Counter(name, documentation, labels, registry=REGISTRY)


def _gauge(name: str, documentation: str, *labels: str) -> Gauge:
    return Gauge(name, documentation, labels, registry=REGISTRY)


def _histogram(name: str, documentation: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, documentation, labels, buckets=buckets, registry=REGISTRY)


# All services
DEAD_LETTERS = _counter(
    "tidewheel_dead_letters_total",
    "A record was rejected. Rises with a broken source; on an internal topic it means a bug or a foreign producer.",
    *("service", "source", "reason"),
)
RECORDS_REPEATED = _counter(
    "tidewheel_records_repeated_total",
    "A record came again, or after a later one. On orders a restart of the order bot moves it, elsewhere a fault does.",
    *("service", "topic"),
)
RECORDS_MISSING = _counter(
    "tidewheel_records_missing_total",
    "A record is missing before the one that came, by its number. It never moves without a loss.",
    *("service", "topic"),
)
LOOP_HEARTBEAT_TIME_SECONDS = _gauge(
    "tidewheel_loop_heartbeat_time_seconds",
    "Wall clock of the service loop's last heartbeat. Liveness rests on it.",
    "service",
)

# ingest
TICKS = _counter("tidewheel_ticks_total", "A quote became a tick.", "instrument")
MARKET_SECONDS = _counter(
    "tidewheel_market_seconds_total",
    "A market second was published. Live, one a second and instrument.",
    "instrument",
)
SESSION = _gauge("tidewheel_session", "Number of the present session. Rises with each break of the feed.", "instrument")
BID_PRICE = _gauge("tidewheel_bid_price", "Closing bid of the last market second.", "instrument")
OFFER_PRICE = _gauge("tidewheel_offer_price", "Closing offer of the last market second.", "instrument")
MARKET_TIME_SECONDS = _gauge(
    "tidewheel_market_time_seconds",
    "Last market second published. Live, it trails the clock by a second.",
    "instrument",
)
STALE_MARKET_SECONDS = _counter(
    "tidewheel_stale_market_seconds_total",
    "A market second was stale: its quote is too old to buy at.",
    "instrument",
)
RECORDED_ROWS = _counter(
    "tidewheel_recorded_rows_total",
    "A row of a recorded file was read: it became a tick, was set aside, or is of another instrument than the chosen.",
    *("instrument", "outcome"),
)
TOLD_ROWS = _counter(
    "tidewheel_told_rows_total",
    "A tick of a recorded file is worth telling: moved onto the latest time, locked, a duplicate, its price rounded, "
    "a size left out. Many of a kind say that the file is not what it is taken for.",
    *("instrument", "kind"),
)

# orderbot
ORDERS_PLACED = _counter("tidewheel_orders_placed_total", "An order was placed.", "instrument")
ORDERS_NOT_PLACED = _counter(
    "tidewheel_orders_not_placed_total", "A sampled instant got no order, by reason.", "instrument", "reason"
)

# labeler
TRANSACTIONS = _counter("tidewheel_transactions_total", "An order was resolved.", "instrument", "outcome")
EXAMPLES = _counter("tidewheel_examples_total", "A training row was written.", "instrument")
OPEN_ORDERS = _gauge("tidewheel_open_orders", "Orders not yet resolved. Grows in a flat market.", "instrument")
LABELED_MARKET_TIME_SECONDS = _gauge(
    "tidewheel_labeled_market_time_seconds", "Last market second whose labels are written.", "instrument"
)
ORDERS_MISSING = _counter(
    "tidewheel_orders_missing_total",
    "A market second had no record of orders, though later ones have.",
    "instrument",
)
COMMIT_DURATION_SECONDS = _histogram(
    "tidewheel_commit_duration_seconds", "Length of a transaction's commit.", _LATENCY_S, "service"
)
KAFKA_TRANSACTIONS_ABORTED = _counter(
    "tidewheel_kafka_transactions_aborted_total",
    "A Kafka transaction was given up and its work redone.",
    "service",
)
KAFKA_PRODUCER_RENEWALS = _counter(
    "tidewheel_kafka_producer_renewals_total",
    "A transactional producer was replaced, and so fenced: a transaction failed, or a request of one that ended may "
    "still be on its way. Many of them mean a network that loses connections.",
    "service",
    "reason",
)

# trainer
WINDOW_ROWS = _gauge("tidewheel_window_rows", "Rows gathered for the window being filled.", "instrument")
SCRATCH_BYTES = _gauge(
    "tidewheel_scratch_bytes", "Scratch space in use: windows being filled, closed ones that wait, samples remembered."
)
TRAINING_RUNS = _counter("tidewheel_training_runs_total", "A training run ended.", "instrument", "verdict", "reason")
TRAINING_RECORDS_SET_ASIDE = _counter(
    "tidewheel_training_records_set_aside_total",
    "A record says that a window's rows lie where they do not, and the window was made again: somebody else writes to "
    "Redis, or it outlived its topics.",
    "instrument",
)
TUNING_DURATION_SECONDS = _histogram("tidewheel_tuning_duration_seconds", "Length of one search.", _RUN_S, "instrument")
WINDOW_CLOSED_TO_PUBLISHED_SECONDS = _histogram(
    "tidewheel_window_closed_to_published_seconds",
    "From a window's last row read to its model published.",
    _RUN_S,
    "instrument",
)
NEXT_WINDOW_PRECISION = _gauge(
    "tidewheel_next_window_precision", "Precision of the last model judged on its next window.", "instrument"
)
NEXT_WINDOW_RECALL = _gauge(
    "tidewheel_next_window_recall", "Recall of the last model judged on its next window.", "instrument"
)
NEXT_WINDOW_BASE_RATE = _gauge("tidewheel_next_window_base_rate", "Share of PROFIT in those rows.", "instrument")
NEXT_WINDOW_FLAGGED_SHARE = _gauge(
    "tidewheel_next_window_flagged_share",
    "Share of those rows that the model flags; near 0 or 1 it chooses nothing.",
    "instrument",
)
BASELINE_PRECISION = _gauge(
    "tidewheel_baseline_precision",
    "Precision of the online baseline on a sample of those rows; a model that stays below it is not worth its tuning.",
    "instrument",
)
POOLED_LIFT = _gauge(
    "tidewheel_pooled_lift",
    "Precision minus base rate, both pooled over the last models' next windows; around 0 where there is no edge.",
    "instrument",
)
DRIFTS = _counter(
    "tidewheel_drifts_total", "The models have turned bad on later rows: the market is another.", "instrument"
)

# predictor
PREDICTIONS = _counter(
    "tidewheel_predictions_total",
    "A row was scored. Versions come without end, so the 20 that served last are told apart; `older` is "
    "one that did not serve, and that the caller chose.",
    *("instrument", "model_version", "label"),
)
ANSWERS = _counter(
    "tidewheel_answers_total",
    "A model answered a call: the `serving` one, or an `older` one that the caller chose. What was refused is in "
    "tidewheel_rpcs_total, each version in tidewheel_predictions_total.",
    *("method", "model"),
)
RPCS = _counter("tidewheel_rpcs_total", "A call was answered, by gRPC status code.", "method", "code")
RPC_DURATION_SECONDS = _histogram(
    "tidewheel_rpc_duration_seconds", "Time in the handler of a call.", _LATENCY_S, "method"
)
RPC_WAIT_SECONDS = _histogram(
    "tidewheel_rpc_wait_seconds",
    "Time that a call waited for a thread. Grows where the predictor has more calls than it can answer.",
    (0.0001, 0.00025, 0.0005, *_LATENCY_S),
)
RPCS_IN_PROGRESS = _gauge("tidewheel_rpcs_in_progress", "Calls admitted and not yet answered.")
RPCS_ENDED = _counter(
    "tidewheel_rpcs_ended_total",
    "A call was ended since its caller kept it waiting, for a message or for a reply to be read. Moves with callers "
    "that are broken, far away or hostile.",
    *("waiting_for", "why"),
)
MODEL_SEQ = _gauge("tidewheel_model_seq", "Window number of the serving model.", "instrument")
MODEL_EPOCH = _gauge(
    "tidewheel_model_epoch", "Epoch of the serving model; rises with a rollback or promotion by hand.", "instrument"
)
MODEL_PUBLISHED_TIME_SECONDS = _gauge(
    "tidewheel_model_published_time_seconds", "Wall clock of the serving model's publication.", "instrument"
)
MODEL_LEARNT_TIME_SECONDS = _gauge(
    "tidewheel_model_learnt_time_seconds",
    "Market time of the last row that the serving model learnt from; what it knows is as old as that.",
    "instrument",
)
MODEL_SWAP_DURATION_SECONDS = _histogram(
    "tidewheel_model_swap_duration_seconds",
    "From a model's bytes asked for to the model serving; no call waits for it.",
    _LATENCY_S,
)
MODELS_RESIDENT_BYTES = _gauge(
    "tidewheel_models_resident_bytes", "Memory of the weights of all serving models. Grows with instruments only."
)
MODEL_COPY_FAILURES = _counter(
    "tidewheel_model_copy_failures_total",
    "A copy on local disk could not be written, or did not verify. A start without the registry would miss it.",
)
MODEL_SWAPS = _counter("tidewheel_model_swaps_total", "A verified model took over.", "instrument")
MODEL_SWAP_FAILURES = _counter(
    "tidewheel_model_swap_failures_total",
    "A model or its pointer was refused, or the serving one's bytes are damaged; the last good one serves on. Without "
    "an instrument: damage of what all share.",
    "instrument",
    "reason",
)
MODEL_AGE_SECONDS = _gauge(
    "tidewheel_model_age_seconds",
    "Market time since the last resolution that the serving model learnt from; beyond two windows the trainer is late.",
    "instrument",
)
FEATURES_AGE_SECONDS = _gauge(
    "tidewheel_features_age_seconds",
    "Wall clock since the last market second that PredictNow knows was written; grows where the market has stopped.",
    "instrument",
)
TRUST_FLAGS = _counter(
    "tidewheel_trust_flags_total",
    "An answer carried a flag that is its own and not one of every answer of its model, by kind.",
    "instrument",
    "flag",
)
PREDICTIONS_LOGGED = _counter(
    "tidewheel_predictions_logged_total", "An answer was written to topic predictions, and the broker has it."
)
PREDICTIONS_LOST = _counter(
    "tidewheel_predictions_lost_total",
    "An answer that was to be written or shown to the candidate was let go: nothing waits for Kafka.",
    "reason",
)
SHADOW_ANSWERS = _counter(
    "tidewheel_shadow_answers_total",
    "The candidate scored a row that a caller had scored by the serving model; whether it gave the same label.",
    "instrument",
    "agrees",
)
SHADOW_DIFFERENCE = _histogram(
    "tidewheel_shadow_score_difference_ratio",
    "How far the candidate's score lies from the answer's, whatever the sign.",
    _DIFFERENCE,
    "instrument",
)
SHADOW_FAILURES = _counter(
    "tidewheel_shadow_failures_total", "A candidate could not be loaded, so nothing shadows.", "instrument"
)
PARITY = _counter(
    "tidewheel_parity_total",
    "A row of features that the predictor cut was held against the labeler's of the same instant: equal, different, or "
    "of another quote, which says nothing. One that differs is a fault in either.",
    "instrument",
    "result",
)
PROCEDURE_RECORD_FAILURES = _counter(
    "tidewheel_procedure_record_failures_total",
    "What the registry says of an instrument's models on later rows could not be used; the last good words stand.",
    "instrument",
)
REGISTRY_UP = _gauge("tidewheel_registry_up", "1 while the registry answers, else 0.", "service")
