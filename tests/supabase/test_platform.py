from __future__ import annotations

import pytest

from app.supabase.platform import (
    has_user_rows,
    is_platform_owner,
    is_platform_schema,
    is_reserved_role,
    is_supabase,
    may_be_set_for_a_role,
)


@pytest.mark.parametrize("name", ["auth", "storage", "pg_toast", "pgmq", "_timescaledb_internal", "vault"])
def test_the_platforms_schemas_are_known(name: str) -> None:
    assert is_platform_schema(name)


@pytest.mark.parametrize("name", ["public", "app", "authors", "Auth", "storage2", "pgtest", ""])
def test_other_schemas_are_the_users(name: str) -> None:
    assert not is_platform_schema(name)


@pytest.mark.parametrize("name", ["anon", "postgres", "supabase_admin", "cli_login_x", "pg_monitor"])
def test_reserved_roles_are_known(name: str) -> None:
    assert is_reserved_role(name)


def test_what_postgres_owns_is_the_users() -> None:
    assert not is_platform_owner("postgres")
    assert is_platform_owner("supabase_auth_admin")
    assert not is_platform_owner("app_reader")


def test_rows_of_the_platforms_own_version_are_not_the_users() -> None:
    assert has_user_rows("auth", "users")
    assert has_user_rows("storage", "objects")
    assert not has_user_rows("auth", "schema_migrations")
    assert not has_user_rows("storage", "migrations")
    assert not has_user_rows("realtime", "messages")


@pytest.mark.parametrize(
    ("setting", "may"),
    [("statement_timeout", True), ("pgrst.db_schemas", True), ("search_path", False), ("work_mem", False)],
)
def test_only_some_settings_of_roles_may_be_given(setting: str, may: bool) -> None:
    assert may_be_set_for_a_role(setting) is may


def test_a_project_is_known_by_its_schemas_and_roles_together() -> None:
    roles, schemas = {"supabase_admin", "postgres"}, {"auth", "storage", "public"}
    assert is_supabase(roles, schemas)
    assert not is_supabase({"postgres"}, schemas)
    assert not is_supabase(roles, {"public"})
