"""The predictor's settings."""

import pytest

from services.predictor.settings import Settings
from tidewheel.runtime.settings import SettingsError, described, load


def test_an_empty_key_is_not_taken_for_none() -> None:
    assert load(Settings, {}).hmac_key == ""
    with pytest.raises(SettingsError, match="TIDEWHEEL_HMAC_KEY is set and empty"):
        load(Settings, {"TIDEWHEEL_HMAC_KEY": ""})


def test_secrets_are_not_said() -> None:
    settings = load(Settings, {"TIDEWHEEL_HMAC_KEY": "signing", "TIDEWHEEL_REDIS": "redis://:hidden@there"})
    assert "signing" not in described(settings)
    assert "hidden" not in described(settings)


def test_metrics_and_health_are_for_this_machine_unless_told() -> None:
    assert load(Settings, {}).metrics_host == "127.0.0.1"
