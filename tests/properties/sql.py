"""The SQL oracle: the same figures by DuckDB from the log's own JSON, with its own calendar (ICU).

Decided here, independently of the naive oracle: what is refused as future, lateness of a record's own day,
newest versions, the census, windows, memberships, existence of roll-ups, sums, values. Taken from
`naive.fates`: whether an identity had closed when a record came, which depends on what was decided about
every record before it and so is no query over a set (`late`, `life`), and the order of clashing contents.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import duckdb
from properties import membership
from properties.naive import Fate
from properties.vocabulary import Ask, Board, Declared, Entry, Figure, Key, Rules

MACROS = """
create macro civil(instant) as (to_timestamp(instant) at time zone 'Europe/London')::date;
create macro clock(day, hour) as
    epoch((day::timestamp + to_hours(hour)) at time zone 'Europe/London')::bigint;
create macro text(value, path) as json_extract_string(value, path);
create macro instant(value, path) as floor(epoch(json_extract_string(value, path)::timestamptz))::bigint;
create macro yes(value, path) as coalesce(json_extract_string(value, path) = 'true', false);
create macro holds(low, high, day) as (low is null or low <= day) and (high is null or day < high);
create macro broken_down(stream, span, dimension) as
    dimension = '' or stream not in ('spell', 'ed_attendance') or span in ('28d', 'month', 'quarter', '12m')
    or (dimension = 'imd_quintile' and span not in ('1h', '4h', '24h'));
create macro known_group(code) as
    case when regexp_full_match(code, '[A-HJ-NPRS][A-Z0-9]?') then code[1] else 'unknown' end;
create macro financial_year(day) as
    make_date(year(day) - case when month(day) < 4 then 1 else 0 end, 4, 1);
"""

TABLES = """
create table organisations(code varchar, kind varchar, valid_from date, valid_to date);
create table memberships(child varchar, parent varchar, role varchar, valid_from date, valid_to date);
create table log(
    world bigint, "offset" bigint, append_ms bigint, value varchar, late boolean, life bigint, rank bigint);
create table asks(world bigint, ask bigint, after bigint, now_ms bigint);
create table declared(indicator varchar, stream varchar, span varchar, strata varchar[], compares varchar,
    most varchar, least varchar, relative boolean);
create table rules(world bigint, horizon bigint, open_days bigint, planned_days bigint, skew bigint);
create table units(indicator varchar, numerator_unit bigint, denominator_unit bigint);
insert into units values ('theatre_capped_utilisation', 60, 60), ('amb_handover_mean', 60, 1),
    ('weekend_discharge_ratio', 2, 5);
create table quantiles(indicator varchar, quantile decimal(3, 2));
insert into quantiles values ('amb_handover_p90', 0.90), ('amb_handover_p95', 0.95),
    ('ae_time_to_treatment_median', 0.50), ('drd_delay_p90', 0.90), ('drd_delay_p95', 0.95);
create table measure_names(measure varchar, indicator varchar, months bigint);
insert into measure_names values ('finance_variance', 'finance_ytd_variance', 1),
    ('core20_recruitment', 'core20_recruitment', 1), ('hypertension_control', 'hypertension_control', 3),
    ('ae_4h_all_types', 'ae_4h_all_types', 1), ('ae_dta_12h', 'ae_dta_12h', 1);
