"""Reads what a restore would find: the target's rights, extensions, roles, and every object in the way.

Nothing is changed: all is read in one read-only transaction, with nothing but pg_catalog in the search path.
"""

from __future__ import annotations

from typing import Any

from psycopg import errors

from app.postgres import target_queries as queries
from app.postgres.connection import Session
from app.postgres.quoting import encode_sql, quote_identifier
from app.postgres.target_facts import (
    AvailableExtension,
    ForeignKey,
    TargetFacts,
    TargetObject,
    Trigger,
    normal_locale,
)
from app.postgres.target_parts import (
    Part,
    read_default_rights,
    read_parts,
    read_row_numbers,
)
from app.postgres.toolchain import Version

_MOST_TABLES = 2000
_TABLES_AT_ONCE = 50
_MOST_LARGE_OBJECTS = 100_000
_PATIENCE = "5s"
_HOSTED = frozenset(
    {"rds_superuser", "supabase_admin", "cloudsqlsuperuser", "azure_pg_admin", "neon_superuser"}
)
_RELATIONS = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "S": "SEQUENCE",
    "f": "FOREIGN TABLE",
    "i": "INDEX",
    "I": "INDEX",
    "c": "TYPE",
}


def read_target(session: Session) -> TargetFacts:
    """Look at the database of the session.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`, as in `connection.asking`.
    """
    replicates = _may_replicate(session)
    with session.transaction():
        path = _begin(session)
        objects = _Objects(session)
        holding_rows = _tables_with_rows(session)
        return TargetFacts(
            **_server(session),
            **_database(session),
            may_replicate=replicates,
            objects=objects.all,
            dependents=objects.dependents(),
            foreign_keys=_foreign_keys(session),
            partitions=tuple(((a, b), (c, d)) for a, b, c, d in _rows(session, queries.PARTITIONS)),
            rows_in=frozenset(holding_rows),
            row_numbers=read_row_numbers(session),
            parts=objects.parts(),
            default_rights=read_default_rights(session),
            search_path=path,
            triggers=tuple(
                Trigger((schema, table), *rest) for schema, table, *rest in _rows(session, queries.TRIGGERS)
            ),
            hides_rows=_pairs(session, queries.HIDES_ROWS),
            writable=_pairs(session, queries.WRITABLE),
            grantable=frozenset((a, b, c) for a, b, c in _rows(session, queries.GRANTABLE)),
            admin_of=_names(session, queries.ADMIN_OF),
            role_settings=_pairs(session, queries.ROLE_SETTINGS),
            creatable=_names(session, queries.CREATABLE),
            creators=_pairs(session, queries.CREATORS.format(right=_right(session))),
            extensions=dict(_rows(session, queries.INSTALLED)),
            label_providers=_names(session, queries.LABEL_PROVIDERS),
            large_objects=frozenset(
                number
                for (number,) in _rows(
                    session, f"SELECT oid::int8 FROM pg_largeobject_metadata LIMIT {_MOST_LARGE_OBJECTS}"
                )
            ),
        )


def read_server(session: Session, database: str) -> TargetFacts:
    """Look at a server on which a new database is to be made; `session` is with any other of its databases.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`, as in `connection.asking`.
    """
    replicates = _may_replicate(session)
    with session.transaction():
        _begin(session)
        is_taken = session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchall()
        server = _server(session)
        modern = server["version"].major >= 15
        public = TargetObject("SCHEMA", "", "public", is_mine=modern or server["is_superuser"])
        return TargetFacts(
            **server,
            database=database,
            exists=bool(is_taken),
            is_new=True,
            owner=server["role"],
            may_create_here=True,
            may_replicate=replicates,
            objects=(public,),
            creatable=frozenset({"public"}),
            extensions={"plpgsql": "pg_catalog"},
            label_providers=_names(session, queries.LABEL_PROVIDERS),
            settings=dict(_rows(session, "SELECT lower(name), context FROM pg_settings")),
        )


def _begin(session: Session) -> tuple[str, ...]:
    """Begin to read; gives the search path that sessions have otherwise."""
    session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    path = tuple(_rows(session, "SELECT current_schemas(false)::text[]")[0][0])
    session.execute("SET LOCAL search_path = ''")
    session.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'".encode())
    return path


def _may_replicate(session: Session) -> bool:
    """Try it: hosted servers let roles set it that are no superusers, and no catalog says so."""
    try:
        with session.transaction(force_rollback=True):
            session.execute("SET LOCAL session_replication_role = replica")
    except errors.InsufficientPrivilege:
        return False
    return True


def _rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return session.execute(encode_sql(query)).fetchall()


def _names(session: Session, query: str) -> frozenset[str]:
    return frozenset(name for (name,) in _rows(session, query))


def _pairs(session: Session, query: str) -> frozenset[tuple[str, str]]:
    return frozenset((schema, name) for schema, name in _rows(session, query))


def _right(session: Session) -> str:
    """What it takes to make a role the owner of something."""
    return "SET" if session.info.server_version >= 160_000 else "MEMBER"


