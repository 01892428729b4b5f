"""Errors as confluent-kafka raises them."""

import redis
from confluent_kafka import KafkaError, KafkaException


def timed_out(what: str) -> KafkaException:
    """May be tried again."""
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{what} timed out", False, True, False))


def unstable() -> KafkaException:
    """Offsets of a transaction whose end is under way."""
    return KafkaException(KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "unstable offsets", False, True, False))


def abortable(code: int, message: str) -> KafkaException:
    """The open transaction can only be aborted."""
    return KafkaException(KafkaError(code, message, False, False, True))


def wrong_state(message: str) -> KafkaException:
    """A call that does not fit the state of the transaction."""
    return KafkaException(KafkaError(KafkaError._STATE, message))


def invalid_state(message: str) -> KafkaException:
    """A request that does not fit what the broker knows of the transaction."""
    return KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, message))


def dead(failure: KafkaException) -> KafkaException:
    """The same, where it is the end of the client."""
    error = failure.args[0]
    return KafkaException(KafkaError(error.code(), f"the transaction fails: {error.str()}", True, False, False))


def fenced(message: str) -> KafkaException:
    """Another producer has this one's transactional id."""
    return KafkaException(KafkaError(KafkaError._FENCED, f"producer fenced: {message}", True, False, False))


def gapless_failure() -> KafkaException:
    """A producer that may leave no gap had to give a record up, and is of no use from then on."""
    return KafkaException(KafkaError(KafkaError._FATAL, "a record was given up, and none may follow it", True))


def disconnected() -> KafkaException:
    """What a consumer tells of a connection that it makes anew."""
    return KafkaException(KafkaError(KafkaError._TRANSPORT, "the broker went away"))


def not_member(code: int, message: str) -> KafkaException:
    """The group does not know a member, or not in this generation."""
    return KafkaException(KafkaError(code, message))


def full() -> BufferError:
    return BufferError("Local: Queue full")


def static_member_fenced() -> KafkaError:
    """What a consumer's poll answers once another process has joined by its name."""
    return KafkaError(KafkaError._FATAL, "Broker: Static consumer fenced by other consumer with same name", True)


def wants_abort(failure: KafkaException) -> bool:
    """Whether a transaction's failure is over with its abort."""
    error = failure.args[0]
    return bool(error.txn_requires_abort() or (error.code() == KafkaError._STATE and not error.fatal()))


def injected_error(how: str, effect: str) -> BaseException:
    """What a call raises where a fault says so."""
    if how == "full":
        return full()
    if how == "refused":
        return wrong_state("a record was refused")
    if how == "abortable":
        return abortable(KafkaError.COORDINATOR_NOT_AVAILABLE, "the transaction must be aborted")
    if how == "told":
        return disconnected()
    if effect == "registry":
        return redis.ConnectionError("no answer")
    return timed_out(effect)
