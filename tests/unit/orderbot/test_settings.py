"""The order bot's settings: what they mean, and one line for each that is wrong."""

import pytest

from services.orderbot.core import OrderRule
from services.orderbot.settings import Settings
from tidewheel.domain.prices import Threshold
from tidewheel.runtime.settings import SettingsError, load


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load(Settings, {})
    assert settings.rule == OrderRule(5, Threshold.parse("10"))


def test_the_environment_shapes_the_rule() -> None:
    settings = load(Settings, {"TIDEWHEEL_THRESHOLD": "20bps", "TIDEWHEEL_ORDERS_PER_SECOND": "7"})
    assert settings.rule == OrderRule(7, Threshold.parse("20bps"))


def test_each_wrong_setting_is_named_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, {"TIDEWHEEL_THRESHOLD": "-1", "TIDEWHEEL_ORDERS_PER_SECOND": "1001"})
    assert str(caught.value).splitlines() == [
        "TIDEWHEEL_THRESHOLD: threshold '-1': give a positive amount of quote currency like 10, or like 15bps",
        "TIDEWHEEL_ORDERS_PER_SECOND: '1001' must be a whole number from 1 to 1000",
    ]
