"""Prometheus's programs: a recent one kept in the cache, or the one on the PATH.

Debian's bookworm is several years behind (2.42), and range selectors mean something else since 3.0.
`fetch_prometheus` takes the programs from the packages of a newer Debian release and unpacks them into the
cache. Nothing is installed and the machine's package lists stay as they are.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from streams.errors import LocalServerError
from streams.local.cache import cache_directory, install_once

_log = logging.getLogger(__name__)

_SUITES = ("forky", "trixie")
_KEPT = ("prometheus", "promtool", "prometheus-alertmanager", "alertmanager", "amtool")
_APT_SECONDS = 300
_APT_SOURCES = Path("/etc/apt")
_OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True, slots=True)
class PrometheusTools:
    """The programs of one Prometheus, and what they say they are; None where one is not there."""

    version: str
    prometheus: Path
    promtool: Path | None
    alertmanager: Path | None
    amtool: Path | None

    @property
    def major(self) -> int:
        """The version's first number: range selectors differ between 2 and 3."""
        return int(self.version.split(".", 1)[0])


def find_prometheus(cache: Path | None = None) -> PrometheusTools:
    """Return the newest Prometheus of the cache, or else the one on the PATH.

    Raises:
        LocalServerError: there is none; says how to get one.
    """
    cached = _newest(cache or cache_directory())
    if cached is not None:
        return cached
    program = shutil.which("prometheus")
    if program is not None:
        return _tools(os.environ.get("PATH", "").split(os.pathsep), Path(program))
    raise LocalServerError(
        "there is no Prometheus here; fetch one with `make servers` (on Debian), "
        "or put `prometheus` and `promtool` on the PATH"
    )


def fetch_prometheus(cache: Path | None = None) -> PrometheusTools:
    """Return the newest Prometheus of the cache, fetching one (about 70 MB) when there is none.

    The address and the keyring are those of this machine's own apt sources; only the release differs.

    Raises:
        LocalServerError: this is no Debian machine, or no release tried has the packages; quotes apt.
    """
    root = cache or cache_directory()
    present = _newest(root)
    if present is not None:
        return present
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise LocalServerError(
                f"Prometheus is fetched from Debian's packages, and there is no {program} here; "
                "put `prometheus` and `promtool` on the PATH yourself"
            )
    failures: list[str] = []
    for suite in _SUITES:
        try:
            _log.info("fetching Prometheus from Debian %s into %s, once", suite, root)
            install_once(root / f"prometheus-{suite}", functools.partial(_unpack, suite))
        except LocalServerError as error:
            failures.append(str(error))
            continue
        fetched = _newest(root)
        if fetched is not None:
            return fetched
    raise LocalServerError("Prometheus could not be fetched:\n    " + "\n    ".join(failures))


def _newest(cache: Path) -> PrometheusTools | None:
    found = [_tools([str(each)], each / "prometheus") for each in cache.glob("prometheus-*") if each.is_dir()]
    return max(found, key=lambda tools: [int(part) for part in tools.version.split(".")], default=None)


def _tools(directories: list[str], prometheus: Path) -> PrometheusTools:
    path = os.pathsep.join(directories)

    def program(*names: str) -> Path | None:
        found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
        return Path(found) if found else None

    return PrometheusTools(
        version=_version(prometheus),
        prometheus=prometheus,
        promtool=program("promtool"),
        alertmanager=program("prometheus-alertmanager", "alertmanager"),
        amtool=program("amtool"),
    )


def _version(program: Path) -> str:
    try:
        said = _run([str(program), "--version"], timeout_seconds=30)
    except OSError as error:
        raise LocalServerError(
            f"{program} cannot be run ({error}); remove {program.parent} and fetch anew with `make servers`"
        ) from error
    found = re.search(r"version (\d+\.\d+\.\d+)", said)
    if found is None:
        raise LocalServerError(f"{program} does not say which Prometheus it is; it said: {said[:200]!r}")
    return found[1]