"""

# One row a record: whose, which version, when, and the civil day or period it belongs to.
READ = """
create or replace temp table events as
with told as (
    select world, "offset", append_ms // 1000 as appended, append_ms, civil(append_ms // 1000) as today,
        value->'$.data' as data, text(value, '$.source') as source, late, life, rank,
        split_part(replace(text(value, '$.type'), 'uk.nhs.oversight.', ''), '.', 1) as kind,
        text(value, '$.type') as type,
        epoch(text(value, '$.time')::timestamptz) as time,
        epoch(text(value, '$.recordedtime')::timestamptz) as recorded,
        yes(value, '$.synthetic') as made_up
    from log
), named as (
    select *, text(data, '$.org') as org, coalesce(text(data, '$.site'), '') as site,
        coalesce(text(data, '$.version')::bigint, (recorded * 1000000)::bigint) as version,
        yes(data, '$.retracted') as retracted,
        case when made_up then 'synthetic' when text(data, '$.publication') is not null then 'official'
            else 'operational' end as basis,
        case when kind = 'theatre' then 'theatre_session' when kind = 'ed' then 'ed_attendance'
            when kind = 'ambulance' then 'ambulance_handover' when kind = 'bed' then 'bed_state'
            when kind = 'rtt' then 'rtt_' || text(data, '$.cadence')
            when kind = 'measure' then 'measure:' || text(data, '$.measure') else kind end as stream,
        case kind
            when 'theatre' then case
                when text(data, '$.status') = 'planned' then null
                when text(data, '$.status') = 'held' and text(data, '$.ended_at') is null then null
                else instant(data, '$.planned_start') end
            when 'ed' then instant(data, '$.departed_at')
            when 'ambulance' then instant(data, '$.handover_at')
            when 'spell' then instant(data, '$.discharged_at')
            when 'bed' then instant(data, '$.as_at') end as instant,
        case
            when kind = 'rtt' and text(data, '$.cadence') = 'week'
                then date_trunc('week', text(data, '$.census_date')::date)::date
            when kind = 'rtt' then date_trunc('month', text(data, '$.census_date')::date)::date
            when kind = 'measure' then text(data, '$.period_start')::date end as period
    from told
)
select *, coalesce(period, civil(instant)) as day,
    case when kind = 'bed'
            then concat_ws(' ', source, org, site, basis, text(data, '$.bed_group'), instant::varchar)
        when period is not null then concat_ws(' ', source, org, site, basis, period::varchar)
        else concat_ws(' ', source, coalesce(text(data, '$.attendance_key'), text(data, '$.spell_key'),
            text(data, '$.handover_key'), text(data, '$.session_key'))) end as identity
from named;
"""

# What counts at each ask: the newest version of each identity, unless withdrawn, late or in the future.
COUNT = """
create or replace temp table counting as
with allowed as (
    select events.*, rules.horizon from events join rules using (world)
    where not late
        and greatest(time, recorded, coalesce(epoch(text(data, '$.ended_at')::timestamptz), 0))
            <= append_ms / 1000.0 + skew
        and (period is null or period <= today)
        and (instant is null
            or instant <= appended + case when kind = 'theatre' then planned_days * 86400 else skew end)
        and (kind != 'bed' or (day + horizon::integer >= today
            and clock(day, 7) < instant and instant <= clock(day, 8)))
), placed as (
    select allowed.*, ask, now_ms, row_number() over (partition by ask, stream, identity, life
        order by version desc, rank desc, "offset") as place
    from allowed join asks on allowed.world = asks.world and "offset" < after
), standing as (
    select *, row_number() over (partition by ask, kind = 'bed', source, org, site, basis,
        text(data, '$.bed_group'), day order by instant desc) as latest
    from placed
    where place = 1 and not retracted and day is not null
        and (period is not null or kind = 'bed' or day + horizon::integer >= today)
        and (kind != 'theatre' or text(data, '$.list_type') = 'elective')
        and (kind != 'bed' or text(data, '$.bed_group') = 'adult_general_acute')
)
select ask, now_ms, "offset", kind, stream, org, site, basis, day, instant, data,
    period is not null as reported
from standing where kind != 'bed' or latest = 1;
"""

# One row a record, indicator and stratum: numerator, denominator, and whether it bears a figure at all.
ADD = """
create or replace temp table records as
select distinct "offset", kind, stream, day, instant, data from counting;

create or replace temp table touched as
with touch as (
    select "offset", instant as low, instant(data, '$.planned_end') as high,
        unnest(from_json(data->'$.cases', '[{"touch_start": "VARCHAR", "touch_end": "VARCHAR"}]')) as one
    from records where kind = 'theatre' and text(data, '$.status') = 'held'
), clipped as (
    select "offset", greatest(low, epoch(one.touch_start::timestamptz)::bigint) as a,
        least(high, epoch(one.touch_end::timestamptz)::bigint) as b
    from touch
), reached as (
    select *, max(b) over (partition by "offset" order by a, b
        rows between unbounded preceding and 1 preceding) as before
    from clipped where a < b
)
select "offset", sum(greatest(0, b - greatest(a, coalesce(before, a)))) as seconds from reached group by all;

