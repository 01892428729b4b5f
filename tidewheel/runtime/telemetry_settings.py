"""How a service tells of itself: its log's form, and its traces. The same for all services."""

import logging
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from tidewheel.runtime.settings import PREFIX, Parser, SettingsError, decimal, load, one_of, setting
from tidewheel.telemetry.logs import LogFormat
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Tracer

# OpenTelemetry's own variables for the same; ours win.
STANDARD = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"{PREFIX}OTLP_ENDPOINT",
    "OTEL_TRACES_SAMPLER_ARG": f"{PREFIX}TRACE_RATIO",
}
NOT_INSTALLED = (
    "traces are asked for, and %s is not installed: none are sent. Install tidewheel[otel], or unset "
    "TIDEWHEEL_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT"
)


def _http_url(value: str) -> str:
    """An address of HTTP with a host, or nothing."""
    try:
        found = urllib.parse.urlsplit(value)
        good = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
        good = good and found.username is None  # secrets go into OTEL_EXPORTER_OTLP_HEADERS, which nobody logs
    except ValueError:
        good = False
    if value and not good:
        raise ValueError(f"{value!r} must be an address like http://127.0.0.1:4318")
    return value


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Filled from TIDEWHEEL_<NAME>."""

    log_format: str = setting(
        one_of(*LogFormat),
        LogFormat.TEXT,
        meaning="`text` for people; `json`: an object a line, with `topic`, `partition`, `offset`, `instrument`, "
        "`window`, `trace_id` where a line speaks of them.",
    )
    otlp_endpoint: str = setting(
        Parser(_http_url, "an `http` address like `http://127.0.0.1:4318`"),
        "",
        meaning="Where spans are sent, by OTLP over HTTP; needs the extra `otel`. Empty: what "
        "`OTEL_EXPORTER_OTLP_ENDPOINT` says; neither: no traces.",
    )
    trace_ratio: float = setting(
        decimal(0, 1),
        0.01,
        meaning="Which share of market seconds and calls is traced; not set: what `OTEL_TRACES_SAMPLER_ARG` says. "
        "Training runs and swaps of models always are.",
    )

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> tuple["TelemetrySettings", list[str]]:
        """Ours, or else the standard ones; and what of those cannot be used, in words: they may be meant for other
        programs, and end none of ours. Raises SettingsError."""
        standard, unusable = {}, []
        for name, ours in STANDARD.items():
            try:
                if value := environ.get(name):
                    load(cls, {ours: value})
                    standard[ours] = value
            except SettingsError as failure:
                unusable.append(f"{name} is not used: {str(failure).removeprefix(f'{ours}: ')}")
        return load(cls, {**standard, **{name: value for name, value in environ.items() if value}}), unusable

    def tracer(self, service: str, log: logging.Logger) -> Tracer:
        """One that sends where it is asked for and can be, and else does nothing."""
        if not self.otlp_endpoint:
            return NO_TRACES
        try:
            # Only who asks for traces pays for the import.
            from tidewheel.telemetry.tracing.otlp import OtlpTracer
        except ImportError as failure:
            log.error(NOT_INSTALLED, failure.name)
            return NO_TRACES
        return OtlpTracer(service, self.otlp_endpoint, self.trace_ratio, log)
