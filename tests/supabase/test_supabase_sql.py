"""The three scripts of a backup: psql takes them as Supabase's documentation says, and nothing is changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import Backup, BackupOptions, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Phase, Progress
from app.domain.restore import RestoreOptions, RestoreResult
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.engine.restore.job import RestoreTarget, open_job
from app.engine.supabase_sql import NAMES, SupabaseSql, _without_transaction, write_supabase_sql
from app.postgres.connection import Connection
from app.postgres.toolchain import Installation, Version
from app.system.cancellation import CancelToken
from app.system.process import child_environment, run
from tests.supabase.stand_in import PASSWORD, NewStandIn, StandIn
from tests.supabase.stand_in_text import differences

if TYPE_CHECKING:
    from app.postgres.sandbox import SandboxServer
    from tests.conftest import Holdfast, NewDatabase

Installations = tuple[Installation, ...]

BODIES = """
SELECT oid::regprocedure::text, prosrc FROM pg_proc
WHERE pronamespace IN ('public'::regnamespace, 'app'::regnamespace) ORDER BY 1
"""


def backed_up(connection: Connection, installations: Installations, folder: Path, **options: Any) -> Backup:
    folder.mkdir()
    request = BackupRequest("Project", connection, BackupOptions(**options), folder)
    return back_up(request, installations, CancelToken(), lambda _: None)


def written(backup: Backup, folder: Path, installations: Installations, **options: bool) -> SupabaseSql:
    return write_supabase_sql(backup, folder, installations, CancelToken(), lambda _: None, **options)


def run_by_psql(sql: SupabaseSql, target: StandIn) -> str:
    """As Supabase's documentation says; gives what psql had to say."""
    roles, schema, data = sql.files
    done = run(
        [
            *(target.installation.program("psql"), f"--dbname={target.conninfo}", "--no-psqlrc"),
            *("--single-transaction", "--variable", "ON_ERROR_STOP=1", "--file", roles, "--file", schema),
            *("--command", "SET session_replication_role = replica", "--file", data),
        ],
        env=child_environment({"PGPASSWORD": PASSWORD}),
        timeout=120,
    )
    assert done.status == 0, done.errors[-3000:]
    return done.errors


@pytest.fixture
def source(new_stand_in: NewStandIn) -> StandIn:
    return new_stand_in(with_user_objects=True)


def differing(source: StandIn, target: StandIn, *but: str) -> list[str]:
    """How two projects differ beside the history of migrations, rights on the platform's tables and `but`."""
    expected = (
        "Schema: supabase_migrations;",
        "-Name: supabase_migrations; Type: SCHEMA;",
        "Name: TABLE objects; Type: ACL; Schema: storage;",
        *but,
    )
    return [one for one in differences(source, target) if not any(text in one for text in expected)]


@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.CUSTOM])
def test_psql_takes_the_three_in_one_transaction(
    format_: Format, source: StandIn, new_stand_in: NewStandIn, installations: Installations, tmp_path: Path
) -> None:
    target = new_stand_in()
    backup = backed_up(source.connection, installations, tmp_path / "backups", format=format_)
    sql = written(backup, tmp_path / "sql", installations)

    told = run_by_psql(sql, target)

    assert "WARNING" not in told
    assert source.sql(BODIES) == target.sql(BODIES)
    assert differing(source, target) == []
    assert [path.name for path in sql.files] == list(NAMES)
    left_out = "\n".join(sql.left_out)
    assert "supabase_migrations" in left_out
    assert "rights of role app_reader on storage.objects" in left_out
    assert "auth" not in left_out
    assert any("app_reader" in note for note in sql.notes)


