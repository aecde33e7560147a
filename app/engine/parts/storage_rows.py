"""Keeps what rows of storage objects say while their files are given back.

An upload sets owner and times of its row anew (storage-api's upsert; *not verified against the hosted
service*).
"""

from __future__ import annotations

from pathlib import Path
from typing import LiteralString

import psycopg

from app.postgres.connection import Session

_COLUMNS: tuple[LiteralString, ...] = (
    "owner",
    "owner_id",
    "created_at",
    "updated_at",
    "last_accessed_at",
    "user_metadata",
)


def save_rows(session: Session, path: Path) -> tuple[LiteralString, ...]:
    """Write what the rows say to a file; gives the columns.

    Raises:
        psycopg.Error: they cannot be read.
        OSError: the file cannot be written.
    """
    found = session.execute(
        "SELECT a.attname::text FROM pg_catalog.pg_attribute a "
        "WHERE a.attrelid = 'storage.objects'::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped "
        "AND a.attgenerated = ''"
    ).fetchall()
    names = {str(name) for (name,) in found}
    columns = tuple(name for name in _COLUMNS if name in names)
    listed = ", ".join(("bucket_id", "name", *columns))
    question = f"COPY (SELECT {listed} FROM storage.objects) TO STDOUT".encode()
    with path.open("wb") as file, session.cursor() as cursor, cursor.copy(question) as copy:
        for block in copy:
            file.write(block)
    return columns


def put_rows_back(session: Session, path: Path, columns: tuple[LiteralString, ...]) -> int:
    """Make the rows say again what they said; gives how many had changed.

    The trigger that notes the time of a change is held off where the role may do that.

    Raises:
        psycopg.Error: they cannot be written; nothing was changed.
        OSError: the file cannot be read.
    """
    if not columns:
        return 0
    listed = ", ".join(("bucket_id", "name", *columns))
    kept = ", ".join(f"k.{name}" for name in columns)
    now = ", ".join(f"o.{name}" for name in columns)
    changes = ", ".join(f"{name} = k.{name}" for name in columns)
    with session.transaction():
        try:
            with session.transaction():
                session.execute("SET LOCAL session_replication_role = replica")
        except psycopg.Error:
            pass  # then `updated_at` is the time of the restore
        session.execute(
            f"CREATE TEMPORARY TABLE holdfast_rows ON COMMIT DROP AS SELECT {listed} "
            "FROM storage.objects WITH NO DATA".encode()
        )
        with (
            path.open("rb") as file,
            session.cursor() as cursor,
            cursor.copy("COPY pg_temp.holdfast_rows FROM STDIN") as copy,
        ):
            while block := file.read(1 << 16):
                copy.write(block)
        done = session.execute(
            f"UPDATE storage.objects o SET {changes} FROM pg_temp.holdfast_rows k "
            "WHERE o.bucket_id = k.bucket_id AND o.name = k.name "
            f"AND ({now}) IS DISTINCT FROM ({kept})".encode()
        )
        return done.rowcount