def _unpack(suite: str, directory: Path) -> None:
    """Download the suite's packages with apt state of our own, and keep the programs in `directory`."""
    with tempfile.TemporaryDirectory(prefix="oversight-apt-") as name:
        work = Path(name)
        apt = _private_apt(work, suite)
        _run([*apt, "update"])
        for packages in (["prometheus"], ["prometheus-alertmanager"], ["promtool"]):
            try:
                _run([*apt, "download", *packages], directory=work)
            except LocalServerError:
                if packages == ["prometheus"]:  # older releases have promtool inside it
                    raise
        for package in work.glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), str(work / "unpacked")])
        for program in _KEPT:
            source = work / "unpacked" / "usr" / "bin" / program
            if source.is_file():
                shutil.copy2(source, directory / program)
    _version(directory / "prometheus")  # a program that cannot run here is not worth keeping


def _private_apt(work: Path, suite: str) -> list[str]:
    """Return an apt-get that keeps lists and cache in `work` and knows one suite only."""
    for needed in ("state/lists/partial", "cache/archives/partial"):
        (work / needed).mkdir(parents=True)
    sources = work / "debian.sources"
    sources.write_text(_sources(suite), encoding="utf-8")
    options = {
        "Dir::State": work / "state",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": "-",
        "Dir::Etc::preferencesparts": "-",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": "root",  # the directory is ours, and `_apt` may not enter it
    }
    return ["apt-get", "-q", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]


def _sources(suite: str) -> str:
    """Return this machine's Debian source with another suite in place of its own."""
    release = dict(
        line.split("=", 1) for line in _OS_RELEASE.read_text(encoding="utf-8").splitlines() if "=" in line
    )
    own = release.get("VERSION_CODENAME", "").strip('"')
    for stanza in _stanzas():
        if own and own in stanza.get("suites", "").split() and "main" in stanza.get("components", "").split():
            fields = {
                "Types": "deb",
                "URIs": stanza["uris"],
                "Suites": suite,
                "Components": "main",
                "Targets": "Packages",
            }
            if "signed-by" in stanza:
                fields["Signed-By"] = stanza["signed-by"]
            return "".join(f"{key}: {value}\n" for key, value in fields.items())
    raise LocalServerError(
        "this machine's apt sources name no Debian release with the component main, so there is nowhere to "
        "fetch Prometheus from; put `prometheus` and `promtool` on the PATH yourself"
    )


def _stanzas() -> list[dict[str, str]]:
    """Return this machine's apt sources, in both of apt's forms, as fields with small-letter names."""
    found: list[dict[str, str]] = []
    for path in sorted((_APT_SOURCES / "sources.list.d").glob("*.sources")):
        found.extend(map(_fields, re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))))
    for path in (_APT_SOURCES / "sources.list", *sorted((_APT_SOURCES / "sources.list.d").glob("*.list"))):
        if path.is_file():
            found.extend(filter(None, map(_one_line, path.read_text(encoding="utf-8").splitlines())))
    return found


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in block.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace() and last:  # a key written out in the file itself goes on over many lines
            fields[last] += f"\n{line}"
        elif ":" in line:
            name, value = line.split(":", 1)
            last = name.strip().lower()
            fields[last] = value.strip()
    return fields


def _one_line(line: str) -> dict[str, str] | None:
    found = re.fullmatch(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>[^#\[]+)(#.*)?", line.strip())
    if found is None:
        return None
    address, suite, *components = shlex.split(found["rest"])
    fields = {"uris": address, "suites": suite, "components": " ".join(components)}
    options = dict(option.split("=", 1) for option in (found["options"] or "").split() if "=" in option)
    if "signed-by" in options:
        fields["signed-by"] = options["signed-by"].replace(",", " ")
    return fields


def _run(command: list[str], *, directory: Path | None = None, timeout_seconds: float = _APT_SECONDS) -> str:
    """Run a command to its end and return what it said.

    Raises:
        LocalServerError: it failed or took too long; quotes the end of what it said.
    """
    try:
        finished = subprocess.run(  # noqa: S603 - commands of ours, no shell
            command, check=False, capture_output=True, text=True, timeout=timeout_seconds, cwd=directory
        )
    except subprocess.TimeoutExpired as error:
        raise LocalServerError(f"{shlex.join(command)} did not end in {timeout_seconds:g} s") from error
    said = finished.stdout + finished.stderr
    if finished.returncode != 0:
        end = "\n    ".join(said.splitlines()[-10:])
        raise LocalServerError(f"{command[0]} failed ({shlex.join(command[-2:])}); it said:\n    {end}")
    return said
