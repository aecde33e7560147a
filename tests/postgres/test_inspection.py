"""What Holdfast says will be dumped is what pg_dump dumps, whatever is selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions, Contents
from app.domain.errors import AppError, ErrorCode
from app.engine.sample import load_sample
from app.postgres.archive import read_archive
from app.postgres.connection import Connection, Session, connect, parse_connection
from app.postgres.inspection import (
    dumped_tables,
    server_facts,
    unmatched_patterns,
    unreadable_objects,
)
from app.postgres.patterns import to_regexes
from app.postgres.quoting import encode_sql
from app.postgres.sandbox import SandboxServer
from app.postgres.snapshot import count_rows
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

HARD_TABLES = r"""
CREATE SCHEMA "Mixed Case"; CREATE SCHEMA "a.b";
CREATE SCHEMA "pgx"; CREATE SCHEMA "quo""te"; CREATE SCHEMA ext;
CREATE TABLE plain (a int);
CREATE TABLE "Mixed" (a int);
CREATE TABLE "mixed" (a int);
CREATE TABLE "dot.ted" (a int);
CREATE TABLE "dol$lar" (a int);
CREATE TABLE "quo""te" (a int);
CREATE TABLE "back\slash" (a int);
CREATE TABLE "a[b]" (a int);
CREATE TABLE "a+b|c(d){2}^" (a int);
CREATE TABLE "star*?" (a int);
CREATE TABLE "ÄÖ" (a int);
CREATE TABLE "äö" (a int);
CREATE TABLE "new
line" (a int);
CREATE TABLE "'single'" (a int);
CREATE TABLE "Mixed Case"."Table" (a int);
CREATE TABLE "Mixed Case".plain (a int);
CREATE TABLE "a.b"."c.d" (a int);
CREATE TABLE "pgx".plain (a int);
CREATE TABLE "quo""te".t (a int);
CREATE UNLOGGED TABLE fleeting (a int);
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
CREATE TABLE parts (a int) PARTITION BY LIST (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2) PARTITION BY LIST (a);
CREATE TABLE parts_2_2 PARTITION OF parts_2 FOR VALUES IN (2);
CREATE TABLE typed_keys (k int PRIMARY KEY);
CREATE TABLE empty ();
CREATE VIEW looks AS SELECT * FROM plain;
CREATE MATERIALIZED VIEW matters AS SELECT * FROM plain;
CREATE SEQUENCE counter;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (a int) SERVER nowhere;
CREATE TEMPORARY TABLE short_lived (a int);
"""

Selection = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

SELECTIONS: list[Selection] = [
    ((), (), ()),
    (("public",), (), ()),
    (("PUBLIC",), (), ()),
    (('"Mixed Case"',), (), ()),
    (("mixed case",), (), ()),
    (("*",), (), ("pg_catalog.*", "information_schema.*")),
    (("p*",), (), ("pg_catalog.*",)),
    (("public|pgx",), (), ()),
    (("public", "pgx"), (), ()),
    (('"a.b"',), (), ()),
    (("a.b",), (), ()),
    (('"quo""te"',), (), ()),
    (("pub?ic",), (), ()),
    (("nothing_at_all",), (), ()),
    (("public", "nothing_at_all"), (), ()),
    ((), ("plain",), ()),
    ((), ("Plain",), ()),
    ((), ("*.plain",), ()),
    ((), ('"Mixed"',), ()),
    ((), ("Mixed",), ()),
    ((), ('"Mixed Case".*',), ()),
    ((), ('"Mixed Case"."Table"',), ()),
    ((), ('"a.b"."c.d"',), ()),
    ((), ('"dot.ted"',), ()),
    ((), ("dot.ted",), ()),
    ((), ("dol$lar",), ()),
    ((), ('"dol$lar"',), ()),
    ((), ('"quo""te"',), ()),
    ((), ('"quo""te".*',), ()),
    ((), (r'"back\slash"',), ()),
    ((), (r"back\\slash",), ()),
    ((), ('"a[b]"',), ()),
    ((), ("a[b]",), ()),
    ((), ("a[[]b]",), ()),
    ((), ("[a-z]ixed",), ()),
    ((), ("m[[:alpha:]]xed",), ()),
    ((), ("plain[]",), ()),
    ((), ('"a+b|c(d){2}^"',), ()),
    ((), ('"star*?"',), ()),
    ((), ("star*",), ()),
    ((), ("ÄÖ",), ()),
    ((), ("äö",), ()),
    ((), ('"new\nline"',), ()),
    ((), ("'single'",), ()),
    ((), ("parts",), ()),
    ((), ("parts_?",), ()),
    ((), ("parent",), ()),
    ((), ("child",), ()),
    ((), ("far",), ()),
    ((), ("looks",), ()),
    ((), ("matters",), ()),
    ((), ("counter",), ()),
    ((), ("short_lived",), ()),
    ((), ("fleeting", "parent"), ()),
    ((), ("nothing_at_all",), ()),
    ((), ("plain", "nothing_at_all"), ()),
    ((), ("*", '"Mixed Case".*'), ("plain",)),
    (("pgx",), ("plain",), ()),
    (("public",), ("pgx.plain",), ("public.*",)),
    (("public",), (), ("p*",)),
    ((), (), ("parts",)),
    ((), (), ("parts_1",)),
    ((), (), ("parts_2",)),
    ((), (), ("parent",)),
    ((), (), ("*.plain",)),
    ((), (), ("nothing_at_all",)),
    ((), (), ("public.*",)),
    ((), ("ext.*",), ()),
    (("ext",), (), ()),
    ((), ("(plain",), ()),
    ((), ("a.b.c",), ()),
    ((), ("a.b.c.d",), ()),
    ((), ("",), ()),
    ((), ('"',), ()),
    ((), ("p{1}lain",), ()),
    ((), ("(plain|mixed)",), ()),
    ((), ("information_schema.sql_sizing",), ()),
    (("information_schema",), (), ()),
]


def options_of(
    schemas: tuple[str, ...],
    tables: tuple[str, ...],
    excluded: tuple[str, ...],
    contents: Contents = Contents.ALL,
) -> BackupOptions:
    return BackupOptions(contents=contents, schemas=schemas, tables=tables, excluded_tables=excluded)


def really_dumped(
    database: Database, options: BackupOptions, target: Path
) -> set[tuple[int, str, str]] | None:
    """What pg_dump itself puts into an archive; None where it refuses the selection."""
    arguments: list[str | Path] = [
        database.server.installation.program("pg_dump"),
        f"--dbname={database.conninfo}",
    ]
    arguments += [f"--schema={pattern}" for pattern in options.schemas]
    arguments += [f"--table={pattern}" for pattern in options.tables]
    arguments += [f"--exclude-table={pattern}" for pattern in options.excluded_tables]
    target.unlink(missing_ok=True)
    finished = run(
        [*arguments, "--format=custom", "--compress=0", f"--file={target}"],
        env=database.server.environment(),
        timeout=60,
    )
    if finished.status != 0:
        return None
    entries = read_archive(target).entries
    return {(entry.oid, entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"}


def said_to_be_dumped(session: Session, options: BackupOptions) -> set[tuple[int, str, str]] | None:
    try:
        tables = dumped_tables(session, options)
        missing = set(unmatched_patterns(session, options))
    except AppError as error:
        if error.code is not ErrorCode.INVALID_INPUT:
            raise
        return None
    wanted = set(options.tables or options.schemas)
    if wanted and missing >= wanted:
        return None
    return {(table.oid, table.schema, table.name) for table in tables}


def to_connection(database: Database) -> Connection:
    return parse_connection(database.conninfo_with_password)


def assert_same(database: Database, selections: Iterable[Selection], target: Path) -> None:
    different = []
    with connect(to_connection(database)) as session:
        for selection in selections:
            options = options_of(*selection)
            said, real = said_to_be_dumped(session, options), really_dumped(database, options, target)
            if said != real:
                different.append((selection, said, real))
    assert not different


@pytest.mark.slow
def test_the_tables_are_those_of_pg_dump_for_every_selection(
    server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(server17)
    database.sql(HARD_TABLES)
    assert_same(database, SELECTIONS, tmp_path / "dump")


@pytest.mark.parametrize("server", ["server15", "server18"])
def test_the_tables_are_those_of_other_pg_dumps_as_well(
    server: str, request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(request.getfixturevalue(server))
    database.sql(HARD_TABLES)
    assert_same(database, SELECTIONS[::6], tmp_path / "dump")


PATTERNS = st.lists(
    st.sampled_from(
        ["p", "A", "ixed", "plain", "*", "?", "$", ".", '"', '""', "[", "]", "|", "\\", "Ä", " ", "'"]
    ),
    min_size=1,
    max_size=6,
).map("".join)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.lists(PATTERNS, max_size=2), excluded=st.lists(PATTERNS, max_size=2))
def test_the_tables_are_those_of_pg_dump_for_patterns_that_nobody_would_write(
    patterned: Database, tmp_path: Path, tables: list[str], excluded: list[str]
) -> None:
    options = options_of((), tuple(tables), tuple(excluded))
    with connect(to_connection(patterned)) as session:
        assert said_to_be_dumped(session, options) == really_dumped(patterned, options, tmp_path / "dump")


@pytest.fixture
def patterned(server17: SandboxServer, new_database: NewDatabase) -> Database:
    database = new_database(server17)
    database.sql(HARD_TABLES)
    return database


def test_the_tables_are_those_of_pg_dump_for_the_sample(
    each_server: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(each_server)
    load_sample(to_connection(database), scale=0.01)
    assert_same(database, [((), (), ()), (("public",), (), ("o*",))], tmp_path / "dump")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_names_of_other_encodings_keep_their_bytes(
    server15: SandboxServer, new_database: NewDatabase, tmp_path: Path, encoding: str
) -> None:
    database = new_database(server15, encoding=encoding)
    name = "\udcff\udcfe caf\udce9" if encoding == "SQL_ASCII" else "café"
    with connect(to_connection(database)) as session:
        session.execute(encode_sql(f'CREATE TABLE "{name}" (a int); INSERT INTO "{name}" VALUES (1), (2)'))
    assert_same(database, [((), (), ())], tmp_path / "dump")
    with connect(to_connection(database)) as session:
        (table,) = dumped_tables(session, BackupOptions())
        assert table.name == name
        assert count_rows(session, table, CancelToken()) == 2


def test_configuration_tables_of_extensions_are_dumped_with_their_condition(
    server15: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
        CREATE TABLE ext.settings (k int); CREATE TABLE public.more (k int);
        CREATE TABLE ext.internal (k int);
        ALTER EXTENSION citext ADD TABLE ext.settings; ALTER EXTENSION citext ADD TABLE public.more;
        ALTER EXTENSION citext ADD TABLE ext.internal;
        UPDATE pg_extension SET
            extconfig = ARRAY['ext.settings'::regclass::oid, 'public.more'::regclass::oid],
            extcondition = ARRAY['WHERE k OPERATOR(pg_catalog.>) 1', ''] WHERE extname = 'citext';
        INSERT INTO ext.settings VALUES (1), (2), (3);
        """
    )
    selections: list[Selection] = [
        ((), (), ()),
        (("ext",), (), ()),
        (("public",), (), ()),
        ((), ("ext.settings",), ()),
        ((), ("ext.internal",), ()),
        ((), (), ("ext.settings",)),
    ]
    assert_same(database, selections, tmp_path / "dump")
    with connect(to_connection(database)) as session:
        tables = {table.name: table for table in dumped_tables(session, BackupOptions())}
        assert set(tables) == {"settings", "more"}
        assert count_rows(session, tables["settings"], CancelToken()) == 2


