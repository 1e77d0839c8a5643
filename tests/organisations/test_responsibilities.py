"""Who delivers, oversees or is informed: dated, sourced, and nobody by default."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from streams.errors import ConfigurationError
from streams.organisations import Register
from streams.organisations._tables import RESPONSIBILITIES
from streams.organisations.responsibilities import Responsibilities

REGISTER = Register.shipped()
EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "organisations"
BLUEPRINT = date(2025, 9, 15)
ENTRY = """
[[responsibility]]
role = "oversees"
who = "region"
of = ["trust"]
valid_from = 2025-09-15
evidence = "V"
source = "a page"
"""


def table(directory: Path, text: str) -> Responsibilities:
    """The table of a directory, for a catalogue of one purpose and one indicator."""
    (directory / RESPONSIBILITIES).write_text(text, encoding="utf-8")
    return Responsibilities.from_directory(directory, REGISTER, {"outcomes_and_access", "rtt_18w"})


def told(of: Responsibilities, code: str, day: date) -> list[tuple[str, str, tuple[str, ...]]]:
    """Role, holder and whose figures."""
    return [(one.what.role, one.by, one.of) for one in of.at(code, day, REGISTER)]


def test_nobody_is_responsible_without_a_table(tmp_path: Path) -> None:
    """Neither an ICB nor a region is taken to be the accountable body."""
    assert 0 == len(Responsibilities.from_directory(None, REGISTER))
    assert 0 == len(Responsibilities.from_directory(tmp_path, REGISTER))


def test_a_kind_is_resolved_by_the_membership_of_the_day(tmp_path: Path) -> None:
    """RPG lay in London until 31 March 2026, and in the South East from 1 April."""
    of = table(tmp_path, ENTRY)
    assert [("oversees", "Y56", ("RPG",))] == told(of, "RPG", date(2026, 3, 31))
    assert [("oversees", "Y59", ("RPG",))] == told(of, "RPG", date(2026, 4, 1))
    assert [("oversees", "Y59", ("trust",))] == told(of, "Y59", date(2026, 4, 1))
    assert [] == told(of, "QKS", date(2026, 4, 1))


def test_it_holds_from_its_day_until_its_end(tmp_path: Path) -> None:
    """Both ends are civil days, the last one not included."""
    of = table(tmp_path, ENTRY + "valid_to = 2026-01-01\n")
    assert [False, True, True, False] == [
        bool(told(of, "RPG", day))
        for day in (date(2025, 9, 14), BLUEPRINT, date(2025, 12, 31), date(2026, 1, 1))
    ]


def test_one_organisation_may_be_named(tmp_path: Path) -> None:
    """A lead provider oversees a named practice; a named region those in it alone."""
    of = table(
        tmp_path,
        ENTRY.replace('"region"', '"Y60"') + ENTRY.replace('"region"', '"RNA"').replace('"trust"', '"RL4"'),
    )
    assert [("oversees", "Y60", ("RL4",))] == told(of, "RL4", BLUEPRINT)
    assert [] == told(of, "RJ1", BLUEPRINT)
    assert [("oversees", "Y60", ("RNA",)), ("oversees", "RNA", ("RL4",))] == told(of, "RNA", BLUEPRINT)


def test_an_unmapped_organisation_has_an_unknown_overseer(tmp_path: Path) -> None:
    """K0N6A has no region before it opens: that is shown, not left out."""
    assert [("oversees", "unmapped", ("K0N6A",))] == told(table(tmp_path, ENTRY), "K0N6A", date(2026, 5, 31))


def test_the_example_says_what_the_blueprint_says() -> None:
    """Regions oversee trusts and ICBs' commissioning, ICBs primary care; all is V or the example's own."""
    of = Responsibilities.from_directory(EXAMPLE, REGISTER)
    assert [
        ("oversees", "Y60", ("RNA",)),
        ("delivers", "RNA", ("RNA",)),
        ("informed", "QUA", ("RNA",)),
    ] == told(of, "RNA", BLUEPRINT)
    assert ("oversees", "QK1", ("C82009",)) in told(of, "C82009", BLUEPRINT)
    assert ("oversees", "Y60", ("QUA",)) in told(of, "QUA", BLUEPRINT)
    assert {"V", "local"} == {one.what.evidence for one in of.at("QUA", BLUEPRINT, REGISTER)}


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (r"line 2, responsibility: role: Input should be", ENTRY.replace("oversees", "owns")),
        (r"line 2, responsibility: evidence: Input should be", ENTRY.replace('"V"', '"X"')),
        (
            r"line 10, responsibility: source: Field required",
            f"{ENTRY}\n[[responsibility]]\n" + "\n".join(ENTRY.splitlines()[2:-1]),
        ),
        (r"line 2, responsibility: who: 'regions' is neither a code", ENTRY.replace('"region"', '"regions"')),
        (r"line 2, responsibility: of: 'XXX' is neither a code", ENTRY.replace('["trust"]', '["XXX"]')),
        (r"line 2, responsibility: indicators: there is no 'rtt'", f'{ENTRY}indicators = ["rtt"]\n'),
        (r"line 2, responsibility: purposes: there is no 'money'", f'{ENTRY}purposes = ["money"]\n'),
        (r"valid_to 2025-01-01 is not after valid_from", f"{ENTRY}valid_to = 2025-01-01\n"),
        (r"\[\[duty\]\] is not \[\[responsibility\]\]", ENTRY.replace("responsibility", "duty")),
        (r"not TOML", ENTRY + "role ="),
        (r"under a line \[\[responsibility\]\] of its own", 'responsibility = [{role = "informed"}]'),
    ],
)
def test_a_mistake_is_refused_with_its_line(expected: str, text: str, tmp_path: Path) -> None:
    """File and line of the entry, and what is wrong in it."""
    with pytest.raises(ConfigurationError, match=rf"responsibilities\.toml.*{expected}"):
        table(tmp_path, text)


def test_indicators_and_purposes_are_kept(tmp_path: Path) -> None:
    """An entry may be of some figures only."""
    text = f'{ENTRY}indicators = ["rtt_18w"]\npurposes = ["outcomes_and_access"]\n'
    (one,) = table(tmp_path, text).at("RNA", BLUEPRINT, REGISTER)
    assert (("rtt_18w",), ("outcomes_and_access",)) == (one.what.indicators, one.what.purposes)
