"""Reads what a target's objects have of their own, lost when they are replaced, and what new ones get.

Source of the letters: https://www.postgresql.org/docs/current/ddl-priv.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.postgres.quoting import encode_sql

if TYPE_CHECKING:  # the module behind it loads psycopg
    from app.postgres.connection import Session

PUBLIC = "PUBLIC"
"""The grantee that stands for every role."""

_RIGHTS = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "m": "MAINTAIN",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
}
_ITEM = re.compile(r'(?P<grantee>"(?:[^"]|"")*"|[^=]*)=(?P<rights>[a-zA-Z*]*)/(?P<grantor>.*)', re.DOTALL)
_PARTS = """
SELECT 'pg_class', oid::int8, 'ROW SECURITY', '', NULL::text[] FROM pg_class
WHERE relrowsecurity AND oid >= 16384
UNION ALL SELECT 'pg_class', polrelid::int8, 'POLICY', polname, NULL FROM pg_policy
UNION ALL SELECT 'pg_class', tgrelid::int8, 'TRIGGER', tgname, NULL FROM pg_trigger
    WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL SELECT 'pg_class', ev_class::int8, 'RULE', rulename, NULL FROM pg_rewrite
    WHERE rulename <> '_RETURN' AND ev_class >= 16384
UNION ALL SELECT 'pg_class', conrelid::int8, 'CHECK CONSTRAINT', conname, NULL FROM pg_constraint
    WHERE contype = 'c' AND conrelid >= 16384 AND coninhcount = 0
UNION ALL SELECT 'pg_class', stxrelid::int8, 'STATISTICS', stxname, NULL FROM pg_statistic_ext
UNION ALL SELECT 'pg_class', r.prrelid::int8, 'PUBLICATION TABLE', p.pubname, NULL
    FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
UNION ALL SELECT d.classoid::regclass::text, d.objoid::int8, 'COMMENT', COALESCE(a.attname, ''), NULL
    FROM pg_description d
    LEFT JOIN pg_attribute a ON d.classoid = 'pg_class'::regclass AND d.objsubid <> 0
         AND a.attrelid = d.objoid AND a.attnum = d.objsubid
    WHERE d.objoid >= 16384 AND d.classoid IN
          ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_namespace'::regclass)
UNION ALL SELECT 'pg_class', oid::int8, 'ACL', '', relacl::text[] FROM pg_class
    WHERE relacl IS NOT NULL AND oid >= 16384
UNION ALL SELECT 'pg_class', attrelid::int8, 'ACL', attname, attacl::text[] FROM pg_attribute
    WHERE attacl IS NOT NULL AND attrelid >= 16384 AND NOT attisdropped
UNION ALL SELECT 'pg_proc', oid::int8, 'ACL', '', proacl::text[] FROM pg_proc
    WHERE proacl IS NOT NULL AND oid >= 16384
UNION ALL SELECT 'pg_type', oid::int8, 'ACL', '', typacl::text[] FROM pg_type
    WHERE typacl IS NOT NULL AND oid >= 16384
UNION ALL SELECT 'pg_namespace', oid::int8, 'ACL', '', nspacl::text[] FROM pg_namespace
    WHERE nspacl IS NOT NULL
"""
_DEFAULTS = """
SELECT d.defaclobjtype::text, COALESCE(n.nspname, ''), d.defaclacl::text[]
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""
_ROWS = """
SELECT n.nspname, c.relname, COALESCE(NULLIF(pg_stat_get_live_tuples(c.oid), 0), c.reltuples)::int8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.oid >= 16384
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that an object of the target has, and that goes with it.

    Attributes:
        of: kind, schema and name of the object.
        kind: POLICY, ROW SECURITY, TRIGGER, COMMENT, ACL …
        name: of a comment the column, of privileges the role that has them (`PUBLIC` for all).
        rights: of privileges; with their column, as `SELECT(a)`, where they are a column's.
    """

    of: tuple[str, str, str]
    kind: str
    name: str = ""
    rights: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In words, with the object's name."""
        words = " ".join(filter(None, (self.kind, self.name, ", ".join(self.rights))))
        return f"{words} of {self.of[0]} {self.of[1]}.{self.of[2]}"


@dataclass(frozen=True, slots=True)
class DefaultRights:
    """What a role gets on each new object that the restoring role makes.

    Attributes:
        kind: r for tables and views, S for sequences, f for routines, T for types, n for schemas.
        schema: in which it holds; empty for all.
    """

    kind: str
    schema: str
    role: str
    rights: tuple[str, ...]


def read_parts(session: Session, objects: Mapping[tuple[str, int], tuple[str, str, str]]) -> tuple[Part, ...]:
    """What the target's objects have, in a fixed order.

    Args:
        objects: kind, schema and name by catalog and oid; what is said of others is passed over.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`.
    """
    parts: list[Part] = []
    for catalog, oid, kind, name, items in session.execute(encode_sql(_PARTS)).fetchall():
        of = objects.get((catalog, oid))
        if of is None:
            continue
        if kind != "ACL":
            parts.append(Part(of, kind, name))
            continue
        for role, rights in _grants(items):
            written = tuple(f"{right}({name})" for right in rights) if name else rights
            parts.append(Part(of, "ACL", role, written))
    return tuple(sorted(parts, key=lambda part: (part.of, part.kind, part.name, part.rights)))


def read_default_rights(session: Session) -> tuple[DefaultRights, ...]:
    """What others get on objects that the session's role makes from now on.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`.
    """
    return tuple(
        DefaultRights(kind, schema, role, rights)
        for kind, schema, items in session.execute(encode_sql(_DEFAULTS)).fetchall()
        for role, rights in _grants(items)
    )


def read_row_numbers(session: Session) -> dict[tuple[str, str], int]:
    """About how many rows tables have, by schema and name, where the server has an idea of it.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`.
    """
    rows = session.execute(encode_sql(_ROWS)).fetchall()
    return {(schema, name): number for schema, name, number in rows if number > 0}


def _grants(items: Iterable[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Who has which rights, without the owner, who grants them to himself."""
    for item in items:
        match = _ITEM.fullmatch(item)
        if match is None or match["grantee"] == match["grantor"]:
            continue
        name = match["grantee"]
        role = name[1:-1].replace('""', '"') if name.startswith('"') else name
        rights = tuple(_RIGHTS[letter] for letter in match["rights"] if letter in _RIGHTS)
        yield role or PUBLIC, rights
