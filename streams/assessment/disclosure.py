"""Disclosure: what is hidden of every slot of a board, from the lowest level up.

    site ─► trust or provider ─► ICB ─► region ─► England      a chain of sums: `suppression.through`
    any other level (a place, a cluster)                       hides whatever a member hides
    a council                                                  has no strata of its residents

A slot's answer is kept with its sum until the facts change; they change in every slot above at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streams.assessment.shares import Period, Slot, Sum
from streams.assessment.suppression import Hidden, Rule, Suppressor
from streams.catalogue import Catalogue
from streams.organisations import Register

_BELOW = {"region": "icb", "england": "region", "cluster": "icb"}
"""What a level is the sum of; all others are of organisations, and those of sites."""
_CHAIN = frozenset({"site", "trust", "provider", "council", "icb", "region", "england"})


class Disclosure:
    """Decides what is hidden of a slot.

    Args:
        catalogue: which counts are shown.
        register: for what a slot is the sum of.
        rule: how small is too small.
        sums: of the board, which keeps them up to date.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        register: Register,
        rule: Rule,
        sums: Mapping[Slot, Mapping[Period, Sum]],
    ) -> None:
        self._pairs = catalogue.by_stream()
        self._register = register
        self._rule = rule
        self._sums = sums
        self._suppressors: dict[tuple[str, str], Suppressor] = {}

    def hidden(self, slot: Slot, period: Period) -> Hidden:
        """Give what is hidden of a slot that holds a period."""
        total = self._sums[slot][period]
        if total.hidden is None:
            suppressor = self._suppressor(slot.stream, slot.window)
            if total.below is None and suppressor.breaks_down:
                total.below = frozenset(self._below(slot, total))
            below = [
                self.hidden(one, period) for one in total.below or () if period in self._sums.get(one, ())
            ]
            chained = slot.level in _CHAIN
            total.hidden = suppressor.hidden(slot.level, total.cells, below, any_below=not chained)
        return total.hidden

    def _suppressor(self, stream: str, window: str) -> Suppressor:
        found = self._suppressors.get((stream, window))
        if found is None:
            shown = [pair for pair in self._pairs.get(stream, ()) if window in pair[0].windows]
            found = self._suppressors[stream, window] = Suppressor(shown, stream, self._rule)
        return found

    def _below(self, slot: Slot, total: Sum) -> Iterator[Slot]:
        """Give the slots that a slot is the sum of; its own facts without a site are nobody's below."""
        here = (slot.level, slot.org)
        if slot.level in ("site", "council"):
            return
        for (_, _, org), site, part in total.origins:
            above = dict(self._register.counts_in(org, part))
            own = (self._register.level(org), org)
            if own == here:
                found = [] if site is None else [("site", site)]
            elif slot.level in _BELOW:
                level = _BELOW[slot.level]
                found = [(level, above[level])] if level in above else [own]
            else:
                found = [own]
            for level, code in found:
                if (level, code) != here:
                    yield slot._replace(level=level, org=code)
