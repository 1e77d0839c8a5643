"""Words and colours agree with what the service publishes."""

from __future__ import annotations

import pytest

from grafana import style
from streams.assessment.rows import FLAGS
from streams.exposition.page import STATUS_WORDS
from streams.exposition.renderer import STATUS_CODES


def test_every_published_status_has_a_word_and_a_colour() -> None:
    """Blue, amber and vermilion of Okabe and Ito; the words are those of the plain page where it has them."""
    assert {0: ("meets", "#0072B2"), 1: ("near", "#E69F00"), 2: ("misses", "#D55E00")} == style.STATUSES
    assert set(STATUS_CODES.values()) == set(style.STATUSES)
    for status, code in STATUS_CODES.items():
        assert style.STATUSES[code][0] == STATUS_WORDS.get(status, status)


@pytest.mark.parametrize(
    ("total", "text"),
    [(1, "partial"), (3, "partial, to date"), (2 + 32, "to date, below minimum"), (64, "no value")],
)
def test_sum_of_flags_reads_as_their_names(total: int, text: str) -> None:
    """Each flag is a power of two, in the order of `FLAGS`."""
    _, names, *_ = style.flag_words(list(FLAGS))
    assert text == names.options[str(total)].text


def test_every_sum_of_flags_has_words() -> None:
    """No combination is left as a number, and a flag the board does not know is not passed over."""
    none, names, other = style.flag_words(["a", "b", "c"])  # as many as are named: nothing else is needed

    assert "none" == none.options.result.text
    assert {str(total) for total in range(1, 8)} == set(names.options)
    assert 8 == other.options.from_val
    assert "another flag: see the list of flags" == other.options.result.text


def test_more_flags_than_are_named_point_to_their_list() -> None:
    """Five at once are not left as a number, and the unknown flag is still told apart."""
    none, names, other, several = style.flag_words(list("abcdef"))

    assert "none" == none.options.result.text
    assert "31" not in names.options
    assert (1, 63, 64) == (several.options.from_val, several.options.to, other.options.from_val)
    assert "more than four flags: see the list of flags" == several.options.result.text
