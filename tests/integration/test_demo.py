"""The demonstration as a person runs it: figures soon, a page, and nothing left behind."""

from __future__ import annotations

import signal
import socket
import urllib.request
from pathlib import Path

from messages import SAMPLE_DENOMINATOR, SAMPLE_NUMERATOR
from service import OVERSIGHT, Metrics, eventually, oversight

from streams.local import EmbeddedBroker, ManagedProcess, free_port

CHILDREN = "/proc/{pid}/task/{pid}/children"


def _get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            return answer.read().decode()
    except OSError:
        return ""


def test_figures_soon_a_page_and_nothing_left(embedded_broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Real and simulated figures within 30 s, the page answers, Ctrl-C ends it and its broker."""
    assert embedded_broker.pid  # the wheel is there
    port = free_port()
    demo = ManagedProcess("demo", (OVERSIGHT, "demo", "--port", str(port)), directory=tmp_path)
    with demo:
        url = f"http://127.0.0.1:{port}"
        eventually(
            lambda: "first indicators after" in demo.log_path.read_text(),
            within=30,
            saying=demo.log_path.read_text,
        )
        england = {"org": "england", "stratum": ""}
        official = {**england, "window": "month", "basis": "official"}

        def all_is_read() -> Metrics | None:
            found = Metrics(_get(f"{url}/metrics"))
            value = found.get("oversight_ae_4h_all_types_numerator", **official)
            return found if value == SAMPLE_NUMERATOR else None

        metrics = eventually(all_is_read, within=15)
        assert SAMPLE_DENOMINATOR == metrics.get("oversight_ae_4h_all_types_denominator", **official)
        assert metrics.select("oversight_theatre_capped_utilisation_ratio", basis="synthetic", **england)
        assert "England" in _get(f"{url}/")
        assert '"ready"' in _get(f"{url}/readyz")
        pid = demo.pid
        children = [int(one) for one in Path(CHILDREN.format(pid=pid)).read_text().split()]
        assert children

        demo.signal(signal.SIGINT)
        assert demo._process is not None
        assert 0 == demo._process.wait(20), demo.log_path.read_text()

    said = demo.log_path.read_text()
    assert "stopped; nothing was left behind" in said
    assert "Traceback" not in said
    eventually(lambda: not any(Path(f"/proc/{one}").exists() for one in children), within=5)


def test_a_taken_port_says_so_at_once() -> None:
    """Before any broker is started."""
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]

        done = oversight("demo", "--port", str(port), "--for", "5")

    assert (1, "") == (done.returncode, done.stdout)
    assert f"oversight: port {port} on 127.0.0.1 is already in use" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_it_stops_by_itself(embedded_broker: EmbeddedBroker) -> None:
    """`--for` ends it with 0, even before everything is there."""
    assert embedded_broker.pid

    done = oversight("demo", "--port", str(free_port()), "--for", "3")

    assert 0 == done.returncode, done.stderr
    assert "stopped; nothing was left behind" in done.stdout
    assert "Traceback" not in done.stderr
