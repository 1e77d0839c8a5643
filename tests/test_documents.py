"""Documentation and exports that are generated stay true, and links lead somewhere."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from making import attendance, report

from schemas import EVENT_MODELS, export
from streams.commands.documents import DIRECTORY, documents

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", documents())
def test_generated_pages_are_up_to_date(name: str) -> None:
    """`make docs` would change nothing."""
    assert documents()[name] == (DIRECTORY / name).read_text("utf-8")


@pytest.mark.parametrize("name", export.exported())
def test_exported_schemas_are_up_to_date(name: str) -> None:
    """`make schemas` would change nothing."""
    assert export.exported()[name] == (export.DIRECTORY / name).read_text("utf-8")


def test_there_is_no_schema_too_many() -> None:
    """Every committed schema belongs to an event type."""
    files = {path.name for path in export.DIRECTORY.glob("*.json")}
    assert {f"{name}.json" for name in EVENT_MODELS} == files


@pytest.mark.parametrize("event", [attendance(), report(numerator="1.50", denominator=3)])
def test_schemas_are_2020_12_and_accept_what_the_models_accept(event: dict[str, object]) -> None:
    """A publisher can check an event with any JSON Schema validator."""
    schema = export.json_schema(str(event["type"]))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(event)
    broken = json.loads(json.dumps(event)) | {"colour": "blue"}
    assert ["additionalProperties"] == [e.validator for e in Draft202012Validator(schema).iter_errors(broken)]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of the documentation names a file that is there."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_command_of_the_readme_exists() -> None:
    """The README names no make target that the Makefile lacks."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert named <= targets
