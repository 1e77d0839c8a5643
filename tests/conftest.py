"""Servers for the whole session; a test whose server cannot be had is skipped for a user and fails in CI."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
from hypothesis import settings

from streams.errors import LocalServerError
from streams.local import ApacheKafka, EmbeddedBroker, Prometheus, fetch_prometheus, find_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("oversight", deadline=None)  # a busy machine is no counter-example
settings.load_profile("oversight")

_MARKER_OF_FIXTURE = {
    "kafka": "broker",
    "kafka_factory": "broker",
    "embedded_broker": "embedded",
    "prometheus_factory": "prometheus",
    "shared_data": "shared_data",
}

_Had = TypeVar("_Had")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers it asks for, so that `-m 'not broker'` needs no marks by hand."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _MARKER_OF_FIXTURE:
                item.add_marker(_MARKER_OF_FIXTURE[fixture])


def have(get: Callable[[], _Had]) -> _Had:
    """Return what `get` returns; where a server cannot be had skip, or fail if servers are required."""
    try:
        return get()
    except LocalServerError as error:
        reason = str(error)
    if os.environ.get("OVERSIGHT_REQUIRE_SERVERS") == "1":
        pytest.fail(f"OVERSIGHT_REQUIRE_SERVERS=1, and: {reason}", pytrace=False)
    pytest.skip(reason)


_NOTICES = pytest.StashKey[list[str]]()


@pytest.fixture
def notice(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say something at the end of the whole run that is no failure; a warning would be one here."""
    return request.config.stash.setdefault(_NOTICES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what tests gave notice of."""
    if notices := config.stash.get(_NOTICES, []):
        terminalreporter.section("notice, no failure", yellow=True)
        for one in notices:
            terminalreporter.line(one, yellow=True)


def find_kcat() -> str:
    """Return the path of kcat, for `have`: a Kafka client that shares no code with ours."""
    found = shutil.which("kcat")
    if found is None:
        raise LocalServerError("there is no kcat on the PATH (on Debian: apt-get install kcat)")
    return found


class KafkaFactory(Protocol):
    """Starts an Apache Kafka of the test's own, to be killed or frozen at will."""

    def __call__(self, *, nodes: int = 1, properties: dict[str, str] | None = None) -> ApacheKafka:
        """Start it; it is stopped when the test ends."""


class PrometheusFactory(Protocol):
    """Starts a Prometheus over a configuration: its text, or the path of a file."""

    def __call__(self, config: str | Path, *, port: int | None = None) -> Prometheus:
        """Start it; it is stopped when the session ends, if the test does not stop it."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One Apache Kafka for the session; tests name their own topics and leave the broker alone."""
    server = ApacheKafka(tmp_path_factory.mktemp("kafka"))
    have(server.start)
    yield server
    server.stop()


@pytest.fixture
def kafka_factory(tmp_path: Path) -> Iterator[KafkaFactory]:
    """An Apache Kafka for one test, which may do to it what it likes."""
    with contextlib.ExitStack() as running:

        def start(*, nodes: int = 1, properties: dict[str, str] | None = None) -> ApacheKafka:
            directory = tmp_path / f"kafka-{len(list(tmp_path.glob('kafka-*')))}"
            server = ApacheKafka(directory, nodes=nodes, properties=properties)
            running.callback(server.stop, grace_seconds=2)
            return have(server.start)

        yield start


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    """One embedded broker for the session; tests name their own topics."""
    server = EmbeddedBroker()
    have(server.start)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def prometheus_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusFactory]:
    """Prometheus of 3.x where it can be fetched, else the PATH's; one for each configuration."""
    try:
        tools = fetch_prometheus()
    except LocalServerError:
        tools = have(find_prometheus)
    with contextlib.ExitStack() as running:

        def start(config: str | Path, *, port: int | None = None) -> Prometheus:
            server = Prometheus(config, tmp_path_factory.mktemp("prometheus"), port=port, tools=tools)
            running.callback(server.stop)
            return server.start()  # from here on, what fails is the configuration

        yield start


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The official files, `../shared/data` beside the repository; skipped without them, in CI too."""
    directory = _REPOSITORY.parent / "shared" / "data"
    if not directory.is_dir():
        pytest.skip("the official files are not here: ../shared/data, beside the repository")
    return directory
