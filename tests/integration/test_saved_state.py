"""States on disk: a restart uses them, and does without where they cannot be used."""

from __future__ import annotations

from pathlib import Path

from messages import attendance
from service import Metrics, Service

from streams.local import ApacheKafka

DENOMINATOR = "oversight_ae_4h_all_types_denominator"
RX1 = {"org": "RX1", "window": "28d", "stratum": ""}
MANY = 500


def outcomes(metrics: Metrics) -> dict[str, float]:
    """Give how many states were saved, loaded and so on."""
    found = metrics.select("oversight_saved_states_total")
    return {dict(labels)["outcome"]: value for labels, value in found.items() if value}


def test_a_restart_from_a_saved_state(kafka: ApacheKafka, tmp_path: Path) -> None:
    """After Ctrl-C nothing is read again, after kill -9 what came since; with a torn file, everything."""
    states = tmp_path / "states"
    service = Service(kafka.bootstrap, tmp_path, state_directory=states, snapshot_seconds=0.5)
    with service:
        assert 0 == service.publish([attendance(n, org="RX1") for n in range(MANY)]).returncode
        service.wait_value(MANY, DENOMINATOR, **RX1)
        assert 0 == service.stop()

        service.start()
        metrics = service.wait_value(MANY, DENOMINATOR, **RX1)
        assert (1, 0) == (outcomes(metrics)["loaded"], metrics.total("oversight_records_consumed_total"))
        assert MANY == metrics.total("oversight_held_records")

        assert 0 == service.publish([attendance(MANY, org="RX1")]).returncode
        service.wait_value(MANY + 1, DENOMINATOR, **RX1)
        service.kill()
        service.start()
        metrics = service.wait_value(MANY + 1, DENOMINATOR, **RX1)
        assert metrics.total("oversight_records_consumed_total") <= 1

        service.kill()
        (state,) = states.glob("*.state")
        state.write_bytes(state.read_bytes()[:-100])
        service.start()
        metrics = service.wait_value(MANY + 1, DENOMINATOR, **RX1)
        assert 1 == outcomes(metrics)["ignored"]
        assert MANY + 1 == metrics.total("oversight_records_consumed_total")
        assert "a saved state is not used" in service.log
