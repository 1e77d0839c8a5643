"""docs/reliability.json, and the page and plots made from it; no part is written at another's cost."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
JSON, PAGE, PLOT, SOAK_PLOT = "reliability.json", "reliability.md", "reliability.svg", "soak.svg"
BENCHMARKS = "benchmarks.json"


def say(text: object) -> None:
    """Tell whoever watches a long run."""
    print(text, flush=True)  # noqa: T201 - what a command says


def read(docs: Path = DOCS) -> dict[str, Any]:
    """Give what has been measured; parts that were not are empty."""
    found: dict[str, Any] = {"faults": [], "rebuild": None, "soak": None}
    with contextlib.suppress(FileNotFoundError):
        found |= json.loads((docs / JSON).read_text("utf-8"))
    return found


def record_fault(entry: Mapping[str, Any], order: Sequence[str], docs: Path = DOCS) -> None:
    """Write the result of one kind of fault, instead of an older one; kinds stand in `order`."""
    measured = read(docs)
    others = [one for one in measured["faults"] if one["fault"] != entry["fault"] and one["fault"] in order]
    measured["faults"] = sorted([*others, dict(entry)], key=lambda one: order.index(one["fault"]))
    write(measured, docs)


def record_soak(value: Mapping[str, Any], docs: Path = DOCS) -> None:
    """Write the result of the soak."""
    write({**read(docs), "soak": dict(value)}, docs)


def rebuild_of(docs: Path = DOCS) -> dict[str, Any] | None:
    """Give what the benchmark measured of a rebuild (`oversight bench --part rebuild`), or None."""
    with contextlib.suppress(FileNotFoundError):
        measured = json.loads((docs / BENCHMARKS).read_text("utf-8")).get("rebuild")
        if measured is not None:
            result, machine = measured["result"], measured["machine"]
            log, snapshot = (result["runs"][name] for name in ("log", "snapshot"))
            return {
                "held_episodes": result["events"],
                "rounds": len(log),
                "from_log_seconds": round(median(one["wall_seconds"] for one in log), 1),
                "from_log_cpu_seconds": round(median(one["cpu_seconds"] for one in log), 1),
                "from_log_goal_seconds": 15,
                "from_snapshot_seconds": round(median(one["wall_seconds"] for one in snapshot), 1),
                "from_snapshot_cpu_seconds": round(median(one["cpu_seconds"] for one in snapshot), 1),
                "from_snapshot_goal_seconds": 3,
                "measured_on": measured["measured_on"],
                "cores": machine["cores"],
                "load_average": machine["load_average"],
            }
    return None


def write(measured: Mapping[str, Any], docs: Path = DOCS) -> None:
    """Write the JSON and the page; the rebuild is what the benchmark has measured."""
    docs.mkdir(parents=True, exist_ok=True)
    measured = {**measured, "rebuild": rebuild_of(docs)}
    _replace(docs / JSON, json.dumps(measured, indent=1, ensure_ascii=False) + "\n")
    known = docs / PAGE
    text = known.read_text("utf-8") if known.exists() else f"{BEGIN}\n{END}\n"
    _replace(known, page(measured, text))


def _replace(path: Path, text: str) -> None:
    partly = path.with_suffix(".partly")
    partly.write_text(text, "utf-8")
    partly.replace(path)


def machine() -> dict[str, Any]:
    """Say where something was measured, and of what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=DOCS, capture_output=True, text=True, check=False
    )
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip() or None,
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "load_average": round(os.getloadavg()[1], 1),
        "python": platform.python_version(),
        "aiokafka": version("aiokafka"),
        "kafka": "4.1.0",
    }


