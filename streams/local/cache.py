"""The directory where downloaded servers are kept, and how a whole download gets there or none at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def cache_directory() -> Path:
    """Return `$OVERSIGHT_CACHE`, or `ics-oversight` in the user's cache directory."""
    chosen = os.environ.get("OVERSIGHT_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ics-oversight"


def install_once(final: Path, fill: Callable[[Path], None]) -> Path:
    """Have `fill` fill a directory, then rename it to `final`; do nothing when `final` is there already.

    A download that is torn off leaves nothing under the final name, and of two that race one wins.
    """
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        fill(partial)
        partial.chmod(0o755)
        try:
            partial.rename(final)
        except OSError:  # another process was first, and its copy is as good
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final
