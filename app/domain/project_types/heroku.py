"""Heroku Postgres.

Its servers are Amazon's and have no names of their own: what tells them apart are the names that Heroku makes
up for databases and users, so a string that is not recognised is taken for another kind, which does no harm.
Source: Heroku's documentation: TLS is required, its certificates sign themselves, pooled connections are in
transaction mode and have a configuration variable of their own. *Not verified against the hosted service.*
"""

from __future__ import annotations

import re

from app.domain.project_types.project_type import Keywords, ProjectType, hosts_of

_HOST = re.compile(r".+\.(compute(-1)?|rds)\.amazonaws\.com")
_DATABASE = re.compile(r"d[0-9a-z]{12,14}")
_USER = re.compile(r"u[0-9a-z]{12,14}|[a-z]{14}")


def _recognises(keywords: Keywords) -> bool:
    hosts = hosts_of(keywords)
    return (
        bool(hosts)
        and all(map(_HOST.fullmatch, hosts))
        and bool(_DATABASE.fullmatch(keywords.get("dbname", "")))
        and bool(_USER.fullmatch(keywords.get("user", "")))
    )


HEROKU = ProjectType(
    name="heroku",
    title="Heroku Postgres",
    recognises=_recognises,
    sslmode="require",
    direct="Use the string in DATABASE_URL, not the one in DATABASE_CONNECTION_POOL_URL.",
    to_read_all="Back up with the default credential, which owns the database; or use --exclude-table.",
    to_see_all_rows="Back up with the default credential, if it owns these tables; nobody gets BYPASSRLS.",
    authority="Heroku's certificates sign themselves and cannot be checked: use sslmode=require.",
    unreachable="Host and password of a Heroku database change now and again: “heroku config” has those of "
    "today.",
)
