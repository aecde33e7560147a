from __future__ import annotations

import pytest

from app.postgres.archive_entry import Entry
from app.supabase.restore_rules import RULES, Outcome, Subject, outcome_of


def entry(kind: str, tag: str, schema: str = "", definition: str = "") -> Entry:
    return Entry(
        dump_id=1,
        catalog_oid=0,
        oid=0,
        tag=tag,
        kind=kind,
        section="none",
        definition=definition,
        drop="",
        copy_statement="",
        schema=schema,
        tablespace="",
        access_method="",
        relkind="",
        owner="",
        dependencies=(),
        has_data=False,
    )


def outcome(kind: str, tag: str, schema: str = "", owner: str = "postgres", /, **facts: bool) -> Outcome:
    return outcome_of(Subject(entry(kind, tag, schema), schema, owner, **facts))[0]


def test_what_is_outside_of_the_platform_is_ordinary() -> None:
    assert outcome("TABLE", "orders", "public") is Outcome.ORDINARY
    assert outcome("TABLE", "orders", "public", "supabase_admin") is Outcome.ORDINARY
    assert outcome("SCHEMA", "app", "app") is Outcome.ORDINARY


def test_rows_go_where_the_role_may_write_them() -> None:
    assert outcome("TABLE DATA", "users", "auth", "supabase_auth_admin", may_write=True) is Outcome.RESTORED
    assert outcome("TABLE DATA", "users", "auth", "supabase_auth_admin", whole_is_here=True) is Outcome.LOST
    assert outcome("TABLE DATA", "newer", "auth", "supabase_auth_admin") is Outcome.LOST
    assert outcome("TABLE DATA", "job", "cron", "supabase_admin") is Outcome.LOST


@pytest.mark.parametrize(
    ("schema", "table"), [("auth", "schema_migrations"), ("storage", "migrations"), ("vault", "secrets")]
)
def test_rows_of_the_platforms_version_and_its_secrets_stay_behind(schema: str, table: str) -> None:
    assert outcome("TABLE DATA", table, schema, "supabase_admin", may_write=True) is Outcome.THERE


@pytest.mark.parametrize(
    ("function", "is_here", "expected"),
    [
        ("public.welcome", False, Outcome.RESTORED),
        ("public.welcome", True, Outcome.RESTORED),
        ('"My App".welcome', True, Outcome.RESTORED),
        ("storage.protect_delete", True, Outcome.THERE),
        ("storage.of_an_older_version", False, Outcome.RESTORED),
    ],
)
def test_a_trigger_is_the_users_if_it_runs_a_function_of_theirs(
    function: str, is_here: bool, expected: Outcome
) -> None:
    trigger = entry("TRIGGER", "objects t", "storage", f"CREATE TRIGGER t … EXECUTE FUNCTION {function}();")
    subject = Subject(trigger, "storage", "supabase_storage_admin", is_here=is_here, whole_is_here=True)
    assert outcome_of(subject)[0] is expected


def test_what_a_user_put_into_a_schema_of_the_platform_comes_back_if_it_can() -> None:
    assert outcome("TABLE", "mine", "extensions", may_create=True) is Outcome.ORDINARY
    assert outcome("TABLE", "mine", "auth") is Outcome.LOST
    assert outcome("TABLE", "mine", "extensions", is_here=True, is_mine=True) is Outcome.ORDINARY
    assert outcome("SCHEMA", "supabase_migrations", "supabase_migrations") is Outcome.ORDINARY


def test_only_publications_that_every_project_has_are_the_platforms() -> None:
    assert outcome("PUBLICATION", "supabase_realtime", is_here=True) is Outcome.THERE
    assert outcome("PUBLICATION", "mine", is_here=True) is Outcome.ORDINARY


def test_whatever_is_not_restored_has_a_reason() -> None:
    assert all(rule.reason for rule in RULES if rule.outcome in (Outcome.THERE, Outcome.LOST))
