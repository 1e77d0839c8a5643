"""The simulator: valid events, the same bytes for the same arguments, and believable figures."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.fast import decode, event_type
from streams.assessment.suppression import Rule
from streams.catalogue import Catalogue
from streams.commands.replay import Line, as_log, replay
from streams.errors import ConfigurationError
from streams.organisations import Register
from streams.sources.simulator import FAMILY_NAMES, LiveFeed, Settings, Silence, Simulation, history
from streams.sources.simulator.trusts import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.assessment import Row
    from streams.engine import Outputs

NOON = datetime(2026, 6, 16, 12, 0, tzinfo=UTC)
MONDAY = Settings().until
NOT_SPELLS = tuple(name for name in FAMILY_NAMES if name != "spell")
"""Quicker: spells are told 45 days ahead, for their admissions."""


def lines(events: Iterable[dict[str, Any]]) -> list[bytes]:
    """Give events as the command line writes them."""
    return [json.dumps(one, separators=(",", ":")).encode() for one in events]


def simulated(**given: Any) -> list[dict[str, Any]]:
    """Give the events of a small simulation."""
    return list(Simulation(Settings(**{"trusts": 2, "days": 3, **given})).events())


def replayed(events: Iterable[bytes], at: datetime | None = None) -> tuple[list[Row], Outputs]:
    """Run events through engine and assessment; few trusts are small, and nothing is hidden."""
    return replay(
        as_log(Line("made", line) for line in events),
        catalogue=Catalogue.shipped(),
        register=Register.shipped(),
        at=at,
        rule=Rule(smallest=1),
    )


def recorded(event: dict[str, Any]) -> datetime:
    """Give when an event was recorded."""
    return datetime.fromisoformat(event["recordedtime"])


@pytest.fixture(scope="module")
def week() -> list[dict[str, Any]]:
    """Eight days of three trusts, every family, every fault."""
    return simulated(trusts=3, days=8)


@pytest.fixture(scope="module")
def day() -> list[dict[str, Any]]:
    """One day of two trusts."""
    return simulated(days=1)


@pytest.fixture(scope="module")
def board(week: list[dict[str, Any]]) -> list[Row]:
    """What the week shows; nothing in it is refused, late or in doubt."""
    found, outputs = replayed(lines(week))
    assert [] == outputs.refused
    assert [] == outputs.late
    assert 0 == outputs.counts["clash"]
    return found


@pytest.fixture(scope="module")
def rows(board: list[Row]) -> dict[tuple[str, str], Row]:
    """The week for England, unstratified, by indicator and window."""
    return {(row.indicator, row.window): row for row in board if row.level == "england" and not row.strata}


def test_every_event_meets_the_contract(week: list[dict[str, Any]]) -> None:
    """Each event decodes, is synthetic, and carries a version."""
    decoded = [decode(line) for line in lines(week)]

    assert {True} == {one.synthetic for one in decoded}
    assert {int} == {type(one.data.version) for one in decoded}
    assert len(FAMILY_NAMES) == len({event_type(one) for one in decoded})


def test_every_episode_key_contains_a_letter(week: list[dict[str, Any]]) -> None:
    """A key of digits alone could be an NHS number, so none is one."""
    keys = {value for one in week for name, value in one["data"].items() if name.endswith("_key")}

    assert keys
    assert not [key for key in keys if key.isdigit()]


def test_events_come_in_order_of_arrival(week: list[dict[str, Any]]) -> None:
    """`recordedtime` never goes back, and lies inside the stretch."""
    arrivals = [recorded(one) for one in week]

    assert sorted(arrivals) == arrivals
    assert MONDAY - timedelta(days=8) <= arrivals[0]
    assert arrivals[-1] <= MONDAY


def test_same_arguments_same_bytes(day: list[dict[str, Any]]) -> None:
    """The output depends on the arguments and on nothing else."""
    assert lines(day) == lines(simulated(days=1))


def test_another_seed_other_events(day: list[dict[str, Any]]) -> None:
    """No event of one seed stands in another, bed states and returns of equal names included."""
    one, other = (
        {(event["source"], event["id"], json.dumps(event["data"])) for event in events}
        for events in (day, simulated(seed=8, days=1))
    )

    assert set() == one & other


def test_a_trust_is_the_same_among_few_and_among_many(day: list[dict[str, Any]]) -> None:
    """Adding a trust changes nothing of the others."""
    few, many = (
        [one for one in events if one["partitionkey"] == CODES[0]]
        for events in (day, simulated(days=1, trusts=3))
    )

    assert lines(few) == lines(many)


def test_faults_change_no_facts() -> None:
    """Whatever the faults, the second version of an attendance says the same."""
    quiet, noisy = (
        {
            (one["source"], one["id"]): one["data"]
            for one in simulated(days=2, families=("ed_attendance",), **faults)
            if one["id"].endswith("-v2")
        }
        for faults in (
            {"duplicates": 0, "disorder": 0, "corrections": 0, "retractions": 0},
            {"duplicates": 0.5, "disorder": 0.8, "corrections": 0.5, "retractions": 0.2},
        )
    )
    both = quiet.keys() & noisy.keys()

    assert len(both) > 500
    assert {key: quiet[key] for key in both} == {key: noisy[key] for key in both}


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_one_family_alone(day: list[dict[str, Any]], family: str) -> None:
    """A family can be asked for by its name in the contract, and gives the same as among the others."""
    alone = simulated(days=1, families=(family,))
    names = {
        event_type(decode(line)).removeprefix("uk.nhs.oversight.").rsplit(".", 2)[0] for line in lines(alone)
    }

    assert {family.replace("_", ".", 1)} == names
    assert set(lines(alone)) <= set(lines(day))


def test_six_trusts_span_two_icbs_and_every_code_is_a_trust() -> None:
    """The codes are trusts of the shipped register, active and mapped at the default instant."""
    register, day = Register.shipped(), date(2026, 6, 15)

    assert {"QUA", "QWU"} == {register.parents(code, day).icb for code in CODES[:6]}
    assert {"trust"} == {register.level(code) for code in CODES}
    assert all(register.is_active(code, day) for code in CODES)
    assert "unmapped" not in {register.parents(code, day).icb for code in CODES}
    assert len(CODES) == len(set(CODES))


def test_faults_occur_at_their_rates(week: list[dict[str, Any]]) -> None:
    """Repeated lines, late sendings, corrections with other content and withdrawals, near what was asked."""
    written = lines(week)
    attendances = [one for one in week if "attendance_key" in one["data"]]
    versions: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for one in attendances:
        data = one["data"]
        versions.setdefault((one["source"], data["attendance_key"]), {})[data["version"]] = data
    closed = [known for known in versions.values() if any("departed_at" in data for data in known.values())]
    departed = [
        [data for _, data in sorted(known.items()) if "departed_at" in data and not data.get("retracted")]
        for known in closed
    ]
    changed = [told for told in departed if len(told) > 1]
    withdrawn = [known for known in closed if any(data.get("retracted") for data in known.values())]
    late = [
        one
        for one in attendances
        if recorded(one) - datetime.fromisoformat(one["time"]) > timedelta(minutes=2)
    ]

    assert 0.015 < 1 - len(set(written)) / len(written) < 0.025
    assert 0.03 < len(changed) / len(closed) < 0.06
    assert 0.002 < len(withdrawn) / len(closed) < 0.008
    assert 0.08 < len(late) / len(attendances) < 0.16
    assert all({**first, "version": 0} != {**second, "version": 0} for first, second in changed), (
        "a correction must change something"
    )


def test_a_later_version_may_arrive_first() -> None:
    """Late sending breaks the order of versions, which the engine must bear."""
    seen: dict[str, int] = {}
    overtaken = 0
    for one in simulated(days=2, families=("ambulance_handover",), disorder=0.5):
        key, version = one["data"]["handover_key"], one["data"]["version"]
        overtaken += version < seen.get(key, 0)
        seen[key] = max(version, seen.get(key, 0))

    assert overtaken > 10


def test_a_silent_trust_sends_nothing_in_its_last_hours() -> None:
    """Silence begins the stated hours before the end; the others go on."""
    events = simulated(days=1, families=NOT_SPELLS, silences=(Silence(CODES[0], 6),))
    last = {one["partitionkey"]: recorded(one) for one in events}

    assert last[CODES[0]] <= MONDAY - timedelta(hours=6)
    assert last[CODES[1]] > MONDAY - timedelta(minutes=30)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trusts": 0}, "trusts 0"),
        ({"trusts": 1000}, "trusts 1000"),
        ({"days": 0}, "days 0"),
        ({"duplicates": 1.5}, "duplicates 1.5"),
        ({"families": ("ed",)}, "'ed'"),
        ({"silences": (Silence("RWD", 3),)}, "RWD"),
        ({"until": datetime(2026, 6, 15, 8, 30)}, "offset"),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_settings_outside_their_bounds_are_refused(given: dict[str, Any], said: str) -> None:
    """The error names the value that cannot be used."""
    with pytest.raises(ConfigurationError, match=said):
        Settings(**given)


def test_silence_is_written_code_at_hours() -> None:
    """`RL4@1.5` is an hour and a half; anything else is refused with an example."""
    assert Silence("RL4", 1.5) == Silence.parse("RL4@1.5")
    with pytest.raises(ConfigurationError, match="RL4@6"):
        Silence.parse("RL4")


@pytest.mark.parametrize(
    ("indicator", "window", "low", "high"),
    [
        ("ae_4h_all_types", "7d", 0.65, 0.85),
        ("amb_handover_over_45m", "7d", 0.06, 0.15),
        ("amb_handover_mean", "7d", 24, 32),
        ("amb_cat2_mean", "7d", 24, 40),
        ("ae_4h_type1", "7d", 0.50, 0.80),
        ("ae_12h_from_arrival", "7d", 0.02, 0.15),
        ("theatre_capped_utilisation", "7d", 0.65, 0.90),
        ("theatre_uncapped_utilisation", "7d", 0.70, 1.0),
        ("theatre_late_start_mean_all", "7d", 5, 25),
        ("theatre_intercase_downtime_mean", "7d", 5, 20),
        ("theatre_cases_per_session", "7d", 2, 8),
        ("theatre_on_day_cancellation", "7d", 0.005, 0.06),
        ("theatre_session_take_up", "7d", 0.85, 0.97),
        ("drd_delayed", "7d", 0.11, 0.18),
        ("drd_mean_delay_delayed_only", "7d", 2.0, 6.0),
        ("drd_completeness", "7d", 0.90, 0.98),
        ("discharged_before_17", "7d", 0.50, 0.80),
        ("weekend_discharge_ratio", "7d", 0.60, 0.95),
        ("los_21plus_patients", "day", 200, 450),
        ("ga_bed_occupancy", "7d", 0.90, 0.97),
        ("escalation_bed_share", "7d", 0.0, 0.06),
        ("nctr_bed_share", "7d", 0.12, 0.20),
        ("rtt_18w", "month", 0.55, 0.68),
        ("rtt_18w_imd_gap", "month", -0.10, -0.02),
        ("hypertension_control", "quarter", 0.60, 0.78),
        ("acsc_admissions_rate", "quarter", 220, 380),
        ("ucr_2h", "month", 0.70, 0.95),
        ("dm01_6w_breach", "month", 0.12, 0.30),
        ("cancer_62d", "month", 0.58, 0.80),
        ("op_dna", "month", 0.04, 0.09),
        ("agency_spend", "ytd", 0.01, 0.04),
        ("social_value_weighting", "quarter", 0.5, 1.0),
        ("finance_ytd_variance", "ytd", -0.03, 0.02),
        ("core20_recruitment", "12m", 0.10, 0.40),
    ],
)
def test_indicators_are_believable(
    rows: dict[tuple[str, str], Row], indicator: str, window: str, low: float, high: float
) -> None:
    """Through engine and assessment each indicator lies where trusts' published figures lie."""
    value = rows[indicator, window].value

    assert value is not None
    assert low <= value <= high


