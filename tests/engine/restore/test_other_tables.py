"""What a source does to tables of others stands in the plan; what it does not run stops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.restore import RestoreOptions, RestorePlan, RestoreResult, Severity
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.archive import read_archive, write_directory_toc
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

NOT_ITS_OWN = "changes tables of the target that are not its own"


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    database = new_database(server17)
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.users (id int, role text); CREATE TABLE precious (a int)"
    )
    return database


def planned(
    path: Path, target: Database, installations: Sequence[Installation], **options: object
) -> RestorePlan:
    connection = Connection(target.conninfo, target.server.password, inherits=False)
    chosen = RestoreOptions(**options)  # type: ignore[arg-type]
    with open_job([path], RestoreTarget(connection), chosen, installations) as job:
        return job.plan(CancelToken(), lambda _: None)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE app.users SET role = 'admin';", 'UPDATE "app"."users"'),
        ("UPDATE users SET role = 'admin';", 'UPDATE "app"."users"'),
        ("DO $$ BEGIN EXECUTE 'MERGE INTO app.users USING t ON true'; END $$;", 'MERGE "app"."users"'),
        ("GRANT ALL ON TABLE app.users TO PUBLIC;", 'GRANT "app"."users"'),
        ("GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;", 'GRANT "app"."users"'),
        ("CREATE POLICY p ON app.users USING (true);", 'CREATE POLICY "app"."users"'),
        ("ALTER TABLE app.users DISABLE ROW LEVEL SECURITY;", 'ALTER TABLE "app"."users"'),
        ("CREATE TRIGGER x BEFORE INSERT ON app.users EXECUTE FUNCTION f();", 'CREATE TRIGGER "app"."users"'),
    ],
)
def test_a_script_that_changes_others_tables_is_told_of(
    target: Database, installations: Sequence[Installation], tmp_path: Path, statement: str, told: str
) -> None:
    path = tmp_path / "x.sql"
    path.write_text(f"CREATE TABLE t (a int);\nUPDATE t SET a = 1;\n{statement}\n")
    plan = planned(path, target, installations)
    (finding,) = [one for one in plan.findings if NOT_ITS_OWN in one.title]
    assert finding.severity is Severity.WARNS
    assert finding.title.startswith("x.sql ")
    assert finding.detail == f"line 3: {told}"


def test_in_an_archive_too(
    server17: SandboxServer,
    target: Database,
    new_database: NewDatabase,
    installations: Sequence[Installation],
    tmp_path: Path,
) -> None:
    source = new_database(server17)
    source.sql(
        "CREATE TABLE mine (a int); GRANT SELECT ON mine TO pg_monitor; CREATE POLICY p ON mine USING (true)"
    )
    folder = tmp_path / "archive"
    done = run(
        [server17.installation.program("pg_dump"), f"--dbname={source.conninfo}", "-Fd", f"--file={folder}"],
        env=server17.environment(),
        timeout=60,
    )
    assert done.status == 0, done.errors
    assert not [one for one in planned(folder, target, installations).findings if NOT_ITS_OWN in one.title]
    found = read_archive(folder)
    forged = [
        replace(one, definition=one.definition.replace("public.mine", "app.users"))
        if one.kind in ("ACL", "POLICY")
        else one
        for one in found.entries
    ]
    write_directory_toc(found, forged, folder)
    plan = planned(folder, target, installations)
    (finding,) = [one for one in plan.findings if NOT_ITS_OWN in one.title]
    assert sorted(finding.detail.splitlines()) == ['CREATE POLICY "app"."users"', 'GRANT "app"."users"']


DANGEROUS = """
CREATE SCHEMA other;
CREATE TABLE other.t (a int);
CREATE TABLE t (a text);
CREATE VIEW other.v AS SELECT pg_read_file('x');
INSERT INTO other.t VALUES (1);
COPY t FROM stdin;
x
\\.
DO $$ BEGIN PERFORM pg_read_file('x'); END $$;
VACUUM t;
"""


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, [4, 9]),
        ({"contents": Contents.SCHEMA}, [4]),
        ({"contents": Contents.DATA}, []),
        ({"only": ("public.t",)}, []),
        ({"only": ("other",)}, [4]),
    ],
)
def test_what_is_not_run_stops_nothing(
    server17: SandboxServer,
    new_database: NewDatabase,
    installations: Sequence[Installation],
    tmp_path: Path,
    options: dict[str, object],
    lines: list[int],
) -> None:
    path = tmp_path / "x.sql"
    path.write_text(DANGEROUS.lstrip())
    target = new_database(server17)
    if options.get("contents") is Contents.DATA:
        target.sql("CREATE SCHEMA other; CREATE TABLE other.t (a int); CREATE TABLE t (a text)")
    plan = planned(path, target, installations, safety_backup=False, **options)
    told = "\n".join(one.detail for one in plan.blocking if "reaches for" in one.title)
    assert [int(line.split()[1].rstrip(":")) for line in told.splitlines()] == lines


def test_only_a_harmless_table_is_restored_from_a_dangerous_script(
    server17: SandboxServer, new_database: NewDatabase, installations: Sequence[Installation], tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    path.write_text(DANGEROUS.lstrip())
    target = new_database(server17)
    connection = Connection(target.conninfo, target.server.password, inherits=False)
    options = RestoreOptions(only=("public.t",))
    with open_job([path], RestoreTarget(connection), options, installations) as job:
        assert job.plan(CancelToken(), lambda _: None).blocking == ()
        report = job.run(CancelToken(), lambda _: None)
    assert report.result is RestoreResult.SUCCEEDED
    assert target.sql("SELECT a FROM t") == [("x",)]


def test_more_dangers_than_are_noted_are_never_passed_over(
    server17: SandboxServer, new_database: NewDatabase, installations: Sequence[Installation], tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    copy = "COPY t FROM PROGRAM 'true';\n"
    many = "".join(f"CREATE VIEW other.v{n} AS SELECT pg_read_file('x');\n" for n in range(1000))
    path.write_text(
        "CREATE TABLE t (a text);\n"
        + many
        + "CREATE TABLE u (a text DEFAULT pg_read_file('x'));\n"
        + "DROP TABLE IF EXISTS x;\n" * 1500
        + copy
    )
    target = new_database(server17)
    (finding, *_) = planned(path, target, installations, only=("public.u",)).blocking
    assert "reaches for" in finding.title
