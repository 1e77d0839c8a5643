"""The service's own metrics, by the Prometheus client; indicators are rendered elsewhere."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.engine.families import FAMILIES
from streams.engine.records import REASONS


class Metrics:
    """Everything the service says about itself. One instance a process.

    Refused and late begin at 0 for every known label value: "none" must not look like "not scraped".
    """

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        at = ["topic", "partition"]
        self.consumed = Counter("oversight_records_consumed", "Records read.", ["topic"], registry=own)
        self.outcomes = Counter(
            "oversight_events",
            "Accepted events by outcome: applied, duplicate, superseded, clash, between_censuses, outdated.",
            ["outcome"],
            registry=own,
        )
        self.refused = Counter(
            "oversight_records_refused", "Records sent to dead letters.", ["reason"], registry=own
        )
        self.late = Counter(
            "oversight_records_late", "Records whose day had closed.", ["family"], registry=own
        )
        for reason in REASONS:
            self.refused.labels(reason)
        for family in FAMILIES:
            self.late.labels(family)
        self.misrouted = Counter(
            "oversight_records_misrouted",
            "Records on another partition than their key's.",
            ["topic"],
            registry=own,
        )
        self.lag = Gauge("oversight_lag_records", "Records not yet read.", at, registry=own)
        self.held = Gauge("oversight_held_records", "Episodes and returns in memory.", at, registry=own)
        self.rebuilding = Gauge(
            "oversight_rebuilding", "1 while a partition's state is rebuilt.", at, registry=own
        )
        self.tick = Histogram(
            "oversight_tick_duration_seconds",
            "Time from the start of a checkpoint to its commit.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=own,
        )
        self.checkpoint = Gauge(
            "oversight_last_checkpoint_timestamp_seconds", "When offsets were last committed.", registry=own
        )
        self.failed_checkpoints = Counter(
            "oversight_checkpoints_failed", "Checkpoints that the broker did not take in time.", registry=own
        )
        self.tick_late = Gauge(
            "oversight_tick_late_seconds", "By how much the next checkpoint is overdue.", registry=own
        )
        self.broker_reachable = Gauge(
            "oversight_broker_reachable", "1 while the brokers of our partitions answer.", registry=own
        )
        self.standing_still = Gauge(
            "oversight_partition_standing_still_seconds",
            "For how long a partition has had records to read of which none was read.",
            at,
            registry=own,
        )
        self.orphans = Gauge(
            "oversight_partitions_without_worker",
            "Partitions that a settled group has given to nobody.",
            ["group"],
            registry=own,
        )
        self.held_up = Histogram(
            "oversight_event_loop_held_seconds",
            "How long the event loop was held up, looked at ten times a second.",
            buckets=(0.01, 0.03, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=own,
        )
        self.states = Counter(
            "oversight_saved_states",
            "Local files of a partition's state by outcome: saved, not_saved, loaded, ignored.",
            ["outcome"],
            registry=own,
        )
        for outcome in ("saved", "not_saved", "loaded", "ignored"):
            self.states.labels(outcome)
        self.snapshots_ignored = Counter(
            "oversight_snapshots_ignored",
            "Records of the snapshots topic that could not be read.",
            registry=own,
        )
        self.serving = Gauge(
            "oversight_serving", "1 while this worker owns and serves the indicators.", registry=own
        )
        self.partition_age = Gauge(
            "oversight_partition_age_seconds",
            "Time since the worker of a partition was last heard by the assessment.",
            at,
            registry=own,
        )
        self.finals = Counter(
            "oversight_finals_issued", "Finals written, first ones and restated ones.", ["kind"], registry=own
        )
        for kind in ("first", "restated"):
            self.finals.labels(kind)
        self.source_seen = Gauge(
            "oversight_source_last_append_timestamp_seconds",
            "When a publisher's newest record was appended.",
            ["source", "topic"],
            registry=own,
        )
        self.source_late = Counter(
            "oversight_source_records_late",
            "Records of a publisher whose day had closed.",
            ["source", "topic"],
            registry=own,
        )
        self.source_misrouted = Gauge(
            "oversight_source_misrouted",
            "1 for a publisher whose records are not where their key belongs.",
            ["source"],
            registry=own,
        )
        self.sources_split = Gauge(
            "oversight_sources_on_two_partitions",
            "Publishers found on more than one partition of a topic: their figures can be wrong.",
            registry=own,
        )
