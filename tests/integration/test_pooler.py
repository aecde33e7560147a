"""Backups through a real pooler: right or refused, never wrong in silence and never hanging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Notice
from app.domain.proof import ProofLevel
from app.domain.remedy import Remedy, remedies_of
from app.engine.backup import back_up, prove_backup
from app.engine.connection_check import CheckState, CheckStep, check_connection
from app.engine.preflight import BackupRequest
from app.postgres.connection import connect, parse_connection
from app.postgres.pooling import pooling_of
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from tests.conftest import SHOP_ROWS
from tests.pgbouncer import pgbouncer

if TYPE_CHECKING:
    from app.domain.backup import Backup
    from app.postgres.sandbox import SandboxServer
    from tests.conftest import Database, NewDatabase


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase) -> Database:
    return new_shop(server17)


def backed_up(
    text: str, installations: Sequence[Installation], folder: Path, **options: object
) -> tuple[Backup, list[str]]:
    events: list[Event] = []
    request = BackupRequest(
        "Shop",
        parse_connection(text),
        BackupOptions(**options),  # type: ignore[arg-type]
        folder,
    )
    backup = back_up(request, installations, CancelToken(), events.append)
    return backup, [event.text for event in events if isinstance(event, Notice)]


def test_a_backup_through_session_mode_is_whole_and_proven(
    shop: Database, installations: Sequence[Installation], tmp_path: Path
) -> None:
    with pgbouncer(shop.server, "session") as text:
        backup, _ = backed_up(make_conninfo(text, dbname=shop.name), installations, tmp_path, jobs=4)
    assert backup.manifest.jobs == 4
    proven = prove_backup(backup, installations, CancelToken(), lambda _: None)
    assert proven.manifest.proof.level is ProofLevel.PROVEN
    assert sum(table.rows or 0 for table in proven.manifest.tables) == SHOP_ROWS


@pytest.mark.parametrize(
    ("mode", "in_turn"), [("transaction", False), ("transaction", True), ("statement", False)]
)
def test_a_pooler_that_shares_sessions_is_refused_whatever_its_port(
    mode: str, in_turn: bool, shop: Database, installations: Sequence[Installation], tmp_path: Path
) -> None:
    with pgbouncer(shop.server, mode, in_turn=in_turn) as text:
        with pytest.raises(AppError) as caught:
            backed_up(make_conninfo(text, dbname=shop.name), installations, tmp_path)
        done = check_connection(
            parse_connection(make_conninfo(text, dbname=shop.name)),
            installations,
            lambda _: None,
            CancelToken(),
        )
    assert caught.value.code is ErrorCode.TRANSACTION_POOLER
    assert caught.value.hint
    assert remedies_of(caught.value) == (Remedy.USE_SESSION_POOLER,)
    assert not list(tmp_path.iterdir())
    line = next(line for line in done.lines if line.step is CheckStep.SIGN_IN)
    assert line.state is CheckState.FAILED
    assert line.failure is not None
    assert line.failure.code is ErrorCode.TRANSACTION_POOLER


def test_a_small_pool_gets_fewer_jobs_with_a_notice(
    shop: Database, installations: Sequence[Installation], tmp_path: Path
) -> None:
    with pgbouncer(shop.server, "session", size=5) as text:
        backup, notices = backed_up(make_conninfo(text, dbname=shop.name), installations, tmp_path, jobs=4)
    assert backup.manifest.jobs == 1
    assert "The server has 4 free connections: 1 job instead of 4." in notices
    assert sum(table.rows or 0 for table in backup.manifest.tables) == SHOP_ROWS


@pytest.mark.parametrize("size", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_pool_that_is_too_small_is_said_so_at_once(
    size: int, shop: Database, installations: Sequence[Installation], tmp_path: Path
) -> None:
    with pgbouncer(shop.server, "session", size=size) as text, pytest.raises(AppError) as caught:
        backed_up(make_conninfo(text, dbname=shop.name), installations, tmp_path, jobs=4)
    assert caught.value.code is ErrorCode.TOO_MANY_CONNECTIONS
    assert f"the pooler has {size} free" in caught.value.title
    assert "pool" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_row_security_through_a_pooler_names_the_tables(
    shop: Database, installations: Sequence[Installation], tmp_path: Path
) -> None:
    role = f"{shop.name}_reader"
    shop.sql(
        f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data;
        ALTER TABLE customers ENABLE ROW LEVEL SECURITY; ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
        SELECT lo_unlink(oid) FROM pg_largeobject_metadata
        """
    )
    try:
        with pgbouncer(shop.server, "session", others={role: "x"}) as text:
            as_reader = make_conninfo(text, dbname=shop.name, user=role, password="x")
            with pytest.raises(AppError) as caught:
                backed_up(as_reader, installations, tmp_path)
    finally:
        shop.sql(f"DROP ROLE {role}")
    assert caught.value.code is ErrorCode.ROW_SECURITY
    assert {"public.customers", "public.orders"} == set(caught.value.detail.split(", "))
    assert f'ALTER ROLE "{role}" BYPASSRLS' in caught.value.hint


def test_a_server_without_a_pooler_is_seen_as_one(shop: Database) -> None:
    with connect(shop.connection) as session:
        assert pooling_of(shop.connection, session, 4) is None


def test_a_pooler_gives_no_more_than_it_has(shop: Database) -> None:
    with pgbouncer(shop.server, "session", size=3) as text:
        connection = parse_connection(make_conninfo(text, dbname=shop.name))
        with connect(connection) as session:
            found = pooling_of(connection, session, 6)
    assert found is not None
    assert not found.shares_sessions
    assert found.free_sessions == 2
