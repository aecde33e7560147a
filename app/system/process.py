"""The only place where a child process starts.

Each child gets its own session, or a group in one that Holdfast made, so that all that it starts can be
stopped and so that Ctrl-C in the terminal reaches Holdfast alone, which then stops its children in order.
"""

from __future__ import annotations

import functools
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.system.cancellation import CancelToken
from app.system.priority import gave_way
from app.system.process_id import kill_tree, process_id

if sys.platform == "win32":
    from app.system.windows_children import Job, users_libraries
else:
    users_libraries = nullcontext

_TAIL_LINES = 400
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Finished:
    """What a child left behind: its exit status and what it wrote."""

    status: int
    output: str
    errors: str


def own_command(*, for_system: bool = False) -> list[str]:
    """The command that starts Holdfast again (a frozen app's `sys.executable` is the app itself).

    Args:
        for_system: at login or by a timer. On Windows that takes the program without a terminal, whose
            window would come up each time; children take the other one, which has standard streams. An
            AppImage lies elsewhere at each start, and says in APPIMAGE where its file is.
    """
    program = Path(sys.executable)
    if not getattr(sys, "frozen", False):
        return [str(program), "-m", "app"]
    if sys.platform == "win32":
        return [str(program.with_name("holdfast.exe" if for_system else "holdfast-cli.exe"))]
    image, mounted = os.environ.get("APPIMAGE"), os.environ.get("APPDIR")
    if for_system and image and mounted and program.is_relative_to(mounted):
        return [image]
    return [str(program)]


def own_command_folder() -> Path:
    """Where to run `own_command`, because `python -m app` takes an `app.py` of the working folder first."""
    return Path(__file__).resolve().parents[2]


