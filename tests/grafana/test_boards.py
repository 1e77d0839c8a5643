"""The committed JSON is what the code makes, and the catalogue decides what stands on the board."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from four_purposes_scene import FOUR_PURPOSES

from grafana import build
from grafana.boards.four_purposes import shown
from grafana.build import boards, main
from grafana.expressions import WINDOWS
from grafana.queries import panels
from streams.catalogue import Catalogue
from streams.engine.windows import WindowName

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_regeneration_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What is committed is current; if this fails, run `python -m grafana.build` and commit."""
    assert 0 == main(["--check"]), capsys.readouterr().err


def test_check_names_the_board_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A board that is not current or not there gives 1, is named, and nothing is written."""
    assert 1 == main(["--check", "--directory", str(tmp_path)])
    assert "four-purposes.json" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_second_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same code gives the same bytes."""
    main(["--directory", str(tmp_path)])
    capsys.readouterr()

    assert 0 == main(["--directory", str(tmp_path)])
    assert capsys.readouterr().out == ""


def test_committed_files_are_the_boards_and_nothing_else() -> None:
    """A board that was renamed leaves no file behind."""
    assert sorted(boards(Catalogue.shipped())) == sorted(one.name for one in build.DIRECTORY.iterdir())


def test_links_follow_where_the_documentation_is_served() -> None:
    """An organisation serves docs/ where it likes."""
    text = boards(Catalogue.shipped(), docs_url="https://docs.example.nhs.uk")["four-purposes.json"]

    (docs,) = [one for one in json.loads(text)["templating"]["list"] if one["name"] == "docs"]
    assert docs["query"] == "https://docs.example.nhs.uk"


def test_new_indicator_appears_by_regeneration() -> None:
    """A declaration is all it takes: a card and a line of its own, and its place in the purpose's tables."""
    shipped = Catalogue.shipped()
    (model,) = [one for one in shipped.indicators.values() if one.id == "core20_recruitment"]
    added = model.model_copy(update={"id": "local_apprentices", "title": "Apprentices from the area"})
    catalogue = Catalogue(
        [*shipped.indicators.values(), added], shipped.measures.values(), shipped.thresholds
    )

    board = json.loads(boards(catalogue)["four-purposes.json"])

    assert ["stat", "timeseries"] == _types(board, "Apprentices from the area")
    (members,) = [
        one
        for one in panels(board)
        if one["title"] == "Social and economic development: member organisations"
    ]
    assert all("local_apprentices" in target["expr"] for target in members["targets"])


def _types(board: dict[str, Any], title: str) -> list[str]:
    return [panel["type"] for panel in panels(board) if panel["title"] == title]


def test_every_window_of_the_engine_can_be_chosen() -> None:
    """A window added to the engine must be offered by the board."""
    assert set(get_args(WindowName)) == set(WINDOWS)


def test_purposes_stand_in_their_order() -> None:
    """Trust comes first, then the four purposes as NHS England names them."""
    open_rows = [
        one["title"] for one in FOUR_PURPOSES["panels"] if one["type"] == "row" and not one["panels"]
    ]
    assert [
        "How far can this be trusted?",
        "Outcomes and access",
        "Inequalities",
        "Productivity and value",
        "Social and economic development",
    ] == open_rows


def test_every_indicator_has_a_card_and_a_line() -> None:
    """Nothing of the catalogue is left out, but what only official publications feed."""
    for one in shown(Catalogue.shipped()):
        assert ["stat", "timeseries"] == _types(FOUR_PURPOSES, one.title), one.id
