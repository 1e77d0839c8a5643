"""Python's cycle collector, set for a process that holds millions of small objects for weeks."""

from __future__ import annotations

import gc

_ALLOCATIONS = 50_000
"""A pass over so many containers holds the event loop for some 5 ms; one over 200,000 took up to 40."""
_YOUNG_PASSES, _MIDDLE_PASSES = 200, 1_000
_SOME_PASSES = 1


def calm_collector() -> None:
    """Keep the cycle collector from walking what lives as long as the process; call once after the start.

    Everything there is now is set apart, and later passes come after 50,000 new containers, not 700.
    Held episodes form no cycles, yet each full pass would walk all of them: with Python's own thresholds
    that is the largest single cost of the hot path (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, _YOUNG_PASSES, _MIDDLE_PASSES)


def collect_young() -> None:
    """Free cycles among what was made since the last call; call at quiet moments.

    By itself the collector would wait for 50,000 containers: megabytes that nobody uses. What
    has been kept for long is not walked.
    """
    gc.collect(1)


def collect_some() -> None:
    """Do the same where much has been made meanwhile; call in between, while much is being made.

    When hundreds of organisations are taken in a row most of what is made stays, and one pass over all of it
    would hold the event loop for a tenth of a second and more.
    """
    if gc.get_count()[1] >= _SOME_PASSES:
        gc.collect(1)
