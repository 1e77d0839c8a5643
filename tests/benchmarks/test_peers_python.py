"""The peers in Python: how they are started, what they count and how they hand it in; no network."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import msgspec
import pytest

from streams.bench.measured import Measured, Task
from streams.bench.peers import attendance, environment, peer
from streams.errors import BenchmarkError


def _event(department: int, departed: str) -> bytes:
    data = {"department_type": department, "arrived_at": "2026-11-10T08:00:00Z", "departed_at": departed}
    return json.dumps({"partitionkey": "R00", "data": data, "id": "1"}).encode()


@pytest.mark.parametrize(
    ("department", "departed", "counts", "within"),
    [
        (1, "2026-11-10T12:00:00Z", True, True),
        (1, "2026-11-10T12:00:01Z", True, False),
        (5, "2026-11-10T09:00:00Z", False, True),
    ],
)
def test_a_stay_of_exactly_four_hours_is_within(
    department: int, departed: str, counts: bool, within: bool
) -> None:
    """The limit belongs to the target, and type 5 is outside the ratio."""
    event = attendance.decode(_event(department, departed))
    assert event.partitionkey == "R00"
    assert (event.data.counts, event.data.within) == (counts, within)


def test_a_result_is_handed_in_without_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task is the benchmark's, the measures are the benchmark's, the sums leave zeros out."""
    sums = tmp_path / "sums.json"
    task = Task("faust", 3, "", "localhost:9092", "events", sums=str(sums), states=str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["peer", msgspec.json.encode(task).decode()])
    told, clock = peer.Task.told(), peer.Clock()
    clock.start()
    clock.stop(told.events)
    peer.hand_in(told, clock, {"R00/2026-11-10": (2, 0), "R01/2026-11-10": (1, 1), "R02/2026-11-10": (0, 0)})
    assert json.loads(sums.read_text("utf-8")) == {
        "R00/2026-11-10": {"attended": 2},
        "R01/2026-11-10": {"attended": 1, "within_4h": 1},
    }
    measured = msgspec.json.decode(capsys.readouterr().out, type=Measured)
    assert measured.events == 3
    assert measured.peak_bytes > 0


def test_a_peer_that_stopped_early_fails() -> None:
    """There is no figure without all records."""
    told = peer.Task(3, "localhost:9092", "events", "", "")
    with pytest.raises(SystemExit, match="before 3 records of events"):
        peer.hand_in(told, peer.Clock(), {})


def test_faust_runs_in_the_project_s_environment() -> None:
    """No other environment is made for it, and every script is there."""
    assert environment.command("faust")[0] == sys.executable
    for script in environment.PEERS.values():
        assert (Path(environment.__file__).parent / script).is_file()


def test_an_unknown_peer_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(BenchmarkError, match="flink is none of faust, quix, bytewax"):
        environment.command("flink")


def test_an_environment_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed, where, what to do, and what was said; nothing is left behind."""

    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "ensurepip", output=b"No module named ensurepip")

    monkeypatch.setenv("OVERSIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(venv, "create", fail)
    with pytest.raises(
        BenchmarkError, match=r"(?s)virtual environment.*leave the peers out.*No module named"
    ):
        environment.python_of_peers()
    assert list(tmp_path.iterdir()) == []