def child_environment(extra: Mapping[str, str] | None = None, *, inherit_pg: bool = False) -> dict[str, str]:
    """The environment for a PostgreSQL tool.

    Messages come in English, so that they can be told apart. libpq's own variables are dropped unless
    `inherit_pg` is set, except for PGOPTIONS, which poolers and Supabase refuse and which is always dropped.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if (inherit_pg or not name.startswith("PG")) and name != "PGOPTIONS"
    }
    locale = env.pop("LC_ALL", None)
    if locale is not None:
        env["LC_CTYPE"] = locale
    env.pop("LANGUAGE", None)
    env |= {"LC_MESSAGES": "C", "PGGSSENCMODE": "disable", "PSQLRC": os.devnull, "PAGER": ""}
    return env | dict(extra or {})


class Child:
    """A running child process; use it in a `with` block, which leaves nothing running behind.

    Args:
        argv: the program and its arguments; nothing secret may stand here.
        env: the whole environment.
        stdin: a file to read from, or PIPE to write to `stdin`; by default empty.
        stdout: a file to write to, or PIPE to read `stdout`; by default dropped.
        user: run as this user (root only).
        cwd: working folder.
        die_with_parent: signal the kernel sends when the calling *thread* ends (Linux, with setpriv);
            Windows kills it when the process ends, and macOS does nothing. None lets it live.
        on_error_line: called with each line of standard error, from another thread.

    Raises:
        AppError: TOOL_MISSING or TOOL_BROKEN when it cannot be started.
    """

    PIPE = subprocess.PIPE
    NULL = subprocess.DEVNULL

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        user: int | None = None,
        cwd: Path | None = None,
        die_with_parent: str | None = "TERM",
        on_error_line: Callable[[str], None] | None = None,
    ) -> None:
        self._argv = [str(item) for item in argv]
        command = self._argv
        setpriv = _setpriv()
        if die_with_parent and setpriv:
            command = [setpriv, f"--pdeathsig={die_with_parent}", "--", *command]
        if not os.access(self._argv[0], os.X_OK):
            raise AppError(
                ErrorCode.TOOL_MISSING,
                f"{Path(self._argv[0]).name} was not found",
                detail=self._argv[0],
                hint="Run “holdfast doctor” to see which PostgreSQL tools there are.",
            )
        own_session = _needs_session()
        try:
            with users_libraries():
                self._process = subprocess.Popen(
                    command,
                    env=dict(env),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    cwd=cwd,
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                    start_new_session=own_session,
                    process_group=None if own_session else 0,
                    creationflags=_windows_flags(),
                )
        except OSError as error:
            raise _not_startable(self._argv[0], str(error)) from error
        if sys.platform == "win32":
            self._job = Job(self._process.pid, dies_with_us=die_with_parent is not None)
        self.id = process_id(self._process.pid)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._on_error_line = on_error_line
        self._drain_failure: Exception | None = None
        self._drainer = threading.Thread(target=self._drain, daemon=True, name="stderr of child")
        self._drainer.start()

    def _drain(self) -> None:
        stream = io.TextIOWrapper(cast("IO[bytes]", self._process.stderr), errors="replace", newline="\n")
        with stream:
            for line in iter(lambda: stream.readline(65_536), ""):
                text = line.rstrip("\r\n")
                self._tail.append(text)
                if self._on_error_line and self._drain_failure is None:
                    try:
                        self._on_error_line(text)
                    except Exception as error:  # noqa: BLE001 - read on, or the child would block on a full pipe
                        self._drain_failure = error

    @property
    def stdin(self) -> IO[bytes]:
        """Where to write; only with `stdin=PIPE`."""
        return cast("IO[bytes]", self._process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        """Where to read; only with `stdout=PIPE`."""
        return cast("IO[bytes]", self._process.stdout)

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while the child runs."""
        return self._process.poll()

    def errors(self) -> str:
        """The last lines of standard error."""
        if self.status is not None:
            self._drainer.join(_PATIENCE)
        return "\n".join(self._tail)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and give the exit status.

        Raises:
            TimeoutError: the child still runs after that many seconds.
            Exception: the first that `on_error_line` raised; it got no further lines.
        """
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        self._drainer.join(_PATIENCE)
        if self._drain_failure is not None:
            raise self._drain_failure
        return status

    def terminate(self) -> None:
        """Ask the leader to stop; pg_dump's leader stops its workers and their sessions."""
        if self.status is None:
            self._process.terminate()

    def interrupt(self, number: int) -> None:
        """Send a signal to the leader."""
        if self.status is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask, wait up to 5 s, then kill the whole group."""
        self.terminate()
        deadline = time.monotonic() + _PATIENCE
        while self.status is None and time.monotonic() < deadline:
            try:
                self._process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        self.kill()

    def kill(self) -> None:
        """Kill the whole group at once."""
        if sys.platform == "win32":
            self._job.kill()
            kill_tree(self.id)  # should it be in no job
        else:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # the group is gone (macOS says EPERM for a zombie)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.status is None:
            self.stop()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # the child went first; its status says why
        self._drainer.join(_PATIENCE)
        if sys.platform == "win32":
            self._job.release()


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    timeout: float,
    cancel: CancelToken | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    user: int | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run a child that writes little, and give what it wrote.

    Raises:
        AppError: TOOL_MISSING, or TOOL_BROKEN when it cannot be started or takes longer than `timeout` s.
        Cancelled: `cancel` was set.
    """
    with Child(argv, env=env, stdin=stdin, stdout=Child.PIPE, user=user, cwd=cwd) as child:
        chunks: list[bytes] = []
        reader = threading.Thread(target=lambda: chunks.append(child.stdout.read()), daemon=True)
        reader.start()
        deadline = time.monotonic() + timeout
        while child.status is None:
            try:
                child.wait(min(0.1, timeout) if cancel else timeout)
            except TimeoutError:
                if cancel and cancel.is_cancelled:
                    raise Cancelled from None
                if time.monotonic() >= deadline:
                    child.kill()
                    raise _not_startable(str(argv[0]), f"no answer after {timeout:g} s") from None
        reader.join(_PATIENCE)
        return Finished(child.wait(), b"".join(chunks).decode(errors="replace"), child.errors())


def _not_startable(program: str, reason: str) -> AppError:
    return AppError(
        ErrorCode.TOOL_BROKEN,
        f"{Path(program).name} does not run",
        detail=f"{program}: {reason}",
        hint="Run “holdfast doctor” to see which PostgreSQL tools work.",
    )


@functools.cache
def _setpriv() -> str | None:
    """util-linux's setpriv, which makes a child die with its parent; busybox's cannot."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    if program is None:
        return None
    command = [program, "--pdeathsig=TERM", "--", program, "--version"]
    tried = subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE)
    return program if tried.returncode == 0 else None


def _needs_session() -> bool:
    """Whether children get sessions of their own; those of one that gave way get groups in its session.

    Ctrl-C reaches neither. But Linux shares the processor out by sessions (autogroups, man 7 sched), so that
    in sessions of their own they would not give way with it.
    """
    return not gave_way()


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0
