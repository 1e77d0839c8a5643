"""`oversight bench`: run, print, and write the two files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from streams.bench.report import summary, write_report
from streams.bench.run import Options, run

_DOCS = Path(__file__).resolve().parents[2] / "docs"


def benchmark(options: Options, *, write: bool) -> None:
    """Run the benchmark, print its tables, and write the page where the repository keeps it.

    Raises:
        BenchmarkError: a wrong result, a contender that failed, or nowhere to write.
    """
    progress = Console(stderr=True, highlight=False)
    report = run(options, progress.print)
    Console().print(Markdown(summary(report)))
    if write:
        for path in write_report(report, _DOCS):
            progress.print(f"wrote {path.name}")
