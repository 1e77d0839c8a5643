"""The command line: `oversight …`. Reads arguments, calls `streams.commands`, turns errors into sentences."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from typer.core import TyperGroup

from streams.errors import ConfigurationError, OversightError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.commands.replay import Line

app = typer.Typer(
    name="oversight",
    help="Rolling indicators for the four purposes of an integrated care system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Files = Annotated[
    list[Path], typer.Argument(help="Files of events, one JSON object a line; - is standard input.")
]


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not an instant such as 2026-01-31T08:00:00Z") from None
    if not 2000 <= when.year < 2100:  # noqa: PLR2004 - what the calendar of the service knows
        raise typer.BadParameter(f"{text!r} is not between 2000 and 2100")
    if when.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset: write Z for UTC or +01:00")
    return when


def _civil_day(text: str | None) -> date:
    try:
        return date.today() if text is None else date.fromisoformat(text)  # noqa: DTZ011 - a civil date
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-04-01") from None


Format = Annotated[Literal["table", "json"], typer.Option("--format", help="json is one object a line.")]
RowFormat = Annotated[
    Literal["table", "json", "prometheus"], typer.Option("--format", help="json is one object a line.")
]
Local = Annotated[
    Path | None, typer.Option("--local", help="Own measures, instead of those OVERSIGHT_LOCAL names.")
]
CatalogueFormat = Annotated[
    Literal["table", "json", "markdown"], typer.Option("--format", help="json is one object a line.")
]
_REGISTER = "ods"
"""What `load` calls the files of organisations."""
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the page and /metrics.")]


@app.command()
def load(
    source: Annotated[str, typer.Argument(help="Which publication: ae, beds, discharge, nof, rtt; ods.")],
    files: Annotated[list[Path], typer.Argument(help="Files as published.")],
    recorded_at: Annotated[
        str | None, typer.Option(help="When the figures became known; the period's end unless given.")
    ] = None,
    lookup: Annotated[
        Path | None, typer.Option(help="CSV of code and ods_code, for ICBs published under ONS codes.")
    ] = None,
    publish_them: Annotated[
        bool, typer.Option("--publish", help="Send the events to Kafka instead of printing them.")
    ] = False,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers, with --publish.")] = None,
) -> None:
    """Turn an official return into events on standard output, or send them with --publish.

    Files of the ODS make no events but the register: what they change is shown, as by organisations refresh.
    """
    from streams.catalogue import Catalogue
    from streams.engine.calendar import LONDON
    from streams.sources.lookup import read_lookup
    from streams.sources.official import LOADERS, Given

    recorded = _instant(recorded_at)
    if source == _REGISTER:
        if publish_them:
            raise typer.BadParameter(f"{source} makes no events to publish, but the register")
        refresh_organisations(files, None if recorded is None else f"{recorded.astimezone(LONDON).date()}")
        return
    if source not in LOADERS:
        raise typer.BadParameter(f"{source!r} is not one of {', '.join((*LOADERS, _REGISTER))}")
    given = Given(
        recorded,
        None if lookup is None else read_lookup(lookup),
        Catalogue.shipped().measures,
    )
    events = ((path, one) for path in files for one in LOADERS[source](path, given))
    if publish_them:
        from streams.commands.replay import Line

        _send((Line(str(path), _compact(one).encode()) for path, one in events), bootstrap_servers)
    for _, one in events:
        sys.stdout.write(_compact(one) + "\n")


def _compact(one: dict[str, Any]) -> str:
    return json.dumps(one, separators=(",", ":"))


@app.command()
def simulate(
    *,
    seed: Annotated[int, typer.Option(help="Of every draw: the same arguments give the same bytes.")] = 7,
    trusts: Annotated[int, typer.Option(help="How many acute trusts; the first six are of two ICBs.")] = 6,
    days: Annotated[int, typer.Option(help="Length of the stretch.")] = 12,
    until: Annotated[
        str, typer.Option(help="When the stretch ends; fixed, not the wall clock.")
    ] = "2026-06-15T08:30:00Z",
    duplicates: Annotated[float, typer.Option(help="Share of events sent twice.")] = 0.02,
    disorder: Annotated[float, typer.Option(help="Share of messages sent up to six hours late.")] = 0.1,
    corrections: Annotated[float, typer.Option(help="Share of records changed later.")] = 0.05,
    retractions: Annotated[float, typer.Option(help="Share of records withdrawn later.")] = 0.005,
    silence: Annotated[
        list[str] | None, typer.Option(help="CODE@HOURS: that trust sends nothing in the last hours.")
    ] = None,
    families: Annotated[
        list[str] | None, typer.Option(help="Only these families, comma-separated or repeated.")
    ] = None,
) -> None:
    """Write synthetic events of believable trusts, one JSON object a line, in order of arrival."""
    from streams.sources import simulator

    asked = simulator.Settings(
        seed=seed,
        trusts=trusts,
        days=days,
        until=_instant(until) or simulator.DEFAULT_UNTIL,
        duplicates=duplicates,
        disorder=disorder,
        corrections=corrections,
        retractions=retractions,
        silences=tuple(simulator.Silence.parse(text) for text in silence or ()),
        families=tuple(name for text in families for name in text.split(","))
        if families
        else simulator.FAMILY_NAMES,
    )
    for one in simulator.Simulation(asked).events():
        sys.stdout.write(json.dumps(one, separators=(",", ":")) + "\n")


@app.command()
def replay(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files of events; - is standard input. None: what Kafka still holds."),
    ] = None,
    at: Annotated[str | None, typer.Option(help="Show values at this instant.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Use only what had been appended by then.")] = None,
    finals: Annotated[
        bool, typer.Option("--finals", help="Every closed day, week, month, quarter and year.")
    ] = False,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers, without files.")] = None,
    local: Local = None,
    output: RowFormat = "table",
) -> None:
    """Run engine and assessment over files, or what Kafka still holds, and print the indicators."""
    from streams.catalogue import Catalogue
    from streams.commands import replay as command
    from streams.commands.organisations import configured
    from streams.commands.show import show_rows

    if finals and output == "prometheus":
        raise typer.BadParameter("--finals prints many periods of one series: use --format json or table")
    settings = _settings(bootstrap_servers=bootstrap_servers, local=local)
    catalogue, register = Catalogue.with_local(settings.local), configured(settings)
    moment, known = _instant(at), _instant(known_at)
    if not files:
        replayed = command.replay_kafka(
            settings,
            catalogue=catalogue,
            register=register,
            at=moment or known or datetime.now(UTC),
            known_at=known,
            finals=finals,
        )
        show_rows(asyncio.run(replayed), output, catalogue, register)
        return
    records = command.as_log(command.read_lines(files), known)
    if not records:
        typer.echo("no events in the input", err=True)
        raise typer.Exit(1)
    rule = _settings().rule
    rows, outputs = command.replay(
        records, catalogue=catalogue, register=register, at=moment, finals=finals, rule=rule
    )
    show_rows(rows, output, catalogue, register)
    for line in command.report(outputs, records):
        typer.echo(line, err=True)
    raise typer.Exit(1 if outputs.refused else 0)


@app.command()
def explain(
    indicator: Annotated[str, typer.Argument(help="Identifier, as `oversight catalogue` lists it.")],
    org: Annotated[str, typer.Argument(help="Code of an organisation of any level, or england.")],
    *,
    since: Annotated[str, typer.Option(help="The older moment: what was known and shown then.")],
    until: Annotated[
        str | None, typer.Option(help="The newer one; now, of files just after the last record.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="7d, or the first there is, unless given.")] = None,
    basis: Annotated[str | None, typer.Option(help="operational, official or synthetic.")] = None,
    stratum: Annotated[str | None, typer.Option(help="As imd_quintile=1; all together unless given.")] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="Read these events (- is standard input) and not what Kafka holds; repeatable."),
    ] = None,
    smallest: Annotated[
        int | None,
        typer.Option(min=1, help="Reasons of fewer records are shown together: 8 of strata and sites."),
    ] = None,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers.")] = None,
    output: Format = "table",
) -> None:
    """Say why a figure changed since a moment: what entered, left, was corrected, came late or moved."""
    from streams.assessment.explain_answer import Question
    from streams.catalogue import Catalogue
    from streams.commands import explain as command
    from streams.commands.organisations import configured

    settings = _settings(bootstrap_servers=bootstrap_servers)
    catalogue, register = Catalogue.with_local(settings.local), configured(settings)
    strata = command.parse_stratum(stratum)
    question = Question(indicator, org, window, basis, strata, smallest)
    older = _instant(since)
    newer = _instant(until)
    assert older is not None  # noqa: S101 - the option is required
    if file:
        found = command.from_files(
            file, question, older, newer, catalogue=catalogue, register=register, rule=_settings().rule
        )
    else:
        until_now = newer or datetime.now(UTC)
        reading = command.from_kafka(
            settings, question, older, until_now, catalogue=catalogue, register=register
        )
        found = asyncio.run(reading)
    command.show_explanation(found, output, catalogue, register)


@app.command()
def demo(
    port: Port = 8000,
    seconds: Annotated[
        float | None, typer.Option("--for", help="Stop by itself after so many seconds.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="Simulated events a second.")] = 20.0,
) -> None:
    """Show everything on this machine: embedded broker, worker, a real sample and simulated trusts."""
    import uvloop

    from streams.commands.demo import demonstrate
    from streams.pipeline.app import quiet

    quiet(logging.WARNING)
    uvloop.run(demonstrate(port, seconds, rate, typer.echo))


@app.command()
def worker(
    port: Annotated[int | None, typer.Option(help="Port of pages and metrics.")] = None,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers.")] = None,
) -> None:
    """Run the service against a real Kafka; settings come from OVERSIGHT_… in the environment."""
    import uvloop

    from streams.pipeline.app import Worker, quiet, run_until_signal

    settings = _settings(port=port, bootstrap_servers=bootstrap_servers)
    quiet()

    def started(bound: int) -> None:
        typer.echo(f"oversight: page and metrics on http://{settings.host}:{bound}/, Ctrl-C stops", err=True)

    uvloop.run(run_until_signal(Worker(settings), started))


@app.command()
def publish(
    files: Files,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers.")] = None,
) -> None:
    """Check events and send them to Kafka; exit code 1 when any was refused."""
    from streams.commands.replay import read_lines

    _send(read_lines(files), bootstrap_servers)


def _send(lines: Iterable[Line], bootstrap_servers: str | None) -> NoReturn:
    """Publish lines with a progress bar, report, and end with the exit code."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from streams.commands.publish import Published, Publisher

    settings = _settings(bootstrap_servers=bootstrap_servers)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} events"), TimeElapsedColumn())

    async def send() -> Published:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("publishing", total=None)
            async with Publisher(settings) as publisher:
                return await publisher.publish(lines, lambda count: bar.update(task, completed=count))

    published = asyncio.run(send())
    for line in published.report():
        typer.echo(line, err=True)
    raise typer.Exit(1 if published.refused else 0)


