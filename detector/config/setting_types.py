"""The process settings as one Struct: names, defaults, ranges and meanings.

`DETECTOR_*` variables, flags and `detector run --help` are derived from its fields.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, cast

from msgspec import Meta, Struct, inspect

from detector.config import scalars, words

PREFIX: Final = "DETECTOR_"
CONNECTION: Final = (
    "bootstrap",
    "security_protocol",
    "allow_plaintext",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password",
    "ssl_cafile",
)
"""What every command that talks to Kafka needs."""


class Secret:
    """Text that no message, log or `repr` shows; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


Topic = Annotated[str, Meta(min_length=1, max_length=249, pattern="^[A-Za-z0-9._-]+$")]


class Settings(Struct, frozen=True, kw_only=True):
    """What one process needs to know beside the policies. Times in seconds."""

    bootstrap: Annotated[str, Meta(min_length=1, description="Kafka brokers, host:port[,host:port].")] = (
        "127.0.0.1:9092"
    )
    group: Annotated[Topic, Meta(description="Consumer group; workers of the same group share the partitions.")] = (
        "detector"
    )
    events_topic: Annotated[Topic, Meta(description="Input: enforcement events.")] = "enforcement.events"
    intake_topic: Annotated[Topic, Meta(description="The log: columnar rows, ticks, settings.")] = "enforcement.intake"
    alerts_topic: Annotated[Topic, Meta(description="Output: alerts.")] = "enforcement.alerts"
    breakers_topic: Annotated[Topic, Meta(description="Output: breakers and heartbeats.")] = "enforcement.breakers"
    deadletters_topic: Annotated[Topic, Meta(description="Records that can't be used.")] = "enforcement.deadletters"
    partitions: Annotated[
        int, Meta(ge=1, le=1024, description="Partitions of the log and of the state. Fixed for life.")
    ] = 32
    replication: Annotated[int, Meta(ge=1, le=9, description="Replicas of topics that are created.")] = 3
    format: Annotated[
        Literal["native", "osprey", "coop", "ozone", "dsa"], Meta(description="Format of the input records.")
    ] = "native"
    format_options: Annotated[str | None, Meta(description="Options of the format, one JSON object.")] = None
    policies: Annotated[tuple[str, ...], Meta(description="Policy files; without one, every policy is in shadow.")] = ()
    subject_key: Annotated[
        Secret | None, Meta(description="Key of the hash that pseudonymises subjects; the same for all workers.")
    ] = None
    web_host: Annotated[str, Meta(min_length=1, description="Address of metrics and health pages.")] = "127.0.0.1"
    web_port: Annotated[int, Meta(ge=0, le=65_535, description="Its port; 0 takes any free one.")] = 8080
    log_format: Annotated[Literal["plain", "json"], Meta(description="Shape of log lines.")] = "plain"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="Least severity that is logged.")
    ] = "INFO"
    checkpoint_interval_s: Annotated[float, Meta(ge=0.1, le=60, description="Time between checkpoints.")] = 5.0
    commit_interval_s: Annotated[float, Meta(ge=0.1, le=60, description="Time between offset commits.")] = 1.0
    session_timeout_s: Annotated[
        float, Meta(ge=1, le=300, description="Silence after which the group takes a worker's partitions away.")
    ] = 10.0
    heartbeat_interval_s: Annotated[
        float, Meta(ge=0.1, le=100, description="Time between group heartbeats, at most a third of the session.")
    ] = 3.0
    dlq_max_ratio: Annotated[
        float, Meta(gt=0, le=1, description="Share of bad records above which a source partition stops.")
    ] = 0.5
    dlq_max_consecutive: Annotated[
        int, Meta(ge=1, le=10**6, description="Bad records in a row after which a source partition stops.")
    ] = 1000
    max_future_s: Annotated[
        float, Meta(ge=60, le=365 * 86_400, description="Events further ahead of the worker's clock are dead letters.")
    ] = 86_400.0
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"], Meta(description="How to talk to the brokers.")
    ] = "PLAINTEXT"
    allow_plaintext: Annotated[bool, Meta(description="Accept unencrypted brokers beyond this machine.")] = False
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Meta(description="How to log in, with SASL_*.")
    ] = "SCRAM-SHA-512"
    sasl_username: Annotated[str | None, Meta(description="Who logs in, with SASL_*.")] = None
    sasl_password: Annotated[Secret | None, Meta(description="Their password.")] = None
    ssl_cafile: Annotated[str | None, Meta(description="CA certificates in PEM; the system's without it.")] = None
    skip_topic_checks: Annotated[
        bool, Meta(description="Start on topics that were not verified (brokers without an admin API).")
    ] = False
    runbook_base_url: Annotated[
        str | None, Meta(description="Runbooks' address, for alerts of policies without their own.")
    ] = None
    board_url: Annotated[str | None, Meta(description="The board's address, for alerts.")] = None


FIELDS: Final = {each.name: each for each in cast("inspect.StructType", inspect.type_info(Settings)).fields}
SECRETS: Final = frozenset(
    name for name, each in FIELDS.items() if isinstance(scalars.unwrap(each.type)[0], inspect.CustomType)
)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The command-line flag of a setting. A secret never stands on a command line: its flag names a file."""
    return f"--{name}{'_file' if name in SECRETS else ''}".replace("_", "-")


def description(name: str) -> str:
    """What a setting means, one sentence."""
    return words.description(FIELDS[name].type)
