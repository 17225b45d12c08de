"""How the kafka-python clients here (administration, gate, `tail`) connect, and what they say when they can't."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from detector.errors import BrokenWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from detector.config.setting_types import Settings

BOOTSTRAP_TIMEOUT_MS: Final = 15_000
Client = TypeVar("Client")
CONSUMER_API: Final = (2, 1)
"""What the embedded broker speaks; every Kafka from 2.1 on, 4 included, speaks it too."""


class _Masked(str):
    """A password as kafka-python takes it. Its clients log their whole configuration at DEBUG: by repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for any kafka-python client: addresses, encryption, login."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "client_id": "detector",
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = _Masked(settings.sasl_password.reveal() if settings.sasl_password else "")
    if settings.security_protocol.endswith("SSL"):
        options["ssl_cafile"] = settings.ssl_cafile
    return options


def consumer_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for a KafkaConsumer that follows whole topics: no group, nothing committed."""
    return client_options(settings) | {"api_version": CONSUMER_API, "group_id": None, "enable_auto_commit": False}


def opening(opened: ExitStack, kind: Callable[..., Client], **options: Any) -> Client:  # noqa: ANN401
    """A kafka-python client of this kind, whose I/O thread ends when `opened` is closed.

    Without that, one whose constructor fails leaves its thread behind, reconnecting for ever.
    """

    def network(**config: Any) -> KafkaNetClient:  # noqa: ANN401
        return opened.enter_context(closing(KafkaNetClient(**config)))

    return kind(**options, kafka_client=network)


@contextmanager
def broker_errors(settings: Settings) -> Iterator[None]:
    """Turns what kafka-python raises inside into `BrokenWorld`, with the address and what to look at."""
    try:
        yield
    except KafkaError as error:
        hint = "" if settings.security_protocol == "PLAINTEXT" else ", user, password and CA file"
        raise BrokenWorld(
            f"Kafka at {settings.bootstrap} ({settings.security_protocol}): {error}. Check that it runs there, and the "
            f"address{hint}"
        ) from error
