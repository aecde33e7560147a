"""What a proof must get right, each rule on real servers: odd values, other collations, malice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import pytest
from psycopg import sql

from app.domain.backup import Backup, BackupOptions, Format
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.engine.proof import prove
from app.postgres.archive import read_archive, write_directory_toc
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

_SQL = Path(__file__).with_name("proof")
_ODD = ("odd_role", "Odd Role")
LEFT_OUT = {"ACL", "DEFAULT ACL", "DATABASE", "DATABASE PROPERTIES"}


class ProveDatabase(Protocol):
    """Backs a database up and proves it, with the installations of these majors alone if they are given."""

    def __call__(self, database: Database, *majors: int, **options: Any) -> Proof: ...


@pytest.fixture
def prove_database(installations: tuple[Installation, ...], tmp_path: Path) -> ProveDatabase:
    def run(database: Database, *majors: int, **options: Any) -> Proof:
        chosen = [one for one in installations if not majors or one.version.major in majors]
        if len({one.version.major for one in chosen}) < len(majors):
            pytest.skip(f"no PostgreSQL {majors} here")
        return proof_of(backup_of(database, chosen, tmp_path, **options), chosen)

    return run


def backup_of(
    database: Database,
    installations: list[Installation] | tuple[Installation, ...],
    folder: Path,
    **options: Any,
) -> Backup:
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    request = BackupRequest("odd", connection, BackupOptions(**options), destination=folder)
    return back_up(request, installations, CancelToken(), lambda _: None)


def proof_of(backup: Backup, installations: list[Installation] | tuple[Installation, ...]) -> Proof:
    return prove(Path(backup.folder), backup.manifest, installations, CancelToken(), lambda _: None)


def exceptions(proof: Proof) -> dict[tuple[str, str], Outcome]:
    """What was not plainly identical, without what is never in a sandbox."""
    return {(item.kind, item.name): item.outcome for item in proof.exceptions if item.kind not in LEFT_OUT}


def outcome(proof: Proof, kind: str, name: str) -> ObjectOutcome:
    return next(item for item in proof.objects if (item.kind, item.name) == (kind, name))


@pytest.fixture
def drop_after() -> Iterator[list[tuple[Database, str]]]:
    """Statements to run at the end, in databases that are dropped later or on their servers."""
    statements: list[tuple[Database, str]] = []
    yield statements
    for database, statement in statements:
        with database.server.connect() as session:
            session.execute(statement.encode())


@pytest.fixture
def odd_roles(each_server: SandboxServer) -> Iterator[None]:
    yield
    with each_server.connect() as session:
        for role in _ODD:
            session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@pytest.fixture
def odd_database(
    each_server: SandboxServer, odd_roles: None, new_database: NewDatabase
) -> Iterator[Database]:
    """Something of nearly everything that a database can hold."""
    database = new_database(each_server)
    with database.connect() as session:
        session.execute((_SQL / "odd.sql").read_bytes())
    yield database
    database.sql(
        "ALTER SUBSCRIPTION sub DISABLE; ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub"
    )


ODD_EXCEPTIONS = {
    ("ACCESS METHOD", "heap2"): Outcome.NOT_CHECKED,
    ("OPERATOR FAMILY", "public.backwards"): Outcome.NOT_CHECKED,
    ("OPERATOR CLASS", "public.backwards"): Outcome.NOT_CHECKED,
    ("FOREIGN DATA WRAPPER", "own_fdw"): Outcome.NOT_CHECKED,
    ("PUBLICATION", "pub"): Outcome.NOT_CHECKED,
    ("COMMENT", "PUBLICATION pub"): Outcome.NOT_CHECKED,
    ("PUBLICATION", "pub_all"): Outcome.NOT_CHECKED,
    ("PUBLICATION", "pub_schema"): Outcome.NOT_CHECKED,
    ("PUBLICATION TABLE", "public.pub gen"): Outcome.NOT_CHECKED,
    ("PUBLICATION TABLE", "public.pub texts"): Outcome.NOT_CHECKED,
    ("PUBLICATION TABLES IN SCHEMA", '"Odd Schema".pub_schema Odd Schema'): Outcome.NOT_CHECKED,
    ("SUBSCRIPTION", "sub"): Outcome.NOT_CHECKED,
    ("EVENT TRIGGER", "events"): Outcome.NOT_CHECKED,
    ("COMMENT", "EVENT TRIGGER events"): Outcome.NOT_CHECKED,
    ("MATERIALIZED VIEW DATA", "public.full_view"): Outcome.RECOMPUTED,
    ("MATERIALIZED VIEW DATA", "public.second"): Outcome.RECOMPUTED,
    ("GENERATED COLUMN", "public.gen.b"): Outcome.RECOMPUTED,
}


def test_odd_values_and_objects_are_proven_and_every_exception_is_listed(
    odd_database: Database, prove_database: ProveDatabase
) -> None:
    proof = prove_database(odd_database)

    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN
    assert exceptions(proof) == ODD_EXCEPTIONS
    rows = {item.name for item in proof.objects if item.kind == "TABLE DATA"}
    assert {
        "public.nothing",
        "public.many",
        "public.all_dropped",
        "public.hashed_2",
        "public.unlogged",
    } <= rows
    assert {item.name for item in proof.objects if item.kind == "BLOB"} == {
        "70001",
        "70002",
        "70003",
        "70004",
    }
    assert outcome(proof, "COMMENT", "LARGE OBJECT 70002").outcome is Outcome.IDENTICAL
    sequences = [item.name for item in proof.objects if item.kind == "SEQUENCE SET"]
    assert {"public.up", "public.fresh", "public.down", "public.extreme", "public.ident_id_seq"} <= {
        *sequences
    }


@pytest.mark.parametrize("majors", [(17,), (18,)])
def test_another_major_gives_every_row_and_notes_where_it_writes_definitions_differently(
    server15: SandboxServer,
    new_database: NewDatabase,
    prove_database: ProveDatabase,
    majors: tuple[int, ...],
) -> None:
    database = new_database(server15)
    script = (_SQL / "odd.sql").read_text().partition("CREATE PUBLICATION")[0].partition("CREATE ROLE")[0]
    database.sql(script)

    proof = prove_database(database, *majors)

    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN
    assert "the backup is of PostgreSQL 15" in proof.notes[0]
    assert (
        exceptions(proof).items()
        >= {
            ("VIEW", "public.plain_view"): Outcome.NOT_CHECKED,
            ("MATERIALIZED VIEW DATA", "public.second"): Outcome.RECOMPUTED,
        }.items()
    )
    assert "another major version" in outcome(proof, "VIEW", "public.plain_view").reason
    differing = {kind for kind, _ in exceptions(proof)}
    assert not differing & {"TABLE", "TABLE DATA", "INDEX", "CONSTRAINT", "FK CONSTRAINT", "BLOB"}


@pytest.fixture
def markers() -> Iterator[Path]:
    """A folder that the sandbox's own user could write to, if a dump could make it write."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-markers-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_nothing_that_a_dump_brings_runs_as_superuser_or_reaches_other_servers(
    each_server: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase, markers: Path
) -> None:
    database = new_database(each_server)
    database.sql(f"COPY (SELECT 1) TO PROGRAM 'cat > {markers}/control'")
    assert (markers / "control").exists()
    (markers / "control").unlink()
    script = (_SQL / "hostile.sql").read_text()
    database.sql(script.replace("@MARKERS@", str(markers)).replace("@SOURCE@", database.name))

    proof = prove_database(database)

    assert list(markers.iterdir()) == []
    assert proof.level is ProofLevel.COMPLETE
    assert exceptions(proof) == {
        ("FUNCTION", "public.cfun()"): Outcome.NOT_CHECKED,
        ("FUNCTION", "public.internal()"): Outcome.NOT_CHECKED,
        ("VIEW", "public.cview"): Outcome.NOT_CHECKED,
        ("TABLE DATA", "public.dial"): Outcome.NOT_CHECKED,
        ("TABLE DATA", "public.imp"): Outcome.NOT_CHECKED,
        ("TABLE DATA", "public.reads"): Outcome.NOT_CHECKED,
        ("TABLE DATA", "public.refers"): Outcome.NOT_CHECKED,
        ("TABLE DATA", "public.sys"): Outcome.NOT_RESTORABLE,
        ("FK CONSTRAINT", "public.refers2 refers2_a_fkey"): Outcome.NOT_CHECKED,
        ("MATERIALIZED VIEW DATA", "public.mv"): Outcome.RECOMPUTED,
        ("MATERIALIZED VIEW DATA", "public.far_view"): Outcome.NOT_CHECKED,
        ("GENERATED COLUMN", "public.t.g"): Outcome.RECOMPUTED,
    }
    assert outcome(proof, "FK CONSTRAINT", "public.refers2 refers2_a_fkey").reason == (
        "it needs TABLE DATA public.refers, which was not checked"
    )
    assert outcome(proof, "TABLE DATA", "public.t").outcome is Outcome.IDENTICAL
    assert outcome(proof, "FOREIGN TABLE", "public.ft").outcome is Outcome.IDENTICAL


