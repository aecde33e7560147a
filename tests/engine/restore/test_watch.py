"""When a restore that waits is given up, and when it is only slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Progress
from app.engine.restore.aftermath import was_committed
from app.engine.restore.watch import Watch
from app.postgres.connection import Connection, asking
from app.postgres.restore_progress import RestoreActivity, read_restore_activity
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

WAITS = RestoreActivity(holder="process 7 of anna", signature=(1,))


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


def connection_to(database: Database) -> Connection:
    return Connection(database.conninfo, database.server.password, inherits=False)


def test_only_a_wait_that_lasts_ends_it() -> None:
    watch = Watch(0, 10, lambda _: None, lock_seconds=0.05)
    watch.look(WAITS)
    time.sleep(0.06)
    watch.look(RestoreActivity(signature=(2,)))
    watch.look(WAITS)
    time.sleep(0.06)
    with pytest.raises(AppError) as caught:
        watch.look(WAITS)
    assert caught.value.code is ErrorCode.LOCK_WAIT
    assert "process 7 of anna" in caught.value.detail


def test_what_moves_is_not_stalled() -> None:
    watch = Watch(0, 10, lambda _: None, stall_seconds=0.05)
    for number in range(4):
        watch.look(RestoreActivity(signature=(number,)))
        time.sleep(0.03)
    time.sleep(0.06)
    with pytest.raises(AppError) as caught:
        watch.look(RestoreActivity(doing="orders", signature=(3,)))
    assert caught.value.code is ErrorCode.STALLED
    assert "orders" in caught.value.detail


def test_progress_never_goes_back_and_never_says_that_all_is_done() -> None:
    events: list[Event] = []
    watch = Watch(1000, 4, events.append)
    for size in (500, 5000, 0):
        watch.look(RestoreActivity(loading={1: (size, size)}))
        watch.on_entry(2)
    fractions = [event.fraction or 0 for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1


def test_the_holder_of_a_lock_and_the_transaction_are_seen(database: Database) -> None:
    database.sql("CREATE TABLE t (a int)")
    with database.connect() as holder, database.connect() as restore, database.connect() as other:
        holder.execute("SET application_name = 'night job'")
        restore.execute("SET application_name = 'holdfast restore x'")
        other.execute("SET application_name = 'holdfast restore x'")
        with holder.transaction(), restore.transaction():
            holder.execute("LOCK TABLE t")
            restore.execute("CREATE TABLE u (a int)")
            restore.execute("SAVEPOINT s")
            with asking(connection_to(database), CancelToken()) as session:
                seen = read_restore_activity(session, "holdfast restore x")
                assert (len(seen.transactions), seen.holder) == (1, "")
            assert was_committed(connection_to(database), seen.transactions) is False
        assert was_committed(connection_to(database), seen.transactions) is True
        assert was_committed(connection_to(database), ()) is None


def test_a_transaction_that_was_undone_was_not_committed(database: Database) -> None:
    with database.connect() as restore:
        restore.execute("BEGIN")
        ((number,),) = restore.execute("SELECT txid_current()").fetchall()
        restore.execute("ROLLBACK")
    assert was_committed(connection_to(database), {number}) is False
