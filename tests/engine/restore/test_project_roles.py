from __future__ import annotations

import pytest

from app.domain.restore import Severity
from app.engine.restore.entry_graph import entry_graph
from app.engine.restore.project_roles import ProjectRoles, plan_roles
from app.postgres.role_statements import Membership, RoleDefinitions
from app.postgres.target_facts import TargetFacts
from app.postgres.toolchain import Version

TARGET = TargetFacts(
    "postgres",
    Version(17, 0),
    "postgres",
    may_create_roles=True,
    roles=frozenset({"postgres", "anon", "authenticator", "supabase_admin", "pg_read_all_data"}),
    admin_of=frozenset({"anon"}),
    role_settings=frozenset({("anon", "statement_timeout=3s")}),
)


def planned(definitions: RoleDefinitions, target: TargetFacts = TARGET) -> ProjectRoles:
    return plan_roles((), entry_graph(()), definitions, target, everything=True)


def test_roles_of_the_platform_are_not_made() -> None:
    made = planned(RoleDefinitions({"supabase_new": {}, "cli_login_x": {}, "mine": {"login": "LOGIN"}}))

    assert made.before == ('CREATE ROLE "mine" LOGIN;',)
    assert made.target.roles == TARGET.roles | {"mine"}


def test_what_a_project_does_not_give_is_taken_off_and_said() -> None:
    powers = {"superuser": "SUPERUSER", "replication": "REPLICATION", "createdb": "CREATEDB"}

    made = planned(RoleDefinitions({"mine": powers}))

    assert made.before == ('CREATE ROLE "mine" CREATEDB;',)
    assert made.planned[0].reason == "without REPLICATION and SUPERUSER, which a project does not give"


def test_memberships_are_given_where_the_role_may_and_named_where_not() -> None:
    memberships = [
        Membership("mine", "postgres", ("admin", "option", "inherit", "false", "set", "false")),
        Membership("mine", "postgres", ("inherit", "true")),
        Membership("mine", "authenticator"),
        Membership("anon", "mine"),
        Membership("pg_read_all_data", "mine"),
        Membership("anon", "authenticator"),
    ]

    made = planned(RoleDefinitions({"mine": {}}, dict.fromkeys(memberships)))

    assert made.before[1:] == (
        'GRANT "mine" TO "postgres" WITH INHERIT TRUE;',
        'GRANT "mine" TO "authenticator";',
        'GRANT "anon" TO "mine";',
    )
    (finding,) = made.findings
    assert (finding.severity, finding.detail) == (Severity.WARNS, "mine in pg_read_all_data")


def test_memberships_that_several_roles_granted_are_joined() -> None:
    memberships = [
        Membership("mine", "other", ("admin", "option", "inherit", "false", "set", "false")),
        Membership("mine", "other", ("inherit", "true")),
    ]

    made = planned(RoleDefinitions({"mine": {}, "other": {}}, dict.fromkeys(memberships)))

    assert 'GRANT "mine" TO "other" WITH ADMIN TRUE, INHERIT TRUE, SET TRUE;' in made.before


@pytest.mark.parametrize(
    ("role", "setting", "value", "is_set"),
    [
        ("mine", "statement_timeout", "7s", True),
        ("mine", "work_mem", "7MB", False),
        ("anon", "statement_timeout", "9s", True),
        ("anon", "statement_timeout", "3s", False),
        ("authenticator", "statement_timeout", "9s", False),
    ],
)
def test_settings_are_given_that_may_be_and_differ(role: str, setting: str, value: str, is_set: bool) -> None:
    statement = f"ALTER ROLE {role} SET {setting} TO '{value}';"

    made = planned(RoleDefinitions({"mine": {}}, settings={(role, setting): statement}))

    assert (statement in made.before) is is_set


def test_a_role_that_may_make_none_changes_nothing() -> None:
    nobody = TargetFacts("postgres", Version(17, 0), "nobody")

    assert planned(RoleDefinitions({"mine": {}}), nobody) == ProjectRoles(nobody)
