"""Backups as plain SQL: read on their way to the disk, and proven through psql."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Backup, BackupOptions, Compression, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.proof import Outcome, ProofLevel
from app.engine.backup import back_up
from app.engine.plain_dump import PlainReader
from app.engine.preflight import BackupRequest
from app.engine.proof import prove
from app.engine.read_back import read_contents
from app.engine.sample import load_sample
from app.postgres.compression import decompressed, method_of
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def back_up_plain(
    database: Database, folder: Path, installations: tuple[Installation, ...], compression: str = "zstd:3"
) -> Backup:
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    options = BackupOptions(format=Format.PLAIN, compression=Compression.parse(compression))
    request = BackupRequest("plain", connection, options, destination=folder)
    return back_up(request, installations, CancelToken(), lambda _: None)


def test_the_sample_is_complete_and_proven_as_plain_sql(
    new_database: NewDatabase,
    each_server: SandboxServer,
    installations: tuple[Installation, ...],
    tmp_path: Path,
) -> None:
    database = new_database(each_server)
    load_sample(Connection(database.conninfo, each_server.password, inherits=False), 0.1)
    backup = back_up_plain(database, tmp_path, installations)
    assert backup.manifest.proof.level is ProofLevel.COMPLETE
    assert all(table.rows == table.counted for table in backup.manifest.tables)

    proof = prove(Path(backup.folder), backup.manifest, installations, CancelToken(), lambda _: None)

    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN
    compared = [item for item in proof.objects if item.kind == "TABLE DATA"]
    assert len(compared) == len(backup.manifest.tables)
    assert {item.outcome for item in compared} <= {Outcome.IDENTICAL, Outcome.REORDERED}


@pytest.mark.parametrize("compression", ["zstd:1", "gzip:1", "bzip2", "lz4", "none"])
def test_every_compression_gives_a_script_that_psql_takes(
    new_database: NewDatabase,
    server17: SandboxServer,
    installations: tuple[Installation, ...],
    tmp_path: Path,
    compression: str,
) -> None:
    source, target = new_database(server17), new_database(server17)
    source.sql("CREATE TABLE t AS SELECT i AS a, repeat('x', i) AS b FROM generate_series(1, 500) i")
    backup = back_up_plain(source, tmp_path, installations, compression)
    part = next(part for part in backup.manifest.parts if part.name == "database")
    path = Path(backup.folder) / part.path
    script = tmp_path / "script.sql"
    script.write_bytes(b"".join(decompressed(path, method_of(path))))
    other = ("\\connect", "CREATE DATABASE", "ALTER DATABASE")
    lines = [line for line in script.read_text().splitlines() if not line.startswith(other)]
    script.write_text("\n".join(lines))

    env = Connection(target.conninfo, server17.password, inherits=False).environment()
    psql = server17.installation.program("psql")
    command: list[str | Path] = [psql, "-X", "-v", "ON_ERROR_STOP=1", "-d", target.conninfo, "-f", script]
    finished = run(command, env=env, timeout=60)

    assert finished.status == 0, finished.errors
    query = "SELECT count(*), sum(length(b)) FROM t"
    assert target.sql(query) == source.sql(query)


def test_a_statement_that_cannot_be_restored_is_named(
    new_database: NewDatabase,
    server17: SandboxServer,
    installations: tuple[Installation, ...],
    tmp_path: Path,
) -> None:
    database = new_database(server17)
    database.sql(
        """
        CREATE TABLE other (a int);
        CREATE FUNCTION looks_up(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
            AS 'BEGIN PERFORM a FROM other; RETURN true; END';
        CREATE TABLE checked (a int CHECK (looks_up(a)));
        INSERT INTO checked VALUES (1);
        """
    )
    backup = back_up_plain(database, tmp_path, installations)

    proof = prove(Path(backup.folder), backup.manifest, installations, CancelToken(), lambda _: None)

    (failed,) = [item for item in proof.objects if item.outcome.is_failure]
    assert (failed.kind, failed.name) == ("TABLE DATA", "public.checked")
    assert failed.outcome is Outcome.NOT_RESTORABLE
    assert 'relation "other" does not exist' in failed.reason
    assert proof.level is ProofLevel.COMPLETE


def test_reading_a_script_can_be_cancelled(
    new_database: NewDatabase,
    server17: SandboxServer,
    installations: tuple[Installation, ...],
    tmp_path: Path,
) -> None:
    database = new_database(server17)
    database.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    backup = back_up_plain(database, tmp_path, installations)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        read_contents(Path(backup.folder), "database.sql.zst", cancel)


def test_a_script_that_ends_early_is_no_backup(tmp_path: Path) -> None:
    source = tmp_path / "source.sql"
    source.write_bytes(b"--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n")
    with source.open("rb") as file:
        reader = PlainReader(file, tmp_path / "database.sql.gz", Compression.parse("gzip"))
        reader.follow(CancelToken())
    with pytest.raises(AppError) as failure:
        reader.contents(CancelToken())
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED
