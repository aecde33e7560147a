"""Reads what a restore would find: the target's rights, extensions, roles, and every object in the way.

Nothing is changed: all is read in one read-only transaction, with nothing but pg_catalog in the search path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from psycopg import errors

from app.postgres import target_queries as queries
from app.postgres.connection import Session, encode_sql, quote_identifier, signature_parts
from app.postgres.target_parts import (
    DefaultRights,
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
_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")
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


@dataclass(frozen=True, slots=True)
class TargetObject:
    """An object that the target has already; kinds and names are those of pg_dump's entries.

    Attributes:
        kind: TABLE, VIEW, FUNCTION, SCHEMA …
        schema: not quoted; empty for what is in none.
        name: not quoted; of a routine with its argument types, as `f(integer, public.colour)`.
        is_mine: whether the restoring role may alter and drop it.
        table: of an index or an owned sequence, the name of its table in the same schema.
        extension: the one that it is a member of.
        columns: of tables, without generated ones, in which nothing can be put.
        owner: whom it belongs to.
    """

    kind: str
    schema: str
    name: str
    is_mine: bool = True
    table: str = ""
    extension: str = ""
    columns: tuple[str, ...] = ()
    owner: str = ""

    def __str__(self) -> str:
        """Its kind and its name as SQL writes it."""
        if self.kind in _ROUTINES:
            name, arguments = signature_parts(self.name)
            name = quote_identifier(name) + arguments
        else:
            name = self.name if "(" in self.name else quote_identifier(self.name)
        return f"{self.kind} {quote_identifier(self.schema)}.{name}" if self.schema else f"{self.kind} {name}"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key in the target: from `table` to `referenced`, both as (schema, name).

    `is_deferrable` ones can be checked when the transaction ends; `is_inherited` ones belong to that of a
    partitioned table, with which they come and go.
    """

    name: str
    table: tuple[str, str]
    referenced: tuple[str, str]
    is_deferrable: bool = False
    is_inherited: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of the target that an INSERT or a TRUNCATE fires, where it is not disabled.

    Attributes:
        table: its schema and name.
        enabled: `pg_trigger.tgenabled`: O unless session_replication_role is replica, R only then, A always.
    """

    table: tuple[str, str]
    name: str
    enabled: str = "O"
    on_insert: bool = True
    on_truncate: bool = False


@dataclass(frozen=True, slots=True)
class AvailableExtension:
    """An extension that the server could install, and whether that takes a superuser."""

    name: str
    needs_superuser: bool = False


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The database that is restored into, or the server on which a new one would be made.

    Attributes:
        database: the target's name; of a new one, the name it shall have.
        exists: whether there is such a database; if not, `objects` are those of an empty one.
        is_new: whether a new database was asked for; with `exists` its name is taken.
        version: of the server.
        owner: of the database.
        encoding: of the database; empty for a new one.
        locale: what the database sorts text by; empty for a new one.
        provider: of the locale: libc, icu, builtin.
        locales: those that the server is known to have, as `normal_locale` writes them.
        has_icu: whether the server knows ICU.
        role: who restores.
        may_create_here: whether schemas, and with them extensions, may be created in the database.
        may_replicate: whether the role may set session_replication_role, which keeps triggers still.
        is_hosted: a provider's server, where a chosen role may install extensions without being superuser.
        roles: all of the server's.
        given_to: roles that the restoring role may make the owners of objects.
        creatable: schemas in which the role may create objects.
        creators: pairs of such a role and a schema in which it may create objects itself.
        partitions: pairs of a partition and the table that it is a part of, as (schema, name).
        dependents: objects, and what else in the target goes wrong without them.
        rows_in: tables that hold rows, or whose rows could not be seen; (schema, name).
        row_numbers: about how many, as far as the server has an idea of it.
        parts: what objects have of their own: policies, triggers, comments, rights of other roles …
        default_rights: what other roles get on what the restoring role makes.
        search_path: the schemas in which this role's sessions look for names, in order.
        triggers: those of its own that an INSERT or TRUNCATE could fire.
        hides_rows: tables whose row security applies to the role, so that nothing can be copied into them.
        writable: tables and sequences of others into which the role may put rows all the same.
        grantable: of others' tables, the rights that the role may pass on: schema, name, right.
        admin_of: roles in which it may make others members.
        role_settings: what roles have set in all databases: the role, and `name=value`.
        settings: of a server for a new database: who may change each, as `pg_settings.context` says.
        lock_slots: how many objects all sessions together can lock.
        free_connections: those that this role can still open.
    """

    database: str
    version: Version
    role: str
    exists: bool = True
    is_new: bool = False
    owner: str = ""
    encoding: str = ""
    locale: str = ""
    provider: str = ""
    locales: frozenset[str] = frozenset()
    has_icu: bool = False
    is_superuser: bool = False
    may_create_databases: bool = False
    may_create_roles: bool = False
    bypasses_row_security: bool = False
    may_create_here: bool = False
    may_replicate: bool = False
    may_subscribe: bool = False
    is_hosted: bool = False
    roles: frozenset[str] = frozenset()
    given_to: frozenset[str] = frozenset()
    extensions: dict[str, str] = field(default_factory=dict)
    available: dict[str, AvailableExtension] = field(default_factory=dict)
    objects: tuple[TargetObject, ...] = ()
    creatable: frozenset[str] = frozenset()
    creators: frozenset[tuple[str, str]] = frozenset()
    collations: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    tablespaces: frozenset[str] = frozenset()
    access_methods: frozenset[str] = frozenset()
    label_providers: frozenset[str] = frozenset()
    settings: dict[str, str] = field(default_factory=dict)
    large_objects: frozenset[int] = frozenset()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partitions: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = ()
    dependents: tuple[tuple[TargetObject, TargetObject], ...] = ()
    rows_in: frozenset[tuple[str, str]] = frozenset()
    row_numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    default_rights: tuple[DefaultRights, ...] = ()
    search_path: tuple[str, ...] = ("public",)
    triggers: tuple[Trigger, ...] = ()
    hides_rows: frozenset[tuple[str, str]] = frozenset()
    writable: frozenset[tuple[str, str]] = frozenset()
    grantable: frozenset[tuple[str, str, str]] = frozenset()
    admin_of: frozenset[str] = frozenset()
    role_settings: frozenset[tuple[str, str]] = frozenset()
    bytes: int = 0
    lock_slots: int = 0
    other_sessions: int = 0
    free_connections: int = 0
    is_read_only: bool = False
    in_recovery: bool = False

    @property
    def has_data(self) -> bool:
        """Whether it holds rows or large objects of its own."""
        return bool(self.rows_in or self.large_objects)


