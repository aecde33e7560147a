"""Supabase on somebody's own server, with the pooler that comes with it.

Source: Supabase's documentation on self-hosting: sessions on 5432 and transactions on 6543 of the same
host, and a user name that ends in the tenant's; without the pooler the users are the database's own.
"""

from __future__ import annotations

import re

from app.domain.project_types.project_type import Keywords, ProjectType, Rewrite, with_other_port

_USER = re.compile(r"(postgres|supabase_admin)\.[\w-]+|supabase_admin")


def _recognises(keywords: Keywords) -> bool:
    return bool(keywords.get("host")) and bool(_USER.fullmatch(keywords.get("user", "")))


def _around_pooler(keywords: Keywords) -> Rewrite | None:
    changed = with_other_port(keywords, "6543", "5432")
    if changed is None:
        return None
    return Rewrite(
        changed,
        "Port 6543 is a transaction pooler, on which a snapshot does not hold: port 5432 of the same host, "
        "its session pooler, is used instead.",
    )


SUPABASE_SELF_HOSTED = ProjectType(
    name="supabase-self-hosted",
    title="Supabase on your own server",
    recognises=_recognises,
    around_pooler=_around_pooler,
    direct="Use port 5432: the session pooler, or the database itself.",
    administrator="supabase_admin",
    to_read_all="Back up as postgres or supabase_admin, which may read everything; or use --exclude-table.",
    to_see_all_rows="Back up as postgres or supabase_admin, which have BYPASSRLS.",
    preset={"port": "5432", "user": "supabase_admin", "dbname": "postgres"},
)
