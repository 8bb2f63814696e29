"""Child processes of the laptop stack: a log file each, a readiness condition, a clean end.

On Linux a child gets its stop signal from the kernel when the thread that started it ends, so
nothing outlives a stack that was killed. Therefore `start` belongs in a thread that lives as long
as the child does (the main thread). macOS has no such signal: there a killed stack leaves its
children, and the next start on the same ports names what is in the way.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOG_TAIL_LINES = 25
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1


class StackError(Exception):
    """The stack cannot start or go on; the text says which part, why and what to change."""


def _parent_death_signal() -> Callable[[int], None]:
    if not sys.platform.startswith("linux"):
        return lambda _signal: None
    # Loaded here, not in the child: between fork and exec nothing may be imported.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


_die_with_parent = _parent_death_signal()


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is added to ours; `user` is a login name (needs root)."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """One running program. Its output is appended to `program.log`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        if self._process is None:
            raise StackError(f"{self.program.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code of one that has ended, negative: the signal's number."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start, or start again when it has ended."""
        program = self.program
        stop_signal, parent = int(program.stop_signal), os.getpid()

        def in_child() -> None:
            _die_with_parent(stop_signal)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.environment},
                cwd=program.directory,
                user=program.user,
                group=_group_of(program.user),
                extra_groups=[] if program.user else None,
                start_new_session=True,  # Ctrl-C is the stack's to pass on, in its order
                preexec_fn=in_child,  # noqa: PLW1509  two system calls, nothing that takes a lock
            )

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Return when `ready()` holds; StackError with the log's tail if it dies or takes too long.

        `timeout` in seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.program.name} was not ready after {timeout:.0f} s\n{self.log_tail()}"
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """StackError with the log's tail if the process has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise StackError(
                f"{self.program.name} ended with code {self._process.returncode}\n{self.log_tail()}"
            )

    def terminate(self) -> None:
        """The stop signal only; `stop` waits. For ending several side by side."""
        if self.running and self._process is not None:
            self._process.send_signal(self.program.stop_signal)

    def stop(self, grace: float = 15.0) -> bool:
        """Stop signal, then SIGKILL to all its processes after `grace` seconds. Whether it obeyed.

        Without effect if it has ended by itself (False).
        """
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(self.program.stop_signal)
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return False
        return True

    def log_text(self) -> str:
        """What this start (not earlier ones) has logged so far."""
        with self.program.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self) -> str:
        tail = self.log_text().splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"the end of {self.program.log}:", *(f"  {line}" for line in tail)])


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd  # noqa: PLC0415  not there on Windows, where `user` is never given

    return pwd.getpwnam(user).pw_gid


def run_once(argv: Sequence[str], what: str, user: str | None = None) -> str:
    """Run to its end and return its output; StackError with the output if it fails."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=user,
        group=_group_of(user),
        extra_groups=[] if user else None,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise StackError(f"{what} failed with code {done.returncode}:\n{output.strip()}")
    return output
