"""Who asks for traces, by our variables or the standard ones."""

import builtins
import logging
from typing import Any

import pytest

from tidewheel.runtime.settings import SettingsError
from tidewheel.runtime.telemetry_settings import TelemetrySettings
from tidewheel.telemetry.tracing.tracer import NO_TRACES

LOG = logging.getLogger("test")
URL = "http://127.0.0.1:4318"


def test_nothing_is_asked_for() -> None:
    settings, unusable = TelemetrySettings.of({})
    assert (settings.otlp_endpoint, settings.log_format, unusable) == ("", "text", [])
    assert settings.tracer("ingest", LOG) is NO_TRACES


def test_the_standard_variables_count_and_ours_win() -> None:
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    assert TelemetrySettings.of(standard) == (TelemetrySettings("text", URL, 0.5), [])
    ours = {"TIDEWHEEL_OTLP_ENDPOINT": "http://collector:1", "TIDEWHEEL_TRACE_RATIO": "0"}
    assert TelemetrySettings.of(standard | ours) == (TelemetrySettings("text", "http://collector:1", 0), [])


def test_a_standard_variable_for_others_ends_nothing() -> None:
    settings, unusable = TelemetrySettings.of(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317", "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://x"}
    )
    assert settings == TelemetrySettings()
    assert [one.partition(" ")[0] for one in unusable] == ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER_ARG"]


@pytest.mark.parametrize("value", ["ftp://x", "http://", "127.0.0.1:4318", "http://x:port", "http://me:word@x"])
def test_ours_is_refused_where_it_is_no_address(value: str) -> None:
    with pytest.raises(SettingsError, match="must be an address"):
        TelemetrySettings.of({"TIDEWHEEL_OTLP_ENDPOINT": value})


@pytest.mark.parametrize("value", ["1.1", "-1", "nan", "half"])
def test_the_share_is_a_share(value: str) -> None:
    with pytest.raises(SettingsError, match="TIDEWHEEL_TRACE_RATIO"):
        TelemetrySettings.of({"TIDEWHEEL_TRACE_RATIO": value})


def test_without_the_extra_the_service_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = builtins.__import__

    def refusing(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "tidewheel.telemetry.tracing.otlp":
            raise ModuleNotFoundError("No module named 'opentelemetry'", name="opentelemetry")
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refusing)
    assert TelemetrySettings(otlp_endpoint=URL).tracer("ingest", LOG) is NO_TRACES
    assert "tidewheel[otel]" in caplog.text
