"""What a restore takes from a target beyond what it gives back: told before, and never without --clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError
from app.domain.restore import Action, RestoreOptions, RestorePlan, RestoreReport, RestoreResult, Severity
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Outcome = tuple[RestorePlan, RestoreReport | AppError]
Restore = Callable[..., Outcome]
THREE_ROWS = "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1), (2), (3); ANALYZE t"


@pytest.fixture
def restore(tmp_path: Path, installations: Sequence[Installation]) -> Restore:
    """`restore(script or path, database, clean=True, …)` gives the plan and what came of it."""

    def restore(source: str | Path, target: Database, **options: object) -> Outcome:
        path = source if isinstance(source, Path) else tmp_path / "script.sql"
        if isinstance(source, str):
            path.write_text(source)
        connection = Connection(target.conninfo, target.server.password, inherits=False)
        chosen = RestoreOptions(**options)  # type: ignore[arg-type]
        with open_job([path], RestoreTarget(connection), chosen, installations) as job:
            plan = job.plan(CancelToken(), lambda _: None)
            try:
                return plan, job.run(CancelToken(), lambda _: None)
            except AppError as error:
                return plan, error

    return restore


def told(plan: RestorePlan, severity: Severity) -> str:
    return "\n".join(
        f"{one.title} | {one.detail} | {one.hint}" for one in plan.findings if one.severity is severity
    )


def refused(outcome: Outcome) -> str:
    plan, error = outcome
    assert isinstance(error, AppError), error
    return told(plan, Severity.BLOCKS)


def warned(outcome: Outcome) -> str:
    plan, report = outcome
    assert isinstance(report, RestoreReport), report
    assert report.result is RestoreResult.SUCCEEDED, report.failures
    return told(plan, Severity.WARNS)


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


def test_a_script_drops_nothing_of_the_target_without_clean(target: Database, restore: Restore) -> None:
    target.sql(f"{THREE_ROWS}; CREATE VIEW v AS SELECT * FROM t; CREATE SCHEMA x; CREATE TABLE x.y (a int)")
    why = refused(restore("DROP TABLE t CASCADE;\nDROP SCHEMA x CASCADE;\nCREATE TABLE u (a int);\n", target))
    assert "4 objects that the target holds" in why
    for name in ("TABLE public.t (about 3 rows)", "VIEW public.v", "TABLE x.y", "--clean"):
        assert name in why
    assert target.sql("SELECT count(*) FROM t") == [(3,)]


def test_with_clean_what_a_script_drops_is_in_the_plan(target: Database, restore: Restore) -> None:
    target.sql(f"{THREE_ROWS}; CREATE VIEW v AS SELECT * FROM t")
    outcome = restore("DROP TABLE t CASCADE;\nCREATE TABLE u (a int);\n", target, clean=True)
    assert "TABLE public.t (about 3 rows), VIEW public.v" in warned(outcome)
    dropped = [(one.kind, one.name, one.rows) for one in outcome[0].objects if one.action is Action.DROP]
    assert dropped == [("TABLE", "public.t", 3), ("VIEW", "public.v", None)]
    assert any("does not create anew" in step for step in outcome[0].steps)
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("u",)]


def test_all_names_of_a_statement_count_and_the_search_path(target: Database, restore: Restore) -> None:
    target.sql("CREATE SCHEMA b; CREATE TABLE b.one (a int); CREATE TABLE two (a int)")
    script = (
        "SET search_path = nowhere, b;\nDROP TABLE IF EXISTS one, public.two;\nCREATE TABLE b.new (a int);\n"
    )
    why = refused(restore(script, target))
    assert "TABLE b.one" in why
    assert "TABLE public.two" in why


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE t;",
        "TRUNCATE TABLE ONLY public.t, other;",
        "DELETE FROM t WHERE id = 1;",
        "DELETE FROM ONLY t;",
    ],
)
def test_rows_of_the_target_are_not_deleted_without_clean(
    target: Database, restore: Restore, statement: str
) -> None:
    target.sql(f"{THREE_ROWS}; CREATE TABLE other (a int)")
    assert "public.t (about 3 rows)" in refused(restore(f"{statement}\n", target))
    assert "deletes rows" in warned(restore(f"{statement}\n", target, clean=True))
    assert target.sql("SELECT count(*) FROM t") != [(3,)]


def test_rows_of_partitions_and_of_what_refers_to_a_table_are_found(
    target: Database, restore: Restore
) -> None:
    target.sql(
        """
        CREATE TABLE p (a int PRIMARY KEY) PARTITION BY RANGE (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);
        CREATE TABLE refers (a int REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO refers VALUES (1);
        """
    )
    why = refused(restore("TRUNCATE p CASCADE;\n", target))
    assert "public.p1" in why
    assert "public.refers" in why


def test_what_a_script_makes_itself_it_may_drop_and_empty(target: Database, restore: Restore) -> None:
    target.sql("CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)")
    script = """
        CREATE TABLE scratch (a int); INSERT INTO scratch VALUES (1); DELETE FROM scratch;
        DROP TABLE IF EXISTS nothing; TRUNCATE scratch; DROP TABLE scratch; CREATE TABLE u (a int);
    """
    assert "drop" not in warned(restore(script, target))
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
        ("kept",),
        ("u",),
    ]


def test_policies_and_triggers_of_tables_that_stay_count_too(target: Database, restore: Restore) -> None:
    target.sql('CREATE TABLE t (a int); CREATE POLICY "all of it" ON t USING (true)')
    script = 'DROP POLICY IF EXISTS "all of it" ON public.t;\nCREATE TABLE u (a int);\n'
    assert "POLICY all of it on public.t" in refused(restore(script, target))


def test_roles_and_what_they_own_are_not_dropped_without_clean(
    target: Database, restore: Restore, anon: str
) -> None:
    target.sql(THREE_ROWS)
    dropped = f'DROP ROLE IF EXISTS "{anon}";\nCREATE ROLE "{anon}";\nCREATE TABLE u (a int);\n'
    assert f'ROLE "{anon}"' in refused(restore(dropped, target))
    assert "TABLE public.t (about 3 rows)" in refused(restore(f'DROP OWNED BY "{anon}";\n', target))


def test_a_policy_that_is_made_after_the_plan_is_not_lost_unseen(
    target: Database, tmp_path: Path, installations: Sequence[Installation]
) -> None:
    target.sql(THREE_ROWS)
    script = tmp_path / "script.sql"
    script.write_text("CREATE TABLE t (a int);\n")
    connection = Connection(target.conninfo, target.server.password, inherits=False)
    with open_job([script], RestoreTarget(connection), RestoreOptions(clean=True), installations) as job:
        job.plan(CancelToken(), lambda _: None)
        target.sql("CREATE POLICY late ON t USING (true)")
        with pytest.raises(AppError, match=r"POLICY late of TABLE public\.t"):
            job.run(CancelToken(), lambda _: None)


def test_a_routine_is_told_by_its_arguments(target: Database, restore: Restore) -> None:
    target.sql("CREATE FUNCTION f(a integer, b timestamptz) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert "drop" not in warned(
        restore("DROP FUNCTION IF EXISTS f(text);\nCREATE TABLE u (a int);\n", target)
    )
    script = "DROP FUNCTION f(x int, timestamptz);\nCREATE TABLE w (a int);\n"
    assert "FUNCTION public.f(integer, timestamp with time zone)" in refused(restore(script, target))


def test_what_the_server_would_refuse_to_drop_is_told_before(target: Database, restore: Restore) -> None:
    target.sql(f"{THREE_ROWS}; CREATE VIEW report AS SELECT * FROM t")
    script = "CREATE TABLE u (a int);\nDROP TABLE t;\n"
    assert "VIEW public.report needs TABLE public.t" in refused(restore(script, target, clean=True))


@pytest.mark.parametrize("options", [(), ("--if-exists",)])
def test_a_cleaning_dump_goes_into_an_empty_database_and_over_itself(
    server17: SandboxServer,
    new_database: NewDatabase,
    restore: Restore,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    source = new_database(server17)
    source.sql(
        """
        CREATE SCHEMA y; CREATE TABLE y.z (a int);
        CREATE TABLE t (id serial PRIMARY KEY, i int GENERATED ALWAYS AS IDENTITY);
        INSERT INTO t DEFAULT VALUES; CREATE VIEW v AS SELECT * FROM t;
        CREATE TABLE p (a int PRIMARY KEY) PARTITION BY RANGE (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); CREATE TABLE r (t int REFERENCES t);
        CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger();
        """
    )
    script = source.dumped(tmp_path / "clean.sql", "--clean", *options)
    warned(restore(script, new_database(server17)))
    assert "--clean" in refused(restore(script, source))
    assert "drops" not in warned(restore(script, source, clean=True))
    assert source.sql("SELECT count(*) FROM t") == [(1,)]


def test_a_schema_that_a_script_drops_and_makes_again_is_there_afterwards(
    target: Database, restore: Restore
) -> None:
    target.sql("CREATE SCHEMA x")
    script = "DROP SCHEMA IF EXISTS x CASCADE;\nCREATE SCHEMA x;\nCREATE TABLE x.t (a int);\n"
    plan, _ = outcome = restore(script, target)
    warned(outcome)
    skipped = {(one.kind, one.name) for one in plan.objects if one.action is Action.SKIP}
    assert skipped == {("DROP SCHEMA", "x"), ("SCHEMA", "x")}
    assert "TABLE x.t" in refused(restore(script, target))
    target.sql("CREATE TABLE x.more (a int)")
    plan, _ = outcome = restore(script, target, clean=True)
    assert "TABLE x.more" in warned(outcome)
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'x'") == [("t",)]


def test_an_extension_that_a_script_drops_and_makes_again_stays(target: Database, restore: Restore) -> None:
    target.sql("CREATE EXTENSION hstore; CREATE TABLE h (a hstore)")
    script = "DROP EXTENSION IF EXISTS hstore;\nCREATE EXTENSION hstore;\nCREATE TABLE u (a hstore);\n"
    warned(restore(script, target))
    assert target.sql("SELECT count(*) FROM pg_extension WHERE extname = 'hstore'") == [(1,)]


def test_a_new_public_schema_is_nothing_to_an_empty_database(target: Database, restore: Restore) -> None:
    warned(
        restore(
            "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\nCREATE TABLE public.t (a int);\n", target
        )
    )
    assert target.sql("SELECT count(*) FROM public.t") == [(0,)]


@pytest.fixture
def anon(server17: SandboxServer) -> Iterator[str]:
    """A role to which nothing was granted, as Supabase's `anon`."""
    name = "anon of tests"
    with server17.connect() as session:
        session.execute(f'CREATE ROLE "{name}"'.encode())
    yield name
    with server17.connect() as session:
        for (database,) in session.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname LIKE 'test_%'"
        ).fetchall():
            with server17.connect(database) as other:
                other.execute(f'DROP OWNED BY "{name}"'.encode())
        session.execute(f'DROP ROLE "{name}"'.encode())


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_what_the_source_lacks_of_a_table_that_is_replaced_is_listed(
    server17: SandboxServer,
    new_database: NewDatabase,
    restore: Restore,
    tmp_path: Path,
    anon: str,
    form: str,
) -> None:
    source, here = new_database(server17), new_database(server17)
    for database in (source, here):
        database.sql("CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE same (a int)")
        database.sql("ALTER TABLE same ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON same USING (true)")
        database.sql(f"COMMENT ON COLUMN same.a IS 'a'; GRANT SELECT ON same TO \"{anon}\"")
        database.sql("CREATE INDEX same_a ON same (a)")
    here.sql(
        f"""
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t USING (true);
        GRANT SELECT, INSERT ON t TO "{anon}"; GRANT UPDATE (a) ON t TO "{anon}";
        GRANT INSERT ON same TO "{anon}";
        CREATE INDEX t_by_a ON t (a); ALTER TABLE t ADD more int, ADD CONSTRAINT long CHECK (length(a) > 3);
        CREATE TRIGGER still BEFORE UPDATE ON t FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE PUBLICATION news FOR TABLE t; COMMENT ON TABLE t IS 'ours'; COMMENT ON COLUMN t.a IS 'ours';
        CREATE STATISTICS stats ON id, a FROM t;
        """
    )
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    warnings = warned(restore(path, here, clean=True))
    assert "Row security goes: 1 table" in warnings
    for text in (
        "1 policy: mine on public.t",
        "1 trigger: still on public.t",
        "1 index or key: t_by_a on public.t",
        "1 check: long on public.t",
        "1 column: public.t.more",
        "1 table of a publication: news on public.t",
        "1 extended statistics: stats on public.t",
        f"{anon} INSERT, SELECT on public.t",
        f"{anon} UPDATE(a) on public.t",
        f"{anon} INSERT on public.same",
        "2 comments: public.t, public.t.a",
    ):
        assert text in warnings, warnings
    assert f"{anon} SELECT on public.same" not in warnings


