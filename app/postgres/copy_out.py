"""Streams tables out of a server through psql, which does so twice as fast as a Python driver.

One psql serves many tables: each COPY is followed by a marker that COPY text cannot contain, because
a row never begins with a bare backslash and a dot.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_entry import python_codec
from app.postgres.connection import Connection
from app.postgres.quoting import quote_identifier, quote_literal
from app.postgres.toolchain import Installation
from app.system.process import Child

_BLOCK = 1 << 18
_FIXED_SETTINGS = {
    "IntervalStyle": "postgres",
    "DateStyle": "ISO",
    "extra_float_digits": "3",
    "synchronize_seqscans": "off",
    "search_path": "",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
"""What pg_dump sets for its own COPY (`setup_connection` in its source)."""


class CopyOut:
    """A psql that streams one table after the other; `close` it.

    Args:
        tool: whose psql runs.
        connection: the database to read.
        encoding: client encoding, the archive's own.
        settings: output settings of the dump's session.
    """

    def __init__(
        self, tool: Installation, connection: Connection, encoding: str, settings: Mapping[str, str]
    ) -> None:
        self._codec = python_codec(encoding)
        self._marker = f"\\.{secrets.token_hex(16)}"
        psql = [str(tool.program("psql")), f"--dbname={connection.conninfo}"]
        flags = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"]
        self._child = Child(
            [*psql, *flags],
            env=connection.environment(PGCLIENTENCODING=encoding),
            stdin=Child.PIPE,
            stdout=Child.PIPE,
        )
        for name, value in {**settings, **_FIXED_SETTINGS}.items():
            self._write(f"SET {quote_identifier(name)} = {quote_literal(value)};\n")
        self._write("\\set ON_ERROR_STOP 1\n")  # only now: a locale that this server lacks hinders nobody

    def _write(self, text: str) -> None:
        self._child.stdin.write(text.encode(self._codec, "surrogateescape"))

    def stream(self, source: str) -> Iterator[bytes]:
        """The COPY text of a table or a parenthesised query, which must be quoted SQL.

        Raises:
            AppError: SERVER_ERROR with the server's words; no further stream can then be had.
        """
        try:
            self._write(f"COPY {source} TO STDOUT;\n\\echo '\\{self._marker}'\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        end = f"{self._marker}\n".encode()
        read = self._child.stdout.read1  # type: ignore[attr-defined]
        held = b""
        while True:
            block: bytes = read(_BLOCK)
            if not block:
                raise self._failure()
            held += block
            if held.endswith(end):
                if len(held) > len(end):
                    yield held[: -len(end)]
                return
            if len(held) > len(end):
                yield held[: -len(end)]
                held = held[-len(end) :]

    def _failure(self) -> AppError:
        self._child.wait()
        return AppError(
            ErrorCode.SERVER_ERROR, "A table cannot be read back", detail=self._child.errors().strip()
        )

    def close(self) -> None:
        """End psql."""
        self._child.kill()
        with self._child:
            pass
