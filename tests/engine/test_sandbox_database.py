"""A sandbox takes what its server lacks, and nothing that a hostile dump wants of it."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.domain.backup import Extension, ExtensionCast, ExtensionOperator, ExtensionRoutine, ExtensionType
from app.engine.restore_list import plan_restore
from app.engine.sandbox_database import SandboxDatabase, prepare_database
from app.postgres.archive import Archive, read_archive
from app.postgres.cluster import own_by_sandbox_user
from app.postgres.connection import Connection, connect, parse_connection
from app.postgres.copy_out import CopyOut
from app.postgres.extensions import extensions
from app.postgres.restoring import prepare_archive, restore_archive
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


@pytest.fixture(params=["server15", "server17", "server18"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxServer]:
    """A server of its own, because a sandbox serves one proof."""
    installation = request.getfixturevalue(request.param).installation
    with running_sandbox(installation) as server:
        yield server


def prepare(
    server: SandboxServer,
    *,
    encoding: str = "UTF8",
    roles: tuple[str, ...] = (),
    missing: tuple[Extension, ...] = (),
    definitions: tuple[str, ...] = (),
    wrappers: tuple[str, ...] = (),
) -> SandboxDatabase:
    return prepare_database(
        server,
        encoding=encoding,
        roles=roles,
        extensions=missing,
        definitions=definitions,
        wrappers=wrappers,
    )


@pytest.fixture
def marker() -> Iterator[Path]:
    """A file that the server's own user could write."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    own_by_sandbox_user(folder)
    yield folder / "marker"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_the_marker_would_show_what_ran(sandbox: SandboxServer, marker: Path) -> None:
    with sandbox.connect() as session:
        session.execute(f"COPY (SELECT 1) TO PROGRAM 'touch {marker}'".encode())
    assert marker.exists()


def test_a_forged_manifest_runs_nothing_through_its_stand_ins(sandbox: SandboxServer, marker: Path) -> None:
    program = f"COPY (SELECT 1) TO PROGRAM 'touch {marker}'"
    library = "int8 LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' --"
    forged = Extension(
        "no_such_extension",
        "1",
        "public",
        types=(ExtensionType("public", f't"; {program}; --', category="U"),),
        routines=(
            ExtensionRoutine("public", "f", "f", "", f"int8 LANGUAGE sql AS 'SELECT 1::int8'; {program}; --"),
            ExtensionRoutine("public", "g", "f", f") RETURNS int LANGUAGE sql AS '1'; {program};--", "int"),
            ExtensionRoutine("public", "h", "f", "", library),
        ),
        operators=(ExtensionOperator("public", f"+ (FUNCTION = abs); {program}; --", None, "int", "abs"),),
        casts=(ExtensionCast(f"int AS text) WITH INOUT; {program}; --", "text", "e"),),
    )
    database = prepare(sandbox, missing=(forged,))
    assert not marker.exists()
    with connect(database.superuser) as session:
        found = session.execute(
            "SELECT proname FROM pg_proc p JOIN pg_language l ON l.oid = prolang "
            "WHERE lanname = 'c' AND proname = 'h'"
        ).fetchall()
    assert found == []


