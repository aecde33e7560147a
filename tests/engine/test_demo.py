"""The demo goes the whole way, and says so only if every table came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.backup import Backup
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.backup import back_up
from app.engine.demo import DemoResult, run_demo
from app.engine.preflight import BackupRequest
from app.persistence.manifest import read_manifest
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken


def demo(
    folder: Path, installations: Sequence[Installation], cancel: CancelToken, events: list[Event]
) -> DemoResult:
    def make(request: BackupRequest, token: CancelToken, listener: object) -> Backup:
        return back_up(request, installations, token, events.append)

    return run_demo(folder, installations, make, cancel, events.append, scale=0.05)


def test_the_demo_backs_up_restores_and_finds_every_table_identical(
    installations: Sequence[Installation], tmp_path: Path
) -> None:
    events: list[Event] = []
    result = demo(tmp_path, installations, CancelToken(), events)
    assert result.is_identical
    assert len(result.compared) == result.tables > 40
    assert result.rows == read_manifest(Path(result.backup.folder)).rows > 1000
    phases = [event.phase for event in events if isinstance(event, Progress)]
    assert phases[0] is Phase.LOADING_SAMPLE
    assert phases[-1] is Phase.RESTORING_COPY
    assert result.backup.manifest.left_out == ()  # nothing that a newcomer would have to look up
    one = ObjectOutcome("TABLE DATA", "public.t", Outcome.DIFFERS)
    assert not replace(result, compared=(*result.compared, one)).is_identical
    assert not replace(result, compared=()).is_identical


def test_a_cancelled_demo_leaves_nothing(installations: Sequence[Installation], tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        demo(tmp_path, installations, cancel, [])
    assert not list(tmp_path.rglob("*"))


def test_without_a_server_the_demo_says_what_is_missing(
    installations: Sequence[Installation], tmp_path: Path
) -> None:
    tools = [replace(one, has_server=False) for one in installations]
    with pytest.raises(AppError) as caught:
        demo(tmp_path, tools, CancelToken(), [])
    assert caught.value.code is ErrorCode.SANDBOX_FAILED
    assert "doctor" in caught.value.hint
