from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.project import Secret
from app.domain.restore import Action, RestoreFailure, RestoreMode, RestoreOptions, Severity
from app.engine.restore.archive_restore import ArchiveLoader
from app.engine.restore.closing import close_transaction
from app.engine.restore.plan import PreparedRestore, SourceFacts, plan_restore
from app.postgres.archive import Archive, read_archive
from app.postgres.connection import Connection, Session, connect
from app.postgres.restoring import prepare_archive
from app.postgres.script_archive import read_script_archive
from app.postgres.target import read_server, read_target
from app.postgres.target_facts import TargetFacts, what_changed
from app.postgres.toolchain import Installation, Version
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from app.postgres.sandbox import SandboxServer
    from tests.conftest import Database, NewDatabase


def facts_of(connection: Connection) -> TargetFacts:
    with connect(connection) as session:
        return read_target(session)


def carry_out(
    prepared: PreparedRestore, archive: Archive, connection: Connection, tool: Installation, workspace: Path
) -> tuple[RestoreFailure, ...]:
    """What an executor does with a plan of an archive."""
    workspace.mkdir()
    return ArchiveLoader(archive, prepared, tool, workspace, tool.version.major).load(
        connection.to(options=prepared.settings) if prepared.settings else connection,
        CancelToken(),
        lambda _: None,
        lambda session: close_in(session, prepared),
    )


def close_in(session: Session, prepared: PreparedRestore) -> None:
    close_transaction(session, prepared.closing, (), {})


@pytest.fixture
def target(
    server17: SandboxServer, new_database: NewDatabase, connected: Callable[[Database], Connection]
) -> Connection:
    return connected(new_database(server17))


def test_the_sample_fits_an_empty_database_and_comes_back_whole_over_itself(
    sample: Archive,
    sample_facts: SourceFacts,
    target: Connection,
    server17: SandboxServer,
    tmp_path: Path,
) -> None:
    tool = server17.installation
    empty = facts_of(target)
    first = plan_restore(sample_facts, empty, RestoreOptions())
    assert first.plan.mode is RestoreMode.ONE_TRANSACTION
    assert not first.plan.blocking
    assert not first.plan.has_data
    assert not first.plan.makes_safety_backup
    assert carry_out(first, sample, target, tool, tmp_path / "1") == ()

    full = facts_of(target)
    assert what_changed(empty, full)
    second = plan_restore(sample_facts, full, RestoreOptions())
    assert second.plan.has_data
    assert second.plan.makes_safety_backup
    assert any("in the way" in one.title for one in second.plan.blocking)

    for number, jobs in enumerate((None, 2), 2):
        again = plan_restore(sample_facts, facts_of(target), RestoreOptions(clean=True, jobs=jobs))
        assert not again.plan.blocking
        assert any(one.action is Action.REPLACE for one in again.plan.objects)
        assert carry_out(again, sample, target, tool, tmp_path / str(number)) == ()
        assert not set(map(str, full.objects)) ^ set(map(str, facts_of(target).objects))


def test_a_selected_table_goes_back_alone_into_a_database_that_has_all_else(
    sample: Archive,
    sample_facts: SourceFacts,
    target: Connection,
    server17: SandboxServer,
    tmp_path: Path,
) -> None:
    tool = server17.installation
    assert not carry_out(
        plan_restore(sample_facts, facts_of(target), RestoreOptions()), sample, target, tool, tmp_path / "1"
    )
    for number, table in enumerate(("public.events", "public.newsletter"), 2):
        options = RestoreOptions(only=(table,), clean=True)
        prepared = plan_restore(sample_facts, facts_of(target), options)
        assert not prepared.plan.blocking, prepared.plan.findings
        assert carry_out(prepared, sample, target, tool, tmp_path / str(number)) == ()
    blocked = plan_restore(
        sample_facts, facts_of(target), RestoreOptions(only=("public.orders",), clean=True)
    )
    assert any("need what would be replaced" in one.title for one in blocked.plan.blocking)


def test_every_table_can_be_restored_alone_into_an_empty_database(
    sample: Archive,
    sample_facts: SourceFacts,
    server17: SandboxServer,
    new_database: NewDatabase,
    connected: Callable[[Database], Connection],
    tmp_path: Path,
) -> None:
    for number, table in enumerate(
        ("public.order_items", "public.payments_0", "public.shipments_north", "auth")
    ):
        target = connected(new_database(server17))
        prepared = plan_restore(sample_facts, facts_of(target), RestoreOptions(only=(table,)))
        assert not prepared.plan.blocking, prepared.plan.findings
        assert carry_out(prepared, sample, target, server17.installation, tmp_path / str(number)) == ()


