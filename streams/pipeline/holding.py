"""A partition of ours: under which claim we have it, how far we are, and what waits to be written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from schemas.outputs import Total
from streams.pipeline.closed import ClosedDue
from streams.pipeline.outputs import Output


class Claim(NamedTuple):
    """What the metadata of a commit says: which topic this is, and how often it has changed hands.

    Attributes:
        identity: made when the group first committed on the partition; a topic made anew has another.
        epoch: one more at every takeover, so that readers know what a former owner still writes.
    """

    identity: str
    epoch: int

    @classmethod
    def first(cls) -> Claim:
        """Make the first claim on a partition."""
        return cls(uuid.uuid4().hex, 1)

    @classmethod
    def read(cls, metadata: str) -> Claim | None:
        """Read a commit's metadata; None when there is none. One without an epoch has epoch 0."""
        identity, _, epoch = metadata.partition("/")
        return cls(identity, int(epoch) if epoch.isdigit() else 0) if identity else None

    def next(self) -> Claim:
        """Give the claim of whoever takes over."""
        return self._replace(epoch=self.epoch + 1)

    @property
    def metadata(self) -> str:
        """As it stands in a commit."""
        return f"{self.identity}/{self.epoch}"


@dataclass
class Assigned:
    """A partition of ours.

    Attributes:
        committed: next offset of the last commit; what stands below is not written again.
        end: its end when it came to us; state is complete from there on.
        claim: ours, committed before anything was published under it.
        position: offset of the next record to read.
        complete_since_ms: tick of the first whole publication, 0 before it.
        quarter: quarter of an hour of the last tick; with the next one every window moves.
        minute: minute of the last tick; with the next one the picture of now does.
        outputs: dead letters and late records that have not been acknowledged.
        totals: totals of days that closed, not acknowledged either.
        watched: position when the partition was last looked at.
        still_since: time from which it has had records to read and read none.
    """

    committed: int
    end: int
    claim: Claim
    position: int = 0
    complete_since_ms: int = 0
    quarter: int = 0
    minute: int = 0
    outputs: list[Output] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    watched: int = -1
    still_since: float | None = None
    closed: ClosedDue = field(default_factory=ClosedDue)

    def watch(self, end: int, now: float) -> None:
        """Look whether it moved since the last look; `end` is the partition's end now."""
        if self.position >= end:
            self.still_since = None
        elif self.position != self.watched or self.still_since is None:
            self.still_since = now
        self.watched = self.position

    @property
    def rebuilding(self) -> bool:
        """Whether the state is not complete yet."""
        return self.position < self.end

    @property
    def pending_records(self) -> int:
        """How many records wait to be written."""
        return len(self.outputs) + len(self.totals)

    @property
    def pending_bytes(self) -> int:
        """How much waits to be written, but for totals, which are small."""
        return sum(len(one.value or b"") for one in self.outputs)

    def after(self, committed: int, claim: Claim, end: int) -> Assigned:
        """Give this partition as it goes on after the group has given it to us again.

        Args:
            committed: next offset of the commit that stands now.
            claim: ours from now on.
            end: the partition's end now.
        """
        if claim == self.claim:
            return replace(self, committed=committed, watched=-1, still_since=None)
        # Another had it: what it acknowledged is not written again, and readers need everything anew.
        waiting = [one for one in self.outputs if one.offset >= committed]
        return Assigned(
            committed,
            max(end, self.end),
            claim,
            position=self.position,
            outputs=waiting,
            totals=self.totals,
        )