def normal_locale(name: str) -> str:
    """A locale's name as all systems' spellings of it agree: `en_US.UTF-8` and `en_US.utf8` are one."""
    place, dot, charset = name.partition(".")
    return f"{place}{dot}{charset.replace('-', '').lower()}"


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


def what_changed(planned: TargetFacts, now: TargetFacts) -> tuple[str, ...]:
    """In sentences, how a target differs from what a plan was made for; none when the plan still fits."""
    changes = [
        f"{what} was {_shown(before)} and is now {_shown(after)}"
        for what, before, after in (
            ("The database", planned.database, now.database),
            ("The server's version", planned.version, now.version),
            ("The role", planned.role, now.role),
            ("Whether there is such a database", planned.exists, now.exists),
            ("Whether the target is read-only", planned.is_read_only, now.is_read_only),
            ("Whether the role is a superuser", planned.is_superuser, now.is_superuser),
        )
        if before != after
    ]
    changes += _difference("schema or object", map(str, planned.objects), map(str, now.objects))
    before, after = {str(one): one for one in planned.objects}, {str(one): one for one in now.objects}
    changes += [
        f"{name} was altered" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]
    ]
    gone, added = set(planned.parts) - set(now.parts), set(now.parts) - set(planned.parts)
    changes += _difference("part of an object", map(str, gone), map(str, added))
    changes += _difference("extension", planned.extensions, now.extensions)
    changes += _difference("role", planned.roles, now.roles)
    changes += _difference("role whose objects may be made", planned.given_to, now.given_to)
    changes += [
        f"{quote_identifier(schema)}.{quote_identifier(name)} holds rows now"
        for schema, name in sorted(now.rows_in - planned.rows_in)
    ]
    if now.large_objects - planned.large_objects:
        changes.append("There are new large objects")
    return tuple(changes)


def _shown(value: object) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else f"“{value}”"


def _difference(what: str, before: Iterable[str], after: Iterable[str]) -> list[str]:
    known, found = set(before), set(after)
    return [
        *(f"There is a new {what}: {name}" for name in sorted(found - known)),
        *(f"There is no longer a {what}: {name}" for name in sorted(known - found)),
    ]


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
