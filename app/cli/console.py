"""What every verb shares: progress on a terminal or in lines, JSON, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import humanize
import msgspec

from app.domain.errors import AppError
from app.domain.events import Event, Listener, Notice
from app.system.cancellation import CancelToken

Result = TypeVar("Result")

_WAIT = 0.05


def print_json(value: Any) -> None:
    """The one object that `--json` prints on standard output.

    In ASCII, because names of SQL_ASCII databases can be no text, and consoles can have any encoding.
    """
    click.echo(json.dumps(msgspec.to_builtins(value, enc_hook=str), indent=2))


def error_object(error: AppError) -> dict[str, object]:
    """A failure as `--json` prints it."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "hint": error.hint,
        "actions": error.actions,
    }


def shown(text: str) -> str:
    """Text with names from a database in it, on one line and without codes that a terminal would obey."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


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
    with _signals() as asked, _progress(quiet) as listener, ThreadPoolExecutor(1, "operation") as pool:
        future = pool.submit(work, cancel, listener)
        while not future.done():
            if asked and not cancel.is_cancelled:
                cancel.by_system = signal.SIGINT not in asked
                cancel.cancel()
            wait([future], _WAIT)
        return future.result()


@contextmanager
def _signals() -> Iterator[Sequence[int]]:
    """Collect Ctrl-C and SIGTERM while inside, instead of dying of them."""
    asked: list[int] = []  # no Event: its lock may be held by the very code that the handler interrupts
    kinds = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        kinds.append(signal.SIGHUP)
    before = {kind: signal.signal(kind, lambda number, _: asked.append(number)) for kind in kinds}
    try:
        yield asked
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
    note_column = TextColumn("{task.fields[note]}", markup=False)  # names may look like markup
    with Bar(*columns, note_column, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0, note="")

        def show(event: Event) -> None:
            if isinstance(event, Notice):
                console.print(shown(event.text), style="yellow", markup=False, highlight=False)
                return
            note = " ".join(filter(None, (shown(event.table), size(event.bytes) if event.bytes else "")))
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
            click.echo(shown(event.text), err=True)
        elif event.phase is not self._phase:
            self._phase = event.phase
            if not self._quiet:
                click.echo(f"{event.phase.value.capitalize()} …", err=True)
