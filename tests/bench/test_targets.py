"""What the product promises in figures. Each prints them; run one at a time on a quiet machine."""

from __future__ import annotations

import pytest

pytest.importorskip("psutil", reason="benchmarks need pip install -e '.[bench]'")

from tests.bench import latency, memory, throughput, wikipedia, wikipedia_data
from tests.bench.bed import broker, conditions
from tests.rig import RigUnavailable

pytestmark = [pytest.mark.bench, pytest.mark.kafka, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def bootstrap():
    try:
        with broker() as address:
            print(conditions())
            yield address
    except RigUnavailable as why:
        pytest.skip(str(why))


def test_it_catches_up_twenty_times_as_fast_as_stock_faust_for_a_twentieth_of_the_cpu(bootstrap):
    result = throughput.measure(bootstrap)
    print(result)
    assert result.ratio(throughput.STOCK_NAME) >= 20
    assert result.median(throughput.OURS_NAME, "cpu_per_million_s") <= 7.5


@pytest.mark.parametrize("per_s", [1000, 5000])
def test_an_alert_is_visible_a_quarter_of_a_second_after_its_event_was_produced(bootstrap, per_s):
    result = latency.measure_ours(bootstrap, per_s=per_s, seconds=40)
    print(result)
    assert result.percentile(0.99) < 250


def test_memory_grows_with_policies_by_kilobytes_each(bootstrap):
    few, many = (memory.measure(bootstrap, policies) for policies in (memory.FEW, memory.MANY))
    print(few, many, sep="\n")
    assert (many.full_bytes - few.full_bytes) / (memory.MANY - memory.FEW) < 40_000


def test_the_labelled_incident_of_a_real_year_trips_and_the_log_says_the_same_again(bootstrap):
    folder = wikipedia_data.folder()
    if folder is None:
        pytest.skip(wikipedia_data.ABSENT)
    result = wikipedia.by_kafka(bootstrap, folder)
    print(result)
    assert [incident.policy_id for incident in result.incidents] == ["472"]
    assert all(result.found(incident) for incident in result.incidents)