def page(measured: Mapping[str, Any], text: str) -> str:
    """Give the page with what was measured between its two marks; the words around them are a person's."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    assert begun, f"the page has no mark {BEGIN}"
    assert ended, f"the page has no mark {END}"
    parts = (
        ("What came of it", _faults(measured["faults"])),
        ("Soak", _soak(measured["soak"])),
        ("Rebuild", _rebuild(measured["rebuild"])),
    )
    sections = [f"## {title}\n\n" + "\n".join(lines) for title, lines in parts]
    return before + BEGIN + "\n\n" + "\n\n".join(sections) + "\n\n" + END + after


def _faults(faults: Sequence[Mapping[str, Any]]) -> list[str]:
    if not faults:
        return ["Not measured yet: `make faults`."]
    run = [one for one in faults if one["times"]]
    times, offered, comparisons = (
        sum(one.get(name, 0) for one in faults) for name in ("times", "offered", "comparisons")
    )
    said = (
        f"{times:,} injections of {len(run)} kinds, {offered:,} messages acknowledged, {comparisons} "
        f"comparisons of every figure with the oracle. {_where([one.get('where', {}) for one in run])}"
    )
    columns = (
        "times",
        "messages",
        "lost",
        "counted twice",
        "longest gap, s",
        "median recovery, s",
        "longest, s",
    )
    lines = [said, "", "| fault | " + " | ".join(columns) + " |", "| --- |" + " --: |" * len(columns)]
    lines += [
        f"| {one['fault']} | {one['times']} | {one['offered']:,} | {one['lost']} | {one['double_counted']} "
        f"| {_number(one['longest_gap_seconds'])} | {_number(one.get('typical_recovery_seconds'))} "
        f"| {_number(one['recovery_seconds'])} |"
        for one in run
    ]
    lines += ["", "![Recovery and longest gap by kind of fault](reliability.svg)", ""]
    failed = [one for one in run if one.get("wrong") or one.get("figures_went_back")]
    if not failed:
        lines.append("Nothing failed: every comparison agreed, and no figure was shown lower than before.")
    else:
        lines.append("### What failed")
    for one in failed:
        lines += ["", f"**{one['fault']}**", ""]
        if one.get("figures_went_back"):
            lines.append(
                f"- {one['figures_went_back']} scrapes showed the watched figure lower than an earlier one "
                f"had, for up to {one.get('went_back_seconds', 0):g} s."
            )
        lines += [f"- {text}" for text in one.get("wrong", ())[:5]]
    noted = [(one["fault"], what, count) for one in run for what, count in one.get("notes", {}).items()]
    lines += ["", *(f"{fault}: {what}: {count}." for fault, what, count in noted)] if noted else []
    cut_short = [one for one in run if one.get("stopped")]
    lines += ["", *(f"- {one['fault']}: {one['stopped']}." for one in cut_short)] if cut_short else []
    skipped = [one for one in faults if one.get("skipped")]
    lines += [f"\nNot run: {one['fault']} ({one['skipped']})." for one in skipped]
    return lines


def _where(runs: Sequence[Mapping[str, Any]]) -> str:
    """Say where and of what; runs of one report may have been made one after the other."""
    known = [one for one in runs if one]
    if not known:
        return ""
    first = known[0]
    loads = [one["load_average"] for one in known if "load_average" in one]
    busy = f", load average {min(loads):g} to {max(loads):g}" if len(loads) == len(known) else ""
    return (
        f"Measured on {_each(known, 'measured_on')} at commit {_each(known, 'commit')}: Apache Kafka "
        f"{first['kafka']}, aiokafka {first['aiokafka']}, Python {first['python']}, {first['cores']} cores, "
        f"{first['memory_gib']} GiB{busy}; broker, workers, publisher and comparison on the one machine."
    )


def _each(runs: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(one[name]) for one in runs))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _soak(soak: Mapping[str, Any] | None) -> list[str]:
    if soak is None:
        return ["Not measured yet: `make soak`."]
    ran = (
        f"{soak['minutes']:g} minutes at {soak['rate']:g} messages a second, {soak['offered']:,} in all, "
        f"over {soak['episodes']:,} episodes that are corrected again and again; two workers, of which one "
        f"was restarted {soak['restarts']} times, every {soak['restart_every_seconds']:g} s, by "
        f"turns in order and by kill -9. {soak['comparisons']} comparisons with the oracle: lost "
        f"{soak['lost']}, counted twice {soak['double_counted']}. Longest gap "
        f"{soak['longest_gap_seconds']:g} s, longest recovery {_number(soak['recovery_seconds'])} s."
    )
    memory = (
        f"Resident memory of the worker that stayed: {soak['memory_mib_at_half']:g} MiB at half time, "
        f"{soak['memory_mib_at_end']:g} MiB at the end; over the second half it grew by "
        f"{soak['slope_mib_an_hour']:g} MiB an hour (fitted line; flat means less than "
        f"{soak['flat_below_mib_an_hour']:g}): **{'flat' if soak['flat'] else 'not flat'}**. "
        f"{_where([soak.get('where', {})])}"
    )
    lines = [ran, "", memory, "", "![Memory of both workers over the soak](soak.svg)"]
    lines += [f"- {text}" for text in soak.get("wrong", ())[:5]]
    return lines


def _rebuild(rebuild: Mapping[str, Any] | None) -> list[str]:
    if rebuild is None:
        return ['Not measured yet: `make bench ARGS="--part rebuild"`.']
    rows = (
        f"| {name} | {rebuild[f'from_{key}_seconds']} | {rebuild[f'from_{key}_cpu_seconds']} "
        f"| {rebuild[f'from_{key}_goal_seconds']} |"
        for name, key in (("the log", "log"), ("a saved state", "snapshot"))
    )
    said = (
        f"State of one partition with {rebuild['held_episodes']:,} held episodes after a start, on "
        f"{rebuild['measured_on']}, median of {rebuild['rounds']}, {rebuild['cores']} cores, load average "
        f"before the start {rebuild['load_average']}; more in [benchmarks](benchmarks.md)."
    )
    return [
        said,
        "",
        "| from | s | CPU s | goal, s |",
        "| --- | --: | --: | --: |",
        *rows,
    ]


def plot_faults(faults: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw recovery and gap of each kind."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only what draws needs it

    run = [one for one in faults if one["times"]][::-1]
    figure = Figure(figsize=(9, 0.42 * len(run) + 1.2), layout="constrained")
    axes = figure.subplots()
    places = range(len(run))
    gaps = [one["longest_gap_seconds"] or 0 for one in run]
    longest = [one["recovery_seconds"] or 0 for one in run]
    typical = [one.get("typical_recovery_seconds") or 0 for one in run]
    axes.barh(places, gaps, color="#bbbbbb", height=0.7, label="longest gap: offered, and no new figure")
    axes.barh(places, longest, color="#0072B2", height=0.4, label="longest recovery")
    axes.plot(
        typical, places, "|", color="#E69F00", markersize=12, markeredgewidth=3, label="median recovery"
    )
    axes.set_yticks(list(places), [f"{one['fault']} ({one['times']})" for one in run], fontsize=8)
    axes.set_xlabel("seconds")
    axes.legend(fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def plot_soak(soak: Mapping[str, Any], path: Path) -> None:
    """Draw the memory of both workers."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only what draws needs it

    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("stays", "#0072B2"), ("restarted", "#E69F00")):
        points = [(one["minute"], one[name]) for one in soak["samples"] if one.get(name)]
        axes.plot(
            *zip(*points, strict=True),
            ".",
            markersize=3,
            color=colour,
            label=f"worker that {name}" if name == "stays" else "worker that is restarted",
        )
    axes.set_xlabel("minutes")
    axes.set_ylabel("resident, MiB")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only what draws needs it

    with mpl.rc_context({"svg.hashsalt": "oversight"}):
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    write(read())
