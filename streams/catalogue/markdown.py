"""The catalogue as a page for people: docs/indicators.md, and `oversight catalogue --format markdown`."""

from __future__ import annotations

from schemas.envelope import RECORDS, family_of
from streams.catalogue.dated import Reference
from streams.catalogue.declared import LEVELS, PURPOSES
from streams.catalogue.model import Catalogue, Contribution, Indicator, facts_of
from streams.catalogue.thresholds import Threshold, held_to
from streams.engine.families import AMOUNT_SCALE, FAMILIES, OPEN_STREAMS, PEER_FIGURES, RTT_STREAMS

_BETTER = {
    "higher": "higher is better",
    "lower": "lower is better",
    "towards_zero": "towards zero is better",
    "none": "no direction",
}
_ATTRIBUTION = {family_of(suffix): record.attribution for suffix, record in RECORDS.items()}


def catalogue_page(catalogue: Catalogue) -> str:
    """Give every indicator by purpose, and the facts that further ones can be declared over."""
    parts = [f"\nLevels: all are {', '.join(LEVELS)}. A formula's facts are listed at the end.\n"]
    for purpose, title in PURPOSES.items():
        parts.append(f"\n## {title}\n")
        parts += [
            _indicator(catalogue, one)
            for one in catalogue.indicators.values()
            if one.purpose == purpose and one.kind != "published"
        ]
    return "".join(parts) + _published(catalogue) + _facts()


def _published(catalogue: Catalogue) -> str:
    """List what is shown as published: a line a measure, with the endings of the figures beside its value."""
    figures = [one for one in catalogue.indicators.values() if one.kind == "published"]
    lines = [
        "\n## As published\n",
        "Imported, never recomputed, in no sum: [official publications](official.md).\n",
        "| indicator | figures beside it | unit | window | what | source |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        if one.contributions[0].numerator == "numerator_e6":
            beside = [f"`_{name}`" for name in PEER_FIGURES if f"{one.id}_{name}" in catalogue.indicators]
            cells = (f"`{one.id}`", " ".join(beside), one.unit, one.windows[0], one.title, one.source)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _indicator(catalogue: Catalogue, one: Indicator) -> str:
    lines = [
        f"\n### {one.title}\n",
        f"`{one.id}` · {one.unit} · {_BETTER[one.direction]} · horizon {one.horizon}\n",
        f"{one.definition}\n",
        *_formulas(catalogue, one),
        f"- Windows: {', '.join(one.windows)}",
        f"- Levels: {'all' if one.levels == LEVELS else ', '.join(one.levels)}",
    ]
    if one.strata:
        lines.append(f"- Strata: {', '.join(one.strata)}")
    if one.minimum_denominator > 1:
        lines.append(
            f"- Judged from a denominator of {one.minimum_denominator}; below it, not since midnight either"
        )
    thresholds = [_threshold(each) for each in catalogue.thresholds if each.indicator == one.id]
    lines += thresholds or ["- Threshold: none"]
    for name, references in one.beside():
        lines += [_reference(name.capitalize(), each) for each in references]
    if one.programme is not None:
        lines.append(f"- Programme: {catalogue.programmes[one.programme].title}")
    lines.append(f"- Source: {one.source}")
    lines += [f"- Limit: {limit}" for limit in one.limits]
    return "\n".join(lines) + "\n"


def _formulas(catalogue: Catalogue, one: Indicator) -> list[str]:
    if one.gap is not None:
        of, dimension, groups = one.gap.of, one.gap.dimension, one.gap.groups
        first, last = groups[0], groups[-1]
        formula = {
            "gap": f"`{of}` of {dimension} {first} less that of {last}",
            "relative_gap": f"`{of}` of {dimension} {first} ÷ that of {last}",
            "slope_index": f"slope through `{of}` of {dimension} {', '.join(groups)}",
            "relative_index": f"end ÷ start of the line through `{of}` of {dimension} {', '.join(groups)}",
        }[one.kind]
        return [f"- Formula: {formula}; attributed as `{of}`"]
    return [f"- Formula: {_formula(one, part)}; {_origin(catalogue, part)}" for part in one.contributions]


def _formula(one: Indicator, part: Contribution) -> str:
    """Say what is divided by what: "Σ `within_4h` ÷ Σ `attended`"."""
    if part.numerator is None:
        return f"nearest rank {one.quantile:g} of `{part.histogram}`"
    above = _sum(part.numerator, part.numerator_scale)
    if one.kind == "share_of_plan":
        return f"{above} ÷ plan"
    if part.denominator is None:
        return above
    return f"{above} ÷ {_sum(part.denominator, part.denominator_scale)}"


def _sum(fact: str, scale: int) -> str:
    name, millionths, _ = fact.partition("_e6")
    scale //= AMOUNT_SCALE if millionths else 1
    return f"Σ `{name}`" if scale == 1 else f"(Σ `{name}` / {scale:,})"


def _origin(catalogue: Catalogue, part: Contribution) -> str:
    """Say what the facts come from, and which of its instants decides the day."""
    if part.stream in FAMILIES:
        return f"from `{part.stream}`, attributed to `{_ATTRIBUTION[part.stream]}`"
    if part.stream in OPEN_STREAMS:
        return f"from `{part.stream}`: what of `{OPEN_STREAMS[part.stream].family}` has not ended now"
    for grain, stream in RTT_STREAMS.items():
        if stream.name == part.stream:
            return f"from `rtt_census`, attributed to the {grain} that ends with `census_date`"
    measure = catalogue.measures[part.stream.removeprefix("measure:")]
    official = ", official publications only" if measure.official_only else ""
    return f"from the measure `{measure.id}`, attributed to the {measure.grain} reported{official}"


def _threshold(one: Threshold) -> str:
    until = one.valid_to or "further notice"
    return (
        f"- Threshold {held_to(one)} ({one.kind}, {one.evidence}), {one.valid_from} to {until}: {one.source}"
    )


def _reference(name: str, one: Reference) -> str:
    whose = one.org or ", ".join(one.levels)
    until = one.valid_to or "further notice"
    return f"- {name} {one.value:,g} of {whose}, {one.valid_from} to {until}: {one.source}"


def _facts() -> str:
    returns = [one.name for one in RTT_STREAMS.values()]
    streams = [*FAMILIES, *OPEN_STREAMS, *returns, "measure:<id>", "published:<id>"]
    rows = [
        f"| `{stream}` | {', '.join(f'`{fact}`' for fact in facts_of(stream) or ())} |" for stream in streams
    ]
    return "\n".join(
        [
            "\n## Facts\n",
            "What an indicator can be declared over. Times are in seconds, reported amounts in millionths.\n",
            "| stream | facts |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )
