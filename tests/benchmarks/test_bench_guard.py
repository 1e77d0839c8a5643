"""The guard: says when the hot path's ratio has fallen, fails on nothing but a wrong result."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from streams.bench.guard import TOLERANCE, Guard, measure, ratio
from streams.bench.measured import Measured
from streams.bench.report import read
from streams.local import ApacheKafka

_ROOT = Path(__file__).resolve().parents[2]
_STORED = read(_ROOT / "docs" / "benchmarks.json")


def test_the_hot_path_keeps_its_ratio(
    kafka: ApacheKafka, tmp_path: Path, notice: Callable[[str], None]
) -> None:
    """Slower than stored is said at the end of the run; a wrong result fails."""
    found = measure(kafka.bootstrap, tmp_path, _STORED)

    assert found is not None
    assert 0 < found.measured < 1
    if found.warning:
        notice(found.warning)


def test_nothing_stored_is_nothing_to_compare_with(tmp_path: Path) -> None:
    """Without stored rates nothing is run, and no broker is asked for."""
    assert None is measure("", tmp_path, msgspec.structs.replace(_STORED, results=[]))


def test_the_ratio_is_the_median_of_the_rounds_by_processor_time() -> None:
    """Worked by hand: 1/4, 1/5 and 1/10 of the raw consumer's processor time."""

    def runs(*cpu: float) -> list[Measured]:
        return [Measured(1_000, 1.0, one, 0, 0) for one in cpu]

    assert 0.2 == ratio({"raw": runs(1, 1, 1), "panes": runs(4, 5, 10)})
    assert None is ratio({"raw": runs(1, 1, 1)})


def test_only_a_ratio_far_below_the_stored_one_is_told() -> None:
    """A little less is the machine; under the tolerance both figures and what to do are told."""
    assert None is Guard(0.2, 0.2).warning
    assert None is Guard(0.2 * TOLERANCE, 0.2).warning
    assert None is Guard(0.9, 0.2).warning
    said = Guard(0.1, 0.2).warning
    assert said is not None
    assert all(word in said for word in ("0.100", "less than 70% of the stored 0.200", "make bench"))


def test_a_notice_stands_at_the_end_of_a_run_that_passes(tmp_path: Path) -> None:
    """Although warnings are errors in this suite; without notices there is no such section."""
    (tmp_path / "test_one.py").write_text("def test_it(notice):\n    notice('it is slower')\n")
    (tmp_path / "test_two.py").write_text("def test_it(notice):\n    pass\n")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )

    def told(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "conftest", name],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'tests'}"},
        )

    with_one, with_none = told("test_one.py"), told("test_two.py")
    assert (0, 0) == (with_one.returncode, with_none.returncode), with_one.stdout + with_one.stderr
    assert "notice, no failure" in with_one.stdout.split("test_one.py")[-1]
    assert "\nit is slower\n" in with_one.stdout
    assert "notice, no failure" not in with_none.stdout
