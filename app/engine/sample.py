"""Fills an empty database with the sample shop, so that there is something to back up at once."""

from __future__ import annotations

from pathlib import Path

import psycopg

import app
from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Connection, connect
from app.postgres.failures import query_failure
from app.system.cancellation import CancelToken

BENCHMARK_SCALE = 72.0
"""Gives 1.09 GB by `pg_database_size`, 780 MB as COPY text, in about a minute on two cores."""


def load_sample(connection: Connection, scale: float = 1.0, cancel: CancelToken | None = None) -> None:
    """Fill a new database with the sample: all of it or, on failure, nothing.

    Two loads at one scale give the same rows. Roles that the server lacks are created; extensions,
    foreign servers and the event trigger are left out where they cannot be had.

    Args:
        connection: an empty database with the encoding UTF8, as a superuser or as its owner with CREATEROLE.
        scale: how much; 1 is 50,000 rows, 12 MB of COPY text and 30 MB by `pg_database_size`.
        cancel: breaks it off.

    Raises:
        AppError: the database cannot be reached, has another encoding, or has such tables already.
        Cancelled: `cancel` was set.
    """
    cancel = cancel or CancelToken()
    with (
        connect(connection, application="holdfast sample") as session,
        cancel.interrupting(session.cancel_safe),
    ):
        if session.info.parameter_status("server_encoding") != "UTF8":
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "The sample needs a database with the encoding UTF8",
                detail=connection.describe(),
            )
        try:
            with session.transaction():
                session.execute("SELECT set_config('holdfast.scale', %s, true)", [str(scale)])
                for path in sample_files():
                    cancel.check()
                    session.execute(path.read_bytes())
            session.execute("VACUUM (ANALYZE)")
        except psycopg.Error as error:
            cancel.check()
            raise query_failure(error, connection.describe()) from error


def sample_files() -> list[Path]:
    """The sample's SQL, in the order in which it is to be run."""
    package = Path(app.__file__).parent
    folders = (package / "resources" / "sample", package.parent / "resources" / "sample")
    return sorted(next(folder for folder in folders if folder.is_dir()).glob("*.sql"))
