from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreOptions, RestoreReport, RestoreResult
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.connection import parse_connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from tests.pgbouncer import pgbouncer

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


@pytest.fixture
def archive(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    return new_shop(server17).dumped(tmp_path / "shop.dump", "--format=custom")


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


def restored(archive: Path, text: str, installations: tuple[Installation, ...], jobs: int) -> RestoreReport:
    options = RestoreOptions(safety_backup=False, jobs=jobs)
    with open_job([archive], RestoreTarget(parse_connection(text)), options, installations) as job:
        job.plan(CancelToken(), lambda _: None)
        return job.run(CancelToken(), lambda _: None)


@pytest.mark.parametrize("jobs", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_restore_goes_through_a_pooler_in_session_mode(
    archive: Path, target: Database, installations: tuple[Installation, ...], jobs: int
) -> None:
    with pgbouncer(target.server, "session", size=5) as text:
        report = restored(archive, make_conninfo(text, dbname=target.name), installations, jobs)

    assert (report.result, report.failures) == (RestoreResult.SUCCEEDED, ())


def test_a_pooler_that_shares_sessions_is_refused(
    archive: Path, target: Database, installations: tuple[Installation, ...]
) -> None:
    with pgbouncer(target.server, "transaction") as text, pytest.raises(AppError) as caught:
        restored(archive, make_conninfo(text, dbname=target.name), installations, 1)

    assert caught.value.code is ErrorCode.TRANSACTION_POOLER
    assert target.sql("SELECT to_regclass('customers')") == [(None,)]


def test_a_pool_of_one_is_told_of_at_once(
    archive: Path, target: Database, installations: tuple[Installation, ...]
) -> None:
    with pgbouncer(target.server, "session", size=1) as text, pytest.raises(AppError) as caught:
        restored(archive, make_conninfo(text, dbname=target.name), installations, 1)

    assert caught.value.code is ErrorCode.TOO_MANY_CONNECTIONS
