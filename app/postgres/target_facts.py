"""What a restore would find in its target, as values; a plan is made from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.postgres.quoting import quote_identifier, signature_parts
from app.postgres.target_parts import DefaultRights, Part
from app.postgres.toolchain import Version

_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")


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
