"""Asking an operation to stop."""

from __future__ import annotations

import threading
import time

import pytest

from app.domain.errors import Cancelled
from app.system.cancellation import CancelToken, abandonable


def test_a_token_raises_only_once_it_was_set() -> None:
    token = CancelToken()
    token.check()
    token.cancel()
    token.cancel()
    assert token.is_cancelled
    with pytest.raises(Cancelled):
        token.check()


def test_a_wait_ends_when_another_thread_cancels() -> None:
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        token.wait(30)
    assert time.monotonic() - begun < 10


def test_an_interruption_runs_while_inside_and_not_afterwards() -> None:
    token = CancelToken()
    calls: list[str] = []
    with token.interrupting(lambda: calls.append("outer")):
        with token.interrupting(lambda: calls.append("inner")):
            pass
        token.cancel()
    assert calls == ["outer"]


def test_an_interruption_runs_at_once_when_the_token_was_set_before() -> None:
    token = CancelToken()
    token.cancel()
    calls: list[str] = []
    with token.interrupting(lambda: calls.append("late")):
        assert calls == ["late"]


def test_work_that_cannot_be_broken_off_is_left_to_itself() -> None:
    token, release, discarded = CancelToken(), threading.Event(), threading.Event()

    def work() -> str:
        token.cancel()
        release.wait(30)
        return "too late"

    with pytest.raises(Cancelled):
        abandonable(work, token, lambda result: discarded.set() if result == "too late" else None)
    release.set()
    assert discarded.wait(10)


def test_the_result_and_the_failure_of_work_are_passed_on() -> None:
    assert abandonable(lambda: 7, CancelToken()) == 7
    with pytest.raises(ZeroDivisionError):
        abandonable(lambda: 1 / 0, CancelToken())
