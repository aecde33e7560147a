"""Azure Database for PostgreSQL (flexible server).

Source: Microsoft's documentation: azure_pg_admin stands in for a superuser, TLS is enforced unless it was
turned off, the built-in PgBouncer answers on port 6432 of the same host; from version 16 on administrators
can give BYPASSRLS, before that only the administrator itself is spared. *Not verified against the hosted
service.*
"""

from __future__ import annotations

from app.domain.project_types.project_type import (
    Keywords,
    ProjectType,
    Rewrite,
    all_hosts_end_with,
    with_other_port,
)


def _around_pooler(keywords: Keywords) -> Rewrite | None:
    changed = with_other_port(keywords, "6432", "5432")
    if changed is None:
        return None
    return Rewrite(
        changed,
        "Port 6432 is Azure's PgBouncer, on which a snapshot may not hold: port 5432, the server itself, is "
        "used instead.",
    )


AZURE = ProjectType(
    name="azure",
    title="Azure Database for PostgreSQL",
    recognises=all_hosts_end_with(".postgres.database.azure.com", ".postgres.database.chinacloudapi.cn"),
    sslmode="require",
    around_pooler=_around_pooler,
    direct="Use port 5432, the server itself.",
    administrator="azure_pg_admin",
    to_read_all='As a member of azure_pg_admin, run: GRANT pg_read_all_data TO "{user}"; or use '
    "--exclude-table.",
    to_see_all_rows="Back up as the server's administrator, a member of azure_pg_admin; from version 16 on "
    'it can also run: ALTER ROLE "{user}" BYPASSRLS;',
    authority="Its certificate is one that this computer should trust: use sslrootcert=system.",
    unreachable="The server's firewall rules must let this computer's address in.",
)
