"""The cache holds whole downloads or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.local.cache import cache_directory, install_once

if TYPE_CHECKING:
    from pathlib import Path


def test_whole_download_is_kept_and_not_fetched_again(tmp_path: Path) -> None:
    """The second caller gets the first one's files."""
    calls: list[Path] = []

    def fill(directory: Path) -> None:
        calls.append(directory)
        (directory / "jar").write_text("whole", encoding="utf-8")

    for _ in range(2):
        final = install_once(tmp_path / "kafka-1", fill)

    assert "whole" == (final / "jar").read_text(encoding="utf-8")
    assert 1 == len(calls)
    assert ["kafka-1"] == [each.name for each in tmp_path.iterdir()]


def test_torn_download_leaves_nothing(tmp_path: Path) -> None:
    """A download that fails half way is not mistaken for a whole one."""

    def fill(directory: Path) -> None:
        (directory / "jar").write_text("ha", encoding="utf-8")
        raise ConnectionError("torn")

    with pytest.raises(ConnectionError):
        install_once(tmp_path / "kafka-1", fill)

    assert [] == list(tmp_path.iterdir())


def test_of_two_that_race_one_wins(tmp_path: Path) -> None:
    """A copy that another process put there meanwhile is used, and ours is dropped."""
    final = tmp_path / "kafka-1"

    def fill(directory: Path) -> None:
        (directory / "jar").write_text("ours", encoding="utf-8")
        final.mkdir()
        (final / "jar").write_text("theirs", encoding="utf-8")

    install_once(final, fill)

    assert "theirs" == (final / "jar").read_text(encoding="utf-8")
    assert [final] == list(tmp_path.iterdir())


def test_place_of_the_cache_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OVERSIGHT_CACHE` comes before the user's cache directory."""
    monkeypatch.delenv("OVERSIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert tmp_path / "home" / "ics-oversight" == cache_directory()

    monkeypatch.setenv("OVERSIGHT_CACHE", str(tmp_path / "chosen"))
    assert tmp_path / "chosen" == cache_directory()
