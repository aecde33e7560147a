from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from app.domain.backup import Backup, BackupOptions, Contents, Format
from app.domain.project import Secret
from app.domain.proof import ProofLevel
from app.domain.restore import (
    Action,
    RestoreMode,
    RestoreOptions,
    RestorePlan,
    RestoreReport,
    RestoreResult,
    Severity,
)
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.engine.proof import prove
from app.engine.restore.job import RestoreJob, RestoreTarget, open_job
from app.engine.restore.sandbox_copy import sandbox_target
from app.postgres.connection import Connection, asking
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import child_environment, run
from tests.supabase.stand_in import PASSWORD, NewStandIn, StandIn
from tests.supabase.stand_in_text import differences

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

Installations = tuple[Installation, ...]


class TakeBackup(Protocol):
    """Backs a project up, as its own role."""

    def __call__(self, project: StandIn, **options: Any) -> Backup: ...


class Restore(Protocol):
    """Restores a backup; gives the plan, and the report unless the plan is blocked."""

    def __call__(
        self, backup: Backup, target: StandIn | Connection, /, new: str = "", **options: Any
    ) -> tuple[RestorePlan, RestoreReport | None]: ...


@pytest.fixture
def take_backup(installations: Installations, tmp_path: Path) -> TakeBackup:
    def take(project: StandIn, **options: Any) -> Backup:
        request = BackupRequest("Project", project.connection, BackupOptions(**options), tmp_path)
        return back_up(request, installations, CancelToken(), lambda _: None)

    return take


@pytest.fixture
def restore(installations: Installations) -> Restore:
    def go(
        backup: Backup, target: StandIn | Connection, /, new: str = "", **options: Any
    ) -> tuple[RestorePlan, RestoreReport | None]:
        connection = target.connection if isinstance(target, StandIn) else target
        wanted = RestoreOptions(**options)
        with open_job([Path(backup.folder)], RestoreTarget(connection, new), wanted, installations) as job:
            plan = job.plan(CancelToken(), lambda _: None)
            return plan, None if plan.blocking else _run(job)

    return go


def _run(job: RestoreJob) -> RestoreReport:
    return job.run(CancelToken(), lambda _: None)


@pytest.fixture
def source(new_stand_in: NewStandIn) -> StandIn:
    return new_stand_in(with_user_objects=True)


def blocking(plan: RestorePlan) -> list[str]:
    return [finding.title for finding in plan.blocking]


def succeeded(done: tuple[RestorePlan, RestoreReport | None]) -> RestorePlan:
    plan, report = done
    assert not plan.blocking, plan.blocking
    assert report is not None
    assert report.result is RestoreResult.SUCCEEDED, report.failures
    assert report.failures == ()
    assert report.different_rows == ()
    return plan


def test_a_whole_project_comes_back_equal_and_once_more_over_itself(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    backup = take_backup(source)

    plan = succeeded(restore(backup, target))
    assert differences(source, target) == []
    assert plan.mode is RestoreMode.ONE_TRANSACTION
    assert not plan.has_data

    plan = succeeded(restore(backup, target, clean=True))
    assert differences(source, target) == []
    assert plan.has_data
    assert not any("PUBLIC" in finding.detail for finding in plan.findings)


@pytest.mark.parametrize("format_", [Format.CUSTOM, pytest.param(Format.PLAIN, marks=pytest.mark.slow)])
def test_every_format_of_a_project_comes_back_equal(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore, format_: Format
) -> None:
    target = new_stand_in()
    backup = take_backup(source, format=format_)

    succeeded(restore(backup, target))
    assert differences(source, target) == []
    succeeded(restore(backup, target, clean=True))
    assert differences(source, target) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (17, 15),
        pytest.param(15, 17, marks=pytest.mark.slow),
        pytest.param(15, 15, marks=pytest.mark.slow),
    ],
)
def test_projects_of_other_versions_come_back(
    new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore, before: int, after: int
) -> None:
    source = new_stand_in(with_user_objects=True, major=before)
    target = new_stand_in(major=after)
    backup = take_backup(source)

    for clean in (False, True):
        succeeded(restore(backup, target, clean=clean))
        for table in ("auth.users", "storage.objects", "public.profiles", "app.events", "public.totals"):
            rows = f"SELECT t::text FROM {table} t ORDER BY 1"
            assert target.sql(rows) == source.sql(rows)
        if before == after:
            assert differences(source, target) == []


