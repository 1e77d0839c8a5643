"""JSON Schema 2020-12 of every event type, from the models; committed under `schemas/json`.

JSON Schema cannot say the rules between fields (departed after arrived); they stand in the descriptions,
and the models check them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.envelope import EVENT_MODELS

DIRECTORY = Path(__file__).parent / "json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID = "urn:uk:nhs:oversight:schema:"


def json_schema(event_type: str) -> dict[str, Any]:
    """Give the JSON Schema of one event type."""
    schema = EVENT_MODELS[event_type].model_json_schema()
    return {"$schema": _DIALECT, "$id": _ID + event_type, **schema}


def exported() -> dict[str, str]:
    """Give file name to text of every exported schema."""
    return {
        f"{name}.json": json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
        for name in EVENT_MODELS
    }


def write(directory: Path = DIRECTORY) -> list[str]:
    """Write all schemas; files of types that are gone are removed.

    Returns:
        Names of the files that changed.
    """
    directory.mkdir(exist_ok=True)
    wanted = exported()
    changed = []
    for path in directory.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
            changed.append(path.name)
    for name, text in wanted.items():
        path = directory / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed.append(name)
    return changed