def test_a_role_without_rights_gets_what_it_may_have(
    sample: Archive,
    sample_facts: SourceFacts,
    server17: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
) -> None:
    database = new_database(server17)
    database.sql("CREATE ROLE plain_restorer LOGIN PASSWORD 'x'")
    database.sql(f"ALTER DATABASE {database.name} OWNER TO plain_restorer")
    try:
        target = Connection(server17.conninfo(database.name, "plain_restorer"), Secret("x"), inherits=False)
        prepared = plan_restore(sample_facts, facts_of(target), RestoreOptions())
        assert not prepared.plan.blocking, prepared.plan.findings
        skipped = {(one.kind, one.name) for one in prepared.plan.objects if one.action is Action.SKIP}
        assert ("EVENT TRIGGER", "pgrst_ddl_watch") in skipped
        assert carry_out(prepared, sample, target, server17.installation, tmp_path / "1") == ()
        assert facts_of(target).has_data
    finally:
        database.sql("DROP OWNED BY plain_restorer CASCADE")
        database.sql(f"ALTER DATABASE {database.name} OWNER TO CURRENT_USER; DROP ROLE plain_restorer")


def test_a_new_database_is_planned_from_its_server(
    sample_facts: SourceFacts, each_server: SandboxServer
) -> None:
    with each_server.connect() as session:
        free = read_server(session, "not there yet")
        taken = read_server(session, "postgres")
    prepared = plan_restore(sample_facts, free, RestoreOptions(), place="me@here/not there yet")
    assert prepared.plan.mode is RestoreMode.NEW_DATABASE
    assert prepared.plan.jobs >= 1
    assert prepared.plan.target == "me@here/not there yet"
    assert prepared.plan.steps[0] == "Create a database under a temporary name."
    assert prepared.plan.steps[-1] == "Rename the database to not there yet."
    assert any(
        "already" in one.title for one in plan_restore(sample_facts, taken, RestoreOptions()).plan.blocking
    )
    older = each_server.installation.version.major < 17
    assert older == any("is from PostgreSQL 17" in one.title for one in prepared.plan.findings)


def test_a_script_is_planned_like_the_archive(
    sample: Archive, sample_facts: SourceFacts, sample_files: Path, target: Connection
) -> None:
    script = read_script_archive(sample_files / "shop.sql")
    facts = facts_of(target)
    one = plan_restore(sample_facts, facts, RestoreOptions(only=("public.order_items",)))
    source = SourceFacts("the script", script.entries, is_script=True)
    other = plan_restore(source, facts, RestoreOptions(only=("public.order_items",)))
    assert not other.plan.blocking
    created = {(o.kind, o.name) for o in one.plan.objects if o.action is Action.CREATE}
    assert created == {(o.kind, o.name) for o in other.plan.objects if o.action is Action.CREATE}
    assert not other.is_edited


def test_rows_alone_need_their_tables_and_find_their_order(
    sample: Archive, sample_facts: SourceFacts, target: Connection, server17: SandboxServer, tmp_path: Path
) -> None:
    rows_only = RestoreOptions(contents=Contents.DATA)
    assert any(
        "does not have" in o.title
        for o in plan_restore(sample_facts, facts_of(target), rows_only).plan.blocking
    )
    schema = plan_restore(sample_facts, facts_of(target), RestoreOptions(contents=Contents.SCHEMA))
    assert carry_out(schema, sample, target, server17.installation, tmp_path / "1") == ()
    with connect(target) as session:
        session.execute("ALTER TABLE auth.users ENABLE TRIGGER on_auth_user_created")
    rows = plan_restore(sample_facts, facts_of(target), rows_only)
    assert not rows.plan.blocking
    assert any("ENABLE TRIGGER" in statement for statement in rows.closing.statements)
    assert carry_out(rows, sample, target, server17.installation, tmp_path / "2") == ()
    again = plan_restore(sample_facts, facts_of(target), replace(rows_only, clean=True))
    assert not again.plan.blocking, again.plan.findings
    assert carry_out(again, sample, target, server17.installation, tmp_path / "3") == ()


def test_rows_are_counted_where_they_are_known_and_findings_are_sorted(
    sample_facts: SourceFacts, target: Connection
) -> None:
    counted = {one.dump_id: 7 for one in sample_facts.entries if one.kind == "TABLE DATA"}
    source = replace(sample_facts, rows=counted, database_bytes=1000, server=Version(99, 0))
    plan = plan_restore(source, facts_of(target), RestoreOptions()).plan
    assert all(one.rows == 7 for one in plan.objects if one.kind == "TABLE DATA")
    assert any(f"{7 * len(counted):,} rows" in step for step in plan.steps)
    assert plan.bytes_needed == 1000
    severities = [list(Severity).index(one.severity) for one in plan.findings]
    assert severities == sorted(severities)


def test_an_archive_is_written_anew_where_a_definition_changes_and_not_otherwise(
    sample: Archive, sample_facts: SourceFacts, target: Connection, tmp_path: Path
) -> None:
    facts = facts_of(target)
    assert not plan_restore(sample_facts, facts, RestoreOptions()).is_edited
    fewer = replace(facts, roles=facts.roles - {"service_role"}, given_to=facts.given_to - {"service_role"})
    prepared = plan_restore(sample_facts, fewer, RestoreOptions())
    assert prepared.is_edited
    path, _ = prepare_archive(sample, prepared.entries, tmp_path, edited=True, cancel=CancelToken())
    assert [one.dump_id for one in read_archive(path).entries] == [one.dump_id for one in prepared.entries]
