"""How a call that is refused says so: a code, a bounded sentence, and google.rpc details for programs."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tidewheel.domain.errors import TidewheelError

# Headers carry it percent-encoded, at up to three bytes a byte, and again among the details: far below the 8 kB that
# clients take.
MESSAGE_CHARACTERS_MAX = 400
FIELD_CHARACTERS_MAX = 100
DOMAIN = "tidewheel"


@dataclass(frozen=True, slots=True)
class Hints:
    """What a program can do about a refusal. `reason`: a word of a closed set; `field`: the part of the request at
    fault, with its index where it has one, like `features[604]`; `retry_after_s`: 0 where waiting alone does not help.
    """

    reason: str
    field: str = ""
    retry_after_s: float = 0.0


class CallRefusedError(TidewheelError):
    """A call that gets no answer. The message is for the caller."""

    def __init__(self, code: grpc.StatusCode, message: str, hints: Hints) -> None:
        super().__init__(message)
        self.code = code
        self.hints = hints


def refused_input(field: str, description: str) -> CallRefusedError:
    """A request at fault, by field."""
    return CallRefusedError(
        grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {description}", Hints("INVALID_INPUT", field=field)
    )


def bounded(message: str, characters_max: int = MESSAGE_CHARACTERS_MAX) -> str:
    """At most so many printable ASCII characters, whatever a caller or a registry wrote into the text."""
    cut = message if len(message) <= characters_max else f"{message[: characters_max - 3]}..."
    return "".join(character if " " <= character <= "~" else "?" for character in cut.replace("…", "..."))


def status_of(refusal: CallRefusedError) -> Any:
    """The status as grpc takes it in `abort_with_status`."""
    message, hints = bounded(str(refusal)), refusal.hints
    status = Status(code=refusal.code.value[0], message=message)
    for detail in _details(message, hints):
        status.details.add().Pack(detail)
    return rpc_status.to_status(status)


def _details(message: str, hints: Hints) -> list[Message]:
    details: list[Message] = [ErrorInfo(reason=hints.reason, domain=DOMAIN)]
    if hints.field:
        violation = BadRequest.FieldViolation(field=bounded(hints.field, FIELD_CHARACTERS_MAX), description=message)
        details.append(BadRequest(field_violations=[violation]))
    if hints.retry_after_s:
        seconds, rest = divmod(hints.retry_after_s, 1)
        details.append(RetryInfo(retry_delay=Duration(seconds=int(seconds), nanos=int(rest * 1e9))))
    return details
