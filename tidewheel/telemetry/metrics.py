"""Every metric, declared once: name with unit, labels, who exports it, and a sentence on when it moves and what that
means.

Dashboards and alerts may name only what stands here. Cores return values; shells record them with these.
"""

from tidewheel.telemetry.buckets import DIFFERENCE, LATENCY_S, RUN_S
from tidewheel.telemetry.declaration import CATALOGUE as CATALOGUE
from tidewheel.telemetry.declaration import LABELER, ORDERBOT, PREDICTOR, RUN, SERVICES, TRAINER, Declarer
from tidewheel.telemetry.declaration import REGISTRY as REGISTRY
from tidewheel.telemetry.order_metrics import *  # noqa: F403 - its `__all__`
from tidewheel.telemetry.venue_metrics import *  # noqa: F403 - its `__all__`


def _of(*services: str) -> Declarer:
    return Declarer(CATALOGUE, services)


_all = _of(*SERVICES)
_ingest, _orderbot, _labeler, _trainer, _predictor = map(_of, SERVICES)
_run = _of(RUN)
_readers = _of(ORDERBOT, LABELER, TRAINER, PREDICTOR)
_consumers = _of(ORDERBOT, LABELER, TRAINER)

# All services
DEAD_LETTERS = _all.counter(
    "tidewheel_dead_letters_total",
    "A record was rejected. Rises with a broken source; on an internal topic it means a bug or a foreign producer.",
    *("service", "source", "reason"),
)
RECORDS_REPEATED = _readers.counter(
    "tidewheel_records_repeated_total",
    "A record came again, or after a later one. On orders a restart of the order bot moves it, elsewhere a fault does.",
    *("service", "topic"),
)
RECORDS_MISSING = _readers.counter(
    "tidewheel_records_missing_total",
    "A record is missing before the one that came, by its number. It never moves without a loss.",
    *("service", "topic"),
)
LOOP_HEARTBEAT_TIME_SECONDS = _all.gauge(
    "tidewheel_loop_heartbeat_time_seconds",
    "Wall clock of the service loop's last heartbeat. Liveness rests on it.",
    "service",
)
CLOCK_TIME_SECONDS = _all.gauge(
    "tidewheel_clock_time_seconds",
    "Wall clock of the process when it is asked. Held against the asker's, it shows a clock that is wrong.",
    "service",
)
SPANS = _all.counter(
    "tidewheel_spans_total",
    "A span of a trace was recorded, reached the collector, or was lost since it does not answer. Recorded and neither "
    "of both: it waits, or more came than can be sent. Moves only where traces are on.",
    *("service", "outcome"),
)
TRACE_HEADERS_INVALID = _readers.counter(
    "tidewheel_trace_headers_invalid_total",
    "The header `traceparent` of a record or a call is none, and was not used. Somebody else writes there.",
    *("service", "source"),
)

# who reads as a consumer group
CONSUMER_LAG_RECORDS = _consumers.gauge(
    "tidewheel_consumer_lag_records",
    "Records that the broker holds and the group has not committed, by the broker's own word; commit markers of "
    "transactions are counted. Grows where the group is too slow or stands still.",
    *("group", "topic", "partition"),
)
KAFKA_UP = _consumers.gauge(
    "tidewheel_kafka_up", "1 while the broker answers the service's question for offsets, else 0.", "service"
)
KAFKA_ANSWER_DURATION_SECONDS = _consumers.gauge(
    "tidewheel_kafka_answer_duration_seconds",
    "How long the broker took to say what it holds, the last time. Grows with a broker that is busy or far away.",
    "service",
)
KAFKA_BROKERS = _consumers.gauge("tidewheel_kafka_brokers", "Brokers that the cluster knows now.", "service")
KAFKA_PARTITIONS_OFFLINE = _consumers.gauge(
    "tidewheel_kafka_partitions_offline", "Partitions of our topics that have no leader: nobody reads them.", "service"
)
KAFKA_PARTITIONS_UNDER_REPLICATED = _consumers.gauge(
    "tidewheel_kafka_partitions_under_replicated",
    "Partitions of our topics with a copy that is behind; one more failure may lose records.",
    "service",
)