create or replace temp table amounts as
with stays as (
    select "offset", day - civil(instant(data, '$.admitted_at')) as nights,
        text(data, '$.discharge_ready_date')::date as ready, day, yes(data, '$.ready_same_day') as same,
        instant <= clock(day, 17) as early
    from records where kind = 'spell'
), spells as (
    select "offset", (nights > 0)::int as overnight,
        (nights > 0 and (ready is not null or same))::int as known,
        case when nights > 0 and ready is not null then day - ready else 0 end as delay
    from stays
), attendances as (
    select "offset", instant - instant(data, '$.arrived_at') as stay,
        text(data, '$.department_type') != '5' as counted, text(data, '$.department_type') = '1' as major,
        text(data, '$.department_type') != '5' and text(data, '$.outcome') = 'admitted'
            and text(data, '$.decision_to_admit_at') is not null as admitted,
        instant - instant(data, '$.decision_to_admit_at') as waited,
        (instant(data, '$.treatment_started_at') - instant(data, '$.arrived_at')) // 60 as untreated
    from records where kind = 'ed'
), people as (
    select "offset", 'drd_delayed' as indicator, (delay > 0)::int as numerator, known as denominator,
        1 as bearing, null as measured from spells
    union all select "offset", 'drd_mean_delay', delay, known, 1, null from spells
    union all select "offset", 'drd_mean_delay_delayed_only', delay, (delay > 0)::int, 1, null from spells
    union all select "offset", 'drd_completeness', known, overnight, 1, null from spells
    union all select "offset", 'discharged_before_17', early::int, 1, 1, null from stays
    union all select "offset", 'weekend_discharge_ratio', (isodow(day) >= 6)::int, (isodow(day) < 6)::int,
        1, null from stays
    union all select "offset", 'ae_4h_type1', (major and stay <= 14400)::int, major::int, 1, null
        from attendances
    union all select "offset", 'ae_12h_from_arrival', (counted and stay > 43200)::int, counted::int, 1, null
        from attendances
    union all select "offset", 'ae_4h_all_types', (counted and stay <= 14400)::int, counted::int, 1, null
        from attendances
    union all select "offset", 'ae_dta_12h', coalesce(admitted and waited > 43200, false)::int, 0,
        coalesce(admitted, false)::int, null from attendances
    union all select "offset", indicator, 0, 0, 1, case when known = 1 then delay end
        from spells, quantiles where indicator like 'drd_delay_p%'
    union all select "offset", 'ae_time_to_treatment_median', 0, 0, 1,
        case when counted then untreated end from attendances
), beds as (
    select "offset", text(data, '$.occupied')::int as occupied,
        text(data, '$.open_core')::int + text(data, '$.open_escalation')::int as opened,
        text(data, '$.open_escalation')::int as escalation,
        text(data, '$.no_criteria_to_reside')::int as staying
    from records where kind = 'bed'
), reports as (
    select "offset", kind, '' as dimension, '' as stratum, data as part, data from records
        where kind in ('rtt', 'measure')
    union all
    select "offset", kind, text(one, '$.dimension'), text(one, '$.value'), one, data
    from (select "offset", kind, data,
            unnest(from_json(coalesce(data->'$.strata', '[]'::json), '["JSON"]')) as one
        from records where kind in ('rtt', 'measure'))
), bands as (
    select "offset", dimension, stratum, from_json(part->'$.bands', '["BIGINT"]') as weeks from reports
    where kind = 'rtt'
)
select "offset", '' as dimension, '' as stratum, indicator, numerator::decimal(38, 6) as numerator,
    denominator::decimal(38, 6) as denominator, bearing, measured from people
union all
select "offset", dimension, case when dimension = 'ethnic_group' then known_group(value)
    when value = 'not_known' then 'unknown' else value end, indicator, numerator, denominator, bearing,
    measured
from (select people.*, dimension, coalesce(text(data, '$.' || dimension), 'unknown') as value
    from people join records using ("offset"),
        (select unnest(['imd_quintile', 'ethnic_group', 'sex', 'age_band']) as dimension))
union all
select "offset", '', '', 'theatre_capped_utilisation', coalesce(seconds, 0),
    case when text(data, '$.status') = 'held' then instant(data, '$.planned_end') - instant else 0 end,
    1, null
from records left join touched using ("offset") where kind = 'theatre'
union all
select "offset", '', '', 'amb_handover_mean', instant - instant(data, '$.arrived_at'), 1, 1, null
from records where kind = 'ambulance'
union all
select "offset", '', '', 'amb_handover_over_45m', (instant - instant(data, '$.arrived_at') > 2700)::int,
    1, 1, null
