"""A project on Supabase's own servers: its direct host, its session pooler and its transaction poolers.

Sources: Supabase's documentation, and how its command line (3.1.0) connects. *Not verified against the
hosted service.*
"""

from __future__ import annotations

import re

from app.domain.project_types.project_type import (
    Keywords,
    ProjectType,
    Rewrite,
    hosts_of,
    with_other_port,
)

DIRECT_HOST = re.compile(r"db\.([a-z]{20})\.supabase\.(co|com|net|red)")
TRANSACTION_PORT, SESSION_PORT = "6543", "5432"
_HOST = re.compile(r"(.*\.)?supabase\.(co|com|net|red)")


def is_supabase_host(host: str) -> bool:
    """Whether a host is one of Supabase's own, by its name."""
    return bool(_HOST.fullmatch(host.casefold()))


def _recognises(keywords: Keywords) -> bool:
    hosts = hosts_of(keywords)
    return bool(hosts) and all(map(is_supabase_host, hosts))


def _around_pooler(keywords: Keywords) -> Rewrite | None:
    """The same host answers on 5432: a pooler in session mode, or the server itself."""
    changed = with_other_port(keywords, TRANSACTION_PORT, SESSION_PORT)
    if changed is None:
        return None
    return Rewrite(
        changed,
        "Port 6543 is Supabase's transaction pooler, on which a snapshot does not hold: port 5432 of the "
        "same host is used instead.",
    )


def _is_direct(keywords: Keywords) -> bool:
    return any(DIRECT_HOST.fullmatch(host) for host in hosts_of(keywords))


SUPABASE_HOSTED = ProjectType(
    name="supabase",
    title="Supabase",
    recognises=_recognises,
    sslmode="require",
    around_pooler=_around_pooler,
    direct="Use port 5432: the direct connection or the session pooler.",
    administrator="postgres",
    to_read_all="Back up as the role postgres, which may read everything; or use --exclude-table.",
    to_see_all_rows="Back up as the role postgres, which has BYPASSRLS.",
    authority="Download the certificate from the project's database settings (SSL configuration), and give "
    "it with sslrootcert=FILE.",
    unreachable="The direct host of a Supabase project has an IPv6 address only, unless it has the IPv4 "
    "add-on: use its session pooler. A project that is paused or removed has no host at all.",
    has_session_pooler=_is_direct,
    preset={"port": "5432", "user": "postgres", "dbname": "postgres"},
)
