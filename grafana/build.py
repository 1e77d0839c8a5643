"""Write the boards' JSON: `python -m grafana.build`; `--check` says whether what is committed is current."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.boards import four_purposes
from streams.catalogue import Catalogue

DIRECTORY = Path(__file__).parent / "dashboards"
DOCS_URL = "/docs"
"""Where panels expect docs/: beside Grafana on its own host, unless `--docs-url` says otherwise."""
WORKER_URL = "http://127.0.0.1:8000"
_LINE = 110


def boards(catalogue: Catalogue, docs_url: str = DOCS_URL, worker_url: str = WORKER_URL) -> dict[str, str]:
    """Give the file name and the text of every board."""
    made = {"four-purposes.json": four_purposes.board(catalogue, docs_url, worker_url)}
    return {name: text(one) for name, one in made.items()}


def text(dashboard: Any) -> str:
    """Give a dashboard as JSON: the same for the same board, short values on one line."""
    return _written(json.loads(json.dumps(dashboard, cls=JSONEncoder)), 0) + "\n"


def _written(value: Any, depth: int) -> str:
    short = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not isinstance(value, dict | list) or not value or len(short) + 2 * depth <= _LINE:
        return short
    pad = "  " * (depth + 1)
    if isinstance(value, list):
        inside = [_written(one, depth + 1) for one in value]
    else:
        inside = [f"{json.dumps(key)}: {_written(value[key], depth + 1)}" for key in sorted(value)]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    joined = f",\n{pad}".join(inside)
    return f"{opening}\n{pad}{joined}\n{'  ' * depth}{closing}"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the boards.

    Returns:
        1 when `--check` finds a difference.
    """
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a board is not current")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where the JSON stands")
    parser.add_argument("--docs-url", default=DOCS_URL, help="where docs/ is served (default %(default)s)")
    parser.add_argument("--worker-url", default=WORKER_URL, help="the worker's page (default %(default)s)")
    given = parser.parse_args(arguments)
    different = []
    for name, content in boards(Catalogue.shipped(), given.docs_url, given.worker_url).items():
        path = given.directory / name
        if not path.exists() or path.read_text("utf-8") != content:
            different.append(path)
            if not given.check:
                given.directory.mkdir(parents=True, exist_ok=True)
                path.write_text(content, "utf-8")
                sys.stdout.write(f"written: {path}\n")
    if given.check and different:
        names = ", ".join(map(str, different))
        sys.stderr.write(
            f"not what the code makes: {names}; run python -m grafana.build and commit the result\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