COLLATION_EXCEPTIONS = {
    ("COLLATION", "public.ci"): "stand-in",
    ("COLLATION", "public.numeric"): "stand-in",
    ("DOMAIN", "public.upto"): "upto_check",
    ("TABLE", "public.base"): "inherited",
    ("TABLE", "public.derived"): "inherited",
    ("TABLE", "public.names"): "names_n_check",
    ("TABLE", "public.sorted"): "in_order",
    ("TABLE", "public.trig"): "trig_a_check1",
    ("COMMENT", "CONSTRAINT public.in_order ON sorted"): "sorts text differently",
    ("TABLE ATTACH", "public.hashes_0"): "sorts text differently",
    ("TABLE ATTACH", "public.hashes_1"): "sorts text differently",
    ("TABLE ATTACH", "public.listed_a"): "sorts text differently",
    ("TABLE ATTACH", "public.listed_b"): "sorts text differently",
    ("TABLE ATTACH", "public.ranged_am"): "sorts text differently",
    ("INDEX ATTACH", "public.ranged_am_pkey"): "",
    ("INDEX ATTACH", "public.ranged_am_t_idx"): "",
    ("FK CONSTRAINT", "public.refs refs_name_fkey"): "tells all texts apart",
    ("FK CONSTRAINT", "public.to_ranged to_ranged_id_t_fkey"): "",
    ("VIEW", "public.sorting"): "another major version",
}


