"""`python -m tests.rig`: a broker to try things on, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.rig import KafkaCluster


def main() -> None:
    """Start, print the address, wait for SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("--brokers", type=int, default=1, help="how many (default 1)")
    brokers = parser.parse_args().brokers
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with KafkaCluster(brokers) as cluster:
        print(cluster.bootstrap, flush=True)
        print(f"output and data under {cluster.home}", file=sys.stderr)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr)


if __name__ == "__main__":
    main()