letters = typer.Typer(help="What was refused, why, and sending it again after a fix.", no_args_is_help=True)
app.add_typer(letters, name="dead-letters")

Brokers = Annotated[str | None, typer.Option("--bootstrap-servers", help="Kafka brokers.")]


@letters.command("list")
def list_letters(bootstrap_servers: Brokers = None, output: Format = "table") -> None:
    """List refused records: where they stood, and what was wrong."""
    from streams.commands.dead_letters import DeadLetter, dead_letters
    from streams.commands.show import show_dead_letters

    async def read() -> list[DeadLetter]:
        return [one async for one in dead_letters(_settings(bootstrap_servers=bootstrap_servers))]

    show_dead_letters(asyncio.run(read()), output)


@letters.command("show")
def show_letter(
    identity: Annotated[str, typer.Argument(help="As listed: topic/partition/offset.")],
    bootstrap_servers: Brokers = None,
) -> None:
    """Print the original bytes of one refused record on standard output, and why on standard error.

    Nothing of one that is withheld: something could stand in it that names a person.
    """
    from streams.commands.dead_letters import find

    letter = asyncio.run(find(_settings(bootstrap_servers=bootstrap_servers), identity))
    typer.echo(f"{letter.identity}: {letter.reason}: {letter.problems}", err=True)
    for name, value in letter.headers:
        typer.echo(f"{name}: {value.decode(errors='replace')}", err=True)
    if letter.cut_from_bytes is not None:
        typer.echo(f"withheld: {letter.cut_from_bytes} bytes, which stand in their place only", err=True)
    sys.stdout.buffer.write(letter.value)


