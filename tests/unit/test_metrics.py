from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detector.events import Alert, Breaker, DataQuality, DeadLetterReason, Directive, Impact, Scope, State
from detector.metrics import MAX_POLICY_LABELS, UNKNOWN_POLICY, Metrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def metrics():
    return Metrics(started_s=1000.0)


def samples(metrics, name):
    """{label values in the order of their names: value} of one sample name."""
    families = text_string_to_metric_families(metrics.render().decode())
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in found}


def breaker(policy, state=State.OPEN, *, mode="enforce", region=None, partition=0, directive=Directive.HOLD_FOR_REVIEW):
    dimension = None if region is None else "region"
    return Breaker(
        scope=Scope(policy_id=policy, dimension=dimension, value=region),
        state=state,
        mode=mode,
        directive=directive,
        generation=1,
        partition=partition,
        since=NOW,
        config_version="v1",
    )


def alert(policy):
    return Alert(
        alert_id="a",
        type="breaker.opened",
        scope=Scope(policy_id=policy),
        from_state=State.CLOSED,
        to_state=State.OPEN,
        mode="enforce",
        directive=Directive.HOLD_FOR_REVIEW,
        generation=1,
        onset=NOW,
        detected_at=NOW,
        reason="hard limit",
        evidence=(),
        contributors=(),
        impact=Impact(actions=1, automated=1, held=0),
        data_quality=DataQuality(stream_lag_s=0, late_rows=0, ahead_rows=0, duplicate_rows=0, gaps=0),
        config_version="v1",
        enforced=True,
    )


def test_two_workers_in_one_process_do_not_share_figures(metrics):
    other = Metrics(started_s=1000.0)
    metrics.intake.records.inc(5)
    assert samples(other, "detector_source_records_total") == {(): 0.0}


def test_a_policy_that_the_file_does_not_list_shares_one_label(metrics):
    metrics.list_policies(["spam"])
    for policy in ("spam", "made-up-1", "made-up-2"):
        metrics.watch.alert(alert(policy))
    assert samples(metrics, "detector_alerts_total") == {
        ("spam", "breaker.opened"): 1,
        (UNKNOWN_POLICY, "breaker.opened"): 2,
    }


def test_labels_stop_at_the_cap_however_long_the_policy_file_is(metrics):
    metrics.list_policies(f"p{n}" for n in range(MAX_POLICY_LABELS + 50))
    for n in range(MAX_POLICY_LABELS + 50):
        metrics.watch.alert(alert(f"p{n}"))
    counted = samples(metrics, "detector_alerts_total")
    assert len(counted) == MAX_POLICY_LABELS + 1
    assert counted[UNKNOWN_POLICY, "breaker.opened"] == 50


def test_every_dead_letter_reason_exists_from_the_start_and_no_other_can_be_counted(metrics):
    assert samples(metrics, "detector_dead_letters_total") == {(reason.value,): 0.0 for reason in DeadLetterReason}
    with pytest.raises(ValueError, match="user-4711"):
        metrics.intake.dead_letter("user-4711")


def test_breakers_are_counted_by_policy_and_state_never_by_scope_value(metrics):
    metrics.list_policies(["spam"])
    metrics.breakers.update(breaker("spam"))
    metrics.breakers.update(breaker("spam", region="BR"))
    metrics.breakers.update(breaker("spam", region="hostile\nregion", directive=Directive.NONE, mode="shadow"))
    assert samples(metrics, "detector_breakers") == {
        ("true", "enforce", "spam", "OPEN"): 2,
        ("false", "shadow", "spam", "OPEN"): 1,
    }


def test_a_breaker_that_moves_is_counted_once(metrics):
    metrics.list_policies(["spam"])
    metrics.breakers.update(breaker("spam"))
    metrics.breakers.update(breaker("spam"))
    metrics.breakers.update(breaker("spam", State.CLOSED, directive=Directive.NONE))
    assert samples(metrics, "detector_breakers") == {
        ("true", "enforce", "spam", "OPEN"): 0,
        ("false", "enforce", "spam", "CLOSED"): 1,
    }


def test_breakers_of_a_partition_that_went_elsewhere_are_no_longer_shown(metrics):
    metrics.list_policies(["spam", "hate"])
    metrics.breakers.update(breaker("spam", partition=1))
    metrics.breakers.update(breaker("hate", partition=2))
    metrics.breakers.forget(1)
    assert samples(metrics, "detector_breakers") == {("true", "enforce", "hate", "OPEN"): 1}


def test_a_policy_dropped_from_the_file_moves_to_the_shared_label(metrics):
    metrics.list_policies(["spam"])
    metrics.breakers.update(breaker("spam"))
    metrics.list_policies(["hate"])
    assert samples(metrics, "detector_breakers") == {("true", "enforce", UNKNOWN_POLICY, "OPEN"): 1}


def test_clocks_and_stalls_of_partitions_that_went_elsewhere_vanish(metrics):
    metrics.watch.clock(4, log_time_s=1100.0, lag_s=2.5)
    metrics.intake.stalled(7, is_stalled=True)
    assert samples(metrics, "detector_stream_lag_seconds") == {("4",): 2.5}
    assert samples(metrics, "detector_source_partition_stalled") == {("7",): 1.0}
    for partition in (4, 5):
        metrics.watch.forget(partition)
    metrics.intake.forget(7)
    assert samples(metrics, "detector_stream_lag_seconds") == {}
    assert samples(metrics, "detector_log_clock_timestamp_seconds") == {}
    assert samples(metrics, "detector_source_partition_stalled") == {}


def test_only_the_policy_file_last_read_is_shown(metrics):
    metrics.policy_file.loaded("v1", 2000.0)
    metrics.policy_file.loaded("v2", 3000.0)
    metrics.policy_file.rejected()
    assert samples(metrics, "detector_policy_file_info") == {("v2",): 1.0}
    assert samples(metrics, "detector_policy_file_last_reload_successful") == {(): 0.0}
    assert samples(metrics, "detector_policy_file_last_reload_success_timestamp_seconds") == {(): 3000.0}


def test_before_the_first_checkpoint_its_age_counts_from_the_start(metrics):
    assert samples(metrics, "detector_checkpoint_last_success_timestamp_seconds") == {(): 1000.0}


def test_no_series_says_when_it_was_created(metrics):
    metrics.watch.alert(alert("spam"))
    assert b"_created" not in metrics.render()


def test_the_exposition_passes_promtools_lint(metrics):
    metrics.list_policies(["spam"])
    metrics.watch.alert(alert("spam"))
    metrics.watch.clock(0, log_time_s=1.0, lag_s=0.0)
    metrics.intake.stalled(0, is_stalled=False)
    metrics.breakers.update(breaker("spam"))
    metrics.stages.batch_records.labels("watch").observe(10)
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "promtool is missing: apt-get install prometheus"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    checked = subprocess.run([promtool, "check", "metrics"], input=metrics.render(), capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
