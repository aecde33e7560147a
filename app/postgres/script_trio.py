"""Tells apart the three scripts that the Supabase CLI makes of one database, whatever they are called.

`supabase db dump` writes roles, schema and data into files of their own, with `--role-only`, nothing and
`--data-only`; the data run with triggers and foreign keys switched off, as their own text says.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_entry import Entry
from app.postgres.script_outline import ScriptOutline

_ROLES = frozenset(("ROLE", "ROLE MEMBERSHIP", "PARAMETER", "TABLESPACE"))
_DATA = frozenset(
    ("TABLE DATA", "SEQUENCE SET", "BLOBS", "BLOB", "MATERIALIZED VIEW DATA", "SQL", "BLOB METADATA")
)
_LARGE_OBJECT = ("LARGE OBJECT ", "BLOB ")


class TrioRole(StrEnum):
    """Which of the three a script is, in the order in which they run."""

    ROLES = "roles"
    SCHEMA = "schema"
    DATA = "data"


def trio_role(outline: ScriptOutline) -> TrioRole | None:
    """Which of the three a script is; None for one that holds definitions and rows together."""
    kinds = {_kind(entry) for entry in outline.entries}
    if kinds <= _ROLES:
        return TrioRole.DATA if outline.sets_replication_role and not kinds else TrioRole.ROLES
    if kinds <= _DATA:
        return TrioRole.DATA
    return None if "TABLE DATA" in kinds else TrioRole.SCHEMA


def _kind(entry: Entry) -> str:
    """Its kind; comments and privileges count for what they are about."""
    if entry.tag.startswith(_LARGE_OBJECT):
        return "BLOB"
    return "ROLE" if entry.kind == "COMMENT" and entry.tag.startswith("ROLE ") else entry.kind


def trio_order(outlines: Sequence[ScriptOutline]) -> tuple[int, ...]:
    """The positions of scripts that were given together, in the order in which they run.

    Raises:
        AppError: INVALID_INPUT when they are not parts of one dump, or one part is there twice.
    """
    roles = [trio_role(outline) for outline in outlines]
    if None in roles or len(set(roles)) < len(roles):
        found = ", ".join(role or "definitions and rows together" for role in roles)
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "These scripts do not belong together",
            detail=f"They hold: {found}.",
            hint="Give roles, schema and data of one database together, each once, or one script alone.",
        )
    order = list(TrioRole)
    return tuple(sorted(range(len(roles)), key=lambda place: order.index(roles[place] or TrioRole.ROLES)))
