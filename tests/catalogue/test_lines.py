"""Lines of a TOML document: what `tomllib` reads, and where it stands."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.catalogue.lines import KeyPath, lines_of

ROOT = Path(__file__).parents[2]
OURS = [
    ROOT / "pyproject.toml",
    *sorted((ROOT / "streams" / "catalogue" / "declarations").glob("*.toml")),
    *sorted((ROOT / "deploy" / "local-measures").glob("*.toml")),
]

DOCUMENT = '''# a comment with = and [[brackets]]
top = 1

[[indicator]]
id = "one"  # [not a header]
text = """
[[indicator]]
id = "in a string \\""" still"""""
windows = [
    "7d",  # seven ] days
    "28d",
]
from = [{ stream = "a", parts = { x = 1, y = [2, 3] } }, { stream = "b" }]

[indicator.gap]
of = 'it is \\'

[[indicator.from]]
stream = 1

[[indicator]]
"quoted \\u00e9 key".inner = 2026-04-01 08:00:00
\'single\' = \'\'\'
]
\'\'\'
[[indicator.from]]
stream = 2
[[indicator.from]]
stream = 3
'''.replace('from = [{ stream = "a", parts', 'inline = [{ stream = "a", parts')


def paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Give the path of everything in a document that was read."""
    inside: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inside = enumerate(value)
    return {path} | {found for name, one in inside for found in paths(one, (*path, name))}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (2, ("top",)),
        (4, ("indicator", 0)),
        (5, ("indicator", 0, "id")),
        (6, ("indicator", 0, "text")),
        (9, ("indicator", 0, "windows")),
        (10, ("indicator", 0, "windows", 0)),
        (11, ("indicator", 0, "windows", 1)),
        (13, ("indicator", 0, "inline", 0, "parts", "y", 1)),
        (13, ("indicator", 0, "inline", 1, "stream")),
        (15, ("indicator", 0, "gap")),
        (16, ("indicator", 0, "gap", "of")),
        (18, ("indicator", 0, "from", 0)),
        (21, ("indicator", 1)),
        (22, ("indicator", 1, "quoted é key", "inner")),
        (23, ("indicator", 1, "single")),
        (26, ("indicator", 1, "from", 0)),
        (29, ("indicator", 1, "from", 1, "stream")),
    ],
)
def test_each_key_has_the_line_an_editor_shows(line: int, path: KeyPath) -> None:
    """Comments, strings over lines and brackets in them mislead nobody."""
    assert line == lines_of(DOCUMENT)[path]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_everything_that_tomllib_reads_has_a_line(path: Path) -> None:
    """On each file of our own: the same paths, and each line holds its key."""
    text = path.read_text("utf-8")
    found = lines_of(text)
    lines = text.splitlines()
    assert paths(tomllib.loads(text)) == {(), *found}
    assert all(str(key[-1]) in lines[line - 1] for key, line in found.items() if isinstance(key[-1], str))


def test_other_ends_of_line_count_the_same() -> None:
    """A file that an editor on Windows saved has the same lines."""
    assert lines_of(DOCUMENT) == lines_of(DOCUMENT.replace("\n", "\r\n"))


_WORDS = st.text("abcxyz_-019", min_size=1, max_size=4)
_TEXTS = st.text("ab\"'\\#=[]{},.\n ", max_size=12)


def _basic(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _long(text: str) -> str:
    return '"""' + text.replace("\\", "\\\\").replace('"""', '""\\"').removesuffix('"') + '"""'


def _literal(text: str) -> str:
    return "'''" + text.replace("'", "") + "'''"


_LEAVES = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["true", "1.5e3", "2026-04-01", "2026-04-01 08:00:00Z", "0x1f"]),
    st.builds(lambda text, form: form(text), _TEXTS, st.sampled_from([_basic, _long, _literal])),
)
_GAPS = st.sampled_from(["", " ", "\n", '  # ] } , = "\n', "\n\n"])


@st.composite
def _values(draw: st.DrawFn, depth: int = 2) -> str:
    if not depth or draw(st.booleans()):
        return draw(_LEAVES)
    inside = draw(st.lists(_values(depth - 1), max_size=3))
    if draw(st.booleans()):
        gaps = [draw(_GAPS) for _ in inside]
        return "[" + ",".join(gap + one for gap, one in zip(gaps, inside, strict=True)) + "]"
    pairs = (f"k{number} = {one}" for number, one in enumerate(inside))
    return "{" + ", ".join(pairs) + "}"


@given(st.lists(st.tuples(_GAPS, st.booleans(), _values()), max_size=6))
def test_documents_of_any_form_have_a_line_for_every_path(parts: list[tuple[str, bool, str]]) -> None:
    """Values inside values, comments between them: the paths are those of tomllib, and the lines true."""
    text, expected = "", {}
    tables = -1
    for number, (gap, header, value) in enumerate(parts):
        text += gap if gap.endswith("\n") else gap + "\n"
        if header or tables < 0:
            tables += 1
            text += "[[t]]\n"
            expected["t", tables] = text.count("\n")
        text += f"key{number} = {value}\n"
        expected["t", tables, f"key{number}"] = text.count("\n") - value.count("\n")
    found = lines_of(text)
    assert paths(tomllib.loads(text)) == {(), *found}
    assert expected == {path: found[path] for path in expected}
