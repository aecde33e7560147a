"""Reads what a server and a database are: the facts that a backup is planned from.

Every query names `pg_catalog` in full, so that a database cannot put its own functions in the way.
Which tables are dumped follows pg_dump's own rules (`getTables`, `processExtensionTables`,
`makeTableDataInfo` in its source).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import errors

from app.domain.backup import BackupOptions, Contents
from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Session
from app.postgres.patterns import schema_clause, selection, table_clause
from app.postgres.quoting import encode_sql

OUTPUT_SETTINGS = (
    "TimeZone",
    "bytea_output",
    "quote_all_identifiers",
    "xmlbinary",
    "lc_monetary",
    "standard_conforming_strings",
)
"""Settings that change how values are written as text and that pg_dump leaves as they are."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself and of us.

    `bytes` is the whole database's size; `free_connections` are those that this role can still open in
    this database; `output_settings` are those of `OUTPUT_SETTINGS`.
    """

    version: str
    version_number: int
    encoding: str
    locale: str
    database: str
    bytes: int
    user: str
    is_superuser: bool
    bypasses_row_security: bool
    in_recovery: bool
    tls: str
    free_connections: int
    output_settings: dict[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table whose rows pg_dump will read.

    `sql` is its qualified, quoted name as the server writes it; `condition` is the WHERE clause of
    an extension's configuration table.
    """

    oid: int
    schema: str
    name: str
    sql: str
    bytes: int
    readable: bool
    row_security: bool
    estimated_rows: int
    condition: str = ""


def server_facts(session: Session) -> ServerFacts:
    """Ask for version, size, rights and the settings that shape text."""
    row = session.execute(
        """
        SELECT pg_catalog.current_setting('server_version'),
               pg_catalog.current_setting('server_version_num')::int,
               pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datname,
               pg_catalog.pg_database_size(d.oid), r.rolname, r.rolsuper,
               r.rolsuper OR r.rolbypassrls, pg_catalog.pg_is_in_recovery(),
               LEAST(
                   pg_catalog.current_setting('max_connections')::int
                   - pg_catalog.current_setting('superuser_reserved_connections')::int
                   - COALESCE(pg_catalog.current_setting('reserved_connections', true)::int, 0)
                   - (SELECT pg_catalog.sum(numbackends)::int FROM pg_catalog.pg_stat_database),
                   CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit - (
                       SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity
                       WHERE usesysid = r.oid) END,
                   CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit - (
                       SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity
                       WHERE datid = d.oid) END),
               COALESCE((SELECT version || ' ' || cipher FROM pg_catalog.pg_stat_ssl
                         WHERE pid = pg_catalog.pg_backend_pid() AND ssl), '')
        FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
        WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user
        """
    ).fetchall()[0]
    settings = session.execute(
        "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.unnest(%s::text[]) AS name",
        [list(OUTPUT_SETTINGS)],
    ).fetchall()
    roles = session.execute(
        "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
    ).fetchall()
    version, number, encoding, locale, database, size, user, superuser, bypasses, recovery, free, tls = row
    return ServerFacts(
        version=version,
        version_number=number,
        encoding=encoding,
        locale=locale,
        database=database,
        bytes=size,
        user=user,
        is_superuser=superuser,
        bypasses_row_security=bypasses,
        in_recovery=recovery,
        tls=tls,
        free_connections=free,
        output_settings=dict(settings),
        roles=tuple(name for (name,) in roles),
    )


def dumped_tables(session: Session, options: BackupOptions) -> tuple[TableFacts, ...]:
    """The tables whose rows the dump will hold, largest first.

    It waits for nobody's lock: the size of a table that another session holds exclusively is the one
    that the server noted last.

    Raises:
        AppError: INVALID_INPUT for a pattern that makes no sense.
    """
    if options.contents is Contents.SCHEMA:
        return ()
    return tuple(TableFacts(*row) for row in _select(session, _TABLES.format(selection=selection(options))))


def unreadable_objects(session: Session, options: BackupOptions) -> tuple[str, ...]:
    """What the dump needs to read or lock and this role may not: tables, sequences, large objects."""
    names = _select(session, _UNREADABLE_TABLES.format(selection=selection(options)))
    if options.contents is not Contents.SCHEMA:
        names += _select(session, _UNREADABLE_SEQUENCES.format(selection=selection(options)))
        if not options.schemas and not options.tables:
            names += _select(session, _UNREADABLE_LARGE_OBJECTS)
    return tuple(name for (name,) in names)


