"""Opens the catalog's SQLite file, keeps its tables up to date, and sets a damaged one aside."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.system.files import folder_error

SORTED = ("started", "project", "kind", "result", "proof", "bytes", "seconds")
"""Columns by which a window sorts; each has an index that begins with it, then the time."""

FILTERED = ("project", "result", "kind", "proof", "search")
"""Columns by which a window filters: they stand in each of those indexes, so that a page, wherever it is,
and a count read one narrow index from one end and never the table."""

SEARCH = (
    "fold({own}.project || char(10) || {own}.note || char(10) || "
    "{new}.error_title || char(10) || {new}.error_code)"
)
"""What a search looks into, without regard to case; `fold` is Python's, SQLite's own knows ASCII alone."""

_MIGRATIONS = (
    """
    CREATE TABLE backup (
        id TEXT NOT NULL,
        project TEXT NOT NULL,
        started TEXT NOT NULL,
        result TEXT NOT NULL,
        finished TEXT,
        kind TEXT NOT NULL,
        error_code TEXT NOT NULL,
        error_title TEXT NOT NULL,
        error_detail TEXT NOT NULL,
        proof_level TEXT,
        proof_failure TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        database_bytes INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        tables INTEGER NOT NULL,
        destination TEXT NOT NULL,
        path TEXT NOT NULL,
        pinned INTEGER NOT NULL,
        note TEXT NOT NULL,
        missing INTEGER NOT NULL,
        PRIMARY KEY (id, destination)
    ) STRICT
    """,
    "CREATE INDEX backup_by_project ON backup (project, started, id)",
    "CREATE INDEX backup_by_time ON backup (started, id)",
    "CREATE INDEX backup_by_destination ON backup (destination)",
    "CREATE TABLE restore (id TEXT PRIMARY KEY, started TEXT NOT NULL, report TEXT NOT NULL) STRICT",
    "CREATE INDEX restore_by_time ON restore (started, id)",
    "ALTER TABLE backup ADD COLUMN schedule TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE backup ADD COLUMN slot TEXT",
    "ALTER TABLE backup ADD COLUMN search TEXT NOT NULL DEFAULT ''",
    "UPDATE backup SET search = " + SEARCH.format(own="backup", new="backup"),  # noqa: S608 - ours
    """
    ALTER TABLE backup ADD COLUMN proof TEXT NOT NULL GENERATED ALWAYS AS
        (CASE WHEN proof_failure <> '' THEN 'failed' ELSE coalesce(proof_level, '') END) VIRTUAL
    """,
    """
    ALTER TABLE backup ADD COLUMN seconds REAL GENERATED ALWAYS AS
        (round((julianday(finished) - julianday(started)) * 86400, 3)) VIRTUAL
    """,
    "CREATE INDEX backup_by_schedule ON backup (schedule, slot) WHERE schedule <> ''",
    *(
        f"CREATE INDEX sorted_by_{column} ON backup "
        f"({', '.join(dict.fromkeys((column, 'started', *FILTERED)))})"
        for column in SORTED
    ),
    "CREATE INDEX backup_kept ON backup (project, bytes) WHERE result = 'succeeded' AND missing = 0",
    """
    CREATE TABLE hold (
        schedule TEXT NOT NULL,
        slot TEXT NOT NULL,
        reason TEXT NOT NULL,
        since TEXT NOT NULL,
        until TEXT NOT NULL,
        PRIMARY KEY (schedule, slot, reason)
    ) STRICT
    """,
    """
    CREATE TABLE reminder (
        number INTEGER PRIMARY KEY,
        channel TEXT NOT NULL,
        key TEXT NOT NULL,
        occasion TEXT NOT NULL,
        project TEXT NOT NULL,
        schedule TEXT NOT NULL,
        at TEXT NOT NULL,
        sent INTEGER NOT NULL,
        problem TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE checked (
        id TEXT NOT NULL,
        destination TEXT NOT NULL,
        kind TEXT NOT NULL,
        project TEXT NOT NULL,
        at TEXT NOT NULL,
        problem TEXT NOT NULL,
        PRIMARY KEY (id, destination, kind)
    ) STRICT
    """,
)
"""Each statement is one step of `user_version`; new ones are added at the end."""

_BUSY_SECONDS = 15.0
_COMPANIONS = ("", "-wal", "-shm")
_NOT_WRITABLE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
)
_SURROUNDINGS = (
    *_NOT_WRITABLE,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
)
"""Result codes (sqlite.org/rescode.html) that say nothing about the file's content."""


class DamagedRowError(sqlite3.DatabaseError):
    """A row holds what Holdfast never wrote."""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the catalog for any thread, make it when it is missing, and bring its tables up to date.

    Raises:
        AppError: NEWER_MANIFEST when a newer Holdfast made it.
        sqlite3.Error, OSError: see `is_damage` and `unusable`.
    """
    with _one_process(path):
        connection = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA cache_size = -24000")  # KiB: an index over 100,000 backups stays read
            connection.execute("PRAGMA foreign_keys = ON")
            connection.create_function("fold", 1, str.casefold, deterministic=True)
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing of what is written inside."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """True when the error may come from the file's content rather than from disk, lock or a bug.

    SQLite's messages quote a damaged schema, and the sqlite3 module fails to decode them.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return False
    return _code(error) not in _SURROUNDINGS


def unusable(error: sqlite3.Error | OSError, path: Path) -> Exception:
    """The `AppError` for a catalog that cannot be opened or written; what is a bug stays as it is."""
    if isinstance(error, TimeoutError) or (
        isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    ):
        return AppError(
            ErrorCode.TIMED_OUT,
            "Another Holdfast is using the catalog of backups",
            detail=f"{path} was locked for {_BUSY_SECONDS:g} s",
            hint="Close the other one, then try again.",
        )
    if isinstance(error, OSError):
        return folder_error(error, path.parent)
    if _code(error) == sqlite3.SQLITE_FULL:
        return AppError(
            ErrorCode.DISK_FULL, "The disk is full", detail=f"{path}: {error}", hint="Free some space."
        )
    if _code(error) in _NOT_WRITABLE:
        return AppError(
            ErrorCode.FOLDER_READ_ONLY,
            "The catalog of backups cannot be written to",
            detail=f"{path}: {error}",
            hint="Change the permissions of the file and its folder.",
        )
    if _code(error) in _SURROUNDINGS:
        return AppError(
            ErrorCode.FOLDER_MISSING,
            "The catalog of backups cannot be used",
            detail=f"{path}: {error}",
            hint="Check the disk that it is on.",
        )
    return error


def set_aside(path: Path, read_all: Callable[[sqlite3.Connection], object]) -> Path | None:
    """Rename a damaged catalog and tell its new name; None when it is whole after all.

    Another process may have replaced it already, so it is read through first, with `read_all` for the rows.
    """
    with _one_process(path):
        if not path.exists() or _is_whole(path, read_all):
            return None
        aside = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z{path.suffix}")
        for companion in _COMPANIONS:
            source = Path(f"{path}{companion}")
            if source.exists():
                source.rename(f"{aside}{companion}")
    return aside


def readable_rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What can still be read of a damaged file: the rows before the damage and, backwards, those after it."""
    rows: list[tuple[object, ...]] = []
    for order in ("rowid", "rowid DESC"):
        try:
            with closing(sqlite3.connect(path)) as connection:
                rows.extend(connection.execute(f"{query} NOT INDEXED ORDER BY {order}"))
        except (sqlite3.Error, UnicodeDecodeError):
            continue
    return rows


def _is_whole(path: Path, read_all: Callable[[sqlite3.Connection], object]) -> bool:
    try:
        with closing(sqlite3.connect(path, _BUSY_SECONDS)) as connection:
            read_all(connection)
            return connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        return False


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise AppError(
            ErrorCode.NEWER_MANIFEST,
            "The catalog of backups was made by a newer Holdfast",
            detail=f"{path} has version {version}",
            hint="Update Holdfast.",
        )
    if version < len(_MIGRATIONS):
        with transaction(connection):
            for statement in _MIGRATIONS[version:]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    from filelock import FileLock

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=_BUSY_SECONDS):
        yield


def _code(error: sqlite3.Error) -> int:
    """The primary result code; errors of the sqlite3 module itself have none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