def _server(session: Session) -> dict[str, Any]:
    """What is the same in all of a server's databases."""
    version, role, superuser, databases, roles, bypasses, free, recovery, slots = _rows(
        session, queries.SERVER
    )[0]
    known = Version.from_number(version)
    right = _right(session)
    all_roles = _names(session, "SELECT rolname FROM pg_roles")
    subscribers = f"pg_has_role('pg_create_subscription', '{right}')" if known.major >= 16 else "false"
    collations = _rows(session, queries.COLLATIONS)
    return {
        "version": known,
        "role": role,
        "is_superuser": superuser,
        "may_create_databases": superuser or databases,
        "may_create_roles": superuser or roles,
        "bypasses_row_security": superuser or bypasses,
        "may_subscribe": superuser or bool(_rows(session, f"SELECT 1 WHERE {subscribers}")),
        "is_hosted": bool(all_roles & _HOSTED),
        "roles": all_roles,
        "given_to": _names(session, f"SELECT rolname FROM pg_roles WHERE pg_has_role(oid, '{right}')"),
        "available": {
            name: AvailableExtension(name, needs and not trusted)
            for name, needs, trusted in _rows(session, queries.AVAILABLE)
        },
        "collations": frozenset(name for name, _, _ in collations),
        "locales": frozenset(normal_locale(locale) for _, _, locale in collations if locale)
        | {normal_locale(name) for name in _names(session, "SELECT datcollate FROM pg_database")},
        "has_icu": any(provider == "i" for _, provider, _ in collations),
        "languages": _names(session, "SELECT lanname FROM pg_language"),
        "tablespaces": _names(session, queries.TABLESPACES),
        "access_methods": _names(session, "SELECT amname FROM pg_am"),
        "free_connections": free,
        "in_recovery": recovery,
        "lock_slots": slots,
    }


def _database(session: Session) -> dict[str, Any]:
    """What `pg_database` says of the session's database."""
    newer = session.info.server_version
    locale = "datlocale" if newer >= 170000 else "daticulocale" if newer >= 150000 else "NULL"
    provider = "datlocprovider::text" if newer >= 150000 else "'c'"
    name, owner, encoding, kind, libc, other, size, creates, sessions, read_only = _rows(
        session, queries.DATABASE.format(locale=locale, provider=provider)
    )[0]
    return {
        "database": name,
        "owner": owner,
        "encoding": encoding,
        "locale": other or libc,
        "provider": {"i": "icu", "b": "builtin"}.get(kind, "libc"),
        "bytes": size,
        "may_create_here": creates,
        "other_sessions": sessions,
        "is_read_only": read_only,
    }


class _Objects:
    """The target's objects, and which of them need which."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_oid: dict[tuple[str, int], TargetObject] = {}
        columns = {oid: tuple(names) for oid, names in _rows(session, queries.COLUMNS)}
        relations = _rows(session, queries.ALL_RELATIONS)
        names = {oid: name for oid, _, name, *_ in relations}
        for oid, schema, name, kind, is_mine, extension, table, owner in relations:
            self._by_oid["pg_class", oid] = TargetObject(
                _RELATIONS.get(kind, kind),
                schema,
                name,
                is_mine,
                names.get(table, "") if table else "",
                extension,
                columns.get(oid, ()) if kind in "rp" else (),
                owner,
            )
        for catalog, oid, kind, schema, name, is_mine, extension, owner in _rows(session, queries.OTHERS):
            self._by_oid[catalog, oid] = TargetObject(kind, schema, name, is_mine, "", extension, (), owner)

    @property
    def all(self) -> tuple[TargetObject, ...]:
        """Each one, in a fixed order."""
        return tuple(sorted(self._by_oid.values(), key=lambda one: (one.schema, one.kind, one.name)))

    def dependents(self) -> tuple[tuple[TargetObject, TargetObject], ...]:
        """Pairs of objects; the second needs the first."""
        pairs = {
            (needed, dependent)
            for catalog, oid, other_catalog, other_oid in _rows(self._session, queries.DEPENDENTS)
            if (needed := self._by_oid.get((catalog, oid)))
            and (dependent := self._by_oid.get((other_catalog, other_oid)))
            and needed != dependent
        }
        return tuple(sorted(pairs, key=lambda pair: (str(pair[0]), str(pair[1]))))

    def parts(self) -> tuple[Part, ...]:
        """What the objects have that goes with them; those of extensions bring their own."""
        return read_parts(
            self._session,
            {key: (one.kind, one.schema, one.name) for key, one in self._by_oid.items() if not one.extension},
        )


def _foreign_keys(session: Session) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(name, (schema, table), (other_schema, other), deferrable, inherited)
        for name, schema, table, other_schema, other, deferrable, inherited in _rows(
            session, queries.FOREIGN_KEYS
        )
    )


def _tables_with_rows(session: Session) -> list[tuple[str, str]]:
    """The tables that hold a row, or may: unreadable, locked, or full of dead rows that take long to pass."""
    tables = _rows(session, queries.TABLES)
    holding = [(schema, name) for schema, name, readable, may in tables if may and not readable]
    seen = [(schema, name) for schema, name, readable, _ in tables if readable]
    if len(seen) > _MOST_TABLES:
        by_name = {(schema, name): pages for schema, name, _, pages in tables}
        holding += [table for table in seen[_MOST_TABLES:] if by_name[table]]
    session.execute(f"SET LOCAL statement_timeout = '{_PATIENCE}'".encode())
    for start in range(0, min(len(seen), _MOST_TABLES), _TABLES_AT_ONCE):
        some = seen[start : min(start + _TABLES_AT_ONCE, _MOST_TABLES)]
        query = " UNION ALL ".join(
            f"SELECT {number} WHERE EXISTS "
            f"(SELECT FROM ONLY {quote_identifier(schema)}.{quote_identifier(name)})"
            for number, (schema, name) in enumerate(some)
        )
        try:
            with session.transaction():
                holding += [some[number] for (number,) in _rows(session, query)]
        except (errors.QueryCanceled, errors.LockNotAvailable, errors.UndefinedTable):
            holding += some
    session.execute("SET LOCAL statement_timeout = 0")
    return holding
