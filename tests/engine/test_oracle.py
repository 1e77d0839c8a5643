"""Properties: inside the horizon the result depends on the set of newest versions, never on arrival order."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import AT, MORNING, attendance, engine, facts, log

from streams.engine.calendar import day_number

minutes = st.integers(0, 1000)
instants = st.integers(0, 10 * 24 * 60).map(lambda ago: MORNING - timedelta(minutes=ago))
attendances = st.builds(
    attendance,
    st.sampled_from(["k1", "k2", "k3", "k4"]),
    departed=st.one_of(st.none(), instants),
    minutes=minutes,
    recorded=st.just(MORNING),
    source=st.sampled_from(["/ods/RJ1/pas", "/ods/RYJ/pas"]),
    synthetic=st.booleans(),
    version=st.integers(1, 4),
    retracted=st.sampled_from([False, False, False, True]),
    imd_quintile=st.sampled_from([None, 1, 5]),
    department_type=st.sampled_from([1, 2, 3, 5]),
)


def unique_versions(events: list[Any]) -> list[Any]:
    """Keep one content a version: two are a publisher's fault, tested elsewhere."""
    seen: dict[Any, Any] = {}
    for event in events:
        data = event["data"]
        seen.setdefault((event["source"], data["attendance_key"], data["version"]), event)
    return list(seen.values())


def oracle(events: list[Any]) -> dict[tuple[str, str, int], tuple[int, int, float]]:
    """Recompute from the full list of newest versions, in plain Python."""
    newest: dict[Any, Any] = {}
    for event in events:
        key = (event["source"], event["data"]["attendance_key"])
        if key not in newest or newest[key]["data"]["version"] < event["data"]["version"]:
            newest[key] = event
    found: dict[Any, list[float]] = defaultdict(lambda: [0, 0, 0])
    for event in newest.values():
        data = event["data"]
        if data["retracted"] or "departed_at" not in data or data["department_type"] == 5:
            continue
        departed = datetime.fromisoformat(data["departed_at"])
        stay = departed - datetime.fromisoformat(data["arrived_at"])
        basis = "synthetic" if event.get("synthetic") else "operational"
        local = (departed + timedelta(hours=1)).date()  # June is summer time
        total = found[data["org"], basis, day_number(local)]
        total[0] += 1
        total[1] += stay <= timedelta(hours=4)
        total[2] += stay.total_seconds()
    return {key: (int(a), int(b), c) for key, (a, b, c) in found.items()}


def computed(of: Any) -> dict[tuple[str, str, int], tuple[int, int, float]]:
    return {
        key: (one["attended"], one.get("within_4h", 0), one.get("seconds", 0))
        for key, one in facts(of).items()
        if one.get("attended")
    }


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(attendances, max_size=25).map(unique_versions),
    st.randoms(use_true_random=False),
    st.integers(1, 7),
)
def test_engine_equals_oracle_in_any_order_and_batching(events: list[Any], random: Any, size: int) -> None:
    """Shuffled, doubled and cut into batches, the engine holds what the naive recomputation gives."""
    stream = events * 2
    random.shuffle(stream)
    of = engine()
    records = log(*stream, append=MORNING)
    for start in range(0, len(records), size):
        of.process(AT, records[start : start + size])
    assert oracle(events) == computed(of)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(attendances, max_size=20), st.randoms(use_true_random=False))
def test_clashing_versions_are_decided_alike_in_any_order(events: list[Any], random: Any) -> None:
    """Even where a version has two contents, every order of arrival gives the same facts and strata."""
    shuffled = list(events)
    random.shuffle(shuffled)
    one, other = engine(), engine()
    one.process(AT, log(*events, append=MORNING))
    other.process(AT, log(*shuffled, append=MORNING))
    assert _panes(one) == _panes(other)


def _panes(of: Any) -> dict[Any, Any]:
    series = (one for partition in of.partitions.values() for one in partition.series.values())
    return {one.key: one.panes for one in series if one.panes}
