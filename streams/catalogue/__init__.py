"""The catalogue: indicators, measures, thresholds and an operator's own, declared in TOML."""

from streams.catalogue.expectations import Expectations, ExpectedSource, read_sources
from streams.catalogue.model import Catalogue, Contribution, Gap, Indicator
from streams.catalogue.thresholds import Threshold

__all__ = [
    "Catalogue",
    "Contribution",
    "Expectations",
    "ExpectedSource",
    "Gap",
    "Indicator",
    "Threshold",
    "read_sources",
]
