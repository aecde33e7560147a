"""What every verb shares: progress on a terminal or in lines, JSON, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import humanize
import msgspec

from app.domain.errors import AppError
from app.domain.events import Event, Listener, Notice
from app.system.cancellation import CancelToken

Result = TypeVar("Result")

_WAIT = 0.2


def print_json(value: Any) -> None:
    """The one object that `--json` prints on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    click.echo(text)


def error_object(error: AppError) -> dict[str, object]:
    """A failure as `--json` prints it."""
    return {
        "error": {
            "code": error.code,
            "title": error.title,
            "detail": error.detail,
            "hint": error.hint,
            "actions": error.actions,
        }
    }


def size(count: int) -> str:
    """Bytes for people."""
    return humanize.naturalsize(count)


def run_operation(work: Callable[[CancelToken, Listener], Result], *, quiet: bool = False) -> Result:
    """Run an operation in a worker thread while this one shows progress and waits for Ctrl-C or SIGTERM.

    Args:
        work: the operation; it gets the token that a signal sets, and the listener for its events.
        quiet: show nothing but notices.

    Raises:
        AppError, Cancelled: as the operation does.
    """
    cancel = CancelToken()
    asked = threading.Event()
    with _signals(asked), _progress(quiet) as listener, ThreadPoolExecutor(1, "operation") as pool:
        future = pool.submit(work, cancel, listener)
        while not future.done():
            if asked.is_set() and not cancel.is_cancelled:
                cancel.cancel()
            asked.wait(_WAIT) if not cancel.is_cancelled else _pause(future.done)
        return future.result()


def _pause(done: Callable[[], bool]) -> None:
    if not done():
        threading.Event().wait(_WAIT / 4)


@contextmanager
def _signals(asked: threading.Event) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop."""
    kinds = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        kinds.append(signal.SIGHUP)
    before = {kind: signal.signal(kind, lambda *_: asked.set()) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _progress(quiet: bool) -> Iterator[Listener]:
    """A bar on a terminal, otherwise one plain line for each phase; all of it on standard error."""
    if quiet or not sys.stderr.isatty():
        yield _Lines(quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bar(*columns, TextColumn("{task.fields[note]}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0, note="")

        def show(event: Event) -> None:
            if isinstance(event, Notice):
                console.print(event.text, style="yellow", markup=False)
                return
            note = " ".join(filter(None, (event.table, size(event.bytes) if event.bytes else "")))
            total = None if event.fraction is None else 1.0
            completed = event.fraction or 0.0
            bar.update(
                task, description=event.phase.value.capitalize(), total=total, completed=completed, note=note
            )

        yield show


class _Lines:
    """Writes one line when a phase begins, and each notice."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._phase: object = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            click.echo(event.text, err=True)
        elif event.phase is not self._phase:
            self._phase = event.phase
            if not self._quiet:
                click.echo(f"{event.phase.value.capitalize()} …", err=True)
