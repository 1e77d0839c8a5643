"""Python's cycle collector, set for a process that holds millions of small objects for weeks."""

from __future__ import annotations

import gc

_ALLOCATIONS = 50_000
"""A pass over so many containers holds the event loop for some 5 ms; one over 200,000 took up to 40."""
_NEVER = 1 << 30
"""Passes over what is older: one over all that a worker of England holds would take more than a second."""


def calm_collector() -> None:
    """Keep the cycle collector from walking what lives as long as the process; call once after the start.

    Everything there is now is set apart, and later passes come after 50,000 new containers, not 700, and over
    these alone. Held episodes form no cycles, yet each full pass would walk all of them: with Python's own
    thresholds that is the largest single cost of the hot path (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, _NEVER, _NEVER)


def collect_young() -> None:
    """Free cycles among what was made since the last call; call at quiet moments and between long steps.

    By itself the collector would wait until there are 50,000 containers more than at its last pass. Where as
    many old ones are let go as new ones come that is never, and the pass that comes at last walks all of the
    new ones at once, for a tenth of a second and more. A pass costs as much as was made since the one before;
    what has been kept for long is not walked.
    """
    gc.collect(1)
