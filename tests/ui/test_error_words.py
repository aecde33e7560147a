"""Errors of the engine are told in the window's language, and nothing of what they name is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QApplication

from app.domain.errors import AppError, ErrorCode
from app.domain.health import Cause
from app.domain.history import Result
from app.ui.error_words import cause_in_language, in_language
from tests.ui.room import look

LOCKED = AppError(
    ErrorCode.LOCK_WAIT,
    "The table orders is locked",
    detail="process 4711 holds it",
    hint="End process 4711.",
    actions=("prove",),
)


@pytest.fixture(params=["de", "es"])
def language(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[str]:
    with look(qapp, request.param):
        yield request.param


def test_in_english_the_engines_own_words_stand(qapp: QApplication) -> None:
    assert in_language(LOCKED) is LOCKED


@pytest.mark.parametrize("code", ErrorCode)
def test_every_kind_of_failure_has_a_title(language: str, code: ErrorCode) -> None:
    shown = in_language(AppError(code, "What happened", hint="What helps."))
    assert shown.code is code
    assert shown.title not in ("What happened", "")
    assert shown.detail == "What happened."
    assert shown.hint


def test_what_the_engine_names_stands_below(language: str) -> None:
    shown = in_language(LOCKED)
    assert shown.detail == "The table orders is locked.\nProcess 4711 holds it."
    assert shown.hint != LOCKED.hint
    assert shown.actions == LOCKED.actions


def test_what_the_title_says_already_is_not_said_twice(language: str) -> None:
    error = AppError(ErrorCode.CERTIFICATE_NOT_TRUSTED, "The server's certificate is not trusted")
    assert in_language(error).detail == ""


def test_why_a_project_is_not_well_is_told_likewise(language: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    cause = Cause(Result.FAILED, ErrorCode.DISK_FULL, "The disk is full", "/srv", now, 1)
    assert cause_in_language(cause).title not in ("", cause.title)
    unknown = Cause(Result.FAILED, "", "ZeroDivisionError", "", now, 1)
    assert cause_in_language(unknown) == unknown
