"""Every OPEL parameter has its indicator: docs/opel.md names them, and the catalogue has them."""

import re
from pathlib import Path

import pytest

from streams.catalogue import Catalogue

PAGE = (Path(__file__).parents[1] / "docs" / "opel.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \| `(\w+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)


def test_nine_parameters_and_then_ten() -> None:
    """The set of 2023/24 and that of 2024 to 2026, numbered, none left out."""
    assert [*map(str, range(1, 10)), *map(str, range(1, 11))] == [number for number, _, _ in ROWS]


@pytest.mark.parametrize(("number", "indicator", "window"), ROWS)
def test_a_parameters_indicator_is_declared_over_its_window(number: str, indicator: str, window: str) -> None:
    """What the page says, the catalogue can show."""
    assert window in Catalogue.shipped().indicators[indicator].windows, number


def test_every_indicator_the_page_names_is_declared() -> None:
    """Those of the remarks too."""
    named = set(re.findall(r"`((?:ae|amb|ed|nhs111)_\w+)`", PAGE))
    assert set() == named - Catalogue.shipped().indicators.keys()