def test_a_target_like_the_source_loses_nothing(
    server17: SandboxServer, new_shop: NewDatabase, restore: Restore, tmp_path: Path
) -> None:
    shop = new_shop(server17)
    shop.sql("ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (true)")
    shop.sql("COMMENT ON TABLE orders IS 'x'; CREATE INDEX ON parts (b); GRANT SELECT ON orders TO PUBLIC")
    for form in ("custom", "plain"):
        warnings = warned(restore(shop.dumped(tmp_path / form, f"--format={form}"), shop, clean=True))
        assert "goes" not in warnings


OPENS = """
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "{0}";
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO "{0}";
    ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO "{0}";
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO "{0}";
"""
CLOSED = """
    CREATE SCHEMA hidden; CREATE TABLE hidden.a (a int); CREATE TABLE closed (id serial, a int);
    CREATE TABLE "is open" (a int); GRANT SELECT ON "is open" TO "{0}";
    CREATE VIEW view AS SELECT * FROM closed;
    CREATE FUNCTION secret(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    REVOKE ALL ON FUNCTION secret(int) FROM PUBLIC;
    CREATE TABLE numbered (i int GENERATED ALWAYS AS IDENTITY);
"""
RIGHTS = """
    SELECT has_schema_privilege('{0}', 'hidden', 'USAGE'), has_table_privilege('{0}', 'closed', 'SELECT'),
           has_table_privilege('{0}', 'view', 'SELECT'), has_table_privilege('{0}', 'hidden.a', 'INSERT'),
           has_sequence_privilege('{0}', 'closed_id_seq', 'USAGE'),
           has_sequence_privilege('{0}', 'numbered_i_seq', 'USAGE'),
           has_function_privilege('{0}', 'secret(int)', 'EXECUTE'),
           has_table_privilege('{0}', '"is open"', 'INSERT'),
           has_table_privilege('{0}', '"is open"', 'SELECT')
"""


