"""Keeps a log of what a verb did, because nobody reads what a timer's process prints."""

from __future__ import annotations

import faulthandler
import io
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from app.system import paths
from app.system.log import IS_SHOWN, Log
from app.system.running import claim

_RARELY_SAYS = ("run-due", "operation")
"""Started each minute, or by the window, which logs its operations: mostly they have nothing to tell."""

_log = logging.getLogger(__name__)


@contextmanager
def logged(verb: str) -> Iterator[None]:
    """Log the process while inside; where nothing can be written, that is said once and changes nothing."""
    _show_crashes()
    try:
        claimed = claim(verb)
    except OSError as error:
        _tell(error.strerror or str(error))
        yield
        return
    with (
        closing(claimed),
        closing(Log(claimed.name, paths.log_folder(), _tell, at_once=verb not in _RARELY_SAYS)),
    ):
        try:
            yield
        except Exception:
            _log.exception("an error in Holdfast itself", extra={IS_SHOWN: True})
            raise


def _show_crashes() -> None:
    """On standard error, from which a window takes it for the failure of its operation."""
    if not faulthandler.is_enabled():
        try:
            faulthandler.enable()
        except (RuntimeError, AttributeError, io.UnsupportedOperation):
            pass  # there is no standard error: a task of Windows


def _tell(reason: str) -> None:
    click.echo(f"The log in {paths.log_folder()} cannot be written: {reason}", err=True)
