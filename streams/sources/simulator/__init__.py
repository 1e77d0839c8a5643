"""The simulator: synthetic events of believable acute trusts, the same for the same arguments.

`Simulation(settings).events()` gives a stretch of days in order of arrival; `LiveFeed` goes on from there
at a steady rate. Every event says `synthetic`; nothing in it is about a real person or a real figure.
"""

from streams.sources.simulator.live import LiveFeed, history
from streams.sources.simulator.settings import DEFAULT_UNTIL, FAMILY_NAMES, Settings, Silence
from streams.sources.simulator.simulation import Simulation

__all__ = ["DEFAULT_UNTIL", "FAMILY_NAMES", "LiveFeed", "Settings", "Silence", "Simulation", "history"]
