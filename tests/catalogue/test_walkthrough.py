"""docs/adding-an-indicator.md is true: its declaration, its golden example and its figure of the past."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from golden import Golden, events, found, shown

from streams.assessment import Row
from streams.catalogue import Catalogue
from streams.commands.documents import DIRECTORY

PAGE = (DIRECTORY / "adding-an-indicator.md").read_text("utf-8")
DECLARATIONS = Path(__file__).parents[2] / "streams" / "catalogue" / "declarations"


def block(language: str) -> str:
    """Give the one block of a language on the page."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The shipped declarations and the page's."""
    directory = tmp_path_factory.mktemp("declarations")
    shutil.copytree(DECLARATIONS, directory, dirs_exist_ok=True)
    (directory / "page.toml").write_text(block("toml"), "utf-8")
    return Catalogue.from_directory(directory)


def test_one_declaration_is_added(catalogue: Catalogue) -> None:
    """Nothing else of the catalogue changes."""
    added = catalogue.indicators.keys() - Catalogue.shipped().indicators.keys()
    assert {"amb_handover_over_60m"} == added
    assert catalogue.measures == Catalogue.shipped().measures


def test_the_golden_example_holds(catalogue: Catalogue) -> None:
    """The page's example, read from the page, is what its declaration gives."""
    one = Golden(**dict(zip(Golden._fields, _arguments(block("python")), strict=False)))
    row = found(shown(catalogue), one)
    assert (*one.parts, one.value) == (row.numerator, row.denominator, row.value)
    assert one.direction == catalogue.indicators[one.indicator].direction


def _arguments(call: str) -> list[object]:
    """Read the arguments of `Golden(…)` without running what stands on a page."""
    inside = call.strip().removeprefix("Golden(").removesuffix(")").replace("(", "[").replace(")", "]")
    name, direction, window, parts, value = json.loads(f"[{inside}]")
    return [name, direction, window, tuple(parts), value]


def test_it_has_history_at_once(catalogue: Catalogue) -> None:
    """A day that closed weeks before the declaration has its figure, as the page prints it."""
    printed = json.loads(block("json"))
    (row,) = [one for one in shown(catalogue, finals=True) if _is(one, printed)]
    assert printed.items() <= row.as_json().items()
    assert "partial" not in row.flags


def _is(row: Row, printed: dict[str, object]) -> bool:
    names = ("indicator", "org", "level", "window", "period_start")
    return {name: row.as_json()[name] for name in names} == {name: printed[name] for name in names}


def test_its_facts_were_known_before(catalogue: Catalogue) -> None:
    """The declaration adds no measure and no fact: the same events, the same streams."""
    streams = {part.stream for part in catalogue.indicators["amb_handover_over_60m"].contributions}
    assert streams <= {
        part.stream for one in Catalogue.shipped().indicators.values() for part in one.contributions
    }
    assert {"/ods/RJ1/pas"} <= {event["source"] for event in events()}