@letters.command("retry")
def retry_letters(
    identities: Annotated[list[str] | None, typer.Argument(help="As listed; all when left out.")] = None,
    reason: Annotated[list[str] | None, typer.Option(help="Only these reasons.")] = None,
    bootstrap_servers: Brokers = None,
) -> None:
    """Check refused records again and send what now meets the contract; exit code 1 when any does not."""
    from streams.commands.dead_letters import retry

    settings = _settings(bootstrap_servers=bootstrap_servers)
    published, passed = asyncio.run(retry(settings, identities or (), reason or ()))
    for line in published.report():
        typer.echo(line, err=True)
    for cause, count in passed.items():
        typer.echo(f"not tried: {count} {cause}", err=True)
    raise typer.Exit(1 if published.refused or passed else 0)


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(
            f"OVERSIGHT_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        raise ConfigurationError(problems) from None


@app.command()
def catalogue(local: Local = None, output: CatalogueFormat = "table") -> None:
    """List the declared indicators, their thresholds and sources, and programmes with their dates."""
    from streams.catalogue import Catalogue
    from streams.commands.show import show_catalogue

    show_catalogue(Catalogue.with_local(_settings(local=local).local), output)


@app.command()
def schema(
    event_type: Annotated[str | None, typer.Argument(help="Full event type; all when left out.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the committed files anew.")] = False,
) -> None:
    """Print the JSON Schema of an event type, or write all of them."""
    from schemas import EVENT_MODELS, export

    if write:
        changed = export.write()
        typer.echo(f"{len(changed)} schemas changed" + "".join(f"\n  {name}" for name in changed))
        return
    if event_type is None:
        typer.echo("\n".join(EVENT_MODELS))
        return
    if event_type not in EVENT_MODELS:
        raise typer.BadParameter(f"{event_type!r} is none of {', '.join(EVENT_MODELS)}")
    typer.echo(json.dumps(export.json_schema(event_type), indent=2))


class _OrShow(TyperGroup):
    """`oversight organisations CODE` is short for `oversight organisations show CODE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


register_app = typer.Typer(cls=_OrShow, help="The register: who belonged where, and since when.")
app.add_typer(register_app, name="organisations")

Day = Annotated[str | None, typer.Option("--at", help="Civil date, 2026-04-01; today unless given.")]


@register_app.callback(invoke_without_command=True)
def list_organisations(context: typer.Context, at: Day = None, output: Format = "table") -> None:
    """List all organisations and where each belongs on a day, or do what the command says."""
    from streams.commands.organisations import configured, show_organisations

    day = _civil_day(at)
    if context.invoked_subcommand is None:
        show_organisations(configured(_settings()), day, output)


@register_app.command("show")
def show_organisation(
    code: Annotated[str, typer.Argument(help="ODS code, a code of your own tables, or england.")],
    at: Day = None,
    output: Format = "table",
) -> None:
    """Show one organisation on a day: parents, members, what it came from and went into, who oversees it."""
    from streams.catalogue import Catalogue
    from streams.commands import organisations as command

    settings, day = _settings(), _civil_day(at)
    register = command.configured(settings)
    table = command.responsibilities(settings, Catalogue.with_local(settings.local), register)
    as_ods_has_it = code.strip().upper()
    command.show_organisation(
        register, table, as_ods_has_it if register.organisation(as_ods_has_it) else code, day, output
    )


@register_app.command("refresh")
def refresh_organisations(
    files: Annotated[
        list[Path], typer.Argument(help="An ODS trust file (etr), a list of ICBs, or both, as published.")
    ],
    at: Annotated[
        str | None, typer.Option("--at", help="Civil date from which the files hold; today unless given.")
    ] = None,
    successions: Annotated[
        Path | None, typer.Option(help="Of ICBs that end or begin: a table as succession.csv.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write the new register into this directory; else only shown.")
    ] = None,
    output: Format = "table",
) -> None:
    """Show what official files change in the register, and write the new one only with --write."""
    from streams.commands.organisations import show_refresh
    from streams.organisations.refresh import refresh

    found = refresh(_settings().register_directory, files, _civil_day(at), successions)
    if write is not None:
        found.write(write)
    show_refresh(found, write, output)


@app.command()
def check(
    *,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers.")] = None,
    local: Local = None,
    topics: Annotated[bool, typer.Option("--topics/--no-topics", help="Ask Kafka for its topics.")] = True,
    on: Annotated[str | None, typer.Option(help="Civil date of the warnings; today unless given.")] = None,
) -> None:
    """Check settings, catalogue, register and topics; say what is wrong, or soon will be, before a start."""
    from streams.commands.check import declarations
    from streams.pipeline.topics import prepare_topics

    settings = _settings(bootstrap_servers=bootstrap_servers, local=local)
    for line in declarations(settings, _civil_day(on)):
        typer.echo(line)
    if topics:
        for name, partitions in sorted(asyncio.run(prepare_topics(settings, create=False)).items()):
            typer.echo(f"topic {name}: {partitions} partitions")


@app.command()
def bench(
    *,
    events: Annotated[int, typer.Option(help="Messages in the topic.", min=1_000)] = 300_000,
    rounds: Annotated[int, typer.Option(help="Rounds that count, after one warm-up.", min=1)] = 5,
    organisations: Annotated[int, typer.Option(help="Publishers, of unequal size.", min=1)] = 200,
    corrections: Annotated[float, typer.Option(help="Share in the disturbed workload.")] = 0.05,
    duplicates: Annotated[float, typer.Option(help="Share in the disturbed workload.")] = 0.02,
    disorder: Annotated[float, typer.Option(help="Share in the disturbed workload.")] = 0.1,
    kafka: Annotated[
        bool, typer.Option("--kafka/--no-kafka", help="Start Apache Kafka, or measure what needs none.")
    ] = True,
    held: Annotated[int, typer.Option(help="Episodes of the rebuild.", min=1_000)] = 1_000_000,
    part: Annotated[
        Literal["all", "rates", "rebuild", "scaling", "year", "latency", "workers", "exposition"],
        typer.Option(help="What to measure; the rest stays as it was."),
    ] = "all",
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Measure other stream processors beside ours.")
    ] = True,
    quick: Annotated[
        bool, typer.Option("--quick", help="20,000 events, one round, nothing written: a smoke test.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write/--no-write", help="Write docs/benchmarks.json and .md.")
    ] = True,
) -> None:
    """Measure the hot path against a real Kafka on this machine; every result is checked first."""
    from streams.bench.command import benchmark
    from streams.bench.run import Options

    options = Options(
        events, rounds, organisations, corrections, duplicates, disorder, kafka, held, part, peers
    )
    benchmark(options.quick() if quick else options, write=write and kafka and not quick)


def main() -> None:
    """Run the command line; an expected error is one sentence on standard error and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app(standalone_mode=True)
    except OversightError as error:
        typer.echo(f"oversight: {error}", err=True)
        sys.exit(1)
    except KafkaError as error:
        typer.echo(
            f"oversight: Kafka did not answer as it should: {error}; try again, or look at its log", err=True
        )
        sys.exit(1)
    except OSError as error:
        typer.echo(f"oversight: {error.filename or 'output'}: {error.strerror}", err=True)
        sys.exit(1)
