"""Rows in tables of an extension that the target cannot have are left out with it, and named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.restore import Action, RestoreOptions, RestoreResult, Severity
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

CRON = """
CREATE SCHEMA planner;
CREATE TABLE planner.job (id serial, command text);
SELECT pg_catalog.pg_extension_config_dump('planner.job', '');
SELECT pg_catalog.pg_extension_config_dump('planner.job_id_seq', '');
"""
VAULT = """
CREATE TABLE @extschema@.secrets (name text);
SELECT pg_catalog.pg_extension_config_dump('secrets', '');
"""


@pytest.fixture
def source(server18: SandboxServer, new_database: NewDatabase, tmp_path: Path) -> Database:
    """A database with two extensions that no other server has: 18 can look for them in any folder."""
    folder = tmp_path / "extension"
    folder.mkdir()
    for name, script in (("planner", CRON), ("safe", VAULT)):
        schema = "schema = pg_catalog\n" if name == "planner" else ""
        (folder / f"{name}.control").write_text(f"default_version = '1'\nrelocatable = false\n{schema}")
        (folder / f"{name}--1.sql").write_text(script)
    for path in (tmp_path, *tmp_path.parents[:-1]):
        path.chmod(path.stat().st_mode | 0o011)
    database = new_database(server18)
    database.sql(
        f"SET extension_control_path = '{tmp_path}'; CREATE SCHEMA vault;"
        "CREATE EXTENSION planner; CREATE EXTENSION safe WITH SCHEMA vault;"
        "INSERT INTO planner.job (command) VALUES ('VACUUM');"
        "INSERT INTO vault.secrets VALUES ('one'), ('two');"
        "CREATE TABLE mine (a int); INSERT INTO mine VALUES (1), (2), (3)"
    )
    return database


@pytest.mark.parametrize("form", ["custom", "plain"])
@pytest.mark.parametrize("contents", [Contents.ALL, Contents.DATA])
@pytest.mark.parametrize("jobs", [None, 2])
def test_they_are_left_out_with_the_reason_and_all_else_comes_back(
    source: Database,
    new_database: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
    form: str,
    contents: Contents,
    jobs: int | None,
) -> None:
    path = tmp_path / "dump"
    source.dumped(path, f"--format={form}")
    target = new_database(source.server)
    options = RestoreOptions(contents=contents, jobs=jobs)
    if contents is Contents.DATA:
        target.sql("CREATE TABLE mine (a int)")
    connection = Connection(target.conninfo, target.server.password, inherits=False)
    with open_job([path], RestoreTarget(connection), options, installations) as job:
        plan = job.plan(CancelToken(), lambda _: None)
        assert plan.blocking == ()
        report = job.run(CancelToken(), lambda _: None)
    assert report.result is RestoreResult.SUCCEEDED, report.failures
    assert target.sql("SELECT count(*) FROM mine") == [(3,)]
    why = {one.name: one.reason for one in plan.objects if one.action is Action.SKIP}
    reason = "the target's server does not have this extension"
    if contents is Contents.DATA:
        reason = "the target does not have it"
    assert f"the extension planner ({reason})" in why["planner.job"]
    assert why["vault.secrets"] == f"it belongs to the extension safe ({reason})"
    warnings = [one for one in plan.findings if one.severity is Severity.WARNS]
    said = next(one for one in warnings if one.title.startswith("Rows of extensions"))
    assert "planner.job" in said.detail
    assert "vault.secrets" in said.detail