def test_definitions_first_and_rows_afterwards_are_the_whole(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    backup = take_backup(source)

    succeeded(restore(backup, target, contents=Contents.SCHEMA))
    assert target.sql("SELECT count(*) FROM auth.users") == [(0,)]
    succeeded(restore(backup, target, contents=Contents.DATA))
    assert differences(source, target) == []
    succeeded(restore(backup, target, contents=Contents.DATA, clean=True))
    assert differences(source, target) == []


def test_the_naive_way_fails_hundreds_of_times(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup
) -> None:
    target = new_stand_in()
    backup = take_backup(source)

    done = run(
        [
            target.installation.program("pg_restore"),
            f"--dbname={target.conninfo}",
            Path(backup.folder) / "database",
        ],
        env=child_environment({"PGPASSWORD": PASSWORD}),
        timeout=60,
    )

    assert done.status == 1
    ignored = re.search(r"errors ignored on restore: (\d+)", done.errors)
    assert ignored is not None
    assert int(ignored[1]) > 300
    assert "permission denied to create event trigger" in done.errors
    assert "grant options cannot be granted back to your own grantor" in done.errors


def test_a_backup_of_a_project_is_proven(
    source: StandIn, take_backup: TakeBackup, installations: Installations
) -> None:
    backup = take_backup(source)

    proof = prove(Path(backup.folder), backup.manifest, installations, CancelToken(), lambda _: None)

    assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")


def test_the_plan_says_what_becomes_of_the_platform_and_why(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    plan = succeeded(restore(take_backup(source), new_stand_in(), jobs=4))

    outcomes = {(one.kind, one.name): (one.action, one.reason) for one in plan.objects}
    assert outcomes["TABLE", "auth.users"] == (
        Action.SKIP,
        "the platform’s own, which a project has by itself",
    )
    assert outcomes["TABLE DATA", "auth.users"] == (Action.CREATE, "")
    assert outcomes["TABLE DATA", "storage.objects"] == (Action.CREATE, "")
    assert outcomes["TABLE DATA", "storage.migrations"][0] is Action.SKIP
    assert outcomes["TRIGGER", "auth.users on_auth_user_created"] == (Action.CREATE, "")
    assert outcomes["TRIGGER", "storage.objects protect_objects_delete"][0] is Action.SKIP
    assert outcomes["ROLE", '"app_reader"'] == (Action.CREATE, "")
    assert outcomes["DEFAULT ACL", "TABLES in public"][0] is Action.CHANGE
    titles = {finding.title: finding for finding in plan.findings}
    assert "Set the passwords of role app_reader again" in titles
    assert "A Supabase project is restored in one transaction, by one session" in titles
    assert titles["1 secret of the Vault cannot be restored"].hint.startswith("Make them again")
    assert any(title.startswith("The target is a Supabase project: ") for title in titles)
    assert not any("left out" in title.lower() for title in titles)


def test_nothing_is_left_of_a_restore_that_fails(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target, untouched = new_stand_in(), new_stand_in()
    for project in (target, untouched):
        project.sql("INSERT INTO auth.users (id, created_at) VALUES (md5('u7')::uuid, '2026-01-01')")

    _, report = restore(take_backup(source), target)

    assert report is not None
    assert report.result is RestoreResult.FAILED
    assert "users_pkey" in report.failures[0].cause
    assert report.left == "The database postgres is as it was before."
    assert differences(untouched, target) == []


def test_only_public_leaves_users_and_files_alone(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()

    plan = succeeded(restore(take_backup(source), target, only=("public",)))

    assert target.sql("SELECT count(*) FROM auth.users") == [(0,)]
    assert target.sql("SELECT count(*) FROM storage.objects") == [(0,)]
    assert target.sql("SELECT count(*) FROM public.orders") == [(500,)]
    assert (
        target.sql(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal"
        )
        == []
    )
    owner = "SELECT relowner::regrole::text, relacl::text FROM pg_class WHERE relname = 'ledger'"
    assert target.sql(owner) == source.sql(owner)
    assert any("open to roles anon" in finding.title for finding in plan.findings)


def test_only_users_come_back_and_replace_those_that_are_there(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    backup = take_backup(source)

    succeeded(restore(backup, target, only=("auth",)))
    users = "SELECT u::text FROM auth.users u ORDER BY 1"
    assert target.sql(users) == source.sql(users)
    target.sql("UPDATE auth.users SET email = email || '.changed'")
    target.sql(
        "SET session_replication_role = replica;"
        "INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'new@example.com')"
    )

    plan = succeeded(restore(backup, target, only=("auth",), clean=True))
    assert any("public.handle_new_user()" in finding.detail for finding in plan.findings)

    assert target.sql(users) == source.sql(users)
    assert target.sql("SELECT count(*) FROM storage.buckets") == [(0,)]
    assert target.sql("SELECT to_regclass('public.profiles')") == [(None,)]
    assert any("of the platform are deleted first" in finding.title for finding in plan.findings)


def test_only_the_rows_of_storage(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    backup = take_backup(source)

    succeeded(restore(backup, target, only=("storage",), contents=Contents.DATA))
    succeeded(restore(backup, target, only=("storage",), contents=Contents.DATA, clean=True))

    objects = "SELECT o::text FROM storage.objects o ORDER BY 1"
    assert target.sql(objects) == source.sql(objects)
    assert target.sql("SELECT count(*) FROM pg_policy") == [(0,)]


def test_users_whom_other_rows_refer_to_are_not_replaced_by_others(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in(with_user_objects=True)
    target.sql(
        "INSERT INTO auth.users (id, email) VALUES ('00000000-0000-0000-0000-00000000000a', 'x@example.com')"
    )

    _, report = restore(take_backup(source), target, only=("auth",), clean=True)

    assert report is not None
    assert report.result is RestoreResult.FAILED
    assert "profiles_id_fkey" in report.failures[0].cause
    assert target.sql("SELECT count(*) FROM auth.users WHERE email = 'x@example.com'") == [(1,)]


def test_a_project_with_data_is_not_touched_without_clean(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in(with_user_objects=True)

    plan, report = restore(take_backup(source), target)

    assert report is None
    assert any("in the way" in title for title in blocking(plan))
    assert any(finding.title.startswith("Rows are added") for finding in plan.findings)


def test_what_others_than_postgres_made_comes_back_too(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    source.as_admin("""
        CREATE TABLE public.by_admin (a int); INSERT INTO public.by_admin VALUES (1);
        GRANT ALL ON public.by_admin TO postgres WITH GRANT OPTION;
        CREATE ROLE worker LOGIN REPLICATION IN ROLE pg_read_all_data;
        CREATE ROLE lonely LOGIN;
        ALTER ROLE lonely SET statement_timeout = '1s';
        ALTER ROLE lonely SET work_mem = '5MB';
        ALTER ROLE anon SET statement_timeout = '9s';
        CREATE SCHEMA theirs AUTHORIZATION lonely;
        CREATE TABLE theirs.t (a int); ALTER TABLE theirs.t OWNER TO lonely;
        CREATE TABLE app.lonely (a int); ALTER TABLE app.lonely OWNER TO lonely;
        GRANT worker TO authenticator; GRANT anon TO worker;
        CREATE TABLE auth.newer (a int); ALTER TABLE auth.newer OWNER TO supabase_auth_admin;
        INSERT INTO auth.newer VALUES (1);
        GRANT USAGE ON SCHEMA vault TO worker; GRANT SELECT ON auth.sessions TO worker;
    """)
    source.sql("""
        GRANT SELECT ON public.by_admin TO app_reader;
        CREATE TABLE extensions.mine (a int PRIMARY KEY);
        INSERT INTO extensions.mine VALUES (1);
        GRANT app_reader TO authenticator;
    """)
    backup = take_backup(source)

    plan = succeeded(restore(backup, target))

    found = "\n".join(differences(source, target))
    assert "ALTER TABLE public.by_admin OWNER TO postgres" in found
    assert target.sql(
        "SELECT relacl::text LIKE '%app_reader=r/%' FROM pg_class WHERE relname = 'by_admin'"
    ) == [(True,)]
    for name in ("theirs", "lonely (", "extensions.mine", "statement_timeout"):
        assert name not in found
    warnings = [one for one in plan.findings if one.severity is Severity.WARNS]
    warned = "\n".join(f"{one.title} {one.detail}" for one in warnings).replace('"', "")
    for words in (
        "auth.newer",
        "worker in pg_read_all_data",
        "lonely: work_mem",
        "worker on TABLE auth.sessions",
    ):
        assert words in warned.replace('"', "")
    roles = {one.name: one.reason for one in plan.objects if one.kind == "ROLE"}
    assert roles['"worker"'] == "without REPLICATION, which a project does not give"
    assert target.sql("SELECT pg_has_role('postgres', 'lonely', 'USAGE')") == [(False,)]
    assert target.sql("SELECT pg_has_role('authenticator', 'worker', 'MEMBER')") == [(True,)]

    succeeded(restore(backup, target, clean=True))
    assert "theirs" not in "\n".join(differences(source, target))


def test_a_project_that_may_not_keep_triggers_still_is_refused(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    target.as_admin("REVOKE SET ON PARAMETER session_replication_role FROM postgres")

    plan, _ = restore(take_backup(source), target)

    assert blocking(plan) == ["postgres may not keep the platform’s triggers still"]


def test_a_platform_that_lacks_columns_is_refused(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    source.as_admin("ALTER TABLE auth.users ADD COLUMN is_anonymous boolean DEFAULT false")

    plan, _ = restore(take_backup(source), new_stand_in())

    assert blocking(plan) == ["The project has no column auth.users.is_anonymous"]


def test_a_trigger_of_the_target_alone_keeps_its_function(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in(with_user_objects=True)
    target.sql("CREATE TRIGGER mine AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION touch()")

    plan, _ = restore(take_backup(source), target, clean=True)

    (finding,) = plan.blocking
    assert 'TABLE "auth"."users" needs FUNCTION "public"."touch"()' in finding.detail


def test_what_needs_a_part_of_the_platform_that_the_target_lacks_is_named(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    source.as_admin("""
        CREATE SCHEMA supabase_functions AUTHORIZATION supabase_admin;
        GRANT USAGE ON SCHEMA supabase_functions TO postgres;
        CREATE FUNCTION supabase_functions.http_request() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RETURN NEW; END $$;
        CREATE TABLE storage.prefixes (a int); INSERT INTO storage.prefixes VALUES (1);
    """)
    target.as_admin("CREATE TABLE storage.prefixes (a int)")
    source.sql("""
        CREATE TRIGGER hook AFTER INSERT ON public.orders
            FOR EACH ROW EXECUTE FUNCTION supabase_functions.http_request('https://example.com');
    """)

    plan = succeeded(restore(take_backup(source), target))

    warned = {one.title: one.detail for one in plan.findings if one.severity is Severity.WARNS}
    assert warned["Left out: the project’s platform does not have it"] == (
        "FUNCTION supabase_functions.http_request()"
    )
    assert "TRIGGER public.orders hook" in warned.values()
    assert warned["Rows are left out: the project’s role may not write them"] == "storage.prefixes"


def test_the_platforms_own_superuser_restores_a_project_as_well(
    source: StandIn, new_stand_in: NewStandIn, take_backup: TakeBackup, restore: Restore
) -> None:
    target = new_stand_in()
    backup = take_backup(source)
    admin = Connection(target.admin_conninfo, Secret(target.admin_password), inherits=False)

    for clean in (False, True):
        succeeded(restore(backup, admin, clean=clean))

        found = differences(source, target)
        differing = [one for one in found if "GRANTED BY supabase_admin" not in one and one[0] == "+"]
        assert len(differing) == 1
        assert "Name: TABLE objects; Type: ACL; Schema: storage;" in differing[0]
    assert target.as_admin("SELECT pg_has_role('postgres', 'App Owner', 'SET')") == [(True,)]


def test_a_copy_in_a_sandbox_has_the_platform_and_all_roles(
    source: StandIn, take_backup: TakeBackup, restore: Restore, installations: Installations
) -> None:
    backup = take_backup(source)

    with sandbox_target([Path(backup.folder)], "", installations) as target:
        succeeded(restore(backup, target.connection))
        with asking(target.connection, CancelToken()) as session:
            found = session.execute("SELECT count(*) FROM auth.users JOIN vault.secrets ON true").fetchall()

    assert found == [(30,)]


@pytest.fixture
def plain_target(server17: SandboxServer, new_database: NewDatabase) -> Iterator[Connection]:
    """An empty database, and an ordinary role that may make others beside it."""
    database = new_database(server17)
    database.sql("CREATE ROLE plain_owner LOGIN CREATEDB PASSWORD 'p'")
    database.sql(f'ALTER DATABASE "{database.name}" OWNER TO plain_owner')
    yield database.connection
    database.sql("DROP OWNED BY plain_owner")
    database.sql(f'ALTER DATABASE "{database.name}" OWNER TO CURRENT_USER; DROP ROLE plain_owner')


def test_in_a_plain_postgresql_the_platform_is_as_ordinary_as_the_rest(
    source: StandIn, plain_target: Connection, take_backup: TakeBackup, restore: Restore
) -> None:
    plan = succeeded(restore(take_backup(source), plain_target))

    outcomes = {(one.kind, one.name): one.action for one in plan.objects}
    for name in ("auth.users", "storage.objects", "vault.secrets", "realtime.messages"):
        assert outcomes["TABLE", name] is not Action.SKIP
    assert outcomes["TABLE DATA", "auth.schema_migrations"] is Action.CREATE
    assert not any(one.kind == "ROLE" for one in plan.objects)
    assert not any("Supabase" in finding.title for finding in plan.findings)
