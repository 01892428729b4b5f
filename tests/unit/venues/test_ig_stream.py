"""Where the stream is that IG's answer to a login names."""

import pytest

from tidewheel.venues.ig_login import stream_url
from tidewheel.venues.opening import NoConnectionError


@pytest.mark.parametrize(
    ("login", "endpoint", "stream"),
    [
        ("https://api.ig.com/gateway/deal", "https://apd.marketdatasystems.com", "wss://apd.marketdatasystems.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081/", "ws://127.0.0.1:8081"),
        ("http://127.0.0.1:8080", "https://127.0.0.1:8081", "wss://127.0.0.1:8081"),
    ],
)
def test_it_is_a_websocket_there(login: str, endpoint: str, stream: str) -> None:
    assert stream_url(endpoint, login) == f"{stream}/lightstreamer"


@pytest.mark.parametrize("endpoint", ["http://apd.marketdatasystems.com", "ftp://there", "https://", "nonsense"])
def test_tokens_go_nowhere_in_the_clear_and_to_no_address_that_is_none(endpoint: str) -> None:
    with pytest.raises(NoConnectionError, match="names no stream"):
        stream_url(endpoint, "https://api.ig.com/gateway/deal")
