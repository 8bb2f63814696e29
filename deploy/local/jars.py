"""Kafka's jars: fetched by their locked coordinates, used only with the locked hashes.

The lock names every jar, so a start resolves no POMs: `python -m deploy.local.kafka lock` does.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jgo
from jgo.maven import MavenContext

from deploy.local.cache import sha256
from deploy.local.processes import StackError

LOCK = Path(__file__).with_name("kafka.lock.json")
PARALLEL_DOWNLOADS = 8
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class JarLock:
    """What was asked for (`roots`) and the SHA-256 of every jar it needs, by coordinate.

    A coordinate is `group:artifact:version`.
    """

    roots: Sequence[str]
    jars: Mapping[str, str]


def read_lock(path: Path = LOCK) -> JarLock:
    content = json.loads(path.read_text())
    return JarLock(content["roots"], content["jars"])


def jar_files(lock: JarLock, folder: Path) -> list[Path]:
    """Every locked jar as a file in `folder`, fetched if it is not there, its hash checked."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [one for one in lock.jars if not _is_locked(lock, one, folder / _file_name(one))]
    if missing:
        with (
            tempfile.TemporaryDirectory(dir=folder) as scratch,
            ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
        ):
            maven = _maven(Path(scratch))
            list(pool.map(lambda one: _fetch(maven, lock, one, folder), missing))
    return [folder / _file_name(one) for one in lock.jars]


def _maven(scratch: Path) -> MavenContext:
    """Maven Central, or the mirror that `TUVI_MAVEN_REPOSITORY` names (the lock trusts neither)."""
    mirror = os.environ.get("TUVI_MAVEN_REPOSITORY")
    repositories = {"mirror": mirror.rstrip("/")} if mirror else None
    return MavenContext(repo_cache=scratch, remote_repos=repositories, timeout=TIMEOUT_SECONDS)


def _file_name(coordinate: str) -> str:
    return coordinate.replace(":", "_") + ".jar"


def _is_locked(lock: JarLock, coordinate: str, file: Path) -> bool:
    return file.exists() and sha256(file) == lock.jars[coordinate]


def _fetch(maven: MavenContext, lock: JarLock, coordinate: str, folder: Path) -> None:
    group, artifact, version = coordinate.split(":")
    try:
        fetched = maven.project(group, artifact).at_version(version).artifact().resolve()
    except (OSError, RuntimeError, AssertionError) as error:
        raise StackError(
            f"Kafka's jar {coordinate} could not be fetched: {error}. "
            "TUVI_MAVEN_REPOSITORY=address takes them from a mirror; "
            "with TUVI_KAFKA=host:port a broker of yours is used and nothing is fetched."
        ) from error
    found = sha256(fetched)
    if found != lock.jars[coordinate]:
        raise StackError(
            f"{coordinate} has SHA-256 {found}, but {LOCK.name} says {lock.jars[coordinate]}. "
            "It was not used. If the lock is meant to change: python -m deploy.local.kafka lock"
        )
    fetched.replace(folder / _file_name(coordinate))  # atomic: another start may do the same


def resolve_lock(roots: Sequence[str]) -> JarLock:
    """What the roots (coordinates) need at run time, with hashes. Downloads everything.

    Where two roots differ about a version, the earlier root's counts.
    """
    with tempfile.TemporaryDirectory() as scratch:
        maven = _maven(Path(scratch))

        def locked(coordinate: str) -> tuple[str, str]:
            group, artifact, version = coordinate.split(":")
            jar = maven.project(group, artifact).at_version(version).artifact().resolve()
            return coordinate, sha256(jar)

        versions: dict[str, str] = {}
        for root in roots:  # one by one: together, one's managed versions would bind the other
            for one in jgo.resolve(root):
                versions.setdefault(f"{one.groupId}:{one.artifactId}", one.version)
        needed = sorted(f"{name}:{version}" for name, version in versions.items())
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            return JarLock(roots, dict(pool.map(locked, needed)))


def write_lock(lock: JarLock, path: Path = LOCK) -> None:
    content = {"roots": list(lock.roots), "jars": dict(lock.jars)}
    path.write_text(json.dumps(content, indent=2) + "\n")