def test_volumes_are_those_of_acute_trusts(rows: dict[tuple[str, str], Row]) -> None:
    """Attendances, handovers and discharges a day and trust."""
    trust_days = 3 * 7
    bounds = {
        "ae_4h_all_types": (250, 450),
        "amb_handover_over_45m": (55, 110),
        "drd_completeness": (60, 120),
    }
    per_day = {name: (rows[name, "7d"].denominator or 0) / trust_days for name in bounds}

    assert {} == {
        name: per_day[name] for name, (low, high) in bounds.items() if not low <= per_day[name] <= high
    }


def test_the_most_deprived_wait_longer(board: list[Row]) -> None:
    """A gap between quintiles 1 and 5 is built in, and a share of home areas is unknown."""
    shares = {
        row.strata.get("imd_quintile"): row
        for row in board
        if (row.indicator, row.level, row.window) == ("ae_4h_all_types", "england", "7d")
    }

    assert shares["1"].value < shares["5"].value
    assert 0.03 < shares["unknown"].denominator / shares[None].denominator < 0.08


def test_arrival_order_does_not_matter() -> None:
    """Everything sent twice and arriving in two orders gives the same rows but for when they were made."""
    events = simulated(trusts=2, days=2) * 2
    last = max(recorded(one) for one in events)
    results = []
    for seed in (1, 2):
        shuffled = list(events)
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - a reproducible order
        found, _ = replayed(
            lines(
                {**one, "recordedtime": (last + timedelta(microseconds=number)).isoformat()}
                for number, one in enumerate(shuffled)
            )
        )
        kept = [
            {
                name: value
                for name, value in row.as_json().items()
                if name not in ("as_at", "restated_at", "flags")
            }
            for row in found
        ]
        results.append(sorted(json.dumps(row, sort_keys=True, default=str) for row in kept))

    assert len(results[0]) > 100
    assert results[0] == results[1]