@pytest.mark.parametrize(
    ("form", "jobs"),
    [
        *((form, None) for form in ("custom", "plain", "directory", "tar")),
        *((form, 2) for form in ("custom", "plain", "directory")),
    ],
)
def test_what_is_closed_in_the_source_stays_closed_whatever_the_targets_default_privileges(
    server17: SandboxServer,
    new_database: NewDatabase,
    restore: Restore,
    tmp_path: Path,
    anon: str,
    form: str,
    jobs: int | None,
) -> None:
    source, here = new_database(server17), new_database(server17)
    source.sql(CLOSED.format(anon))
    here.sql(OPENS.format(anon))
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    outcome = restore(path, here, jobs=jobs)
    warnings = warned(outcome)
    assert f"would be open to role {anon}" in warnings
    assert "public.closed" in warnings
    assert here.sql(RIGHTS.format(anon)) == [(*[False] * 8, True)]
    assert source.sql(RIGHTS.format(anon)) == [(*[False] * 8, True)]


def test_where_nothing_can_be_put_between_that_is_said(
    server17: SandboxServer, new_database: NewDatabase, restore: Restore, tmp_path: Path, anon: str
) -> None:
    source, here = new_database(server17), new_database(server17)
    source.sql(CLOSED.format(anon))
    here.sql(OPENS.format(anon))
    warnings = warned(restore(source.dumped(tmp_path / "dump", "--format=tar"), here, jobs=2))
    assert f"will be open to role {anon}" in warnings
    assert "without --jobs" in warnings


