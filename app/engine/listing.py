"""Lists what a database holds, by schema, for a user to choose from; and how fast it answers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from app.domain.backup import BackupOptions
from app.postgres.connection import Connection, Session, asking
from app.postgres.inspection import dumped_tables, server_facts
from app.supabase.storage_listing import stored_bytes
from app.system.cancellation import CancelToken

_FIRST_SAMPLE = 1 << 17
_SAMPLE = 2 << 20
_QUICK_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class ListedTable:
    """A table with rows of its own; sizes in bytes, rows by the server's estimate.

    Attributes:
        pattern: what `BackupOptions.excluded_tables` takes for exactly this table.
    """

    schema: str
    name: str
    bytes: int
    rows: int
    pattern: str
    readable: bool = True


@dataclass(frozen=True, slots=True)
class ListedSchema:
    """A schema with tables, largest first."""

    name: str
    tables: tuple[ListedTable, ...]

    @property
    def bytes(self) -> int:
        """Of its tables."""
        return sum(table.bytes for table in self.tables)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a database holds.

    Attributes:
        database: its name.
        version: of the server.
        bytes: of the whole database, indexes too.
        schemas: largest first.
        line_speed: bytes a second that the server was seen to send.
        storage_bytes: of a Supabase project's storage files, by their rows.
    """

    database: str
    version: str
    bytes: int
    schemas: tuple[ListedSchema, ...]
    line_speed: float
    storage_bytes: int = 0

    @property
    def tables(self) -> tuple[ListedTable, ...]:
        """Of all schemas."""
        return tuple(table for schema in self.schemas for table in schema.tables)

    def selected_bytes(self, left_out: Collection[str]) -> int:
        """Of all tables but those whose patterns are left out."""
        patterns = frozenset(left_out)
        return sum(table.bytes for table in self.tables if table.pattern not in patterns)


def list_database(connection: Connection, cancel: CancelToken) -> Listing:
    """List schemas and tables; nobody's lock is waited for.

    Raises:
        AppError: the server cannot be reached or asked.
        Cancelled: `cancel` was set.
    """
    with asking(connection, cancel) as session:
        facts = server_facts(session)
        by_schema: dict[str, list[ListedTable]] = defaultdict(list)
        for table in dumped_tables(session, BackupOptions()):
            by_schema[table.schema].append(
                ListedTable(
                    table.schema,
                    table.name,
                    table.bytes,
                    table.estimated_rows,
                    f"{_quoted(table.schema)}.{_quoted(table.name)}",
                    table.readable,
                )
            )
        speed = line_speed(session)
        has_storage = any(table.name == "objects" for table in by_schema.get("storage", ()))
        storage_bytes = stored_bytes(session) if has_storage else 0
    schemas = sorted(
        (ListedSchema(name, tuple(tables)) for name, tables in by_schema.items()),
        key=lambda schema: (-schema.bytes, schema.name),
    )
    return Listing(facts.database, facts.version, facts.bytes, tuple(schemas), speed, storage_bytes)


def line_speed(session: Session) -> float:
    """Bytes a second that the server sends, tried with 128 KiB, and on a quick line with 2 MiB."""
    speed, took = _send(session, _FIRST_SAMPLE)
    if took < _QUICK_SECONDS:
        speed, _ = _send(session, _SAMPLE)
    return speed


def _send(session: Session, count: int) -> tuple[float, float]:
    begun = time.monotonic()
    session.execute("SELECT pg_catalog.repeat('x', %s)", [count]).fetchall()
    took = max(time.monotonic() - begun, 1e-6)
    return count / took, took


def _quoted(name: str) -> str:
    """As pg_dump's patterns take a name literally: in quotes no sign is wild."""
    return '"' + name.replace('"', '""') + '"'
