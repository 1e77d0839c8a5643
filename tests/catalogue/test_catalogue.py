"""The catalogue: what ships, and what a wrong declaration is told."""

from datetime import date
from pathlib import Path

import pytest

from streams.catalogue import Catalogue, Indicator
from streams.catalogue.declared import PURPOSES
from streams.catalogue.thresholds import Bounds, Limits
from streams.errors import ConfigurationError

FIRST_TWELVE = {
    "theatre_capped_utilisation",
    "drd_delayed",
    "drd_mean_delay",
    "nctr_bed_share",
    "ga_bed_occupancy",
    "ae_4h_all_types",
    "amb_handover_over_45m",
    "rtt_18w",
    "rtt_18w_imd_gap",
    "hypertension_control",
    "finance_ytd_variance",
    "core20_recruitment",
}


def test_the_first_twelve_are_declared() -> None:
    """Every bold indicator of the catalogue ships."""
    assert FIRST_TWELVE == FIRST_TWELVE & Catalogue.shipped().indicators.keys()


def test_every_purpose_has_an_indicator() -> None:
    """Oversight balances the four purposes from the first day."""
    assert set(PURPOSES) == {one.purpose for one in Catalogue.shipped().indicators.values()}


def test_every_indicator_says_what_it_is_and_where_it_comes_from() -> None:
    """A definition and a source stand beside every figure."""
    for one in Catalogue.shipped().indicators.values():
        assert all(len(text) > 8 for text in (one.title, one.definition, one.source)), one.id


def test_thresholds_without_evidence_do_not_ship() -> None:
    """Values that nobody verified, or that were not found, have no default anywhere."""
    shipped = Catalogue.shipped()
    judged = {one.indicator for one in shipped.thresholds}
    assert judged.isdisjoint(
        {"hypertension_control", "finance_ytd_variance", "drd_delayed", "rtt_18w_imd_gap"}
    )
    assert {"V", "S"} >= {one.evidence for one in shipped.thresholds}


def test_a_level_cannot_be_declared_for_a_sum() -> None:
    """REAP of two services is no REAP of England."""
    reap = Catalogue.shipped().indicators["amb_reap"]
    with pytest.raises(ValueError, match="never added up"):
        Indicator.model_validate(reap.model_dump() | {"levels": ("trust", "england")})


def test_the_national_rtt_milestone_does_not_judge_a_trust() -> None:
    """70 % in 2026/27 is England's, due in March 2027; each trust has its own."""
    shipped = Catalogue.shipped()
    day = date(2027, 3, 1)
    found = [shipped.standing("rtt_18w", "month", level, "X", day) for level in ("england", "trust")]
    assert [Limits(Bounds(low=0.70)), "expired"] == found


INDICATOR = """
[[indicator]]
id = "x_share"
title = "X"
purpose = "inequalities"
horizon = "today"
direction = "lower"
unit = "ratio"
windows = ["7d"]
definition = "x over y"
source = "here"
[[indicator.from]]
stream = "ed_attendance"
numerator = "over_12h"
denominator = "attended"
"""

FROM = "[[indicator.from]]"

THRESHOLD = """
[[threshold]]
indicator = "x_share"
kind = "local"
breach = 0.1
valid_from = 2026-01-01
windows = ["7d"]
levels = ["trust"]
evidence = "V"
source = "here"
"""


def load(tmp_path: Path, text: str) -> Catalogue:
    (tmp_path / "local.toml").write_text(text)
    return Catalogue.from_directory(tmp_path)


def test_an_indicator_over_known_facts_needs_no_code(tmp_path: Path) -> None:
    """A TOML entry is enough."""
    assert ["x_share"] == list(load(tmp_path, INDICATOR + THRESHOLD).indicators)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("local.toml:1: not TOML", "[["),
        (
            "[[indicators]]: 'indicators' is none of",
            INDICATOR.replace("[[indicator]]", "[[indicators]]").split("[[indicator.")[0],
        ),
        ("'over_13h' is no fact of ed_attendance", INDICATOR.replace("over_12h", "over_13h")),
        ("'ed' is no stream: there are", INDICATOR.replace('"ed_attendance"', '"ed"')),
        ("indicator x_share: purpose", INDICATOR.replace("inequalities", "fairness")),
        ("declared twice", INDICATOR + INDICATOR),
        ("a denominator belongs to a ratio", INDICATOR.replace('denominator = "attended"', "")),
        ("measure y has no [[measure]] entry", INDICATOR.split("stream =", maxsplit=1)[0] + 'measure = "y"'),
        ("threshold: 'x_share' is no indicator", THRESHOLD),
        ("two thresholds judge x_share at one time", INDICATOR + THRESHOLD + THRESHOLD),
        ("two contributions give window 7d", INDICATOR + FROM + INDICATOR.split(FROM)[1]),
        ("evidence", INDICATOR + THRESHOLD.replace('"V"', '"U"')),
    ],
)
def test_a_wrong_declaration_is_told_where_and_what(tmp_path: Path, said: str, text: str) -> None:
    """The error names the file, the entry and the field."""
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)
    assert said in str(error.value)
