"""Boards as code: `python -m grafana.build` writes the JSON under grafana/dashboards. See docs/boards.md."""

import warnings

with warnings.catch_warnings():
    # On import the library recommends schema v2, which Grafana 10 and 11 cannot read; classic is meant.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.prometheus  # noqa: F401
