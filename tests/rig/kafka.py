"""Brokers as child processes in KRaft mode: started, killed, frozen and thawed one by one, and gone at the end."""

from __future__ import annotations

import atexit
import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from detector.kafka import opening
from tests.rig.jars import jars, java

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAST = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.min.session.timeout.ms": "1000",
    # After kill -9 a broker may register again only when its old session has run out: 9 s by default.
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
REPLICATED = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
# C1 and the serial collector start in half the time, in half the memory.
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
READY_S = 60.0
LOG_TAIL_BYTES = 4000


class BrokerFailed(Exception):  # noqa: N818 - says what happened
    """A broker did not start; the message ends with the tail of its output."""


class KafkaCluster:
    """One broker or several on loopback, in this process's care. Not for use by several threads at once.

    `properties` override those above; `jvm` replaces the flags. Brokers are numbered from 0. What they print is in
    `log(i)`, their data and all else under `home` until `stop`.
    """

    def __init__(
        self, brokers: int = 1, *, properties: Mapping[str, str] | None = None, jvm: Sequence[str] = JVM
    ) -> None:
        self._command = [java(), f"-Xmx{512 if brokers == 1 else 256}m", *jvm]
        self._jars = jars()
        self.home = Path(tempfile.mkdtemp(prefix="detector-kafka-"))
        ports = free_ports(2 * brokers)
        self.ports, self._controllers = ports[:brokers], ports[brokers:]
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        atexit.register(self.stop)
        try:
            self._format(properties or {})
            for i in range(brokers):
                self._spawn(i)
            for i in range(brokers):
                self._wait_until_ready(i)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self, i: int) -> Path:
        """File that takes what broker `i` prints."""
        return self.home / f"broker-{i}.log"

    def start(self, i: int = 0) -> None:
        """Start broker `i` again on its old data and port; returns when it serves. Raises BrokerFailed."""
        self._spawn(i)
        self._wait_until_ready(i)

    def kill(self, i: int = 0) -> None:
        """SIGKILL broker `i`."""
        process = self._processes.pop(i)
        process.kill()
        process.wait()

    def freeze(self, i: int = 0) -> None:
        """SIGSTOP broker `i`: its connections stay open, and nothing answers."""
        self._processes[i].send_signal(signal.SIGSTOP)

    def thaw(self, i: int = 0) -> None:
        """SIGCONT broker `i`."""
        self._processes[i].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGKILL what runs and delete its data: a clean shutdown without a quorum would take five minutes."""
        atexit.unregister(self.stop)
        for i in list(self._processes):
            self.kill(i)
        shutil.rmtree(self.home, ignore_errors=True)

    def _format(self, overrides: Mapping[str, str]) -> None:
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A")
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(self._controllers))
        replicated = dict.fromkeys(REPLICATED, str(len(self.ports)))
        for i, (port, controller) in enumerate(zip(self.ports, self._controllers, strict=True)):
            mine = {
                "node.id": str(i + 1),
                "controller.quorum.voters": voters,
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
                "log.dirs": str(self.home / f"data-{i}"),
            }
            lines = [f"{key}={value}\n" for key, value in {**FAST, **replicated, **mine, **overrides}.items()]
            self._properties(i).write_text("".join(lines))
            self._run(i, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c")
        for i in range(len(self.ports)):
            if self._processes.pop(i).wait(READY_S):
                raise BrokerFailed(f"formatting broker {i} failed:\n{self._tail(i)}")

    def _properties(self, i: int) -> Path:
        return self.home / f"server-{i}.properties"

    def _spawn(self, i: int) -> None:
        if i in self._processes:
            raise ValueError(f"broker {i} runs already")
        self._run(i, "kafka.Kafka")

    def _run(self, i: int, *main: str) -> None:
        logging = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}"
        command = [*self._command, logging, "-cp", f"{self._jars}/*", *main, self._properties(i)]
        with self.log(i).open("ab") as output:
            # In a session of its own, so that Ctrl-C in a terminal is this process's to handle.
            self._processes[i] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def _wait_until_ready(self, i: int) -> None:
        deadline = time.monotonic() + READY_S
        while not self._serves(i):
            if (code := self._processes[i].poll()) is not None:
                del self._processes[i]
                raise BrokerFailed(f"broker {i} exited with {code}:\n{self._tail(i)}")
            if time.monotonic() > deadline:
                raise BrokerFailed(f"broker {i} does not serve after {READY_S:.0f} s:\n{self._tail(i)}")
            time.sleep(0.1)

    def _serves(self, i: int) -> bool:
        """Whether broker `i` answers, and the cluster counts it among those that may lead partitions."""
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self.ports[i])):
                return False
        with contextlib.suppress(KafkaError), contextlib.ExitStack() as opened:
            address = f"127.0.0.1:{self.ports[i]}"
            admin = opening(opened, KafkaAdminClient, bootstrap_servers=address, bootstrap_timeout_ms=2000)
            opened.callback(admin.close)
            return any(broker["broker_id"] == i + 1 for broker in admin.describe_cluster()["brokers"])
        return False

    def _tail(self, i: int) -> str:
        return self.log(i).read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


def free_ports(count: int) -> list[int]:
    """Ports below the ephemeral range, so that no outgoing connection takes one while its broker is down."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            candidate = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                candidate.bind(("127.0.0.1", random.randrange(15_000, 32_000)))
                ports.append(candidate.getsockname()[1])
        return ports