from records where kind = 'ambulance'
union all
select "offset", '', '', indicator, 0, 0, 1, (instant - instant(data, '$.arrived_at')) // 60
from records, quantiles where kind = 'ambulance' and indicator like 'amb_handover_p%'
union all
select "offset", '', '', 'theatre_session_take_up', (text(data, '$.status') = 'held')::int, 1, 1, null
from records where kind = 'theatre'
union all
select "offset", '', '', 'ga_bed_occupancy', occupied, opened, 1, null from beds
union all
select "offset", '', '', 'escalation_bed_share', escalation, opened, 1, null from beds
union all
select "offset", '', '', 'nctr_bed_share', coalesce(staying, 0),
    case when staying is null then 0 else occupied end, 1, null from beds
union all
select "offset", dimension, stratum, 'rtt_18w', list_sum(weeks[1:18]), list_sum(weeks), 1, null from bands
union all
select "offset", dimension, stratum, 'rtt_52w', list_sum(weeks[53:]), list_sum(weeks), 1, null from bands
union all
select "offset", dimension, stratum, indicator,
    coalesce(text(part, '$.numerator')::decimal(38, 6), 0),
    case when text(part, '$.numerator') is null then 0
        else coalesce(text(part, '$.denominator')::decimal(38, 6), 0) end,
    (text(part, '$.numerator') is not null)::int, null