def _select(session: Session, query: str) -> list[tuple[Any, ...]]:
    try:
        return session.execute(encode_sql(query)).fetchall()
    except errors.InvalidRegularExpression as error:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "A pattern of the selection makes no sense",
            detail=str(error).splitlines()[0],
            hint="Put names with other characters than letters, digits, _, * and ? in double quotes.",
        ) from error


_TABLES = """
WITH held AS (
    SELECT relation FROM pg_catalog.pg_locks
    WHERE mode = 'AccessExclusiveLock' AND locktype = 'relation' AND pid <> pg_catalog.pg_backend_pid()
)
SELECT c.oid::int8, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname),
       CASE WHEN c.oid IN (SELECT relation FROM held) OR c.reltoastrelid IN (SELECT relation FROM held)
            THEN c.relpages::int8 * pg_catalog.current_setting('block_size')::int8
            ELSE COALESCE(pg_catalog.pg_table_size(c.oid), 0) END,
       pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.row_security_active(c.oid),
       GREATEST(c.reltuples, 0)::int8,
       COALESCE(config.condition, '')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend member
       ON member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND member.objid = c.oid
      AND member.objsubid = 0 AND member.deptype = 'e'
LEFT JOIN LATERAL (
    SELECT e.extcondition[k.position] AS condition
    FROM pg_catalog.pg_extension e, pg_catalog.unnest(e.extconfig) WITH ORDINALITY AS k(relation, position)
    WHERE e.oid = member.refobjid AND k.relation = c.oid
) config ON true
WHERE c.relkind = 'r'
  AND (member.objid IS NULL OR config.condition IS NOT NULL)
  AND (c.relpersistence <> 'u' OR NOT pg_catalog.pg_is_in_recovery())
  AND {selection}
ORDER BY 5 DESC, c.oid
"""
_UNREADABLE_TABLES = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND {selection}
  AND NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT')
           AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend member LEFT JOIN pg_catalog.pg_extension e
           ON e.oid = member.refobjid AND c.oid = ANY (e.extconfig)
    WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND member.objid = c.oid
      AND member.objsubid = 0 AND member.deptype = 'e' AND e.oid IS NULL)
ORDER BY 1
"""
_UNREADABLE_SEQUENCES = """
SELECT pg_catalog.format('%I.%I', home.nspname, s.relname)
FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace home ON home.oid = s.relnamespace
WHERE s.relkind = 'S'
  AND NOT (pg_catalog.has_sequence_privilege(s.oid, 'SELECT')
           AND pg_catalog.has_schema_privilege(home.oid, 'USAGE'))
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend member
    WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND member.objid = s.oid
      AND member.objsubid = 0 AND member.deptype = 'e')
  AND EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE {selection} AND (c.oid = s.oid OR EXISTS (
        SELECT FROM pg_catalog.pg_depend owned
        WHERE owned.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND owned.objid = s.oid
          AND owned.refclassid = owned.classid AND owned.refobjid = c.oid AND owned.deptype IN ('a', 'i'))))
ORDER BY 1
"""
_UNREADABLE_LARGE_OBJECTS = """
SELECT 'large object ' || l.oid
FROM pg_catalog.pg_largeobject_metadata l, pg_catalog.pg_roles r
WHERE r.rolname = current_user AND NOT r.rolsuper
  AND pg_catalog.current_setting('lo_compat_privileges') = 'off'
  AND NOT pg_catalog.pg_has_role(current_user, l.lomowner, 'USAGE')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.aclexplode(l.lomacl) AS granted
    WHERE granted.privilege_type = 'SELECT' AND (granted.grantee = 0
          OR pg_catalog.pg_has_role(current_user, granted.grantee, 'USAGE')))
ORDER BY l.oid LIMIT 100
"""


def unmatched_patterns(session: Session, options: BackupOptions) -> tuple[str, ...]:
    """The patterns of schemas and tables that match nothing, which pg_dump would pass over.

    Raises:
        AppError: INVALID_INPUT for a pattern that makes no sense.
    """
    schemas = "pg_catalog.pg_namespace n"
    relations = f"{schemas} JOIN pg_catalog.pg_class c ON n.oid = c.relnamespace"
    wanted = [(pattern, schemas, schema_clause(pattern)) for pattern in options.schemas]
    wanted += [
        (pattern, relations, f"c.relkind IN ({_DUMPED_KINDS}) AND {table_clause(pattern)}")
        for pattern in options.tables
    ]
    return tuple(
        pattern
        for pattern, source, clause in wanted
        if not _select(session, f"SELECT 1 FROM {source} WHERE {clause} LIMIT 1")
    )


_DUMPED_KINDS = "'r', 'S', 'v', 'm', 'f', 'p'"
