"""Servers started on this machine for a demonstration, a test or a benchmark.

They listen on 127.0.0.1 only and end with the process that started them, however that process ends.
Never for a service that people rely on: see `deploy/` for that.

    EmbeddedBroker   the Kafka-compatible broker of the `demo` extra; starts in a moment, keeps nothing
    ApacheKafka      one or several nodes of the real one; can be killed, frozen and restarted
    Prometheus       a real Prometheus over a configuration of the caller's
"""

from streams.local.embedded import EmbeddedBroker
from streams.local.kafka import ApacheKafka
from streams.local.processes import ManagedProcess, free_port, free_ports, require_free
from streams.local.prometheus import Prometheus
from streams.local.prometheus_tools import PrometheusTools, fetch_prometheus, find_prometheus

__all__ = [
    "ApacheKafka",
    "EmbeddedBroker",
    "ManagedProcess",
    "Prometheus",
    "PrometheusTools",
    "fetch_prometheus",
    "find_prometheus",
    "free_port",
    "free_ports",
    "require_free",
]
