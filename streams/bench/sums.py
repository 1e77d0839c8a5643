"""Results that are compared: facts by place, and the first place in which two of them differ."""

from __future__ import annotations

Sums = dict[str, dict[str, int]]
"""Place, such as `org/site/day/quintile`, to the facts that are not zero, by name."""


def difference(want: Sums, got: Sums) -> str | None:
    """Say where two results differ first, or None when they are equal."""
    for place in sorted(want.keys() | got.keys()):
        if want.get(place) != got.get(place):
            return f"{place}: expected {want.get(place)}, got {got.get(place)}"
    return None
