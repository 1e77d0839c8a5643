"""Settings, read once at the edge from the environment (`OVERSIGHT_…`) and passed down as values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.assessment.suppression import Rule
from streams.catalogue.declared import LEVELS, Level


class Settings(BaseSettings):
    """How the service runs. Every field can be set as `OVERSIGHT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="OVERSIGHT_", frozen=True, extra="forbid")

    bootstrap_servers: str = Field(default="127.0.0.1:9092", description="Kafka brokers, host:port,host:port")
    group: str = Field(default="oversight", description="consumer group, and the name of the Faust app")
    topic_prefix: str = Field(default="oversight", description="topics are <prefix>.events, …")
    partitions: Annotated[int, Field(ge=1, le=1000)] = 4
    """Partitions of events and returns when the service creates them; fixed from then on."""
    replication: Annotated[int, Field(ge=1, le=10)] = 3
    """Copies of each topic when the service creates it; 1 on a single broker."""
    append_time: Literal["broker", "publisher"] = "broker"
    """Whose clock stamps records; `publisher` only for the embedded broker, which cannot."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Where pages, /metrics, /healthz and /readyz are served."""
    tick_seconds: Annotated[float, Field(gt=0, le=60)] = 0.4
    """Least time between two checkpoints, which publish changed organisations and commit offsets."""
    deadline_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long a checkpoint may wait for the broker before it is tried again."""
    session_timeout_seconds: Annotated[float, Field(ge=1)] = 30.0
    """After which the group gives a silent worker's partitions to others."""
    instance: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")
    """Name of this worker, the same after a restart and unlike any other's: static membership of the groups.

    A worker that comes back inside the session timeout gets its partitions back and no other is disturbed.
    """
    state_directory: Path | None = None
    """Where this worker keeps a copy of its state, so that a restart need not read the log; None for nowhere.

    It is a cache of this machine and worker: losing it loses nothing.
    """
    snapshot_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How old that copy may become."""
    official_sources: tuple[str, ...] = ("/ods/X24/",)
    """Prefixes of `source` that may send figures with `data.publication`."""
    max_event_bytes: Annotated[int, Field(ge=1024)] = 256 * 1024
    max_series_a_source: Annotated[int, Field(ge=1)] = 20_000
    """How many series (organisation, site, family, basis) one publisher may begin on a partition."""
    max_series_an_organisation: Annotated[int, Field(ge=1)] = 300
    """How many series (site, family, basis) one organisation may have: one record holds all."""
    max_sources_a_publisher: Annotated[int, Field(ge=1)] = 100
    """How many systems (`source`) one publisher may have on a partition: one record names all."""
    smallest_count: Annotated[int, Field(ge=1)] = 8
    """Strata with a count from 1 up to below this are not shown, nor what would tell it; 1 shows all."""
    exact_levels: tuple[Level, ...] = LEVELS
    """Levels at which figures that are not broken down are shown however small they are."""
    sources: Path | None = None
    """TOML file of the sources an operator expects, `[[source]]`; see docs/concepts.md."""
    local: Path | None = None
    """TOML file or directory of an operator's own measures and thresholds; see docs/local-measures.md."""
    organisations: Path | None = None
    """Directory of an operator's own tables: places, neighbourhoods, clusters, successors of trusts, and who
    is responsible for what; see docs/organisations.md."""
    register_directory: Path | None = None
    """Directory of a register that stands in place of the shipped one: `oversight organisations refresh`."""

    @property
    def rule(self) -> Rule:
        """Which figures are too small to be shown."""
        return Rule(self.smallest_count, frozenset(self.exact_levels))

    def topic(self, name: str) -> str:
        """Give the full name of one of our topics."""
        return f"{self.topic_prefix}.{name}"
