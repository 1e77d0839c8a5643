"""Apache Kafka's jars, and the Java to run them: what `deploy/kafka/pom.xml` lists, fetched once by Maven."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

from streams.errors import LocalServerError
from streams.local.cache import cache_directory, install_once

_log = logging.getLogger(__name__)

_POM = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "pom.xml"
_OLDEST_JAVA = 17
_FETCH_SECONDS = 900


def fetch_kafka(cache: Path | None = None) -> Path:
    """Return the directory of Kafka's jars in the cache, fetching them (about 54 MB) when they are not there.

    The directory's name carries the version and a digest of the list, so a changed list is fetched anew.

    Raises:
        LocalServerError: Maven is missing, the list is not there (an installed wheel has none), or the
            download failed; quotes what Maven said.
    """
    if not _POM.is_file():
        raise LocalServerError(
            "Apache Kafka can be started only from a checkout of the repository (deploy/kafka/pom.xml lists "
            "its jars); use a Kafka of your own, or the embedded broker of `oversight demo`"
        )
    listed = _POM.read_text(encoding="utf-8")
    version = re.search(r"<kafka\.version>([^<]+)</kafka\.version>", listed)
    if version is None:
        raise LocalServerError("deploy/kafka/pom.xml names no <kafka.version>; restore it")
    digest = hashlib.sha256(listed.encode()).hexdigest()[:8]
    final = (cache or cache_directory()) / f"kafka-{version[1]}-{digest}"
    return install_once(final, lambda directory: _copy_dependencies(directory, version[1]))


def _copy_dependencies(directory: Path, version: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalServerError(
            "Maven fetches Apache Kafka's jars, and there is no mvn on the PATH; "
            "install it (on Debian: apt-get install maven)"
        )
    _log.info("fetching Apache Kafka %s into %s, once", version, directory.parent)
    command = (
        *(maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"),
        *(f"-DoutputDirectory={directory}", "-DincludeScope=runtime"),
    )
    try:
        finished = subprocess.run(  # noqa: S603 - Maven by its full path, no shell
            command, check=False, capture_output=True, text=True, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise LocalServerError(
            f"Maven did not fetch Apache Kafka {version} in {_FETCH_SECONDS} s; try again"
        ) from error
    if finished.returncode != 0 or not any(directory.glob("kafka_*.jar")):
        said = "\n    ".join((finished.stdout + finished.stderr).splitlines()[-15:])
        raise LocalServerError(
            f"Maven could not fetch Apache Kafka {version} (status {finished.returncode}); "
            f"it said:\n    {said}"
        )


def find_java() -> str:
    """Return the Java of `$JAVA_HOME`, or else of the PATH.

    Raises:
        LocalServerError: there is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    of_home = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    java = of_home or shutil.which("java")
    advice = "install one (on Debian: apt-get install default-jre-headless)"
    if java is None:
        raise LocalServerError(
            f"Apache Kafka needs Java {_OLDEST_JAVA} or newer, and there is none; {advice}"
        )
    said = subprocess.run(  # noqa: S603 - Java by its full path, no shell
        (java, "-version"), check=False, capture_output=True, text=True, timeout=60
    ).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        first = said.splitlines()[0] if said else "nothing"
        raise LocalServerError(
            f"Apache Kafka needs Java {_OLDEST_JAVA} or newer, and {java} says {first!r}; {advice}"
        )
    return java