def attacks(marker: Path) -> list[str]:
    program = f"COPY (SELECT 1) TO PROGRAM 'touch {marker}'"
    own = "holdfast_restorer"
    return [
        program,
        f"COPY (SELECT 1) TO '{marker}'",
        "COPY stolen FROM '/etc/passwd'",
        f"GRANT pg_execute_server_program TO {own}; {program}",
        f"GRANT pg_write_server_files TO {own}; COPY (SELECT 1) TO '{marker}'",
        "SET ROLE holdfast_sandbox",
        "SET SESSION AUTHORIZATION holdfast_sandbox",
        "GRANT holdfast_sandbox TO " + own,
        f"ALTER ROLE {own} SUPERUSER",
        "CREATE ROLE stronger SUPERUSER",
        f"CREATE ROLE helper IN ROLE pg_execute_server_program ROLE {own}",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        f"SELECT lo_export(lo_create(0), '{marker}')",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
        "CREATE LANGUAGE plpython3u",
        "CREATE EXTENSION file_fdw",
        "CREATE EXTENSION adminpack",
        "LOAD '/lib/x86_64-linux-gnu/libc.so.6'",
        "ALTER SYSTEM SET archive_command = 'true'",
        "CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION looks()",
        "SELECT pg_reload_conf()",
        "CREATE TABLESPACE out LOCATION '/tmp'",
        "SELECT * FROM pg_authid",
        "UPDATE pg_proc SET proname = 'x' WHERE proname = 'abs'",
        "ALTER FUNCTION pg_catalog.abs(int) OWNER TO " + own,
    ]


