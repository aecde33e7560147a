"""The project that `supabase start` runs on this computer.

Source: the configuration that Supabase's command line writes: database on 54322, pooler on 54329 (in
transaction mode unless it was changed), user and password postgres, no TLS.
"""

from __future__ import annotations

from app.domain.project_types.project_type import (
    Keywords,
    ProjectType,
    Rewrite,
    hosts_of,
    with_other_port,
)

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_DATABASE, _POOLER = "54322", "54329"


def _recognises(keywords: Keywords) -> bool:
    ports = keywords.get("port", "").split(",")
    hosts = hosts_of(keywords)
    return bool(hosts) and _HERE.issuperset(hosts) and all(port in (_DATABASE, _POOLER) for port in ports)


def _around_pooler(keywords: Keywords) -> Rewrite | None:
    """The pooler knows its only tenant from the user's name, which the database itself does not have."""
    changed = with_other_port(keywords, _POOLER, _DATABASE)
    if changed is None:
        return None
    if "user" in changed:
        changed["user"] = changed["user"].removesuffix(".pooler-dev")
    return Rewrite(
        changed,
        "Port 54329 is the local project's pooler: port 54322, the database itself, is used instead.",
    )


SUPABASE_LOCAL = ProjectType(
    name="supabase-local",
    title="Supabase on this computer",
    recognises=_recognises,
    around_pooler=_around_pooler,
    administrator="supabase_admin",
    to_read_all="Back up as the role postgres, which may read everything; or use --exclude-table.",
    to_see_all_rows="Back up as the role postgres, which has BYPASSRLS.",
    unreachable="“supabase start” starts it, and “supabase status” tells where it answers.",
    preset={
        "host": "127.0.0.1",
        "port": _DATABASE,
        "user": "postgres",
        "password": "postgres",
        "dbname": "postgres",
    },
)
