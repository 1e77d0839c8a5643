"""Fetch what local servers need and say what is there: `python -m streams.local`, or `make servers`."""

from __future__ import annotations

import logging
import sys

from streams.errors import LocalServerError
from streams.local.kafka_jars import fetch_kafka, find_java
from streams.local.prometheus_tools import fetch_prometheus


def main() -> int:
    """Fetch Kafka's jars and a recent Prometheus; return 1 when one of them cannot be had."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    failed = False
    try:
        sys.stdout.write(f"Apache Kafka: {fetch_kafka()}, to be run by {find_java()}\n")
    except LocalServerError as error:
        failed = True
        sys.stderr.write(f"Apache Kafka: {error}\n")
    try:
        tools = fetch_prometheus()
        sys.stdout.write(f"Prometheus {tools.version}: {tools.prometheus}\n")
    except LocalServerError as error:
        failed = True
        sys.stderr.write(f"Prometheus: {error}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