def test_without_privileges_the_targets_defaults_hold_and_are_told(
    server17: SandboxServer, new_database: NewDatabase, restore: Restore, tmp_path: Path, anon: str
) -> None:
    source, here = new_database(server17), new_database(server17)
    source.sql(CLOSED.format(anon))
    here.sql(OPENS.format(anon))
    path = source.dumped(tmp_path / "dump", "--format=custom")
    warnings = warned(restore(path, here, privileges=False))
    assert f"will be open to role {anon}" in warnings
    assert "SELECT" in warnings
    assert here.sql(f"SELECT has_table_privilege('{anon}', 'closed', 'SELECT')") == [(True,)]


def test_what_the_source_grants_like_the_targets_defaults_is_left_as_it_is(
    server17: SandboxServer, new_database: NewDatabase, restore: Restore, tmp_path: Path, anon: str
) -> None:
    source, here = new_database(server17), new_database(server17)
    for database in (source, here):
        database.sql(OPENS.format(anon))
    source.sql("CREATE TABLE t (id serial); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    outcome = restore(source.dumped(tmp_path / "dump", "--format=custom"), here)
    assert "default privileges" not in warned(outcome)
    assert here.sql(f"SELECT has_table_privilege('{anon}', 't', 'DELETE')") == [(True,)]
