"""How far a board can be trusted: flags, age, silent publishers, refused and late records; details."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import common as common_build

from grafana import expressions as ex
from grafana import panels, style
from streams.assessment.rows import FLAGS


def trust_panels() -> list[tuple[Any, int]]:
    """Give the row that says how far the board can be trusted, with widths."""
    as_at = panels.figures("as_at_timestamp_seconds")
    none = f'label_replace(0 * count({as_at}), "flag", "no flags", "", "")'
    silent = (
        "count(time() - max by (source) (oversight_source_last_append_timestamp_seconds"
        '{topic=~".*events"}) > $silent)'
    )
    publishers = 'count(max by (source) (oversight_source_last_append_timestamp_seconds{topic=~".*events"}))'
    basis = panels.stat_panel(
        "Figures, by basis",
        "How many figures (indicators and windows) of the chosen organisation have each basis."
        " SIMULATED ones are made up and never added to real ones.",
    ).with_target(panels.query(ex.in_words(f"count by (basis) ({as_at})"), legend="{{basis}}"))
    basis.override_by_regexp(f"/^{style.SIMULATED}$/", [style.colour_setting(style.AMBER)])
    meanings = " ".join(f"{flag.replace('_', ' ')}: {meaning}." for flag, meaning in FLAGS.items())
    silence = panels.stat_panel(
        "Publishers silent",
        "Publishers of events, of all organisations, without a record for longer than chosen, and how many"
        " there are. Those that send monthly returns are not counted. Which: in the details below.",
    )
    silence.with_target(panels.query(f"{silent} or 0 * {publishers}", ref="A", legend="silent"))
    silence.with_target(panels.query(publishers, ref="B", legend="of"))
    serving = panels.stat_panel(
        "Service",
        "Whether a worker serves the indicators, and how many records it has not read yet.",
    )
    serving.with_target(panels.query("max(oversight_serving)", ref="A", legend="indicators"))
    serving.with_target(
        panels.query("sum(max by (topic, partition) (oversight_lag_records))", ref="B", legend="to read")
    )
    serving.override_by_name(
        "indicators",
        [
            style.setting(
                "mappings",
                [
                    style.words({0: ("not served", style.VERMILION), 1: ("served", style.BLUE)}),
                    style.missing(),
                ],
            )
        ],
    )
    flags = panels.stat_panel(
        "Flags present", f"Figures of the chosen organisation that carry each flag. {meanings}"
    )
    flags.with_target(
        panels.query(f"count by (flag) ({panels.figures('flag')}) or on () {none}", legend="{{flag}}")
    )
    age = panels.stat_panel(
        "Age of the data",
        "Time since the newest record behind a figure arrived: the freshest and the oldest of the figures.",
    ).unit("s")
    age.decimals(0)
    age.with_target(panels.query(f"time() - max({as_at})", ref="A", legend="freshest"))
    age.with_target(panels.query(f"time() - min({as_at})", ref="B", legend="oldest"))
    rejected = panels.stat_panel(
        "Refused and late records",
        "Counted since each worker started. None is lost: each stands on its own topic, with the reason.",
    )
    for ref, name in (("A", "refused"), ("B", "late")):
        total = f"sum(oversight_records_{name}_total) or 0 * max(oversight_serving)"
        rejected.with_target(panels.query(total, ref=ref, legend=name))
    link = panels.link("How to read this board", "${docs}/boards.md")
    for panel in (serving, basis, flags, silence, rejected):
        panel.unit("none")
    placed = [(serving, 4), (basis, 4), (flags, 6), (age, 4), (silence, 3), (rejected, 3)]
    return [(panel.links([link]), width) for panel, width in placed]


def detail_panels() -> list[tuple[Any, int, int]]:
    """Give the closing row: every flag, every publisher, refusals; with widths and heights."""
    flags = panels.Columns(title="Indicator", flag="Flag", window="Window", basis="Basis")
    info = "max by (indicator, title) (oversight_indicator_info)"
    titled = f"{panels.figures('flag')} * on (indicator) group_left (title) {info}"
    flags.targets.append(panels.query(titled, as_table=True))
    flag_table = flags.put(
        panels.table_panel(
            "Every flag", "Each flag of each figure of the chosen organisation, in every window."
        ),
        hidden=("Time", "indicator", "org", "level", "Value"),
    )
    flag_table.override_by_name("Basis", panels.basis_setting())
    publishers = panels.Columns(source="Publisher", topic="Topic")
    last = "max by (source, topic) (oversight_source_last_append_timestamp_seconds)"
    publishers.add("Silent for", f"time() - {last}", style.setting("unit", "s"), style.setting("decimals", 0))
    publishers.add("Last record", f"1000 * {last}", style.setting("unit", "dateTimeAsIso"))
    publisher_table = publishers.put(
        panels.table_panel(
            "Publishers", "When each publisher's newest record arrived, the longest silent first."
        )
    ).sort_by([common_build.TableSortByFieldState().display_name("Silent for").desc(True)])
    rates = panels.lines_panel(
        "Refused and late records a second",
        "Records sent to the dead letters, by reason, and records whose day had closed, by family.",
    ).unit("cps")
    rates.links([panels.link("How to read this board", "${docs}/boards.md")])
    for ref, name, label in (("A", "refused", "reason"), ("B", "late", "family")):
        rate = f"sum by ({label}) (rate(oversight_records_{name}_total[$__rate_interval]))"
        rates.with_target(panels.range_query(rate, ref=ref, legend=f"{name}: {{{{{label}}}}}"))
    rates.override_by_regexp("/^refused/", [style.colour_setting(style.VERMILION)])
    rates.override_by_regexp("/^late/", [style.colour_setting(style.AMBER)])
    return [(flag_table, 12, 10), (publisher_table, 12, 10), (rates, 24, 8)]