def test_holdfast_restores_the_three_with_what_is_on_the_platforms_tables(
    source: StandIn, new_stand_in: NewStandIn, installations: Installations, tmp_path: Path
) -> None:
    target = new_stand_in()
    backup = backed_up(source.connection, installations, tmp_path / "backups")
    sql = written(backup, tmp_path / "sql", installations)

    place = RestoreTarget(target.connection, "")
    with open_job(list(sql.files), place, RestoreOptions(), installations) as job:
        plan = job.plan(CancelToken(), lambda _: None)
        assert not plan.blocking, plan.blocking
        report = job.run(CancelToken(), lambda _: None)

    assert report.result is RestoreResult.SUCCEEDED, report.failures
    assert source.sql(BODIES) == target.sql(BODIES)
    # of scripts every materialized view is filled
    assert differing(source, target, "app.empty_one", "Name: empty_one;") == []


def test_texts_stand_in_the_scripts_byte_for_byte_and_no_password_does(
    source: StandIn, installations: Installations, tmp_path: Path
) -> None:
    source.as_admin("ALTER ROLE app_reader SUPERUSER REPLICATION")
    backup = backed_up(source.connection, installations, tmp_path / "backups")
    roles, schema, data = (
        path.read_text() for path in written(backup, tmp_path / "sql", installations).files
    )

    for body in ("public.handle_new_user()", "public.make_table()"):
        ((text,),) = source.sql(f"SELECT prosrc FROM pg_proc WHERE oid = '{body}'::regprocedure")
        assert text in schema
    assert "-- of users\nwith a comment of several lines; and a semicolon" in schema
    assert "CREATE TRIGGER on_auth_user_created" in schema
    assert 'CREATE POLICY "Members read" ON storage.objects' in schema
    assert not re.search(
        r"^CREATE (TABLE|FUNCTION|TYPE) (auth|storage|realtime|vault)\.", schema, re.MULTILINE
    )
    assert "vault.secrets" not in data
    assert "hunter2" not in roles + schema + data
    assert not re.search(r"PASSWORD|SUPERUSER|REPLICATION|SCRAM|w@rd", roles)
    assert not re.search(r"^(BEGIN|COMMIT);", schema + data, re.MULTILINE)


SCRIPT = b"""
--
-- PostgreSQL database dump
--

-- Dumped by pg_dump version 17.10

BEGIN;

SET statement_timeout = 0;
SET lock_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
%s
COMMIT;

--
-- PostgreSQL database dump complete
--

"""
ROWS = b"COPY a.b FROM stdin;\nBEGIN;\nSET transaction_timeout = 0;\nCOMMIT;\n\\.\n" * 200


@given(st.integers(1, 6000), st.sampled_from([b"", ROWS]))
def test_only_the_outermost_transaction_goes_and_what_an_older_server_does_not_know(
    size: int, body: bytes
) -> None:
    script = SCRIPT % body
    blocks = [script[place : place + size] for place in range(0, len(script), size)]
    lines = script.splitlines()
    first, last = lines.index(b"BEGIN;"), len(lines) - 1 - lines[::-1].index(b"COMMIT;")
    kept = [line for number, line in enumerate(lines) if number not in (first, last)]
    newer = b"".join(_without_transaction(iter(blocks), Version(17, 0)))
    assert [line for line in newer.splitlines() if line] == [line for line in kept if line]
    older = b"".join(_without_transaction(iter(blocks), Version(15, 0)))
    kept.remove(b"SET transaction_timeout = 0;")
    assert [line for line in older.splitlines() if line] == [line for line in kept if line]


def test_without_roles_in_the_backup_everything_belongs_to_postgres(
    source: StandIn, new_stand_in: NewStandIn, installations: Installations, tmp_path: Path
) -> None:
    target = new_stand_in()
    backup = backed_up(source.connection, installations, tmp_path / "backups", roles=False)
    sql = written(backup, tmp_path / "sql", installations)

    run_by_psql(sql, target)

    owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'ledger'"
    assert (source.sql(owner), target.sql(owner)) == ([('"App Owner"',)], [("postgres",)])
    assert any(text.startswith("role App Owner: ") for text in sql.left_out)
    assert any(text.startswith("role app_reader: ") for text in sql.left_out)


