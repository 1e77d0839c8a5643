"""The cycle collector: seldom by itself, and often among what is young."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.pipeline.collector import calm_collector, collect_young


class Ring:
    """Refers to itself, so that counting references does not free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def _collector() -> Iterator[None]:
    """Set back what is set for a whole process."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("_collector")
def test_young_cycles_are_freed_at_quiet_moments_only() -> None:
    """A cycle stays while the collector waits for many, and goes when it is asked."""
    calm_collector()
    ring = weakref.ref(Ring())
    assert [[] for _ in range(10_000)]
    assert ring() is not None
    collect_young()
    assert ring() is None
