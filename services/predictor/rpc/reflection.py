"""Server reflection, versions 1 and 1alpha, which are the same messages under two names."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from services.predictor.rpc.methods import Answers
from services.predictor.rpc.status import refused_input

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
METHOD = "ServerReflectionInfo"


def reflecting(services: Sequence[str]) -> Answers:
    """What answers a stream of requests about these services."""
    servicer = ReflectionServicer(services)

    def answers(requests: Iterator[bytes], _context: Any) -> Iterator[bytes]:
        for response in servicer.ServerReflectionInfo(map(_parse, requests), None):
            yield response.SerializeToString()

    return answers


def _parse(payload: bytes) -> ServerReflectionRequest:
    try:
        return ServerReflectionRequest.FromString(payload)
    except DecodeError:
        raise refused_input("request", "the bytes are no ServerReflectionRequest") from None
