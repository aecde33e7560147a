"""Plain SQL dumps, read as archives: the same entries, streams and large objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Compression, CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.archive import read_archive
from app.postgres.archive_data import has_rows
from app.postgres.archive_digest import digest_archive
from app.postgres.archive_entry import VIA_ROOT
from app.postgres.compression import SUFFIXES, decompressed, method_of, new_compressor
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.script_archive import digest_script, read_script_archive, rows_of
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

TRAPS = r"""
CREATE SCHEMA "odd; schema";
CREATE FUNCTION trap() RETURNS text LANGUAGE sql AS $body$
  SELECT 'x' -- Name: fake; Type: TABLE; Schema: public; Owner: me
  ; /* COPY public.fake (a) FROM stdin;
\.
  */ SELECT 'y' $body$;
CREATE TABLE "odd; schema"."t ""q"" ü" (a int, b text);
INSERT INTO "odd; schema"."t ""q"" ü"
VALUES (1, E'\\.'), (2, E'tab\tnew\nline'), (3, NULL), (4, 'x; OWNER TO y;');
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE part (c colour, n int) PARTITION BY HASH (c);
CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO part SELECT (ARRAY['red','green','blue'])[1 + i % 3]::colour, i FROM generate_series(1, 300) i;
CREATE TABLE empty ();
INSERT INTO empty DEFAULT VALUES;
INSERT INTO empty DEFAULT VALUES;
SELECT lo_from_bytea(4000000000, decode(repeat('00ff', 5000), 'hex'));
SELECT lo_from_bytea(70000, '');
COMMENT ON LARGE OBJECT 70000 IS 'it''s empty';
"""


@pytest.fixture
def trapped(new_database: NewDatabase, each_server: SandboxServer) -> Database:
    database = new_database(each_server)
    database.sql(TRAPS)
    return database


def dump(database: Database, target: Path, *arguments: str) -> Path:
    tool = database.server.installation.program("pg_dump")
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    command: list[str | Path] = [tool, f"--dbname={database.conninfo}", f"--file={target}", *arguments]
    finished = run(command, env=connection.environment(), timeout=60)
    assert finished.status == 0, finished.errors
    return target


def test_a_script_holds_the_same_streams_and_large_objects_as_an_archive(
    trapped: Database, tmp_path: Path
) -> None:
    archive = read_archive(dump(trapped, tmp_path / "a.dump", "--format=custom"))
    expected = digest_archive(archive)
    script = read_script_archive(dump(trapped, tmp_path / "a.sql", "--format=plain", "--create"))

    streams = {(e.schema, e.tag): script.streams[e.dump_id] for e in script.entries if has_rows(e)}
    assert streams == {(e.schema, e.tag): expected.streams[e.dump_id] for e in archive.entries if has_rows(e)}
    assert sorted(script.large_objects, key=lambda item: item.oid) == list(expected.large_objects)
    assert script.encoding == archive.encoding


def test_a_script_holds_the_same_objects_as_an_archive(trapped: Database, tmp_path: Path) -> None:
    archive = read_archive(dump(trapped, tmp_path / "a.dump", "--format=custom"))
    script = read_script_archive(dump(trapped, tmp_path / "a.sql", "--format=plain"))
    left_out = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "BLOBS", "BLOB", "BLOB METADATA"}

    found = {(e.kind, e.schema, e.tag) for e in script.entries if e.kind not in left_out}
    assert found == {(e.kind, e.schema, e.tag) for e in archive.entries if e.kind not in left_out}


def test_a_definition_is_the_statement_without_its_owner(trapped: Database, tmp_path: Path) -> None:
    script = read_script_archive(dump(trapped, tmp_path / "a.sql", "--format=plain"))

    (table,) = [e for e in script.entries if e.kind == "TABLE" and "ü" in e.tag]
    assert table.definition.startswith('CREATE TABLE "odd; schema"."t ""q"" ü" (')
    assert "OWNER TO" not in table.definition
    assert not any("default_tablespace" in entry.definition for entry in script.entries)


def test_data_loaded_through_a_partition_root_are_marked(trapped: Database, tmp_path: Path) -> None:
    script = read_script_archive(dump(trapped, tmp_path / "a.sql", "--format=plain"))

    marked = {e.tag for e in script.entries if VIA_ROOT in e.definition}
    assert marked == {"part_0", "part_1"}


def test_the_rows_of_one_table_can_be_had_alone(trapped: Database, tmp_path: Path) -> None:
    path = dump(trapped, tmp_path / "a.sql", "--format=plain")
    (entry,) = [e for e in read_script_archive(path).entries if e.kind == "TABLE DATA" and "ü" in e.tag]

    rows = b"".join(rows_of(path, entry)).splitlines()
    assert sorted(rows) == [b"1\t\\\\.", b"2\ttab\\tnew\\nline", b"3\t\\N", b"4\tx; OWNER TO y;"]


def test_a_latin1_script_has_readable_names(
    new_database: NewDatabase, server17: SandboxServer, tmp_path: Path
) -> None:
    database = new_database(server17, encoding="LATIN1")
    with database.connect() as session:
        session.execute("SET client_encoding = 'UTF8'")
        session.execute("CREATE TABLE größe (straße text)")
        session.execute("INSERT INTO größe VALUES ('Köln')")
    script = read_script_archive(dump(database, tmp_path / "a.sql", "--format=plain"))

    (data,) = [entry for entry in script.entries if has_rows(entry)]
    assert (script.encoding, data.tag) == ("LATIN1", "größe")
    assert "straße" in data.copy_statement


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_script_that_ends_early_is_damaged(trapped: Database, tmp_path: Path, cut: int) -> None:
    path = dump(trapped, tmp_path / "a.sql", "--format=plain")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"-- PostgreSQL database dump complete") - cut])

    with pytest.raises(AppError) as failure:
        read_script_archive(path)
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("text", ["zstd:3", "zstd:19", "gzip", "gzip:1", "bzip2", "lz4", "lz4:9", "none"])
def test_what_is_compressed_decompresses_to_the_same(tmp_path: Path, text: str) -> None:
    compression = Compression.parse(text)
    pieces = [b"", b"x" * 100_000, bytes(range(256)) * 999, b"end"]
    compressor = new_compressor(compression)
    path = tmp_path / f"f.sql{SUFFIXES[compression.method]}"
    path.write_bytes(b"".join(map(compressor.compress, pieces)) + compressor.flush())

    assert method_of(path) is compression.method
    assert b"".join(decompressed(path, compression.method)) == b"".join(pieces)


def test_nothing_at_all_compresses_to_an_empty_stream(tmp_path: Path) -> None:
    for method in CompressionMethod:
        compressor = new_compressor(Compression(method))
        path = tmp_path / f"{method}.x"
        path.write_bytes(compressor.flush())
        assert b"".join(decompressed(path, method)) == b""


def test_a_script_without_pg_dumps_last_line_is_refused() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"SELECT 1;\n"

    with pytest.raises(AppError) as failure:
        digest_script(blocks(), "some file")
    assert "some file" in str(failure.value)
