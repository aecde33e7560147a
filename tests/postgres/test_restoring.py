"""Restores go on after errors, and each error is told with the command that failed."""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.archive import Archive, read_archive
from app.postgres.archive_entry import Entry
from app.postgres.connection import parse_connection
from app.postgres.restoring import EntryError, prepare_archive, restore_archive
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

TABLES = """
DO $$ BEGIN FOR n IN 1..150 LOOP
    EXECUTE format('CREATE TABLE t%s (a int PRIMARY KEY, b int); CREATE INDEX i%s ON t%s (b)', n, n, n);
    EXECUTE format('INSERT INTO t%s VALUES (1, %s)', n, n);
    EXECUTE format('CREATE FUNCTION f%s() RETURNS int LANGUAGE sql AS ''SELECT %s''', n, n);
END LOOP; END $$
"""


def dump(database: Database, target: Path, format_: str) -> Archive:
    program = database.server.installation.program("pg_dump")
    command: list[str | Path] = [
        program,
        f"--dbname={database.conninfo}",
        f"--format={format_}",
        f"--file={target}",
    ]
    finished = run(command, env=database.server.environment(), timeout=60)
    assert finished.status == 0, finished.errors
    return read_archive(target)


def restore(
    database: Database, path: Path, entries: Path | None = None, cancel: CancelToken | None = None
) -> tuple[EntryError, ...]:
    return restore_archive(
        database.server.installation,
        path,
        parse_connection(database.conninfo_with_password),
        jobs=2,
        entries=entries,
        cancel=cancel or CancelToken(),
    )


def edited(entry: Entry) -> Entry:
    return replace(entry, definition=entry.definition.replace("b integer", "b bigint"))


@pytest.mark.parametrize("format_", ["directory", "custom"])
@pytest.mark.parametrize("is_edited", [False, True])
def test_the_chosen_entries_are_restored_alone(
    each_server: SandboxServer, new_database: NewDatabase, tmp_path: Path, format_: str, is_edited: bool
) -> None:
    source, target = new_database(each_server), new_database(each_server)
    source.sql("CREATE TABLE kept (b int); CREATE TABLE dropped (b int); INSERT INTO kept VALUES (7), (8)")
    archive = dump(source, tmp_path / "dump", format_)
    entries = [entry for entry in archive.entries if "dropped" not in entry.tag]
    if is_edited:
        entries = [edited(entry) for entry in entries]
    path, use_list = prepare_archive(archive, entries, tmp_path, edited=is_edited, cancel=CancelToken())
    assert restore(target, path, use_list) == ()
    assert target.sql("SELECT b FROM kept ORDER BY 1") == [(7,), (8,)]
    assert target.sql("SELECT to_regclass('dropped')") == [(None,)]
    assert target.sql(
        "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attname = 'b'"
    ) == [("bigint" if is_edited else "integer",)]
    assert read_archive(tmp_path / "dump") == archive  # which is left as it was


@pytest.mark.parametrize("format_", ["directory", "custom"])
def test_cancelling_ends_the_writing_of_an_edited_copy(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    database.sql("CREATE TABLE t AS SELECT generate_series(1, 9) a")
    archive = dump(database, tmp_path / "dump", format_)
    cancel = CancelToken()
    cancel.cancel()

    with pytest.raises(Cancelled):
        prepare_archive(archive, archive.entries, tmp_path, edited=True, cancel=cancel)


def test_hundreds_of_errors_of_two_workers_are_each_told_with_their_command(
    each_server: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(each_server)
    database.sql(TABLES)
    archive = dump(database, tmp_path / "dump", "directory")
    errors = restore(database, tmp_path / "dump")  # where everything is already
    commands = {error.command.strip() for error in errors}
    missed = [
        entry.tag
        for entry in archive.entries
        if entry.kind in ("TABLE", "INDEX", "CONSTRAINT", "FUNCTION")
        and not any(statement.strip() in commands for statement in entry.definition.split("\n\n\n"))
    ]
    assert missed == []
    rows = {error.message for error in errors if error.message.startswith("COPY failed")}
    assert len(rows) == 150
    for error in errors:
        assert "pg_restore:" not in error.message
        assert "Command was" not in error.message


def test_an_archive_that_pg_restore_cannot_read(database: Database, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"PGDMP nonsense")
    with pytest.raises(AppError) as caught:
        restore(database, tmp_path / "broken")
    assert caught.value.code is ErrorCode.DUMP_FAILED


def test_a_server_that_refuses(database: Database, tmp_path: Path) -> None:
    dump(database, tmp_path / "dump", "custom")
    with pytest.raises(AppError) as caught:
        restore_archive(
            database.server.installation,
            tmp_path / "dump",
            parse_connection(f"{database.conninfo} password=wrong"),
            jobs=2,
            cancel=CancelToken(),
        )
    assert caught.value.code is ErrorCode.SIGN_IN_FAILED


def test_a_restore_can_be_cancelled(database: Database, new_database: NewDatabase, tmp_path: Path) -> None:
    database.sql(
        """
        CREATE FUNCTION slow(int) RETURNS boolean LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(30); RETURN true; END';
        CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE MATERIALIZED VIEW v AS SELECT slow(a) FROM t
            WITH NO DATA; UPDATE pg_class SET relispopulated = true WHERE relname = 'v'
        """
    )
    dump(database, tmp_path / "dump", "custom")
    target = new_database(database.server)
    cancel = CancelToken()
    threading.Timer(1, cancel.cancel).start()
    with pytest.raises(Cancelled):
        restore(target, tmp_path / "dump", cancel=cancel)
    assert database.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{target.name}'") in (
        [(0,)],
        [(1,)],
    )


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)
