"""When a failure is another than the one reported last."""

from tidewheel.telemetry.reported_failures import ReportedFailures


def test_a_failure_is_new_once_until_it_is_another_or_all_was_well() -> None:
    failures = ReportedFailures[str]()
    heard = [failures.is_new("sim:A", why) for why in ("torn", "torn", "gone", "gone", "torn")]
    assert heard == [True, False, True, False, True]
    failures.clear("sim:A")
    assert failures.is_new("sim:A", "torn")


def test_each_key_has_its_own() -> None:
    failures = ReportedFailures[str]()
    assert failures.is_new("sim:A", "torn")
    assert failures.is_new("sim:B", "torn")
    failures.clear("sim:B")
    assert not failures.is_new("sim:A", "torn")
    failures.clear("sim:C")