@pytest.mark.parametrize(
    "format_",
    ["directory", *(pytest.param(one, marks=pytest.mark.slow) for one in ("custom", "plain"))],
)
def test_rows_are_identical_in_a_sandbox_without_icu_and_what_does_not_hold_there_is_listed(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase, format_: str
) -> None:
    database = new_database(server15)
    database.sql((_SQL / "collations.sql").read_text())

    proof = prove_database(database, 17, format=Format(format_))

    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN
    found = {(item.kind, item.name): item.reason for item in proof.exceptions if item.kind not in LEFT_OUT}
    assert found.keys() == COLLATION_EXCEPTIONS.keys()
    assert [key for key, words in COLLATION_EXCEPTIONS.items() if words not in found[key]] == []
    assert {item.outcome for item in proof.exceptions} == {Outcome.NOT_CHECKED}


def test_where_icu_is_there_its_collations_are_checked(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(server15)
    database.sql((_SQL / "collations.sql").read_text())
    proof = prove_database(database)
    assert proof.level is ProofLevel.PROVEN
    assert exceptions(proof) == {}


def test_rows_that_such_a_sandbox_cannot_hold_leave_the_backup_complete_and_are_named(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE TYPE textrange AS RANGE (subtype = text, collation = "en-x-icu");
        CREATE TABLE textranges (r textrange); INSERT INTO textranges VALUES ('[a,Z]')
        """
    )
    proof = prove_database(database, 17)
    assert (proof.level, proof.failure) == (ProofLevel.COMPLETE, "")
    assert exceptions(proof) == {("TABLE DATA", "public.textranges"): Outcome.NOT_CHECKED}
    assert "the rows of public.textranges were not compared" in proof.notes[-1]


def test_a_check_that_needs_other_rows_is_not_excused_by_the_sandbox_sorting_differently(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE TABLE hen (a int, t text COLLATE "en-x-icu"); INSERT INTO hen VALUES (1, 'x');
        CREATE TABLE egg (a int); INSERT INTO egg VALUES (1);
        CREATE FUNCTION public.is_hen(int) RETURNS bool LANGUAGE sql
            AS 'SELECT EXISTS (SELECT FROM public.hen WHERE a = $1)';
        CREATE FUNCTION public.is_egg(int) RETURNS bool LANGUAGE sql
            AS 'SELECT EXISTS (SELECT FROM public.egg WHERE a = $1)';
        ALTER TABLE hen ADD CONSTRAINT known CHECK (public.is_egg(a));
        ALTER TABLE egg ADD CONSTRAINT known CHECK (public.is_hen(a))
        """
    )
    proof = prove_database(database, 17)
    assert outcome(proof, "TABLE DATA", "public.hen").outcome is Outcome.IDENTICAL
    assert outcome(proof, "TABLE", "public.hen").outcome is Outcome.NOT_RESTORABLE
    assert "cannot be loaded before those of other tables: known CHECK (public.is_" in proof.failure


def test_checks_that_compare_no_text_are_not_excused_by_the_sandbox_sorting_differently(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE TABLE vouchers (t text COLLATE "en-x-icu", until timestamptz);
        INSERT INTO vouchers VALUES ('x', '2020-01-01');
        ALTER TABLE vouchers ADD CONSTRAINT valid CHECK (until > clock_timestamp()) NOT VALID;
        UPDATE pg_constraint SET convalidated = true WHERE conname = 'valid'
        """
    )
    proof = prove_database(database, 17)
    assert proof.level is ProofLevel.COMPLETE
    assert outcome(proof, "TABLE", "public.vouchers").outcome is Outcome.NOT_RESTORABLE
    assert "do not fulfil its check: valid CHECK" in proof.failure


def test_databases_of_other_encodings_are_proven_names_and_all(
    each_server: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    latin = new_database(each_server, encoding="LATIN1")
    latin.sql(
        """
        CREATE SCHEMA "Größe"; CREATE TABLE "Größe"."Maß" ("Länge" text, b bytea);
        INSERT INTO "Größe"."Maß" VALUES ('straße', '\\xff00'), ('é', ''); CREATE SEQUENCE "Größe"."Zähler";
        COMMENT ON TABLE "Größe"."Maß" IS 'ÄÖÜ'; CREATE INDEX "Über" ON "Größe"."Maß" ("Länge");
        """
    )
    assert prove_database(latin).level is ProofLevel.PROVEN
    raw = new_database(each_server, encoding="SQL_ASCII")
    with psycopg.connect(raw.conninfo, password=raw.password, autocommit=True) as session:
        session.execute(b'CREATE SCHEMA "sch\xe9"')
        session.execute(b'CREATE TABLE "sch\xe9"."t\xfc" ("c\xf6" text)')
        session.execute(b"INSERT INTO \"sch\xe9\".\"t\xfc\" VALUES ('\xe9\xff'), ('\xc3\xa9')")
        session.execute(b'CREATE SEQUENCE "sch\xe9"."s\xfc"')
        session.execute(b'CREATE TABLE "d\xfc" (a int CHECK (a > 0)); COMMENT ON TABLE "d\xfc" IS \'\xfc\'')
    proof = prove_database(raw)
    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN


def test_settings_of_the_database_that_shape_text_do_not_make_a_difference(
    each_server: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(each_server)
    for name, value in {
        "timezone": "Asia/Kathmandu", "bytea_output": "escape", "intervalstyle": "sql_standard",
        "datestyle": "German, DMY", "extra_float_digits": "0", "lc_monetary": "C", "xmlbinary": "hex",
        "quote_all_identifiers": "on", "standard_conforming_strings": "off",
        "search_path": "nowhere", "default_transaction_isolation": "serializable", "array_nulls": "off",
        "xmloption": "document", "statement_timeout": "60000", "row_security": "off",
    }.items():  # fmt: skip
        database.sql(f"ALTER DATABASE {database.name} SET {name} = {value if ',' in value else repr(value)}")
    database.sql(
        r"""
        CREATE TABLE public.t (f4 float4, f8 float8, m money, tz timestamptz DEFAULT '2024-07-01 12:00+00',
            i interval, b bytea DEFAULT '\\x00ff5c', d date, x text, a int[]);
        INSERT INTO public.t (f4, f8, m, i, d, x, a) VALUES
            (0.1, 1.1, 12345.67, '1 year -2 days 3:04:05.6', '2024-12-31', E'a\\b''', ARRAY[NULL, 1]);
        CREATE VIEW public.v AS SELECT E'\\' || x AS y FROM public.t
        """
    )
    proof = prove_database(database)
    assert proof.failure == ""
    assert proof.level is ProofLevel.PROVEN
    assert exceptions(proof) == {}


def test_extensions_that_a_sandbox_lacks_are_stood_in_for_and_their_values_compared(
    server15: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pgcrypto; CREATE EXTENSION hstore;
        CREATE TABLE t (id uuid DEFAULT uuid_generate_v4(),
            h hstore, p bytea DEFAULT gen_random_bytes(4), x xml);
        INSERT INTO t (h, x) VALUES ('a=>1', '<a b="c">é</a>'); CREATE VIEW v AS SELECT crypt('a', 'b') FROM t
        """
    )
    for major, missing in ((17, "uuid-ossp"), (18, "pgcrypto")):
        proof = prove_database(database, major)
        assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")
        assert (
            exceptions(proof)["EXTENSION", f'"{missing}"' if "-" in missing else missing]
            is Outcome.NOT_CHECKED
        )
        assert outcome(proof, "TABLE DATA", "public.t").outcome is Outcome.IDENTICAL


def test_vectors_are_compared_in_a_sandbox_without_their_extension(
    server18: SandboxServer,
    new_database: NewDatabase,
    installations: tuple[Installation, ...],
    tmp_path: Path,
) -> None:
    database = new_database(server18)
    database.sql(
        """
        CREATE EXTENSION vector; CREATE TABLE t (id int, v vector(3), vs vector(2)[]);
        INSERT INTO t VALUES (1, '[1,2.5,-3e-05]', '{"[0,1]"}'), (2, NULL, NULL);
        CREATE INDEX near ON t USING hnsw (v vector_l2_ops)
        """
    )
    backup = backup_of(database, installations, tmp_path)
    folder = Path(backup.folder) / "database"
    archive = read_archive(folder)
    named_otherwise = [
        replace(entry, tag=entry.tag.replace("vector", "absent"))
        if "EXTENSION" in (entry.kind, entry.tag[:9])
        else entry
        for entry in archive.entries
    ]
    write_directory_toc(archive, named_otherwise, folder)
    toc = (folder / "toc.dat").read_bytes()
    files = tuple(
        replace(file, bytes=len(toc), sha256=sha256(toc).hexdigest())
        if file.path.endswith("toc.dat")
        else file
        for file in backup.manifest.files
    )
    extensions = tuple(replace(one, name="absent") for one in backup.manifest.extensions)
    manifest = replace(backup.manifest, files=files, extensions=extensions)

    proof = proof_of(replace(backup, manifest=manifest), installations)

    assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")
    assert exceptions(proof) == {
        ("EXTENSION", "absent"): Outcome.NOT_CHECKED,
        ("COMMENT", "EXTENSION absent"): Outcome.NOT_CHECKED,
        ("INDEX", "public.near"): Outcome.NOT_CHECKED,
    }
    assert outcome(proof, "INDEX", "public.near").reason == "it needs EXTENSION absent, which was not checked"


def test_dangling_numbers_stay_numbers(
    each_server: SandboxServer, new_database: NewDatabase, prove_database: ProveDatabase
) -> None:
    database = new_database(each_server)
    database.sql(
        """
        CREATE TABLE t (o oid, c regclass, p regproc, t regtype, n regnamespace, r regrole);
        INSERT INTO t SELECT i, i, i, i, i, i FROM generate_series(16384, 18000) i
        WHERE i NOT IN (SELECT oid::int8 FROM pg_class) AND i NOT IN (SELECT oid::int8 FROM pg_type)
          AND i NOT IN (SELECT oid::int8 FROM pg_proc) AND i NOT IN (SELECT oid::int8 FROM pg_authid)
          AND i NOT IN (SELECT oid::int8 FROM pg_namespace)
        """
    )
    proof = prove_database(database)
    assert (proof.level, proof.failure, exceptions(proof)) == (ProofLevel.PROVEN, "", {})
