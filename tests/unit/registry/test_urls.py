"""Addresses fit to be shown."""

import pytest

from tidewheel.registry.urls import masked_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:secret@there:6379/0", "redis://:***@there:6379/0"),
        ("rediss://user:se:cr@et@there/1", "rediss://user:***@there/1"),
        ("redis://user@there", "redis://user@there"),
        ("redis://there/0?password=secret&db=1", "redis://there/0?password=***&db=1"),
        ("unix://:secret@/tmp/redis.sock", "unix://:***@/tmp/redis.sock"),
    ],
)
def test_a_password_is_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown
