"""Figures as published: one entry, its measure and its indicators."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.catalogue import Catalogue
from streams.errors import ConfigurationError

ENTRY = """
[[published]]
id = "nof_of9999"
title = "NOF OF9999"
purpose = "outcomes_and_access"
grain = "quarter"
peers = true
source = "here"
"""


def load(directory: Path, text: str) -> Catalogue:
    """Read one file of declarations."""
    (directory / "local.toml").write_text(text)
    return Catalogue.from_directory(directory)


def test_an_entry_stands_for_a_measure_and_its_figures(tmp_path: Path) -> None:
    """The value first; each in its own window, none of them in a sum, none of them a denominator."""
    found = load(tmp_path, ENTRY)
    (stream,) = (one for one in found.returns() if one.name.startswith("published:"))

    suffixes = ("", "_median", "_lower_quartile", "_upper_quartile", "_rank")
    assert [f"nof_of9999{suffix}" for suffix in suffixes] == list(found.indicators)
    assert {"published"} == {one.kind for one in found.indicators.values()}
    assert ("published:nof_of9999", ("quarter",)) == (stream.name, stream.windows)
    assert (False, False, True) == (stream.rolled_up, stream.denominator, stream.official_only)


def test_without_peers_there_is_the_value_alone(tmp_path: Path) -> None:
    """A published mean has no rank."""
    assert ["nof_of9999"] == list(load(tmp_path, ENTRY.replace("peers = true", "")).indicators)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("local.toml:6: published nof_of9999: grain", ENTRY.replace("quarter", "year")),
        ("purpose", ENTRY.replace("outcomes_and_access", "access")),
        ("declared twice", ENTRY + ENTRY),
        (
            "indicator x_y: measure nof_of9999 has no [[measure]] entry",
            ENTRY
            + """
[[indicator]]
id = "x_y"
title = "x"
purpose = "inequalities"
horizon = "today"
direction = "none"
unit = "patients"
kind = "count"
windows = ["quarter"]
definition = "x"
source = "here"
[[indicator.from]]
measure = "nof_of9999"
denominator = false
""",
        ),
    ],
)
def test_a_wrong_entry_is_told(tmp_path: Path, said: str, text: str) -> None:
    """With file and field, as any other declaration."""
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)

    assert said in str(error.value)


def test_shipped_published_figures_are_under_their_own_names() -> None:
    """A published mean is never a contribution to the ratio of sums."""
    for one in Catalogue.shipped().indicators.values():
        streams = {part.stream.split(":")[0] for part in one.contributions}
        assert ("published" in streams) == (one.kind == "published"), one.id
