"""Reads which extensions a database has, with what a server without them must stand in for."""

from __future__ import annotations

from typing import Any

from app.domain.backup import Extension, ExtensionCast, ExtensionOperator, ExtensionRoutine, ExtensionType
from app.postgres.connection import Session


def extensions(session: Session) -> tuple[Extension, ...]:
    """The installed extensions with the types, functions and operators that they own.

    A sandbox that lacks an extension stands in for it from this (see `stand_ins`).
    """
    found = session.execute(
        """
        SELECT e.oid::int8, e.extname, e.extversion, n.nspname
        FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname <> 'plpgsql' ORDER BY e.extname
        """
    ).fetchall()
    types = _grouped(session, _EXTENSION_TYPES)
    routines = _grouped(session, _EXTENSION_ROUTINES)
    operators = _grouped(session, _EXTENSION_OPERATORS)
    casts = _grouped(session, _EXTENSION_CASTS)
    return tuple(
        Extension(
            name=name,
            version=version,
            schema=schema,
            types=tuple(
                ExtensionType(s, n, kind, has_modifier, category, tuple(labels))
                for s, n, kind, has_modifier, category, labels in types.get(oid, ())
            ),
            routines=tuple(ExtensionRoutine(*row) for row in routines.get(oid, ())),
            operators=tuple(ExtensionOperator(*row) for row in operators.get(oid, ())),
            casts=tuple(ExtensionCast(*row) for row in casts.get(oid, ())),
        )
        for oid, name, version, schema in found
    )


def _grouped(session: Session, query: str) -> dict[int, list[tuple[Any, ...]]]:
    groups: dict[int, list[tuple[Any, ...]]] = {}
    with session.transaction():
        session.execute(
            "SET LOCAL search_path = pg_catalog"
        )  # so that format_type qualifies every other name
        for owner, *rest in session.execute(query).fetchall():
            groups.setdefault(owner, []).append(tuple(rest))
    return groups


_MEMBER = (
    "pg_depend d ON d.objid = {0}.oid AND d.classid = '{1}'::regclass"
    " AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass"
)
_EXTENSION_TYPES = f"""
SELECT d.refobjid::int8, n.nspname, t.typname, t.typtype::text, t.typmodin <> 0, t.typcategory::text,
       ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN {_MEMBER.format("t", "pg_type")}
WHERE NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
  AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
ORDER BY t.oid
"""
_EXTENSION_ROUTINES = f"""
SELECT d.refobjid::int8, n.nspname, p.proname, p.prokind::text, pg_get_function_arguments(p.oid),
       COALESCE(pg_get_function_result(p.oid), ''), p.provolatile::text, p.proisstrict, p.proretset
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN {_MEMBER.format("p", "pg_proc")}
ORDER BY p.oid
"""
_EXTENSION_OPERATORS = f"""
SELECT d.refobjid::int8, n.nspname, o.oprname, CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END,
       CASE WHEN o.oprright <> 0 THEN format_type(o.oprright, NULL) END,
       format('%I.%I', pn.nspname, p.proname)
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_namespace pn ON pn.oid = p.pronamespace
JOIN {_MEMBER.format("o", "pg_operator")}
ORDER BY o.oid
"""
_EXTENSION_CASTS = f"""
SELECT d.refobjid::int8, format_type(c.castsource, NULL), format_type(c.casttarget, NULL), c.castcontext::text
FROM pg_cast c JOIN {_MEMBER.format("c", "pg_cast")}
ORDER BY c.oid
"""
