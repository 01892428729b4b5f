"""Which ends of a transaction are certain, by what the client's log says of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewheel.runtime.transaction_evidence import TransactionEvidence, Uncertainty

CLIENT = "tidewheel-labeler#producer-1"


def answer(name: str) -> tuple[str, str]:
    return "ENDTXN", f"[thrd:main]: EndTxn returned {name} in state CommittingTransaction (may_retry=true)"


SUCCESS = answer("NO_ERROR")
RESENT = answer("_TRANSPORT")
LOST = ("FAIL", "[thrd:TxnCoordinator]: TxnCoordinator: Disconnected (after 5ms in state UP) (_TRANSPORT)")
LATE = ("REQTMOUT", "[thrd:TxnCoordinator]: TxnCoordinator: Timed out 1 in-flight, 0 retry-queued, … requests")
OTHERS = (
    ("TXNSTATE", "[thrd:main]: Transaction state change BeginCommit -> CommittingTransaction"),
    ("TXNCOMMIT", "[thrd:main]: No partitions registered: not sending EndTxn"),
    ("STATE", "[thrd:TxnCoordinator]: TxnCoordinator: Broker changed state CONNECT -> UP"),
    ("ENDTXN", "[thrd:main]: something that a later version says"),
)


def evidence(before: list[tuple[str, str]], during: list[tuple[str, str]]) -> TransactionEvidence:
    """Of a producer that is initialised, has logged something, and ended a transaction."""
    made = TransactionEvidence()
    made.on_initialised()
    tell(made, before)
    made.on_ending()
    tell(made, during)
    return made


def tell(made: TransactionEvidence, lines: list[tuple[str, str]]) -> None:
    for facility, text in lines:
        made.log(10, "%s [%s] %s", facility, CLIENT, text)


def test_one_answer_of_success_is_certain() -> None:
    assert evidence([], [SUCCESS]).uncertainty is None


def test_no_end_was_asked_for_yet() -> None:
    assert TransactionEvidence().uncertainty is Uncertainty.END_UNSEEN


@pytest.mark.parametrize(
    ("before", "during", "uncertainty"),
    [
        ([], [], Uncertainty.END_UNSEEN),
        ([], [OTHERS[1]], Uncertainty.END_UNSEEN),
        ([], [RESENT, SUCCESS], Uncertainty.END_RESENT),
        ([], [SUCCESS, SUCCESS], Uncertainty.END_RESENT),
        ([], [answer("CONCURRENT_TRANSACTIONS"), SUCCESS], Uncertainty.END_RESENT),
        ([], [answer("INVALID_TXN_STATE")], Uncertainty.END_RESENT),
        ([], [LOST, SUCCESS], Uncertainty.CONNECTION_LOST),
        ([LOST], [SUCCESS], Uncertainty.CONNECTION_LOST),
        ([LATE], [SUCCESS], Uncertainty.REQUEST_TIMED_OUT),
        ([SUCCESS], [], Uncertainty.END_UNSEEN),
    ],
)
def test_anything_else_is_not(
    before: list[tuple[str, str]], during: list[tuple[str, str]], uncertainty: Uncertainty
) -> None:
    assert evidence(before, during).uncertainty is uncertainty


def test_what_was_lost_before_the_epoch_was_new_can_do_no_harm() -> None:
    made = TransactionEvidence()
    tell(made, [LOST, LATE])
    made.on_initialised()
    made.on_ending()
    tell(made, [SUCCESS])
    assert made.uncertainty is None


def test_a_lost_connection_is_remembered_over_ends() -> None:
    made = evidence([LOST], [SUCCESS])
    made.on_ending()
    tell(made, [SUCCESS])
    assert made.uncertainty is Uncertainty.CONNECTION_LOST


@given(st.lists(st.sampled_from((SUCCESS, RESENT, LOST, LATE, *OTHERS))))
def test_certain_is_what_holds_one_success_and_nothing_that_was_lost(lines: list[tuple[str, str]]) -> None:
    wanted = [line for line in lines if line not in OTHERS] == [SUCCESS]
    assert (evidence([], lines).uncertainty is None) is wanted
