"""Says what in a project's database is the platform's rather than the user's.

Source: the lists with which Supabase's own command line (3.1.0) leaves the platform out of its dumps. *Not
verified against the hosted service.*
"""

from __future__ import annotations

import re
from collections.abc import Collection

OWNER = "postgres"
"""Whom a project's user acts as: no superuser."""

SUPERUSER = "supabase_admin"
"""Whom the platform acts as."""

SCHEMAS = frozenset(
    [
        "_analytics",
        "_realtime",
        "_supavisor",
        "auth",
        "cron",
        "dbdev",
        "etl",
        "extensions",
        "graphql",
        "graphql_public",
        "information_schema",
        "net",
        "pgbouncer",
        "pgmq",
        "pgsodium",
        "pgsodium_masks",
        "pgtle",
        "realtime",
        "repack",
        "storage",
        "supabase_functions",
        "supabase_migrations",
        "tiger",
        "tiger_data",
        "topology",
        "vault",
    ]
)
"""Schemas that are not the user's own; `is_platform_schema` knows those that are recognised by a pattern."""

MIGRATIONS = "supabase_migrations"
"""Where the history of a project's migrations is: made by Supabase's tools, but the user's."""

_SCHEMA_PATTERN = re.compile(r"pg_.*|_?timescaledb_.*")

SCHEMAS_WITH_ROWS = frozenset({"auth", "storage"})
"""Of which a backup's rows are the user's, although the tables are the platform's."""

TABLES_WITHOUT_ROWS = frozenset(
    [
        ("auth", "schema_migrations"),
        ("storage", "migrations"),
        ("storage", "buckets_vectors"),
        ("storage", "vector_indexes"),
        ("supabase_functions", "migrations"),
    ]
)
"""Whose rows belong to the platform's own version, and are never put into another project."""

_ROLES = frozenset(
    [
        "anon",
        "authenticated",
        "authenticator",
        "dashboard_user",
        "pgbouncer",
        "pgsodium_keyholder",
        "pgsodium_keyiduser",
        "pgsodium_keymaker",
        "pgtle_admin",
        "postgres",
        "service_role",
    ]
)
_ROLE_PATTERN = re.compile(r"supabase_.*|cli_login_.*|pg_.*")

API_ROLES = frozenset({"anon", "authenticated", "service_role"})
"""The roles as which a project's web interface asks."""

_SETTINGS = re.compile(
    r"pgaudit\..+|pgrst\..+|session_replication_role|statement_timeout|track_io_timing", re.IGNORECASE
)


def is_platform_schema(name: str) -> bool:
    """Whether a schema is the platform's, or of an extension that it keeps for itself."""
    return name in SCHEMAS or _SCHEMA_PATTERN.fullmatch(name) is not None


def is_reserved_role(name: str) -> bool:
    """Whether a role is the platform's: it is in every project, and nobody else may make or change it."""
    return name in _ROLES or _ROLE_PATTERN.fullmatch(name) is not None


def is_platform_owner(name: str) -> bool:
    """Whether what a role owns is the platform's; `postgres` is reserved, but what it owns is the user's."""
    return name != OWNER and is_reserved_role(name)


def has_user_rows(schema: str, table: str) -> bool:
    """Whether the rows of a platform's table are the user's."""
    return schema in SCHEMAS_WITH_ROWS and (schema, table) not in TABLES_WITHOUT_ROWS


def may_be_set_for_a_role(setting: str) -> bool:
    """Whether a project's user may give a role this setting."""
    return _SETTINGS.fullmatch(setting) is not None


def is_supabase(roles: Collection[str], schemas: Collection[str]) -> bool:
    """Whether a database is a Supabase project's, by the roles that are named and the schemas that are there.

    A new database on the same server has the roles but not the schemas: it is an ordinary one.
    """
    return {"auth", "storage"} <= set(schemas) and bool(
        {SUPERUSER, "supabase_auth_admin", "supabase_storage_admin"} & set(roles)
    )