# ingest
TICKS = _ingest.counter("tidewheel_ticks_total", "A quote became a tick.", "instrument")
MARKET_SECONDS = _ingest.counter(
    "tidewheel_market_seconds_total", "A market second was published. Live, one a second and instrument.", "instrument"
)
SESSION = _ingest.gauge(
    "tidewheel_session", "Number of the present session. Rises with each break of the feed.", "instrument"
)
BID_PRICE = _ingest.gauge("tidewheel_bid_price", "Closing bid of the last market second.", "instrument")
OFFER_PRICE = _ingest.gauge("tidewheel_offer_price", "Closing offer of the last market second.", "instrument")
MARKET_TIME_SECONDS = _ingest.gauge(
    "tidewheel_market_time_seconds",
    "Last market second published. Live, it trails the clock by a second.",
    "instrument",
)
STALE_MARKET_SECONDS = _ingest.counter(
    "tidewheel_stale_market_seconds_total", "A market second was stale: its quote is too old to buy at.", "instrument"
)
RECORDED_ROWS = _ingest.counter(
    "tidewheel_recorded_rows_total",
    "A row of the feed was read: it became a tick, was rejected, or is of another instrument than the chosen. "
    "Why it was rejected, the dead letters of source feed say.",
    *("instrument", "outcome"),
)
MARKET_SECOND_WRITTEN_TIME_SECONDS = _ingest.gauge(
    "tidewheel_market_second_written_time_seconds",
    "Wall clock when a market second was last written. While it stands still though the loop goes on, the feed is "
    "dead, or ingest is held back.",
    "instrument",
)
HELD_BACK_SECONDS = _ingest.counter(
    "tidewheel_held_back_seconds_total",
    "Ingest waited so long for the labeler, since it is as far ahead of it as it may be. Moves in a replay at full "
    "speed only.",
    "instrument",
)
ROW_ANOMALIES = _ingest.counter(
    "tidewheel_row_anomalies_total",
    "A tick of a recorded file has an anomaly: moved onto the latest time, locked, a duplicate, its price rounded, "
    "a size left out. Many of a kind say that the file is not what it is taken for.",
    *("instrument", "kind"),
)

# orderbot
ORDERS_PLACED = _orderbot.counter("tidewheel_orders_placed_total", "An order was placed.", "instrument")
ORDERS_NOT_PLACED = _orderbot.counter(
    "tidewheel_orders_not_placed_total", "A sampled instant got no order, by reason.", "instrument", "reason"
)

# labeler
TRANSACTIONS = _labeler.counter("tidewheel_transactions_total", "An order was resolved.", "instrument", "outcome")
ORDER_LIFE_SECONDS = _labeler.counter(
    "tidewheel_order_life_seconds_total",
    "Market time from orders' placement to their resolution, summed. By the count of resolved orders, the mean life.",
    *("instrument", "outcome"),
)
EXAMPLES = _labeler.counter("tidewheel_examples_total", "A training row was written.", "instrument")
OPEN_ORDERS = _labeler.gauge("tidewheel_open_orders", "Orders not yet resolved. Grows in a flat market.", "instrument")
LABELED_MARKET_TIME_SECONDS = _labeler.gauge(
    "tidewheel_labeled_market_time_seconds", "Last market second whose labels are written.", "instrument"
)
ORDERS_MISSING = _labeler.counter(
    "tidewheel_orders_missing_total", "A market second had no record of orders, though later ones have.", "instrument"
)
COMMIT_DURATION_SECONDS = _labeler.histogram(
    "tidewheel_commit_duration_seconds", "Length of a transaction's commit.", LATENCY_S, "service"
)
KAFKA_TRANSACTIONS_ABORTED = _labeler.counter(
    "tidewheel_kafka_transactions_aborted_total", "A Kafka transaction was given up and its work redone.", "service"
)
KAFKA_PRODUCER_RENEWALS = _labeler.counter(
    "tidewheel_kafka_producer_renewals_total",
    "A transactional producer was replaced, and so fenced: a transaction failed, or a request of one that ended may "
    "still be on its way. Many of them mean a network that loses connections.",
    "service",
    "reason",
)