def test_live_feed_goes_on_where_history_ends() -> None:
    """The feed repeats nothing of the history, never runs ahead of the clock, and keeps to its rate."""
    settings = Settings(trusts=2, days=1)
    feed = LiveFeed(settings, NOON, rate_per_second=20)
    batches = [
        (now, feed.next_events(now)) for now in (NOON + timedelta(seconds=one) for one in range(1, 241))
    ]
    live = [one for _, events in batches for one in events]
    before = {(one["source"], one["id"]) for one in feed.history}

    assert lines(history(settings, NOON)) == lines(feed.history)
    assert 15 * 240 < len(live) < 25 * 240
    assert not before & {(one["source"], one["id"]) for one in live}
    assert all(recorded(one) <= now for now, events in batches for one in events)
    assert [recorded(one) for one in live] == sorted(recorded(one) for one in live)

    _, outputs = replayed(lines([*feed.history, *live]))
    assert [] == outputs.refused
    assert 0 == outputs.counts["clash"]


def test_the_picture_of_now_is_whole() -> None:
    """Every indicator that has a now shows one of England, but for levels, which the services show."""
    rows, _ = replayed(lines(simulated(trusts=1, days=2, silences=())))
    shown = {row.indicator for row in rows if row.window == "now"}
    declared = {one.id for one in Catalogue.shipped().indicators.values() if "now" in one.windows}

    assert declared == shown
    assert 1 <= {row.org: row.value for row in rows if row.indicator == "amb_reap"}["RYA"] <= 4


def test_live_feed_is_reproducible() -> None:
    """The same sequence of instants gives the same events."""
    one, other = (
        [feed.next_events(NOON + timedelta(seconds=seconds)) for seconds in (1, 2, 5, 30)]
        for feed in (LiveFeed(Settings(trusts=1, days=1, families=NOT_SPELLS), NOON, 10) for _ in range(2))
    )

    assert one == other


def test_live_feed_does_not_make_up_for_a_pause() -> None:
    """After an hour's sleep the feed adds a minute's worth of records, and the trusts' own events whole."""
    feed = LiveFeed(
        Settings(trusts=1, days=1, families=NOT_SPELLS, disorder=0, corrections=0, retractions=0), NOON, 10
    )
    after_the_pause = feed.next_events(NOON + timedelta(hours=1))

    assert [] == feed.next_events(NOON)
    assert len(after_the_pause) < 800


def test_live_open_attendances_end() -> None:
    """With the added records alone nobody stays in the department for ever: they are whole when sent."""
    feed = LiveFeed(Settings(trusts=1, days=1, families=("ed_attendance",)), NOON, 50)
    counts = Counter("departed_at" in one["data"] for one in feed.next_events(NOON + timedelta(seconds=30)))

    assert counts[True] > 20 * counts[False]
