"""Local measures: what a declaration stands for, and what a wrong one is told: file, line, what to do."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from streams.catalogue import Catalogue
from streams.errors import ConfigurationError
from streams.pipeline.app import Worker
from streams.settings import Settings

LOCAL = """\
[[local]]
id = "visits"
title = "Visits"
kind = "ratio"
purpose = "inequalities"
horizon = "today"
direction = "higher"
grain = "month"
definition = "x over y"
source = "here"
"""

EVENTS = LOCAL.replace(
    'grain = "month"', 'stream = "spell"\nnumerator = "before_17"\ndenominator = "discharges"'
)

THRESHOLD = """\
[[threshold]]
indicator = "visits"
kind = "local"
breach = 0.5
valid_from = 2026-01-01
windows = ["month"]
levels = ["icb"]
evidence = "V"
source = "here"
"""

PROGRAMME = """\
[[programme]]
id = "homes"
title = "Homes"
requester = "the board"
start = 2026-04-01
review_date = 2026-09-01
funding_end = 2026-09-02
"""

PLAN = """\
[[local.plan]]
org = "QUA"
levels = ["icb"]
windows = ["month"]
value = 10
valid_from = 2026-04-01
source = "here"
"""


def load(tmp_path: Path, text: str) -> Catalogue:
    file = tmp_path / "own.toml"
    file.write_text(text)
    return Catalogue.with_local(file)


def with_kind(kind: str, *more: str, without: str = "") -> str:
    lines = [line for line in LOCAL.splitlines() if not without or not line.startswith(without)]
    return "\n".join(lines).replace('"ratio"', f'"{kind}"') + "\n" + "\n".join(more) + "\n"


@pytest.mark.parametrize(
    ("kind", "unit", "windows", "text"),
    [
        ("ratio", "ratio", ("month", "quarter", "ytd", "12m"), LOCAL),
        ("ratio", "ratio", ("month",), LOCAL + "stock = true\n"),
        ("mean", "days", ("month", "quarter", "ytd", "12m"), with_kind("mean", 'unit = "days"')),
        ("mean", "per_1000", ("month", "quarter", "ytd", "12m"), with_kind("mean", "per = 1000")),
        ("count", "people", ("month", "quarter", "ytd", "12m"), with_kind("count", 'unit = "people"')),
        ("count", "pounds", ("month",), with_kind("sum", 'unit = "pounds"', 'windows = ["month"]')),
        ("ratio", "ratio", ("month", "quarter", "ytd", "12m"), with_kind("share_of_plan")),
        ("share_of_plan", "ratio", ("month", "quarter", "ytd", "12m"), with_kind("share_of_plan", PLAN)),
    ],
)
def test_a_measure_stands_for_an_indicator(
    tmp_path: Path, kind: str, unit: str, windows: Any, text: str
) -> None:
    """Its windows are those its periods can fill, unless it names them; a report of it is accepted."""
    catalogue = load(tmp_path, text)
    one = catalogue.indicators["visits"]
    assert (kind, unit, windows) == (one.kind, one.unit, one.windows)
    assert "month" == catalogue.measures["visits"].grain
    assert catalogue.indicators.keys() - {"visits"} == Catalogue.shipped().indicators.keys()


def test_only_a_share_needs_its_denominator(tmp_path: Path) -> None:
    """A count, and a share of a plan that is declared, are reported without one."""
    texts = (LOCAL, with_kind("count", 'unit = "people"'), with_kind("share_of_plan", PLAN))
    assert [True, False, False] == [load(tmp_path, text).measures["visits"].denominator for text in texts]


FUNNEL = with_kind(
    "funnel",
    'unit = "homes"',
    *(f'[[local.steps]]\nid = "{one}"\ntitle = "{one.title()}"' for one in ("asked", "seen", "helped")),
)


def test_a_funnel_has_a_count_a_step_and_shares_of_the_step_before(tmp_path: Path) -> None:
    """Three steps: three counts and two shares, over three reported measures."""
    catalogue = load(tmp_path, FUNNEL)
    own = catalogue.indicators.keys() - Catalogue.shipped().indicators.keys()
    counts = {"visits_asked", "visits_seen", "visits_helped"}
    assert counts | {"visits_seen_share", "visits_helped_share"} == own
    assert counts == catalogue.measures.keys() - Catalogue.shipped().measures.keys()
    needs = {name: catalogue.measures[name].denominator for name in counts}
    assert {"visits_asked": False, "visits_seen": True, "visits_helped": True} == needs
    assert "Visits: Seen, share of asked" == catalogue.indicators["visits_seen_share"].title


KNOWN_TABLES = "indicator, measure, threshold, interval, inequality, local, programme, published"
KNOWN_KINDS = "ratio, mean, count, sum, share_of_plan, funnel"
KNOWN_PURPOSES = "outcomes_and_access, inequalities, productivity_and_value, social_and_economic_development"

WHOLE_FILES = [
    (1, "not TOML: Expected", "[[local\n"),
    (12, "not TOML: Invalid value", LOCAL + "strata = [\n"),
    (1, "declares nothing: add one of [[indicator]], [[measure]]", ""),
    (1, "declares nothing", "# only a comment\n"),
    (1, "local: write [[local]], with two brackets", LOCAL.replace("[[local]]", "[local]")),
    (
        1,
        f"[[locals]]: 'locals' is none of {KNOWN_TABLES}; did you mean 'local'?",
        LOCAL.replace("[[local]]", "[[locals]]"),
    ),
]

FIELDS = [
    (7, "directoin: no such field: 'directoin' is none of id, title", LOCAL, "direction", "directoin"),
    (7, "did you mean 'direction'?", LOCAL, "direction", "directoin"),
    (1, "local visits: direction is missing", LOCAL, 'direction = "higher"\n', ""),
    (3, "title: is to be text in quotation marks, not 3", LOCAL, '"Visits"', "3"),
    (5, f"'fairness' is none of {KNOWN_PURPOSES}", LOCAL, "inequalities", "fairness"),
    (5, "did you mean 'inequalities'?", LOCAL, "inequalities", "inequality"),
    (4, f"kind: 'rate' is none of {KNOWN_KINDS}; did you mean 'ratio'?", LOCAL, '"ratio"', '"rate"'),
    (8, "'months' is none of day, week, month, quarter; did you mean 'month'?", LOCAL, '"month"', '"months"'),
    (1, "stream: give grain, of what is reported, or stream", LOCAL, 'grain = "month"\n', ""),
    (8, "stream: 'spells' is none of ", EVENTS, '"spell"', '"spells"'),
    (8, "did you mean 'spell'?", EVENTS, '"spell"', '"spells"'),
    (9, "numerator: 'before_18' is no fact of spell: there are ", EVENTS, "before_17", "before_18"),
    (9, "did you mean 'before_17'?", EVENTS, "before_17", "before_18"),
    (10, "denominator: 'discharge' is no fact of spell", EVENTS, '"discharges"', '"discharge"'),
    (1, "denominator: a ratio or a mean has one", EVENTS, 'denominator = "discharges"\n', ""),
    (4, "no such field: 'asked_by' is none of id, title, requester", PROGRAMME, "requester", "asked_by"),
    (6, "review_date: is to be a date such as 2026-04-01, not 'soon'", PROGRAMME, "2026-09-01", '"soon"'),
    (6, "2026-09-31 is no date: one is written 2026-04-01", PROGRAMME, "2026-09-01", "2026-09-31"),
    (6, "01/09/2026 is no date: one is written 2026-04-01", PROGRAMME, "2026-09-01", "01/09/2026 # review"),
    (6, "review_date: 2025-09-01 is before start, 2026-04-01", PROGRAMME, "2026-09-01", "2025-09-01"),
    (7, "funding_end: 2026-03-31 is before start", PROGRAMME, "2026-09-02", "2026-03-31"),
    (3, "text stands in quotation marks", LOCAL, '"Visits"', "Visits"),
    (2, "or not of lower-case letters, digits and _, beginning with", LOCAL, '"visits"', '"Visits at home"'),
]

ADDED = [
    (11, "windows.1: '7day' is none of", 'windows = ["month", "7day"]\n'),
    (11, "levels.0: 'icbs' is none of site, trust", 'levels = ["icbs"]\n'),
    (18, "threshold on visits: 'icb' is no level of visits", 'levels = ["trust"]\n' + THRESHOLD),
    (11, "strata.0: 'imd' is none of imd_quintile", 'strata = ["imd"]\n'),
    (11, "minimum_denominator: is to be a whole number, not '9'", 'minimum_denominator = "9"\n'),
    (11, "numerator: is a matter of events", 'numerator = "x"\n'),
    (11, "unit: a ratio, and a rate, has its own", 'unit = "pounds"\n'),
    (11, "per: makes a rate of a mean; this is a ratio", "per = 1000\n"),
    (11, "visits: 'homes' is no programme: there are none", 'programme = "homes"\n'),
    (14, "plan: '7d' is no window of visits: there are month", PLAN.replace('"month"', '"7d"')),
    (14, "windows: what stands beside a figure is of days: 1h has none", PLAN.replace('"month"', '"1h"')),
    (23, "own.toml:11", PLAN + PLAN),
    (12, "threshold: 'visit' is no indicator", THRESHOLD.replace('"visits"', '"visit"')),
    (12, "did you mean 'visits'?", THRESHOLD.replace('"visits"', '"visit"')),
    (16, "threshold on visits: '7d' is no window of visits", THRESHOLD.replace('"month"', '"7d"')),
    (16, "threshold visits: windows.0: '8d' is none of", THRESHOLD.replace('"month"', '"8d"')),
    (17, "threshold visits: levels.0: 'icbs' is none of", THRESHOLD.replace('"icb"', '"icbs"')),
    (14, "breach: is to be a number, not '0.5'", THRESHOLD.replace("0.5", '"0.5"')),
    (
        14,
        "breach.lower: no such field: 'lower' is none of low, high; did you mean 'low'?",
        THRESHOLD.replace("0.5", "{ lower = 1 }"),
    ),
    (14, "warn lies on the bad side", THRESHOLD.replace("breach = 0.5", "breach = 0.5\nwarn = 0.4")),
    (24, "own.toml:11); end the first with valid_to", THRESHOLD + THRESHOLD),
]

OTHERS = [
    (2, "its metrics would have a name that the service has", LOCAL.replace('"visits"', '"indicator"')),
    (2, "its metrics would have a name that the service has", with_kind("count", 'unit = "numerator"')),
    (1, "unit: is needed", with_kind("count")),
    (1, "steps: a funnel has [[local.steps]]", with_kind("funnel", 'unit = "homes"')),
    (12, "steps: two steps have one id", FUNNEL.replace('"seen"', '"asked"')),
    (
        14,
        "steps.0.namer: no such field: 'namer' is none of id, title, numerator",
        FUNNEL.replace('title = "Asked"', 'namer = "Asked"'),
    ),
    (13, "stock: is said of reports", EVENTS + "stock = true\n"),
    (
        1,
        "plan: is needed: events bring none",
        EVENTS.replace('"ratio"', '"share_of_plan"').replace('denominator = "discharges"\n', ""),
    ),
    (
        18,
        "'home' is no programme: there are homes; did you mean 'homes'?",
        PROGRAMME + LOCAL + 'programme = "home"\n',
    ),
    (
        2,
        "indicator rtt_18w is declared twice, first in outcomes_and_access.toml",
        LOCAL.replace('"visits"', '"rtt_18w"'),
    ),
    (
        2,
        "measure finance_variance is declared twice, first in productivity_and_value.toml",
        LOCAL.replace('"visits"', '"finance_variance"'),
    ),
    (
        12,
        "its metrics would have a name that visits_x has",
        LOCAL.replace('"visits"', '"visits_x"') + with_kind("count", 'unit = "x_ratio"'),
    ),
]


@pytest.mark.parametrize(
    ("line", "said", "text"),
    [
        *WHOLE_FILES,
        *((line, said, base.replace(old, new)) for line, said, base, old, new in FIELDS),
        *((line, said, LOCAL + more) for line, said, more in ADDED),
        *OTHERS,
    ],
)
def test_a_mistake_is_told_by_line(tmp_path: Path, line: int, said: str, text: str) -> None:
    """File, line, field, what is allowed and the nearest name."""
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, text)
    told = [one for one in str(error.value).splitlines() if said in one]
    assert [f"{tmp_path}/own.toml:{line}:"] == [one.split(" ", 1)[0] for one in told], str(error.value)


def test_a_wrong_name_is_not_answered_with_the_whole_catalogue(tmp_path: Path) -> None:
    """Of hundreds of indicators the nearest is told, and how many there are."""
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path, LOCAL + THRESHOLD.replace('"visits"', '"visit"'))
    there = len(Catalogue.shipped().indicators) + 1
    told = f"threshold: 'visit' is no indicator: there are {there}; did you mean 'visits'?"
    assert f"{tmp_path}/own.toml:12: {told}" == str(error.value)


def test_a_list_of_wrong_names_is_not_called_empty(tmp_path: Path) -> None:
    """What stands in it is told once; an empty list is told as such."""
    said = []
    for levels in ('["icbs"]', "[]"):
        with pytest.raises(ConfigurationError) as error:
            load(tmp_path, LOCAL + THRESHOLD.replace('["icb"]', levels))
        said.append([one.split(": ", 2)[2][:22] for one in str(error.value).splitlines()])
    assert [["levels.0: 'icbs' is no"], ["levels: is empty"]] == said


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    """Two files, three mistakes, one reading."""
    (tmp_path / "a.toml").write_text(LOCAL.replace('"ratio"', '"rate"').replace('"month"', '"months"'))
    (tmp_path / "b.toml").write_text("[[local")
    with pytest.raises(ConfigurationError) as error:
        Catalogue.with_local(tmp_path)
    found = [one.split(" ")[0].removeprefix(f"{tmp_path}/") for one in str(error.value).splitlines()]
    assert ["a.toml:4:", "a.toml:8:", "b.toml:1:"] == found


def _binary(directory: Path) -> Path:
    file = directory / "own.toml"
    file.write_bytes(LOCAL.encode() + b"# caf\xe9\n")
    return file


def _empty_directory(directory: Path) -> Path:
    (directory / "own").mkdir()
    return directory / "own"


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ("own.toml:11: not UTF-8 text: save the file as UTF-8", _binary),
        (
            "nowhere: No such file or directory; OVERSIGHT_LOCAL names it",
            lambda directory: directory / "nowhere",
        ),
        ("own: a directory without a .toml file; OVERSIGHT_LOCAL names it", _empty_directory),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, said: str, make: Callable[[Path], Path]) -> None:
    """A file of another encoding, one that is missing, a directory with nothing in it."""
    with pytest.raises(ConfigurationError) as error:
        Catalogue.with_local(make(tmp_path))
    assert said in str(error.value)


def test_a_worker_refuses_the_start_with_the_same_words(tmp_path: Path) -> None:
    """What check explains, the worker says too."""
    (tmp_path / "own.toml").write_text(LOCAL.replace('"month"', '"months"'))
    told = []
    for start in (Catalogue.with_local, lambda path: Worker(Settings(local=path))):
        with pytest.raises(ConfigurationError) as error:
            start(tmp_path)
        told.append(str(error.value))
    assert told[0] == told[1]
    assert told[0].startswith(f"{tmp_path}/own.toml:8: ")


def test_a_worker_knows_them() -> None:
    """It accepts their reports, and its board has their figures."""
    worker = Worker(Settings(local=Path(__file__).parents[2] / "deploy" / "local-measures"))
    assert "warm_homes_spent" in worker.catalogue.measures
    assert worker.catalogue is worker.board.catalogue


@pytest.mark.parametrize(
    ("said", "today"),
    [
        ([], date(2026, 7, 2)),
        (["own.toml:6: programme homes: its review is due on 2026-09-01, in 60 days"], date(2026, 7, 3)),
        (
            [
                "own.toml:6: programme homes: its review is due on 2026-09-01, today",
                "own.toml:7: programme homes: its funding ends on 2026-09-02, in 1 days",
            ],
            date(2026, 9, 1),
        ),
        (
            [
                "own.toml:6: programme homes: its review is due on 2026-09-01, 30 days ago",
                "own.toml:7: programme homes: its funding ends on 2026-09-02, 29 days ago",
            ],
            date(2026, 10, 1),
        ),
    ],
)
def test_review_and_end_of_funding_are_told_ahead(tmp_path: Path, said: list[str], today: date) -> None:
    """Sixty days before, on the day, and after it for as long as nobody changes the date."""
    told = load(tmp_path, PROGRAMME + LOCAL + 'programme = "homes"\n').warnings(today)
    assert said == [one.removeprefix(f"{tmp_path}/") for one in told if "programme" in one]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """What an editor leaves behind is no mistake."""
    assert "visits" in load(tmp_path, "\ufeff" + LOCAL).indicators