# trainer
WINDOW_ROWS = _trainer.gauge("tidewheel_window_rows", "Rows gathered for the window being filled.", "instrument")
SCRATCH_BYTES = _trainer.gauge(
    "tidewheel_scratch_bytes", "Scratch space in use: windows being filled, closed ones that wait, samples remembered."
)
WINDOWS_WAITING = _trainer.gauge(
    "tidewheel_windows_waiting", "Closed windows that wait for the one in training. Reading pauses where two do."
)
WINDOW_CLOSED_SEQ = _trainer.gauge(
    "tidewheel_window_closed_seq", "Number of the newest window that has closed.", "instrument"
)
WINDOWS_WITHOUT_MODEL = _trainer.gauge(
    "tidewheel_windows_without_model",
    "Windows in a row that gave no model although one was due; those at which the serving one was shown better, and "
    "those that are not due, change nothing. 0 after each model that is published or kept as the candidate.",
    "instrument",
)
NEWEST_MODEL_SEQ = _trainer.gauge(
    "tidewheel_newest_model_seq",
    "Window number of the newest model that was published, or kept as the candidate, by outcome.",
    *("instrument", "outcome"),
)
TRAINING_STEP = _trainer.gauge(
    "tidewheel_training_step",
    "Step of the newest training run: 0 none yet, 1 window closed, 2 validated, 3 split, 4 trials, 5 selected, 6 gate, "
    "7 published, 8 refused, 9 failed.",
    "instrument",
)
TRIAL_SCORE = _trainer.gauge(
    "tidewheel_trial_score",
    "Objective that a trial of the search reached: the last one, and the best of the run. Higher is better; what is "
    "not feasible lies below 0.",
    *("instrument", "which"),
)
MEMORY_WINDOWS = _trainer.gauge(
    "tidewheel_memory_windows",
    "Earlier windows that the last model learnt from, each by its weight. Falls to 0 when the market has turned.",
    "instrument",
)
E_VALUE = _trainer.gauge(
    "tidewheel_e_value",
    "Wealth of the bettor on the models' flags, 1 at first. 20 is weak evidence of an edge, 100 strong; it stays "
    "around or below 1 where there is none.",
    *("instrument", "side"),
)
BETS = _trainer.gauge("tidewheel_bets", "Settled bets that the e-values rest on.", "instrument")
DRIFT_E_VALUE = _trainer.gauge(
    "tidewheel_drift_e_value",
    "Wealth of the bettors against the models on later rows; at 50 the models have drifted, and they begin anew.",
    "instrument",
)
EVIDENCE_LEVEL = _trainer.gauge(
    "tidewheel_evidence_level", "How much speaks for the models on later rows: 0 none, 1 weak, 2 strong.", "instrument"
)
TRAINING_RUNS = _trainer.counter(
    "tidewheel_training_runs_total", "A training run ended.", "instrument", "verdict", "reason"
)
TRAINING_RECORDS_REJECTED = _trainer.counter(
    "tidewheel_training_records_rejected_total",
    "A record says that a window's rows lie where they do not, and the window was made again: somebody else writes to "
    "Redis, or it outlived its topics.",
    "instrument",
)
TUNING_DURATION_SECONDS = _trainer.histogram("tidewheel_tuning_duration_seconds", "Length of one search.", RUN_S)
WINDOW_CLOSED_TO_PUBLISHED_SECONDS = _trainer.histogram(
    "tidewheel_window_closed_to_published_seconds",
    "From a window's last row read to its model published.",
    RUN_S,
)
NEXT_WINDOW_PRECISION = _trainer.gauge(
    "tidewheel_next_window_precision", "Precision of the last model judged on its next window.", "instrument"
)
NEXT_WINDOW_RECALL = _trainer.gauge(
    "tidewheel_next_window_recall", "Recall of the last model judged on its next window.", "instrument"
)
NEXT_WINDOW_BASE_RATE = _trainer.gauge(
    "tidewheel_next_window_base_rate", "Share of PROFIT in those rows.", "instrument"
)
NEXT_WINDOW_FLAGGED_SHARE = _trainer.gauge(
    "tidewheel_next_window_flagged_share",
    "Share of those rows that the model flags; near 0 or 1 it chooses nothing.",
    "instrument",
)
BASELINE_PRECISION = _trainer.gauge(
    "tidewheel_baseline_precision",
    "Precision of the online baseline on a sample of those rows; a model that stays below it is not worth its tuning.",
    "instrument",
)
POOLED_LIFT = _trainer.gauge(
    "tidewheel_pooled_lift",
    "Precision minus base rate, both pooled over the last models' next windows; around 0 where there is no edge.",
    "instrument",
)
DRIFTS = _trainer.counter(
    "tidewheel_drifts_total", "The models have turned bad on later rows: the market is another.", "instrument"
)

