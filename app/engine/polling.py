"""Asks the server again and again what a child of ours is doing there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

import psycopg

from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.postgres.connection import Connection, Session, connect, hang_up

POLL_SECONDS = 0.5

Answer = TypeVar("Answer")


@contextmanager
def polled(
    connection: Connection, ask: Callable[[Session], Answer], first: Answer, listener: Listener
) -> Iterator[Callable[[], Answer]]:
    """Gives the server's last answer, `first` before there is one, and asks twice a second.

    It asks in a thread of its own: a server that does not answer must not keep us from noticing it.
    """
    latest = first
    session: Session | None = None
    ended = threading.Event()

    def poll() -> None:
        nonlocal latest, session
        try:
            session = connect(connection, application="holdfast progress")
            with closing(session):
                while not ended.wait(POLL_SECONDS):
                    latest = ask(session)
        except (psycopg.Error, AppError) as error:
            if not ended.is_set():
                listener(Notice(f"Progress cannot be shown: {error}"))

    poller = threading.Thread(target=poll, daemon=True, name="progress")
    poller.start()
    try:
        yield lambda: latest
    finally:
        ended.set()
        if session is not None:
            hang_up(session)
            poller.join()
