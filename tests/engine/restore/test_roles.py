"""What a restore says of roles that the target lacks, and what it does with those that scripts make."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.restore import RestoreOptions, RestorePlan, RestoreReport, RestoreResult
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


@pytest.fixture
def role(server17: SandboxServer) -> Iterator[str]:
    """A name that is free; the role is dropped afterwards."""
    name = f"clerk_{secrets.token_hex(4)}"
    yield name
    with server17.connect() as session:
        session.execute(f"DROP ROLE IF EXISTS {name}".encode())


@pytest.fixture
def target(role: str, server17: SandboxServer, new_database: NewDatabase) -> Iterator[Database]:
    database = new_database(server17)
    yield database
    database.sql("DROP SCHEMA public CASCADE")


def restore(
    paths: Sequence[Path], target: Database, installations: Sequence[Installation], database: str = ""
) -> tuple[RestorePlan, RestoreReport]:
    connection = Connection(target.conninfo, target.server.password, inherits=False)
    options = RestoreOptions(database=database, safety_backup=False)
    with open_job(paths, RestoreTarget(connection), options, installations) as job:
        plan = job.plan(CancelToken(), lambda _: None)
        report = job.run(CancelToken(), lambda _: None)
    assert report.result is RestoreResult.SUCCEEDED, report.failures
    return plan, report


CLUSTER = """--
-- PostgreSQL database cluster dump
--
CREATE ROLE other_{role};
CREATE ROLE {role};
ALTER ROLE {role} WITH NOSUPERUSER NOINHERIT LOGIN BYPASSRLS PASSWORD 'SCRAM-SHA-256$secret';
\\connect shop
CREATE TABLE public.t (a int);
ALTER TABLE public.t OWNER TO {role};
GRANT SELECT ON TABLE public.t TO {role};
--
-- PostgreSQL database cluster dump complete
--
"""


def test_a_cluster_scripts_roles_are_given_as_statements(
    target: Database, role: str, installations: Sequence[Installation], tmp_path: Path
) -> None:
    path = tmp_path / "cluster.sql"
    path.write_text(CLUSTER.format(role=role))
    plan, _ = restore([path], target, installations)
    (finding, other) = [one for one in plan.findings if role in one.title]
    assert other.title == f"The source’s role other_{role} will not be made"
    assert other.hint.splitlines()[1:] == [f'CREATE ROLE "other_{role}";']
    assert finding.title == f"The target has no role {role}"
    assert finding.hint.splitlines() == [
        "Roles belong to the whole server: a restore makes none. Run this first, then restore:",
        f'CREATE ROLE "{role}" NOINHERIT LOGIN;',
        f'-- if you trust it with that: ALTER ROLE "{role}" BYPASSRLS;',
    ]
    assert "secret" not in repr(plan)
    assert target.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == [(0,)]

    for statement in finding.hint.splitlines()[1:]:
        target.sql(statement)
    target.sql("DROP TABLE t")
    plan, report = restore([path], target, installations)
    assert not [one for one in plan.findings if "has no role" in one.title]
    assert target.sql("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == [(role,)]
    assert report.skipped == ()


def test_a_role_that_a_script_makes_keeps_its_rights(
    target: Database, role: str, installations: Sequence[Installation], tmp_path: Path
) -> None:
    roles, schema = tmp_path / "roles.sql", tmp_path / "schema.sql"
    roles.write_text(f"CREATE ROLE {role};\nALTER ROLE {role} WITH NOLOGIN;\n")
    schema.write_text(
        f"CREATE TABLE public.t (a int);\nGRANT SELECT ON TABLE public.t TO {role};\n"
        f"CREATE POLICY p ON public.t TO {role} USING (true);\n"
    )
    plan, _ = restore([schema, roles], target, installations)
    assert not [one for one in plan.findings if "no role" in one.title]
    assert target.sql(f"SELECT has_table_privilege('{role}', 't', 'SELECT')") == [(True,)]


def test_a_role_that_is_there_stays_as_it_is(
    target: Database, role: str, installations: Sequence[Installation], tmp_path: Path
) -> None:
    target.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 7")
    path = tmp_path / "x.sql"
    path.write_text(
        f"CREATE ROLE {role};\nALTER ROLE {role} WITH NOLOGIN CONNECTION LIMIT 1;\nCREATE TABLE t (a int);\n"
    )
    _, report = restore([path], target, installations)
    assert [one.reason for one in report.skipped] == [
        "the server has this role already, which stays as it is"
    ]
    assert target.sql(f"SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = '{role}'") == [
        (True, 7)
    ]


def test_what_is_about_a_role_that_nobody_makes_is_left_out_and_told(
    target: Database, role: str, installations: Sequence[Installation], tmp_path: Path
) -> None:
    path = tmp_path / "x.sql"
    path.write_text(
        f"GRANT pg_monitor TO {role};\nALTER ROLE {role} SET work_mem = 99;\nCREATE TABLE t (a int);\n"
    )
    plan, _ = restore([path], target, installations)
    assert any(one.title == f"Left out: the target has no role {role}" for one in plan.findings)