def test_nothing_is_dumped_of_a_schema_alone(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql("CREATE TABLE t ()")
    with connect(to_connection(database)) as session:
        assert dumped_tables(session, options_of((), (), (), Contents.SCHEMA)) == ()


@given(name=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text))
def test_a_quoted_pattern_matches_its_own_name_alone(name: str) -> None:
    (regex,) = to_regexes('"' + name.replace('"', '""') + '"')
    literal = regex.removeprefix("^(").removesuffix(")$")
    position = 0
    for character in name:  # each character stands for itself, with a backslash where it had a meaning
        if literal[position] == "\\":
            position += 1
        assert literal[position] == character
        position += 1
    assert position == len(literal)


def test_patterns_that_match_nothing_are_named(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql('CREATE TABLE "Orders" (id int PRIMARY KEY)')
    with connect(to_connection(database)) as session:
        options = options_of(("public", "privat"), ("Orders", '"Orders"', '"Orders_pkey"'), ("no matter",))
        assert unmatched_patterns(session, options) == ("privat", "Orders", '"Orders_pkey"')


def test_listing_tables_does_not_wait_for_locks(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql("CREATE TABLE held AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 100)")
    database.sql("VACUUM held")
    with database.connect() as holder, connect(to_connection(database)) as session:
        holder.execute("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        session.execute("SET statement_timeout = 5000")
        (table,) = dumped_tables(session, BackupOptions())
        holder.execute("ROLLBACK")
    assert table.bytes >= 100_000


def test_the_facts_of_a_server(each_server: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(each_server)
    with connect(to_connection(database)) as session:
        facts = server_facts(session)
    assert facts.version_number // 10_000 == each_server.installation.version.major
    assert (facts.encoding, facts.database, facts.user) == ("UTF8", database.name, each_server.superuser)
    assert facts.is_superuser
    assert facts.bypasses_row_security
    assert not facts.in_recovery
    assert facts.tls == ""
    assert facts.bytes > 1_000_000
    assert 0 < facts.free_connections < 40
    assert facts.output_settings["bytea_output"] == "hex"
    assert each_server.superuser in facts.roles
    assert not [name for name in facts.roles if name.startswith("pg_")]


def test_free_connections_are_those_of_the_role(
    server17: SandboxServer, new_database: NewDatabase, new_role: NewRole
) -> None:
    database = new_database(server17)
    role = new_role(database, "CONNECTION LIMIT 3")
    with connect(role) as session:
        assert server_facts(session).free_connections == 2


def test_what_a_role_may_not_read_is_what_pg_dump_fails_at(
    each_server: SandboxServer, new_database: NewDatabase, new_role: NewRole, tmp_path: Path
) -> None:
    database = new_database(each_server)
    role = new_role(database)
    user = role.keywords["user"]
    database.sql(
        f"""
        CREATE SCHEMA closed;
        CREATE TABLE readable (a int); CREATE TABLE secret (a int); CREATE TABLE closed.inside (a int);
        CREATE TABLE numbered (id serial); CREATE SEQUENCE alone;
        CREATE TABLE parts (a int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF parts DEFAULT;
        CREATE VIEW looks AS SELECT 1; CREATE EXTENSION citext;
        CREATE TABLE member (a int); ALTER EXTENSION citext ADD TABLE member;
        SELECT lo_create(4711); SELECT lo_create(4712); GRANT SELECT ON LARGE OBJECT 4712 TO {user};
        GRANT SELECT ON readable, closed.inside, numbered, part TO {user};
        """
    )
    everything = BackupOptions()
    with connect(role) as session:
        assert unreadable_objects(session, everything) == (
            "closed.inside",
            "public.parts",
            "public.secret",
            "public.alone",
            "public.numbered_id_seq",
            "large object 4711",
        )
        assert {t.name for t in dumped_tables(session, everything) if not t.readable} == {"inside", "secret"}
        for tables in (("readable",), ("part",)):
            options = options_of((), tables, ())
            assert unreadable_objects(session, options) == ()
            assert dumps(database, role, options, tmp_path)
        for tables in (("numbered",), ("secret",), ("parts",), ("alone",), ("closed.*",)):
            options = options_of((), tables, ())
            assert unreadable_objects(session, options) != ()
            assert not dumps(database, role, options, tmp_path)
        assert "public.alone" not in unreadable_objects(session, options_of((), (), (), Contents.SCHEMA))
        database.sql(
            f"""
            GRANT USAGE ON SCHEMA closed TO {user};
            GRANT SELECT ON parts, secret, alone, numbered_id_seq TO {user};
            GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC
            """
        )
        assert unreadable_objects(session, everything) == ()
        assert dumps(database, role, everything, tmp_path)


def dumps(database: Database, role: Connection, options: BackupOptions, folder: Path) -> bool:
    arguments: list[str | Path] = [
        database.server.installation.program("pg_dump"),
        f"--dbname={role.conninfo}",
    ]
    arguments += [f"--table={pattern}" for pattern in options.tables]
    arguments += ["--format=custom", f"--file={folder / 'as_role'}"]
    return run(arguments, env=role.environment(), timeout=60).status == 0


class NewRole(Protocol):
    """Makes a role that may connect to the database; it is dropped after the test."""

    def __call__(self, database: Database, options: str = "") -> Connection: ...


@pytest.fixture
def new_role() -> Iterator[NewRole]:
    made: list[tuple[Database, str]] = []

    def make(database: Database, options: str = "") -> Connection:
        name = f"{database.name}_role{len(made)}"
        database.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x' {options}")
        made.append((database, name))
        return parse_connection(make_conninfo(database.conninfo, user=name, password="x"))

    yield make
    for database, name in made:
        database.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_row_security_that_would_hide_rows_is_seen(
    server17: SandboxServer, new_database: NewDatabase, new_role: NewRole
) -> None:
    database = new_database(server17)
    role = new_role(database)
    database.sql(
        f"""
        CREATE TABLE hidden (a int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE TABLE open (a int);
        GRANT SELECT ON hidden, open TO {role.keywords["user"]}
        """
    )
    with connect(role) as session:
        assert {t.name: t.row_security for t in dumped_tables(session, BackupOptions())} == {
            "hidden": True,
            "open": False,
        }
    with connect(to_connection(database)) as session:
        assert not any(table.row_security for table in dumped_tables(session, BackupOptions()))