def test_a_hostile_dump_may_nothing(sandbox: SandboxServer, marker: Path) -> None:
    database = prepare(sandbox)
    with connect(database.restorer) as session:
        session.execute("CREATE TABLE stolen (line text)")
        session.execute("CREATE FUNCTION looks() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        for attack in attacks(marker):
            for statement in attack.split("; "):
                with pytest.raises(psycopg.Error):
                    session.execute(statement.encode())
    assert not marker.exists()


def test_a_function_of_a_check_may_not_more(sandbox: SandboxServer, marker: Path) -> None:
    database = prepare(sandbox)
    with connect(database.restorer) as session:
        session.execute(
            f"""
            CREATE FUNCTION runs(int) RETURNS boolean LANGUAGE plpgsql AS $f$
            BEGIN COPY (SELECT 1) TO PROGRAM 'touch {marker}'; RETURN true; END $f$;
            CREATE TABLE trap (a int CHECK (runs(a)));
            """.encode()
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("INSERT INTO trap VALUES (1)")
    assert not marker.exists()


def test_the_restoring_role_is_no_superuser_and_in_no_group(sandbox: SandboxServer) -> None:
    database = prepare(sandbox)
    with connect(database.restorer) as session:
        assert session.execute(
            """
            SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
                   (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)
            FROM pg_roles r WHERE rolname = current_user
            """
        ).fetchone() == (False, False, False, False, True, 0)


def test_the_superuser_is_not_led_astray_by_the_databases_search_path(
    sandbox: SandboxServer, marker: Path
) -> None:
    """The restoring role owns the database, so that a dump can change the path that sessions begin with."""
    database = prepare(sandbox)
    with connect(database.restorer) as session:
        session.execute("CREATE SCHEMA trap")
        session.execute("CREATE FUNCTION trap.version() RETURNS text LANGUAGE sql AS $$SELECT 'trapped'$$")
        name = session.info.dbname
        session.execute(f"ALTER DATABASE {name} SET search_path = trap, pg_catalog".encode())
    with connect(database.superuser) as session:
        row = session.execute("SELECT version()").fetchone()
        assert row is not None
        assert row[0] != "trapped"


def with_extensions(server: SandboxServer, *names: str) -> tuple[Extension, ...]:
    with server.connect() as session:
        known = {name for (name,) in session.execute("SELECT name FROM pg_available_extensions")}
    return tuple(Extension(name, "1.0", "public") for name in names if name in known)


def test_a_dump_reaches_no_other_server(sandbox: SandboxServer) -> None:
    """Foreign tables and dblink of a dump may name a production database, with its password."""
    database = prepare(
        sandbox, missing=with_extensions(sandbox, "dblink", "postgres_fdw", "file_fdw"), wrappers=("own_fdw",)
    )
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, connect(database.restorer) as session:
        listener.settimeout(0.3)
        port = listener.getsockname()[1]
        session.execute(
            f"""
            CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}');
            CREATE USER MAPPING FOR CURRENT_USER SERVER away OPTIONS (user 'u', password 'p');
            CREATE FOREIGN TABLE far (a int) SERVER away;
            CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
            CREATE FOREIGN TABLE passwords (line text) SERVER files OPTIONS (filename '/etc/passwd');
            CREATE SERVER ours FOREIGN DATA WRAPPER own_fdw;
            """.encode()
        )
        there = f"host=127.0.0.1 port={port} user=u password=p connect_timeout=2"
        for attempt in (
            "SELECT * FROM far",
            "SELECT * FROM passwords",
            "INSERT INTO far VALUES (1)",
            f"SELECT * FROM public.dblink('{there}', 'SELECT 1') AS t (a int)",
            f"SELECT public.dblink_connect('{there}')",
            f"SELECT public.dblink_connect_u('x', '{there}')",
            f"SELECT public.dblink_exec('{there}', 'SELECT 1')",
        ):
            with pytest.raises(psycopg.Error):
                session.execute(attempt.encode())
        with pytest.raises(TimeoutError):
            listener.accept()


def test_roles_of_any_name_are_there(sandbox: SandboxServer) -> None:
    names = (
        "app",
        'quo"te',
        "Ünïcode 🐘",
        "a b",
        "holdfast_restorer",
        "holdfast_sandbox",
        "postgres",
        "pg_odd",
        "none",
    )
    database = prepare(sandbox, roles=(*names, "\udcff latin"))
    with connect(database.superuser) as session:
        known = {name for (name,) in session.execute("SELECT rolname FROM pg_roles")}
    assert set(names) - known == {"pg_odd", "none"}  # which no server allows


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII"])
def test_the_database_has_the_archives_encoding(server17: SandboxServer, encoding: str) -> None:
    with running_sandbox(server17.installation) as server:
        database = prepare(server, encoding=encoding)
        with connect(database.restorer) as session:
            assert session.execute("SHOW server_encoding").fetchone() == (encoding,)


def test_collations_that_the_server_lacks_are_stood_in_for(sandbox: SandboxServer) -> None:
    definitions = (
        'CREATE TABLE t (a text COLLATE pg_catalog."de-x-icu", b text COLLATE pg_catalog."xx_YY.utf8");',
        'CREATE TABLE u (a text COLLATE pg_catalog."C", b text COLLATE pg_catalog.odd);',
    )
    database = prepare(sandbox, definitions=definitions)
    with connect(database.restorer) as session:
        for definition in definitions:
            session.execute(definition.encode())
        session.execute("INSERT INTO t VALUES ('b', 'a'), ('a', 'b')")
        assert session.execute("SELECT a FROM t ORDER BY a").fetchall() == [("a",), ("b",)]


# What one server has and another lacks, there and back


def dump(database: Database, folder: Path) -> Archive:
    program = database.server.installation.program("pg_dump")
    target = folder / "dump"
    finished = run(
        [program, f"--dbname={database.conninfo}", "--format=custom", "--compress=0", f"--file={target}"],
        env=database.server.environment(),
        timeout=60,
    )
    assert finished.status == 0, finished.errors
    return read_archive(target)


def rows(server: SandboxServer, connection: Connection, table: str) -> bytes:
    copy = CopyOut(server.installation, connection, "UTF8", {})
    try:
        return b"".join(copy.stream(table))
    finally:
        copy.close()


def restored(
    source: Database, found: tuple[Extension, ...], server: SandboxServer, folder: Path
) -> tuple[SandboxDatabase, list[tuple[str, str]]]:
    """Restore a dump of the source into a new sandbox; gives what failed, by kind and message."""
    archive = dump(source, folder)
    database = prepare(
        server, missing=found, definitions=tuple(entry.definition for entry in archive.entries)
    )
    plan = plan_restore(archive.entries, database, locale="C")
    path, entries = prepare_archive(
        archive, plan.entries, folder, edited=plan.is_edited, cancel=CancelToken()
    )
    errors = restore_archive(
        server.installation,
        path,
        database.restorer,
        jobs=2,
        options=("--no-owner", "--no-privileges"),
        entries=entries,
        cancel=CancelToken(),
    )
    kinds = {entry.dump_id: f"{entry.kind} {entry.tag}" for entry in archive.entries}
    return database, [(kinds[error.dump_id], error.message) for error in errors]


def found_in(database: Database) -> tuple[Extension, ...]:
    with connect(parse_connection(database.conninfo_with_password)) as session:
        return extensions(session)


VECTORS = """
CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions;
CREATE TABLE items (id int PRIMARY KEY, plain extensions.vector, three extensions.vector(3),
    many extensions.vector(2)[],
    half extensions.halfvec(2), sparse extensions.sparsevec(5),
    standard extensions.vector(3) DEFAULT '[1,2,3]', CHECK (extensions.vector_dims(plain) > 0));
INSERT INTO items VALUES (1, '[1.5,-2,3e10]', '[1,2,3]',
    ARRAY['[1,2]', '[3,4]']::extensions.vector[], '[1,2]', '{1:1}/5'),
    (2, NULL, '[0,0,0]', NULL, NULL, NULL);
CREATE VIEW near AS SELECT id, three OPERATOR(extensions.<->) '[1,1,1]'::extensions.vector AS d FROM items;
CREATE INDEX quick ON items USING hnsw (three extensions.vector_l2_ops);
CREATE FUNCTION closest(v extensions.vector(3)) RETURNS SETOF items LANGUAGE sql
    AS 'SELECT * FROM items ORDER BY three OPERATOR(extensions.<->) v';
"""


def test_vectors_of_a_server_that_has_them_come_back_from_one_that_has_not(
    server17: SandboxServer, server18: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = new_database(server18)
    source.sql(VECTORS)
    with running_sandbox(server17.installation) as server:
        database, errors = restored(source, found_in(source), server, tmp_path)
        assert [extension.name for extension in database.missing] == ["vector"]
        assert [what for what, _ in errors] == ["INDEX quick"]
        there = parse_connection(source.conninfo_with_password)
        assert rows(server, database.restorer, "public.items") == rows(server18, there, "public.items") != b""


KEYS = """
CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pgcrypto; CREATE EXTENSION xml2;
CREATE TABLE keys (id uuid PRIMARY KEY DEFAULT uuid_generate_v4(), secret bytea DEFAULT gen_random_bytes(8),
    hash text DEFAULT crypt('x', gen_salt('bf')), CHECK (digest(hash, 'sha256') <> ''::bytea));
INSERT INTO keys DEFAULT VALUES; INSERT INTO keys DEFAULT VALUES;
CREATE VIEW read AS SELECT pgp_sym_decrypt(secret, 'k') FROM keys;
"""


def test_defaults_and_checks_that_call_missing_functions_come_back(
    server15: SandboxServer, server18: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = new_database(server15)
    source.sql(KEYS)
    with running_sandbox(server18.installation) as server:
        database, errors = restored(source, found_in(source), server, tmp_path)
        assert {extension.name for extension in database.missing} == {"uuid-ossp", "pgcrypto", "xml2"}
        assert errors == []
        there = parse_connection(source.conninfo_with_password)
        assert rows(server, database.restorer, "public.keys") == rows(server15, there, "public.keys") != b""


GEOMETRY = """
CREATE SCHEMA geo;
CREATE TYPE geo.geometry;
CREATE FUNCTION geo.geometry_in(cstring) RETURNS geo.geometry
    LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION geo.geometry_out(geo.geometry) RETURNS cstring
    LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE geo.geometry (INPUT = geo.geometry_in, OUTPUT = geo.geometry_out,
    TYPMOD_IN = numerictypmodin, TYPMOD_OUT = numerictypmodout);
CREATE TYPE geo.kind AS ENUM ('point', 'a ''line''');
CREATE TYPE geo.pair AS (a int, b geo.geometry);
CREATE DOMAIN geo.short AS text CHECK (length(VALUE) < 9);
CREATE FUNCTION geo.area(g geo.geometry, exact boolean DEFAULT true, VARIADIC rest int[] DEFAULT '{}')
    RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT 1.5::double precision';
CREATE FUNCTION geo.split(g geo.geometry, OUT x int, OUT y int) LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION geo.points(g geo.geometry) RETURNS TABLE (n int, p geo.geometry)
    LANGUAGE sql AS 'SELECT 1, g';
CREATE FUNCTION geo.overlaps(geo.geometry, geo.geometry) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR geo.&& (LEFTARG = geo.geometry, RIGHTARG = geo.geometry, FUNCTION = geo.overlaps);
CREATE FUNCTION geo.first(geo.geometry, geo.geometry) RETURNS geo.geometry
    LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE AGGREGATE geo.collect(geo.geometry) (SFUNC = geo.first, STYPE = geo.geometry);
CREATE CAST (geo.geometry AS text) WITH INOUT AS ASSIGNMENT;
CREATE PROCEDURE geo.tidy(hard boolean DEFAULT false) LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION hstore SCHEMA geo;
DO $$
DECLARE member text;
BEGIN
    FOREACH member IN ARRAY ARRAY['TYPE geo.geometry', 'FUNCTION geo.geometry_in(cstring)',
        'FUNCTION geo.geometry_out(geo.geometry)', 'TYPE geo.kind', 'TYPE geo.pair', 'DOMAIN geo.short',
        'FUNCTION geo.area(geo.geometry, boolean, int[])', 'FUNCTION geo.split(geo.geometry)',
        'FUNCTION geo.points(geo.geometry)', 'FUNCTION geo.overlaps(geo.geometry, geo.geometry)',
        'OPERATOR geo.&& (geo.geometry, geo.geometry)', 'FUNCTION geo.first(geo.geometry, geo.geometry)',
        'AGGREGATE geo.collect(geo.geometry)', 'CAST (geo.geometry AS text)',
        'PROCEDURE geo.tidy(boolean)'] LOOP
        EXECUTE 'ALTER EXTENSION hstore ADD ' || member;
    END LOOP;
END $$;
CREATE TABLE places (id int, shape geo.geometry(6,4), shapes geo.geometry(6,4)[], free geo.geometry,
    kind geo.kind, pair geo.pair, short geo.short, tags geo.hstore,
    size double precision DEFAULT geo.area('x'),
    CHECK (shape OPERATOR(geo.&&) 'POINT(0 0)'::geo.geometry));
INSERT INTO places VALUES (1, 'POINT(1 2)', ARRAY['POINT(1 2)', 'a,"b\\']::geo.geometry[], '', 'a ''line''',
    ROW(1, 'P(1, 2)'), 'brief', 'a=>1', 2.5);
CREATE VIEW seen AS SELECT geo.area(shape), (geo.split(shape)).x, shape::text FROM places;
CREATE VIEW summed AS SELECT geo.collect(shape) FROM places;
CREATE MATERIALIZED VIEW spread AS SELECT p.n FROM places, geo.points(shape) p;
"""


def test_types_functions_operators_and_aggregates_of_a_missing_extension_come_back(
    server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    """A PostGIS-like extension: hstore with more members, under a name that no server has."""
    source = new_database(server17)
    source.sql(GEOMETRY)
    (found,) = found_in(source)
    assert {type_.name: type_.kind for type_ in found.types} | {"hstore": "b"} == {
        "geometry": "b",
        "kind": "e",
        "pair": "c",
        "short": "d",
        "hstore": "b",
        "ghstore": "b",
    }
    with running_sandbox(server17.installation) as server:
        database, errors = restored(source, (replace(found, name="postgis_like"),), server, tmp_path)
        assert [extension.name for extension in database.missing] == ["postgis_like"]
        assert errors == []
        there = parse_connection(source.conninfo_with_password)
        assert (
            rows(server, database.restorer, "public.places") == rows(server17, there, "public.places") != b""
        )
