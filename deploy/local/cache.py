"""Downloads that outlive a checkout: one folder, every file checked against a committed hash."""

import hashlib
import os
from pathlib import Path


def folder() -> Path:
    """`$XDG_CACHE_HOME/tuvi`, or `~/.cache/tuvi`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tuvi"


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
