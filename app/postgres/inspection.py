"""Reads what a server and a database are: the facts that a backup is planned from.

Every query names `pg_catalog` in full, so that a database cannot put its own functions in the way.
Which tables are dumped follows pg_dump's own rules (`getTables`, `selectDumpableTable` in its source).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.domain.backup import BackupOptions, Contents
from app.postgres.connection import Session, encode_sql, quote_literal

OUTPUT_SETTINGS = ("TimeZone", "bytea_output", "quote_all_identifiers", "xmlbinary", "lc_monetary")
"""Settings that change how values are written as text and that pg_dump leaves as they are."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself and of us.

    `bytes` is the whole database's size; `output_settings` are those of `OUTPUT_SETTINGS`.
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
               pg_catalog.current_setting('max_connections')::int
               - pg_catalog.current_setting('superuser_reserved_connections')::int
               - (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_stat_activity
                  WHERE backend_type = 'client backend'),
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
    """The tables whose rows the dump will hold, largest first."""
    if options.contents is Contents.SCHEMA:
        return ()
    rows = session.execute(encode_sql(_TABLES.format(selection=_selection(options)))).fetchall()
    return tuple(TableFacts(*row) for row in rows)


_TABLES = """
SELECT c.oid::int8, n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname),
       COALESCE(pg_catalog.pg_table_size(c.oid), 0),
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
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND {selection}
ORDER BY 5 DESC, c.oid
"""


def _selection(options: BackupOptions) -> str:
    """The WHERE clause for `--schema`, `--table` and `--exclude-table`, as pg_dump combines them."""
    clauses: list[str] = []
    if options.tables:
        clauses.append(f"({' OR '.join(_table_matches(pattern) for pattern in options.tables)})")
    elif options.schemas:
        clauses.append(f"({' OR '.join(_matches('n.nspname', pattern) for pattern in options.schemas)})")
    clauses.extend(f"NOT {_table_matches(pattern)}" for pattern in options.excluded_tables)
    return " AND ".join(clauses) or "true"


def _table_matches(pattern: str) -> str:
    schema, name = _split_pattern(pattern)
    if schema is None:
        return f"({_matches('c.relname', name)} AND pg_catalog.pg_table_is_visible(c.oid))"
    return f"({_matches('n.nspname', schema)} AND {_matches('c.relname', name)})"


def _split_pattern(pattern: str) -> tuple[str | None, str]:
    """Split `schema.table` at the last dot that is not inside double quotes."""
    quoted, dot = False, -1
    for position, character in enumerate(pattern):
        if character == '"':
            quoted = not quoted
        elif character == "." and not quoted:
            dot = position
    return (pattern[:dot], pattern[dot + 1 :]) if dot >= 0 else (None, pattern)


def _matches(column: str, pattern: str) -> str:
    return f"{column} OPERATOR(pg_catalog.~) {quote_literal(pattern_to_regex(pattern))}"


def pattern_to_regex(pattern: str) -> str:
    """A psql pattern as a POSIX regular expression (the rules of `processSQLNamePattern`).

    Outside of double quotes letters fold to lower case, `*` and `?` are wild, `$` is itself and
    other characters keep their meaning in regular expressions; inside of them all are literal.
    """
    result: list[str] = []
    quoted = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == '"':
            if quoted and pattern[position + 1 : position + 2] == '"':
                result.append('"')
                position += 1
            else:
                quoted = not quoted
        elif quoted:
            result.append(re.sub(r"[|*+?()\[\]{}.^$\\]", r"\\\g<0>", character))
        else:
            result.append({"*": ".*", "?": ".", "$": r"\$"}.get(character, character.lower()))
        position += 1
    return f"^({''.join(result)})$"


def unmatched_patterns(session: Session, options: BackupOptions) -> tuple[str, ...]:
    """The patterns of schemas and tables that match nothing, which pg_dump would pass over."""
    schemas = "pg_catalog.pg_namespace n"
    relations = f"{schemas} JOIN pg_catalog.pg_class c ON n.oid = c.relnamespace"
    wanted = [(pattern, schemas, _matches("n.nspname", pattern)) for pattern in options.schemas]
    wanted += [(pattern, relations, _table_matches(pattern)) for pattern in options.tables]
    return tuple(
        pattern
        for pattern, source, condition in wanted
        if not session.execute(encode_sql(f"SELECT 1 FROM {source} WHERE {condition} LIMIT 1")).fetchone()
    )
