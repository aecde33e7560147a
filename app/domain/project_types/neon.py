"""Neon.

Source: Neon's documentation: the pooled host has `-pooler` at the end of its first label and is in
transaction mode, pg_dump needs the other; roles made in its console are members of neon_superuser.
*Not verified against the hosted service.*
"""

from __future__ import annotations

import re

from app.domain.project_types.project_type import (
    Keywords,
    ProjectType,
    Rewrite,
    all_hosts_end_with,
)

_POOLER = re.compile(r"^([^.,]+)-pooler\.", re.IGNORECASE)


def _around_pooler(keywords: Keywords) -> Rewrite | None:
    hosts = keywords.get("host", "").split(",")
    direct = [_POOLER.sub(r"\1.", host) for host in hosts]
    if direct == hosts:
        return None
    return Rewrite(
        {**keywords, "host": ",".join(direct)},
        "The host is Neon's transaction pooler, on which a snapshot does not hold: the same host without "
        "-pooler is used instead.",
    )


NEON = ProjectType(
    name="neon",
    title="Neon",
    recognises=all_hosts_end_with(".neon.tech"),
    sslmode="require",
    around_pooler=_around_pooler,
    direct="Use the host without -pooler in its name.",
    administrator="neon_superuser",
    to_read_all='As a member of neon_superuser, run: GRANT pg_read_all_data TO "{user}"; or use '
    "--exclude-table.",
    to_see_all_rows="Back up as the owner of these tables, or as a role with BYPASSRLS: those made in "
    "Neon's console have it.",
    authority="Its certificate is one that this computer trusts: use sslrootcert=system.",
)