def test_an_owner_without_membership_gets_its_objects_and_is_told_of(
    source: StandIn, new_stand_in: NewStandIn, installations: Installations, tmp_path: Path
) -> None:
    source.as_admin(
        "CREATE SCHEMA theirs AUTHORIZATION app_reader; SET ROLE app_reader; CREATE TABLE theirs.t ()"
    )
    target = new_stand_in()
    backup = backed_up(source.connection, installations, tmp_path / "backups")
    sql = written(backup, tmp_path / "sql", installations)

    run_by_psql(sql, target)

    assert differing(source, target, "GRANT ") == []
    assert any('REVOKE "app_reader" FROM "postgres";' in note for note in sql.notes)


def test_an_ordinary_database_is_written_without_rules_of_a_project(
    new_shop: NewDatabase, server17: SandboxServer, installations: Installations, tmp_path: Path
) -> None:
    shop = new_shop(server17)
    backup = backed_up(shop.connection, installations, tmp_path / "backups")
    sql = written(backup, tmp_path / "sql", installations)
    _, schema, data = (path.read_text() for path in sql.files)
    assert "CREATE TABLE public.customers" in schema
    assert "COPY public.customers" in data
    assert "ALTER DEFAULT PRIVILEGES" not in schema
    assert sql.left_out == ()


def test_scripts_that_are_there_stay_unless_they_may_go(
    new_shop: NewDatabase, server17: SandboxServer, installations: Installations, tmp_path: Path
) -> None:
    backup = backed_up(new_shop(server17).connection, installations, tmp_path / "backups")
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "data.sql").write_text("mine")
    with pytest.raises(AppError) as caught:
        written(backup, folder, installations)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("data.sql", "mine")]
    written(backup, folder, installations, replaces=True)
    assert {path.name for path in folder.iterdir()} == set(NAMES)
    assert "COPY public.customers" in (folder / "data.sql").read_text()


def test_nothing_is_left_of_one_that_was_cancelled_or_failed(
    new_shop: NewDatabase, server17: SandboxServer, installations: Installations, tmp_path: Path
) -> None:
    backup = backed_up(new_shop(server17).connection, installations, tmp_path / "backups")
    cancel = CancelToken()

    def listen(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.EXPORTING and event.bytes:
            cancel.cancel()

    with pytest.raises(Cancelled):
        write_supabase_sql(backup, tmp_path / "sql", installations, cancel, listen)
    assert list((tmp_path / "sql").iterdir()) == []
    toc = next(path for path in Path(backup.folder).rglob("toc.dat"))
    toc.write_bytes(toc.read_bytes()[:-1] + b"\xff")
    with pytest.raises(AppError) as caught:
        written(backup, tmp_path / "sql", installations)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert list((tmp_path / "sql").iterdir()) == []


def test_a_backup_that_is_a_script_is_refused(
    new_shop: NewDatabase, server17: SandboxServer, installations: Installations, tmp_path: Path
) -> None:
    shop = new_shop(server17)
    backup = backed_up(shop.connection, installations, tmp_path / "backups", format=Format.PLAIN)
    with pytest.raises(AppError) as caught:
        written(backup, tmp_path / "sql", installations)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.hint


def test_the_verb_writes_a_file_or_the_three(
    new_shop: NewDatabase,
    server17: SandboxServer,
    installations: Installations,
    tmp_path: Path,
    holdfast: Holdfast,
) -> None:
    backup = backed_up(new_shop(server17).connection, installations, tmp_path / "backups")
    done = holdfast("export", backup.folder, "--supabase-sql", tmp_path / "sql", "--json")
    assert done.status == 0, done.errors
    told = msgspec.json.decode(done.output)
    assert [Path(path).name for path in told["files"]] == list(NAMES)
    done = holdfast("export", backup.folder, tmp_path / "backup.tar")
    assert done.status == 0, done.errors
    assert (tmp_path / "backup.tar").stat().st_size > 1000
    assert holdfast("export", backup.folder).status == 2
    assert holdfast("export", backup.folder, tmp_path / "backup.tar").status == 2
