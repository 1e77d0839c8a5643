"""The queries of a board with its variables put in, as Prometheus would get them from Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "7d"}
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::\w+)?\}|(?P<plain>[A-Za-z_]\w*))")


class Query(NamedTuple):
    """One query: the panel's title, the expression, Grafana's letter for it, whether over a range."""

    panel: str
    expr: str
    ref: str
    ranged: bool


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every panel but the rows themselves, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def defaults(dashboard: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Give the variables as they stand when the board is opened."""
    return {
        one["name"]: one["current"]["value"]
        for one in dashboard["templating"]["list"]
        if one.get("current", {}).get("value")
    }


def queries(dashboard: Mapping[str, Any], variables: Mapping[str, str | Sequence[str]]) -> list[Query]:
    """Give the queries of all panels.

    Args:
        dashboard: the board's JSON.
        variables: over the board's own defaults; several values become a regular expression.

    Raises:
        KeyError: a query uses a variable that is neither given nor built in.
    """
    known = {**BUILT_IN, **defaults(dashboard), **variables}
    return [
        Query(panel["title"], substituted(target["expr"], known), target["refId"], bool(target.get("range")))
        for panel in panels(dashboard)
        for target in panel.get("targets", ())
    ]


def substituted(expression: str, variables: Mapping[str, str | Sequence[str]]) -> str:
    """Put variables in; `$1` and the like belong to `label_replace` and stay."""

    def one(match: re.Match[str]) -> str:
        given = variables[match["braced"] or match["plain"]]
        if isinstance(given, str):
            return given
        return given[0] if len(given) == 1 else f"({'|'.join(given)})"

    return _VARIABLE.sub(one, expression)
