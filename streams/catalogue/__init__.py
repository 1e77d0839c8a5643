"""The catalogue: indicators, measures and thresholds, declared in TOML and validated here."""

from streams.catalogue.expectations import Expectations, ExpectedSource, read_sources
from streams.catalogue.model import Catalogue, Contribution, Gap, Indicator, Threshold

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