# predictor
PREDICTIONS = _predictor.counter(
    "tidewheel_predictions_total",
    "A row was scored. Versions come without end, so the 5 that served last are told apart; `older` is "
    "one that did not serve, and that the caller chose.",
    *("instrument", "model_version", "label"),
)
ANSWERS = _predictor.counter(
    "tidewheel_answers_total",
    "A model answered a call: the `serving` one, or an `older` one that the caller chose. What was refused is in "
    "tidewheel_rpcs_total, each version in tidewheel_predictions_total.",
    *("method", "model"),
)
RPCS = _predictor.counter("tidewheel_rpcs_total", "A call was answered, by gRPC status code.", "method", "code")
REFUSALS = _predictor.counter(
    "tidewheel_refusals_total",
    "A call got no score, by reason. Before the first model no_model is usual, invalid_input is the caller's.",
    "reason",
)
RPC_DURATION_SECONDS = _predictor.histogram(
    "tidewheel_rpc_duration_seconds", "Time in the handler of a call.", LATENCY_S, "method"
)
RPC_WAIT_SECONDS = _predictor.histogram(
    "tidewheel_rpc_wait_seconds",
    "Time that a call waited for a thread. Grows where the predictor has more calls than it can answer.",
    (0.0001, 0.00025, 0.0005, *LATENCY_S),
)
RPCS_IN_PROGRESS = _predictor.gauge("tidewheel_rpcs_in_progress", "Calls admitted and not yet answered.")
RPCS_ENDED = _predictor.counter(
    "tidewheel_rpcs_ended_total",
    "A call was ended since its caller kept it waiting, for a message or for a reply to be read. Moves with callers "
    "that are broken, far away or hostile.",
    *("waiting_for", "reason"),
)
MODEL_SEQ = _predictor.gauge("tidewheel_model_seq", "Window number of the serving model.", "instrument")
MODEL_EPOCH = _predictor.gauge(
    "tidewheel_model_epoch", "Epoch of the serving model; rises with a rollback or promotion by hand.", "instrument"
)
MODEL_PUBLISHED_TIME_SECONDS = _predictor.gauge(
    "tidewheel_model_published_time_seconds", "Wall clock of the serving model's publication.", "instrument"
)
MODEL_LEARNT_TIME_SECONDS = _predictor.gauge(
    "tidewheel_model_learnt_time_seconds",
    "Market time of the last row that the serving model learnt from; what it knows is as old as that.",
    "instrument",
)
MODEL_SWAP_DURATION_SECONDS = _predictor.histogram(
    "tidewheel_model_swap_duration_seconds",
    "From a model's bytes asked for to the model serving; no call waits for it.",
    LATENCY_S,
)
MODELS_RESIDENT_BYTES = _predictor.gauge(
    "tidewheel_models_resident_bytes", "Memory of the weights of all serving models. Grows with instruments only."
)
MODEL_COPY_FAILURES = _predictor.counter(
    "tidewheel_model_copy_failures_total",
    "A copy on local disk could not be written, or did not verify. A start without the registry would miss it.",
)
MODEL_SWAPS = _predictor.counter("tidewheel_model_swaps_total", "A verified model took over.", "instrument")
MODEL_SWAP_FAILURES = _predictor.counter(
    "tidewheel_model_swap_failures_total",
    "A model or its pointer was refused, or the serving one's bytes are damaged; the last good one serves on. Without "
    "an instrument: damage of what all share.",
    "instrument",
    "reason",
)
MODEL_AGE_SECONDS = _predictor.gauge(
    "tidewheel_model_age_seconds",
    "Market time since the last resolution that the serving model learnt from; beyond two windows the trainer is late.",
    "instrument",
)
FEATURES_AGE_SECONDS = _predictor.gauge(
    "tidewheel_features_age_seconds",
    "Wall clock since the last market second that PredictNow knows was written; grows where the market has stopped.",
    "instrument",
)
TRUST_FLAGS = _predictor.counter(
    "tidewheel_trust_flags_total",
    "An answer carried a flag that is its own and not one of every answer of its model, by kind.",
    "instrument",
    "flag",
)
PREDICTIONS_LOGGED = _predictor.counter(
    "tidewheel_predictions_logged_total", "An answer was written to topic predictions, and the broker has it."
)
PREDICTIONS_LOST = _predictor.counter(
    "tidewheel_predictions_lost_total",
    "An answer that was to be written or shown to the candidate was let go: nothing waits for Kafka.",
    "reason",
)
SHADOW_ANSWERS = _predictor.counter(
    "tidewheel_shadow_answers_total",
    "The candidate scored a row that a caller had scored by the serving model; whether it gave the same label.",
    "instrument",
    "agrees",
)
SHADOW_DIFFERENCE = _predictor.histogram(
    "tidewheel_shadow_score_difference_ratio",
    "How far the candidate's score lies from the answer's, whatever the sign.",
    DIFFERENCE,
)
SHADOW_FAILURES = _predictor.counter(
    "tidewheel_shadow_failures_total", "A candidate could not be loaded, so nothing shadows.", "instrument"
)
PARITY = _predictor.counter(
    "tidewheel_parity_total",
    "A row of features that the predictor cut was held against the labeler's of the same instant: equal, different, or "
    "of another quote, which says nothing. One that differs is a fault in either.",
    "instrument",
    "result",
)
PROCEDURE_RECORD_FAILURES = _predictor.counter(
    "tidewheel_procedure_record_failures_total",
    "What the registry says of an instrument's models on later rows could not be used; the last good words stand.",
    "instrument",
)
REGISTRY_UP = _of(TRAINER, PREDICTOR).gauge("tidewheel_registry_up", "1 while the registry answers, else 0.", "service")

# the run on one machine
CLIENT_DURATION_SECONDS = _run.histogram(
    "tidewheel_client_duration_seconds",
    "Time that the run's own client waited for an answer of PredictNow: what a caller sees, queue and all.",
    LATENCY_S,
)
CLIENT_FAILURES = _run.counter(
    "tidewheel_client_failures_total", "The run's own client got no answer, by gRPC status code.", "code"
)
PROCESS_UP = _run.gauge("tidewheel_process_up", "1 while the process runs and is ready, else 0.", "process")
PROCESS_RESTARTS = _run.counter(
    "tidewheel_process_restarts_total", "The run started the process again: it had ended or stood still.", "process"
)
PROCESS_RESIDENT_BYTES = _run.gauge("tidewheel_process_resident_bytes", "Memory of the process.", "process")
PROCESS_CPU_SECONDS = _run.counter(
    "tidewheel_process_cpu_seconds_total", "Processor time that the process has used.", "process"
)
SCENARIO_STEPS = _run.counter(
    "tidewheel_scenario_steps_total", "A scenario took a step: it explains what follows.", "scenario", "step"
)