from reports join measure_names on measure = text(data, '$.measure') where kind = 'measure';
"""

# The bounds of every window at every ask: of events by the clock, of returns by what is reported.
WINDOWS = """
create or replace temp table spans as
with today as (select ask, now_ms, civil(now_ms // 1000) as d, now_ms // 900000 as quarter from asks),
spanned as (
    select ask, 'since_midnight' as span, d as low, d + 1 as high, null as from_quarter, null as to_quarter
        from today
    union all select ask, 'day', d - 1, d, null, null from today
    union all select ask, '7d', d - 7, d, null, null from today
    union all select ask, '28d', d - 28, d, null, null from today
    union all select ask, 'week', date_trunc('week', d)::date, (date_trunc('week', d) + interval 7 day)::date,
        null, null from today
    union all select ask, 'month', date_trunc('month', d)::date,
        (date_trunc('month', d) + interval 1 month)::date, null, null from today
    union all select ask, 'quarter', date_trunc('quarter', d)::date,
        (date_trunc('quarter', d) + interval 3 month)::date, null, null from today
    union all select ask, 'ytd', financial_year(d), d + 1, null, null from today
    union all select ask, '12m', (d - interval 12 month)::date, d, null, null from today
    union all select ask, hours || 'h', civil((quarter - 4 * hours) * 900), civil(quarter * 900 - 1) + 1,
        quarter - 4 * hours, quarter from today, (select unnest([1, 4, 24]) as hours)
)
select * from spanned;

create or replace temp table reported as
with latest as (
    select ask, stream, basis, org, site, max(day) as own from counting
    where reported and day <= civil(now_ms // 1000) group by all
), months as (
    select latest.*, max(own) over (partition by ask, stream, basis) as of_all,
        case when stream = 'rtt_week' then 0 else coalesce(months, 1) end as months
    from latest left join measure_names on stream = 'measure:' || measure
)
select ask, stream, basis, org, site, 'week' as span, date_trunc('week', own)::date as low,
    (date_trunc('week', own) + interval 7 day)::date as high from months where months = 0
union all
select ask, stream, basis, org, site, 'month', date_trunc('month', own)::date,
    (date_trunc('month', own) + interval 1 month)::date from months
union all
select ask, stream, basis, org, site, 'quarter', date_trunc('quarter', own)::date,
    (date_trunc('quarter', own) + interval 3 month)::date from months
union all
select ask, stream, basis, org, site, 'ytd', financial_year(of_all),
    (of_all + to_months(months))::date from months where months > 0
union all
select ask, stream, basis, org, site, '12m', (of_all + to_months(months) - interval 12 month)::date,
    (of_all + to_months(months))::date from months where months > 0;
"""

LEVELS = """
create or replace temp table levels as
with placed as (select distinct org, site, day from counting),
kinds as (
    select placed.*, coalesce(kind, 'provider') as kind, code is not null as known,
        code is null or holds(valid_from, valid_to, day) as active
    from placed left join organisations on code = org
), icbs as (
    select kinds.*, case
            when kind = 'icb' and active then org
            when kind in ('icb', 'region') then null
            else (select any_value(parent) from memberships as m where child = org and role = 'icb'
                and holds(m.valid_from, m.valid_to, day))
        end as icb,
        case when kind = 'icb' and not active then null
            else (select any_value(parent) from memberships as m where child = org and role = 'region'
                and holds(m.valid_from, m.valid_to, day))
        end as own_region
    from kinds
), regions as (
    select icbs.*, case when kind = 'region' then org
        else coalesce((select any_value(parent) from memberships as m
            join organisations as o on o.code = m.child
            where m.child = icb and role = 'region'
                and holds(o.valid_from, o.valid_to, day)
                and holds(m.valid_from, m.valid_to, day)),
            own_region) end as region
    from icbs
)
select org, site, day, kind as level, org as code from regions
union select org, site, day, 'icb', coalesce(icb, 'unmapped') from regions
union select org, site, day, 'region', coalesce(region, 'unmapped') from regions
union select org, site, day, 'england', 'england' from regions
union select org, site, day, 'site', site from regions where site != '';
"""

FIGURES = """
with windowed as (
    select c.*, s.span, s.low, s.high, s.from_quarter, s.to_quarter
    from counting as c join spans as s on c.ask = s.ask and not reported
        and case when from_quarter is null then low <= day and day < high
            else from_quarter <= instant // 900 and instant // 900 < to_quarter end
    union all
    select c.*, r.span, r.low, r.high, null, null
    from counting as c join reported as r on reported and c.ask = r.ask and c.stream = r.stream
        and c.basis = r.basis and c.org = r.org and c.site = r.site and r.low <= day and day < r.high
), slotted as (
    select windowed.*, level, code,
        max(low) over (partition by ask, level, code, stream, basis, span) as newest
    from windowed join levels using (org, site, day)
), wanted as (
    select distinct indicator, span, stream, coalesce(nullif(compares, ''), indicator) as counted,
        compares != '' as gap, strata, most, least, relative
    from declared
), summed as (
    select ask, w.indicator, counted, gap, most, least, relative, level, s.code, s.span, low, high,
        from_quarter, to_quarter, basis, dimension, stratum, sum(numerator) as n, sum(denominator) as d,
        sum(bearing) as bearing,
        list_sort(list(measured) filter (where measured is not null)) as measured
    from slotted as s
    join wanted as w on w.stream = s.stream and w.span = s.span
    join amounts as a on a."offset" = s."offset" and a.indicator = counted
    left join organisations as o on o.code = s.code and level in ('icb', 'region')
    where low = newest and (dimension = '' or gap or list_contains(strata, dimension))
        and broken_down(s.stream, s.span, dimension)
        and (o.code is null or ((o.valid_from is null or o.valid_from < high)
            and (o.valid_to is null or high <= o.valid_to)))
    group by all
), divided as (
    select summed.* exclude (n, d), case when quantile is null then n end as n,
        case when counted = 'ae_dta_12h' then null when quantile is null then d
            else coalesce(len(measured), 0) end as d,
        case when bearing = 0 then null
            when quantile is not null then measured[ceil(quantile * len(measured))::bigint]::double
            when counted = 'ae_dta_12h' then n::double
            when d = 0 then null
            else n::double * coalesce(denominator_unit, 1) / (d::double * coalesce(numerator_unit, 1))
        end as value, coalesce(numerator_unit, 1) as nu, coalesce(denominator_unit, 1) as du
    from summed left join units on units.indicator = counted
        left join quantiles on quantiles.indicator = counted
), compared as (
    select ask, indicator, level, code, span, low, high, basis, relative,
        max(value) filter (where dimension = 'imd_quintile' and stratum = most) as first,
        max(value) filter (where dimension = 'imd_quintile' and stratum = least) as last
    from divided where gap group by all having bool_or(dimension = '')
)
select ask, indicator, level, code, span, low::varchar, high::varchar, from_quarter * 900, to_quarter * 900,
    dimension, stratum, basis, case when bearing > 0 then n end, case when bearing > 0 then d end,
    value, nu, du
from divided where not gap
union all
select ask, indicator, level, code, span, low::varchar, high::varchar, null, null, '', '', basis,
    case when relative and last is not null then first end,
    case when relative and first is not null then last end,
    case when relative then first / nullif(last, 0) else first - last end, 1, 1
from compared;
"""


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """Give the one database, in memory and on one thread, with the register's tables in it."""
    made = duckdb.connect(config={"threads": 1})
    made.execute(MACROS)
    made.execute(TABLES)
    blank = {"": None}
    for row in membership.table("organisations"):
        bounds = [blank.get(row[name], row[name]) for name in ("valid_from", "valid_to")]
        made.execute("insert into organisations values (?, ?, ?, ?)", [row["code"], row["kind"], *bounds])
    for row in membership.table("memberships"):
        bounds = [blank.get(row[name], row[name]) for name in ("valid_from", "valid_to")]
        whose = [row["child"], row["parent"], row["role"]]
        made.execute("insert into memberships values (?, ?, ?, ?, ?)", [*whose, *bounds])
    return made


class Case(NamedTuple):
    """One world to be asked about; of `fates` only `late`, `life` and the order of clashes are used."""

    log: Sequence[Entry]
    asks: Sequence[Ask]
    rules: Rules
    fates: Sequence[Fate]


def boards(cases: Sequence[Case], declared: Sequence[Declared]) -> list[list[Board]]:
    """Give every figure of every ask of every case; `value` is DuckDB's own binary division.

    Several at once, because planning the queries takes longer than running them.
    """
    database = connection()
    records: list[dict[str, Any]] = []
    asks: list[tuple[Any, ...]] = []
    places: list[tuple[int, int]] = []
    for world, case in enumerate(cases):
        first = len(records)
        records += _records(world, first, case)
        for number, ask in enumerate(case.asks):
            asks.append((world, len(asks), first + ask.after, ask.now_ms))
            places.append((world, number))
    database.execute(EMPTY["log"])
    database.execute(INSERT["log"], [json.dumps(records)])
    _fill("asks", asks)
    _fill("rules", [(world, *_settings(case.rules)) for world, case in enumerate(cases)])
    _declare(tuple(declared))
    for statements in (READ, COUNT, ADD, WINDOWS, LEVELS):
        database.execute(statements)
    found: list[list[Board]] = [[{} for _ in case.asks] for case in cases]
    for row in database.execute(FIGURES).fetchall():
        ask, indicator, level, code, span, low, high, start, end, dimension, stratum, basis = row[:12]
        bounds = (low, high) if start is None else (str(start), str(end))
        key = Key(indicator, level, code, span, *bounds, dimension, stratum, basis)
        world, number = places[ask]
        found[world][number][key] = _figure(*row[12:])
    return found


def _settings(rules: Rules) -> tuple[int, int, int, int]:
    return rules.horizon_days, rules.open_days, rules.planned_days, rules.skew_seconds


@cache
def _declare(declared: tuple[Declared, ...]) -> None:
    every = [
        (one.indicator, one.stream, name, list(one.strata), one.of, *one.compared, one.relative)
        for one in declared
        for name in one.windows
    ]
    _fill("declared", every)


def _figure(
    numerator: Decimal | float | None,
    denominator: Decimal | float | None,
    value: float | None,
    above: int,
    below: int,
) -> Figure:
    return Figure(
        None if numerator is None else Fraction(numerator) / above,
        None if denominator is None else Fraction(denominator) / below,
        None if value is None else Fraction(value),
    )


def _records(world: int, first: int, case: Case) -> list[dict[str, Any]]:
    ranks = {one.rank for one in case.fates}
    order = {rank: place for place, rank in enumerate(sorted(ranks))}
    return [
        {
            "world": world,
            "offset": offset,
            "append_ms": entry.append_ms,
            "value": json.dumps(entry.event),
            "late": fate.kind == "late",
            "life": fate.life,
            "rank": order[fate.rank],
        }
        for offset, (entry, fate) in enumerate(zip(case.log, case.fates, strict=True), first)
    ]


INSERT = {
    "log": """
insert into log select unnest(from_json(?::json, '[{"world": "BIGINT", "offset": "BIGINT",
    "append_ms": "BIGINT", "value": "VARCHAR", "late": "BOOLEAN", "life": "BIGINT", "rank": "BIGINT"}]'),
    recursive := true)""",
    "asks": "insert into asks values (?, ?, ?, ?)",
    "declared": "insert into declared values (?, ?, ?, ?, ?, ?, ?, ?)",
    "rules": "insert into rules values (?, ?, ?, ?, ?)",
}
EMPTY = {name: f"truncate {name}" for name in INSERT}


def _fill(name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection().execute(EMPTY[name])
    connection().executemany(INSERT[name], rows)
