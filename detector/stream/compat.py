"""Proof, before anything starts, that the libraries are those whose private methods this package overrides.

Exact versions, the compiled streams (the pure-Python ones acknowledge events of an older generation), and the
parameters of every method that is overridden or called from outside.
"""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from detector.errors import UnsupportedVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS: Final[Mapping[str, str]] = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}

_CONSUMER = "faust.transport.drivers.aiokafka:Consumer"
_THREAD = "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread"
_PRODUCER = "faust.transport.drivers.aiokafka:Producer"
_TABLE = "faust.tables.table:Table"
_FETCHER = "aiokafka.consumer.fetcher:Fetcher"
SIGNATURES: Final[Mapping[str, str]] = {
    f"{_CONSUMER}._new_consumer_thread": "self",
    f"{_CONSUMER}.getmany": "self timeout",
    f"{_CONSUMER}._wait_next_records": "self timeout",
    f"{_CONSUMER}._to_message": "self tp record",
    f"{_CONSUMER}.seek_to_committed": "self",
    f"{_CONSUMER}.perform_seek": "self",
    f"{_CONSUMER}.stop_flow": "self",
    f"{_CONSUMER}.pause_partitions": "self tps",
    f"{_CONSUMER}.resume_partitions": "self tps",
    f"{_CONSUMER}.wait_empty": "self",
    f"{_CONSUMER}.maybe_wait_for_commit_to_finish": "self",
    f"{_CONSUMER}.commit_and_end_transactions": "self",
    f"{_CONSUMER}.on_partitions_revoked": "self revoked",
    f"{_CONSUMER}._filter_tps_with_pending_acks": "self topics",
    f"{_CONSUMER}._new_offset": "self tp",
    f"{_CONSUMER}._is_changelog_tp": "self tp",
    f"{_THREAD}._create_worker_consumer": "self transport",
    f"{_THREAD}._fetch_records": "self consumer active_partitions timeout max_records",
    f"{_THREAD}.on_start": "self",
    f"{_THREAD}.on_partitions_revoked": "self revoked",
    f"{_THREAD}.on_partitions_assigned": "self assigned generation_id",
    f"{_THREAD}.seek_to_committed": "self",
    f"{_PRODUCER}._settings_extra": "self",
    f"{_PRODUCER}.send": "self topic key value partition timestamp headers transactional_id",
    f"{_TABLE}.apply_changelog_batch": "self batch",
    f"{_TABLE}.persisted_offset": "self tp",
    f"{_TABLE}.on_rebalance": "self assigned revoked newly_assigned generation_id",
    "faust.serializers.schemas:Schema.loads_key": "self app message loads serializer",
    "faust.serializers.schemas:Schema.loads_value": "self app message loads serializer",
    "faust.app.base:App._new_transport": "self",
    "faust.app.base:App._create_directories": "self",
    f"{_FETCHER}._create_fetch_waiter": "self",
    f"{_FETCHER}.fetched_records": "self partitions timeout max_records",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._do_heartbeat": "self",
    "aiokafka.consumer.consumer:AIOKafkaConsumer.seek_to_committed": "self partitions",
}


def check() -> None:
    """Raises UnsupportedVersion that names every difference."""
    problems = [*_versions(), *_compiled()]
    if not problems:
        problems = [problem for path, wanted in SIGNATURES.items() if (problem := _signature(path, wanted))]
    if problems:
        pins = " ".join(f"{name}=={pinned}" for name, pinned in VERSIONS.items())
        raise UnsupportedVersion("; ".join(problems) + f". Fix: pip install {pins}, CPython, NO_CYTHON unset")


def _versions() -> list[str]:
    return [
        f"{name} is {_installed(name)}, proved on {pinned}"
        for name, pinned in VERSIONS.items()
        if _installed(name) != pinned
    ]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _compiled() -> list[str]:
    streams = importlib.import_module("faust.streams")
    return [] if getattr(streams, "_CStreamIterator", None) else ["faust's compiled streams are not loaded"]


def _signature(path: str, wanted: str) -> str | None:
    module, _, name = path.partition(":")
    target: object = importlib.import_module(module)
    for part in name.split("."):
        target = getattr(target, part, None)
    found = " ".join(inspect.signature(target).parameters) if callable(target) else "missing"
    return None if found == wanted else f"{path} takes ({found}), proved on ({wanted})"
