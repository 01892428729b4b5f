"""TLS, with clients that must show who they are, and certificates replaced while the predictor runs."""

from pathlib import Path

import grpc
import pytest

from tests.certificates import Authority
from tests.predictors import process, running
from tests.synthetic_models import INSTRUMENT, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.registry.store import Registry
from tidewheel.wire.v1 import predictor_pb2 as wire
from tidewheel.wire.v1.predictor_pb2_grpc import PredictorServiceStub

pytestmark = pytest.mark.redis_server


def served(address: str, authority: Path, own: tuple[Path, Path] | None = None) -> int:
    """The version that answers over a new connection. Raises grpc.RpcError."""
    chain, key = (path.read_bytes() for path in own) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(authority.read_bytes(), key, chain)
    fresh = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(address, credentials, options=fresh) as channel:
        request = wire.PredictRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes())
        return int(PredictorServiceStub(channel).Predict(request, timeout=LIMIT_S).model.seq)


def replace(there: tuple[Path, Path], by: tuple[Path, Path]) -> None:
    for old, new in zip(there, by, strict=True):
        new.replace(old)


def can_call(address: str, authority: Path, own: tuple[Path, Path] | None = None) -> bool:
    try:
        return served(address, authority, own) == 1
    except grpc.RpcError:
        return False


def test_tls_with_certificates_that_are_replaced(registry: Registry, empty_redis: str, tmp_path: Path) -> None:
    registry.publish(*published(1))
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    files = first.issue("server")
    with running(empty_redis, grpc_tls_certificate=str(files[0]), grpc_tls_key=str(files[1])) as made:
        address = made.client.address
        eventually(lambda: can_call(address, first.certificate), "the model is served")
        assert not can_call(address, second.certificate)
        with pytest.raises(grpc.RpcError):  # no TLS, no answer
            made.client.stub.Predict(wire.PredictRequest(), timeout=1)
        # Half of a replacement, and rubbish, change nothing.
        whole = files[0].read_bytes()
        files[0].write_text("no certificate")
        assert can_call(address, first.certificate)
        files[0].write_bytes(whole)
        replace(files, second.issue("replacement"))
        assert can_call(address, second.certificate)
        assert not can_call(address, first.certificate)


def test_clients_that_must_show_a_certificate(registry: Registry, empty_redis: str, tmp_path: Path) -> None:
    registry.publish(*published(1))
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    chain, key = ours.issue("server")
    friend, stranger = ours.issue("friend"), theirs.issue("stranger")
    tls = {"grpc_tls_certificate": str(chain), "grpc_tls_key": str(key), "grpc_tls_client_ca": str(ours.certificate)}
    with running(empty_redis, **tls) as made:
        address = made.client.address
        eventually(lambda: can_call(address, ours.certificate, friend), "the model is served")
        assert not can_call(address, ours.certificate)
        assert not can_call(address, ours.certificate, stranger)
        # The authority is replaced too.
        ours.certificate.write_bytes(ours.certificate.read_bytes() + theirs.certificate.read_bytes())
        assert can_call(address, ours.certificate, stranger)


def test_files_that_cannot_be_used_are_one_clear_line(empty_redis: str, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    chain, _ = other.issue("server")
    tls = {"GRPC_TLS_CERTIFICATE": str(chain), "GRPC_TLS_KEY": str(other.key)}
    with process(empty_redis, tmp_path, **tls) as (started, _, log):
        assert started.wait(LIMIT_S) == 1
    assert "TLS cannot be set up" in log.read_text().splitlines()[-1]
    assert "Traceback" not in log.read_text()
    with process(empty_redis, tmp_path, GRPC_TLS_KEY="somewhere") as (started, _, log):
        assert started.wait(LIMIT_S) == 2
    assert "belong together" in log.read_text().splitlines()[-1]
