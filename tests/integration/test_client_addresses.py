"""A name whose predictors change: the client asks anew for their addresses, however soon after the last time."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

from tidewheel.client import PredictorClient
from tidewheel.client.predictor import SERVICE
from tidewheel.wire.v1 import predictor_pb2 as wire

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
HEADER_BYTES = 12
TYPE_A = b"\x00\x01"


class Names(socketserver.BaseRequestHandler):
    """A name server for which every name has one address, the server's `address`."""

    def handle(self) -> None:
        query, reply_to = self.request
        end = query.index(b"\x00", HEADER_BYTES) + 5
        question = query[HEADER_BYTES:end]
        found = question[-4:-2] == TYPE_A
        answer = b"\xc0\x0c\x00\x01\x00\x01" + bytes(4) + b"\x00\x04" + socket.inet_aton(self.server.address)  # type: ignore[attr-defined]
        counts = b"\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + bytes(4)
        reply_to.sendto(query[:2] + b"\x84\x00" + counts + question + (answer if found else b""), self.client_address)


@contextmanager
def names() -> Iterator[socketserver.UDPServer]:
    with socketserver.ThreadingUDPServer((FIRST, 0), Names) as server:
        server.address = FIRST  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def predictor(address: str, port: int, second: int) -> tuple[grpc.Server, int]:
    """Says that it knows the market until `second`, by which it is told from others."""

    def answer(_request: wire.PredictNowRequest, _context: grpc.ServicerContext) -> wire.PredictNowResponse:
        return wire.PredictNowResponse(second=second)

    method = grpc.unary_unary_rpc_method_handler(
        answer, wire.PredictNowRequest.FromString, wire.PredictNowResponse.SerializeToString
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"PredictNow": method}),))
    bound = server.add_insecure_port(f"{address}:{port}")
    server.start()
    return server, bound


def test_a_predictor_that_goes_is_followed_to_where_the_name_leads_now() -> None:
    with names() as server:
        first, port = predictor(FIRST, 0, 1)
        second, _ = predictor(SECOND, port, 2)
        try:
            with PredictorClient(f"dns://{FIRST}:{server.server_address[1]}/predictors.test:{port}") as client:
                assert client.predict_now("sim:BTC-USD").second == 1
                server.address = SECOND  # type: ignore[attr-defined]
                first.stop(None).wait()
                assert client.predict_now("sim:BTC-USD").second == 2
        finally:
            first.stop(None).wait()
            second.stop(None).wait()
