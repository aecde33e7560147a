"""The table of contents, against what pg_dump wrote and what pg_restore says of it."""

from __future__ import annotations

import random
import re
import resource
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.backup import Compression, CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres import archive as archive_module
from app.postgres.archive import (
    Archive,
    ArchiveFormat,
    Entry,
    read_archive,
    write_custom,
    write_directory_toc,
)
from app.postgres.archive_entry import encode_entry
from app.postgres.sandbox import create_database
from app.system.process import Child, Finished, run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

SCHEMA = r"""
CREATE SCHEMA "odd ""schema""
with a newline";
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE plain (id integer PRIMARY KEY, note text DEFAULT 'x', feeling mood);
COMMENT ON TABLE plain IS 'a comment; with '' quotes';
GRANT SELECT ON plain TO PUBLIC;
CREATE INDEX plain_note ON plain (note);
CREATE TABLE no_columns ();
CREATE TABLE "odd ""schema""
with a newline"."täble 🐘 ""q"" %s" (id serial, "spalte ü" text);
CREATE TABLE parent (id integer, at date) PARTITION BY RANGE (at);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE lists (id integer) PARTITION BY HASH (id);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM plain;
CREATE FUNCTION double(value integer) RETURNS integer LANGUAGE sql AS 'SELECT value * 2';
CREATE TRIGGER t BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON plain USING (id > 0);
INSERT INTO plain SELECT n, E'tab\t newline\n backslash\\ \\.' FROM generate_series(1, 500) AS n;
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
INSERT INTO parent SELECT n, '2024-05-05' FROM generate_series(1, 10) AS n;
SELECT lo_from_bytea(4000000000, 'large'), lo_from_bytea(17, '');
SELECT lo_from_bytea(18, repeat('x', 100000)::bytea);
"""
"""Kinds of entries, odd names and odd data."""

Dumper = Callable[..., Path]


def restore(database: Database, *arguments: str | Path) -> Finished:
    tool = database.server.installation.program("pg_restore")
    return run([tool, *arguments], env=database.server.environment(), timeout=60)


@pytest.fixture
def dump(tmp_path: Path) -> Dumper:
    """`dump(database, "-Fc", …)` runs pg_dump and gives the archive's path."""

    def make(database: Database, *options: str, name: str = "archive") -> Path:
        target = tmp_path / name
        tool = database.server.installation.program("pg_dump")
        finished = run(
            [tool, "--no-sync", *options, "-f", target, "-d", database.conninfo],
            env=database.server.environment(),
            timeout=60,
        )
        assert finished.status == 0, finished.errors
        return target

    return make


@pytest.fixture(params=["server15", "server17", "server18"], scope="module")
def sample(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with many kinds of entries, on each server."""
    from tests.conftest import Database

    server = request.getfixturevalue(request.param)
    database = Database(server, f"archive_{request.param}")
    create_database(server, database.name)
    database.sql(SCHEMA)
    yield database
    with server.connect() as session:
        session.execute(f"DROP DATABASE {database.name} WITH (FORCE)".encode())


def listed(database: Database, path: Path) -> list[tuple[int, int, int, str]]:
    """What pg_restore lists: dump id, oids, and the rest of the line."""
    finished = restore(database, "--list", "--create", path)
    assert finished.status == 0, finished.errors
    lines = [line for line in finished.output.splitlines() if line and not line.startswith(";")]
    matches = [re.fullmatch(r"(\d+); (\d+) (\d+) (.*)", line) for line in lines]
    return [(int(m[1]), int(m[2]), int(m[3]), m[4]) for m in matches if m]


def as_listed(entry: Entry) -> tuple[int, int, int, str]:
    words = (entry.kind, entry.schema or "-", entry.tag, entry.owner)
    return entry.dump_id, entry.catalog_oid, entry.oid, re.sub(r"[\r\n]", " ", " ".join(words))


@pytest.mark.parametrize("option", ["-Fc", "-Fd", "-Ft"])
def test_lists_what_pg_restore_lists(sample: Database, dump: Dumper, option: str) -> None:
    path = dump(sample, option)
    archive = read_archive(path)
    special = {"ENCODING", "STDSTRINGS", "SEARCHPATH"}
    ours = [as_listed(entry) for entry in archive.entries if entry.kind not in special]
    assert ours == listed(sample, path)
    assert len(ours) > 25


@pytest.mark.parametrize("option", ["-Fc", "-Fd", "-Ft"])
def test_knows_what_the_header_says(sample: Database, dump: Dumper, option: str) -> None:
    path = dump(sample, option)
    archive = read_archive(path)
    summary = restore(sample, "--list", path).output
    version = ".".join(map(str, archive.version[:2])) + f"-{archive.version[2]}"
    assert f"Dump Version: {version}" in summary
    assert f"dbname: {archive.database}\n" in summary
    assert f"Dumped from database version: {archive.server_version}\n" in summary
    assert f"Dumped by pg_dump version: {archive.dump_version}\n" in summary
    assert f"Archive created at {archive.created:%Y-%m-%d %H:%M:%S}" in summary
    assert archive.encoding == "UTF8"
    forms = {"-Fc": ArchiveFormat.CUSTOM, "-Fd": ArchiveFormat.DIRECTORY, "-Ft": ArchiveFormat.TAR}
    assert archive.format is forms[option]


def test_entries_carry_their_facts(sample: Database, dump: Dumper) -> None:
    archive = read_archive(dump(sample, "-Fd"))
    by_name = {(entry.kind, entry.tag): entry for entry in archive.entries}
    table = by_name["TABLE", "plain"]
    data = by_name["TABLE DATA", "plain"]
    oid = sample.sql("SELECT 'plain'::regclass::oid::int8")[0][0]
    assert (table.oid, table.catalog_oid, table.section, table.schema) == (oid, 1259, "pre-data", "public")
    assert table.definition.startswith("CREATE TABLE public.plain (")
    assert table.drop == "DROP TABLE public.plain;\n"
    assert table.access_method == "heap"
    assert (data.oid, data.section, data.dependencies) == (oid, "data", (table.dump_id,))
    assert data.copy_statement == "COPY public.plain (id, note, feeling) FROM stdin;\n"
    assert (data.has_data, data.filename) == (True, f"{data.dump_id}.dat")
    assert not table.has_data
    assert by_name["CONSTRAINT", "plain plain_pkey"].section == "post-data"
    odd = by_name["TABLE", 'täble 🐘 "q" %s']
    assert odd.schema == 'odd "schema"\nwith a newline'
    if archive.version >= (1, 16):
        assert (table.relkind, by_name["TABLE", "parent"].relkind, data.relkind) == ("r", "p", "")


@pytest.mark.parametrize("options", [("-Z0",), ("-Z6",), ()])
def test_compression_is_told(sample: Database, dump: Dumper, options: tuple[str, ...]) -> None:
    archive = read_archive(dump(sample, "-Fc", *options))
    assert (
        archive.compression.method
        is {
            "-Z0": CompressionMethod.NONE,
            "-Z6": CompressionMethod.GZIP,
            "": CompressionMethod.GZIP,
        }[options[0] if options else ""]
    )


def test_zstd_and_lz4_are_told(new_database: NewDatabase, server17: object, dump: Dumper) -> None:
    database = new_database(server17)  # type: ignore[arg-type]
    for method in (CompressionMethod.ZSTD, CompressionMethod.LZ4):
        archive = read_archive(dump(database, "-Fc", "-Z", method.value, name=method.value))
        assert archive.compression == Compression(method)


def test_writing_changes_no_byte(sample: Database, dump: Dumper, tmp_path: Path) -> None:
    custom = dump(sample, "-Fc", name="custom")
    write_custom(read_archive(custom), read_archive(custom).entries, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == custom.read_bytes()
    directory = dump(sample, "-Fd", name="directory")
    (tmp_path / "copy").mkdir()
    archive = read_archive(directory)
    write_directory_toc(archive, archive.entries, tmp_path / "copy")
    assert (tmp_path / "copy" / "toc.dat").read_bytes() == (directory / "toc.dat").read_bytes()


def edited(archive: Archive) -> list[Entry]:
    """Without comments, and with one more column in a table, so that everything behind it moves."""
    return [
        replace(entry, definition=entry.definition.replace("id integer", "added text, id integer"))
        if (entry.kind, entry.tag) == ("TABLE", "plain")
        else entry
        for entry in archive.entries
        if entry.kind != "COMMENT"
    ]


@pytest.mark.parametrize("form", ["-Fc", "-Fd"])
def test_pg_restore_takes_an_edited_archive(
    sample: Database, dump: Dumper, new_database: NewDatabase, tmp_path: Path, form: str
) -> None:
    source = dump(sample, form)
    archive = read_archive(source)
    target = tmp_path / "edited"
    if form == "-Fc":
        write_custom(archive, edited(archive), target)
    else:
        shutil.copytree(source, target)
        write_directory_toc(archive, edited(archive), target)
    again = read_archive(target)
    shift = again.data_start - archive.data_start
    moved = [replace(one, data_offset=one.data_offset and one.data_offset - shift) for one in again.entries]
    assert (moved if form == "-Fc" else list(again.entries)) == edited(archive)
    database = new_database(sample.server)
    finished = restore(database, "-j2", "--exit-on-error", "-d", database.conninfo, target)
    assert finished.status == 0, finished.errors
    assert database.sql("SELECT count(*), count(added) FROM plain")[0] == (500, 0)
    assert database.sql("SELECT obj_description('plain'::regclass)")[0] == (None,)
    assert database.sql("SELECT length(lo_get(18)), lo_get(4000000000)")[0] == (100000, b"large")


def test_an_archive_from_a_pipe_has_no_offsets_and_keeps_none(
    sample: Database, tmp_path: Path, new_database: NewDatabase
) -> None:
    piped = dump_through_pipe(sample, tmp_path / "piped")
    archive = read_archive(piped)
    with_data = [entry for entry in archive.entries if entry.has_data]
    assert with_data
    assert all(entry.data_offset is None for entry in with_data)
    write_custom(archive, archive.entries, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == piped.read_bytes()
    write_custom(archive, edited(archive), tmp_path / "edited")
    database = new_database(sample.server)
    finished = restore(database, "--exit-on-error", "-d", database.conninfo, tmp_path / "edited")
    assert finished.status == 0, finished.errors
    assert database.sql("SELECT count(*) FROM plain")[0] == (500,)


def dump_through_pipe(database: Database, target: Path) -> Path:
    tool = database.server.installation.program("pg_dump")
    command: list[str | Path] = [tool, "-Fc", "-d", database.conninfo]
    with Child(command, env=database.server.environment(), stdout=Child.PIPE) as child:
        target.write_bytes(child.stdout.read())
        assert child.wait(60) == 0
    return target


def test_names_of_other_encodings_are_read_and_nothing_is_lost(
    server17: object, new_database: NewDatabase, dump: Dumper, tmp_path: Path
) -> None:
    latin = new_database(server17, encoding="LATIN1")  # type: ignore[arg-type]
    with latin.connect() as session:
        session.execute("SET client_encoding = 'UTF8'")
        session.execute("CREATE TABLE käse (größe text DEFAULT 'ü')")
    ascii_only = new_database(server17, encoding="SQL_ASCII")  # type: ignore[arg-type]
    with ascii_only.connect() as session:
        session.execute(b'CREATE TABLE "k\xe4se" (id int)')
    for database, encoding, name in ((latin, "LATIN1", "käse"), (ascii_only, "SQL_ASCII", "k\udce4se")):
        path = dump(database, "-Fc", name=encoding)
        archive = read_archive(path)
        assert archive.encoding == encoding
        assert name in {entry.tag for entry in archive.entries if entry.kind == "TABLE"}
        write_custom(archive, archive.entries, tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == path.read_bytes()


def entry(number: int, **facts: object) -> Entry:
    plain = Entry(
        dump_id=number,
        catalog_oid=1259,
        oid=16384 + number,
        tag=f"table_{number}",
        kind="TABLE",
        section="pre-data",
        definition=f"CREATE TABLE public.table_{number} (\n    id integer NOT NULL,\n    note text\n);\n\n\n",
        drop=f"DROP TABLE public.table_{number};\n",
        copy_statement="",
        schema="public",
        tablespace="",
        access_method="heap",
        relkind="r",
        owner="postgres",
        dependencies=(),
        has_data=False,
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


def made_up(version: tuple[int, int, int] = (1, 16, 0)) -> Archive:
    def number(value: int) -> bytes:
        return struct.pack("<BI", value < 0, abs(value))

    compression = b"\3" if version >= (1, 15) else number(-1)
    moment = b"".join(map(number, (1, 2, 3, 22, 10, 126, 0)))
    texts = b"".join(number(len(text)) + text for text in (b"shop", b"17.10", b"17.10"))
    header = b"PGDMP" + bytes(version) + b"\4\x08\3" + compression + moment + texts
    return Archive(
        path=Path("made-up"),
        format=ArchiveFormat.DIRECTORY,
        version=version,
        compression=Compression(CompressionMethod.ZSTD if version >= (1, 15) else CompressionMethod.GZIP),
        created=datetime(2026, 11, 22, 3, 2, 1),
        database="shop",
        server_version="17.10",
        dump_version="17.10",
        encoding="UTF8",
        entries=(),
        header=header,
        data_start=0,
        offset_size=8,
    )


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
NAME = st.sampled_from(["", "public", "ä", "a b"])
ENTRIES = st.lists(
    st.builds(
        lambda **facts: facts,
        catalog_oid=st.integers(0, 2**32 - 1),
        oid=st.integers(0, 2**32 - 1),
        tag=TEXT,
        kind=st.sampled_from(["TABLE", "TABLE DATA", "ACL"]),
        section=st.sampled_from(["none", "pre-data", "data", "post-data"]),
        definition=TEXT,
        drop=TEXT,
        copy_statement=TEXT,
        schema=NAME,
        tablespace=NAME,
        access_method=NAME,
        relkind=st.sampled_from(["", "r", "p"]),
        owner=NAME,
        dependencies=st.lists(st.integers(1, 10**6), max_size=3).map(tuple),
        has_data=st.booleans(),
        filename=st.sampled_from(["", "1.dat"]),
        with_oids=st.booleans(),
    ),
    max_size=12,
).map(lambda many: tuple(entry(number, **facts) for number, facts in enumerate(many, 1)))


@pytest.mark.parametrize("version", [(1, 12, 0), (1, 13, 0), (1, 14, 0), (1, 15, 0), (1, 16, 0)])
@given(entries=ENTRIES, window=st.integers(120, 400))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_in_every_version_and_however_it_is_buffered(
    tmp_path_factory: pytest.TempPathFactory,
    version: tuple[int, int, int],
    entries: tuple[Entry, ...],
    window: int,
) -> None:
    folder = tmp_path_factory.mktemp("toc")
    if version < (1, 16):
        entries = tuple(replace(one, relkind="") for one in entries)
    if version < (1, 14):
        entries = tuple(replace(one, access_method="") for one in entries)
    archive = made_up(version)
    write_directory_toc(archive, entries, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive_module, "_WINDOW", window)
        found = read_archive(folder)
    assert found.entries == entries
    assert replace(found, path=archive.path, entries=(), data_start=0) == archive


def code_of(path: Path) -> ErrorCode | None:
    """The code of the AppError, which names the path, that reading raises; None when it is read."""
    with suppress(AppError):
        read_archive(path)
        return None
    with pytest.raises(AppError, match=re.escape(str(path))) as caught:
        read_archive(path)
    return caught.value.code


def test_what_is_no_archive_is_an_unknown_format(tmp_path: Path) -> None:
    empty, text, folder = tmp_path / "empty", tmp_path / "text", tmp_path / "folder"
    empty.write_bytes(b"")
    text.write_text("-- PostgreSQL database dump\n" * 100)
    folder.mkdir()
    for path in (empty, text, folder, Path("/dev/zero")):
        assert code_of(path) is ErrorCode.UNKNOWN_FORMAT
    assert code_of(tmp_path / "missing") is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("version", [(1, 11, 0), (1, 17, 0), (2, 0, 0), (0, 0, 0)])
def test_unknown_versions_are_named(tmp_path: Path, version: tuple[int, int, int]) -> None:
    write_directory_toc(made_up(version), (), tmp_path)
    with pytest.raises(AppError, match=f"{version[0]}.{version[1]}-0") as caught:
        read_archive(tmp_path)
    assert caught.value.code is ErrorCode.UNKNOWN_FORMAT


def test_two_encodings_that_disagree_do_not_read_forever(tmp_path: Path) -> None:
    entries = [
        entry(number, kind="ENCODING", definition=f"SET client_encoding = '{name}';\n")
        for number, name in enumerate(("LATIN1", "UTF8", "LATIN1", "KOI8R"), 1)
    ]
    write_directory_toc(made_up(), entries, tmp_path)
    assert read_archive(tmp_path).encoding == "LATIN1"


def test_two_entries_of_one_number_are_damage(tmp_path: Path) -> None:
    write_directory_toc(made_up(), [entry(1), entry(1)], tmp_path)
    assert code_of(tmp_path) is ErrorCode.ARCHIVE_DAMAGED


def test_an_offset_that_no_file_can_have_is_damage(sample: Database, dump: Dumper, tmp_path: Path) -> None:
    archive = read_archive(dump(sample, "-Fc"))
    shift = 2**63 - max(one.data_offset or 0 for one in archive.entries)
    moved = [replace(one, data_offset=one.data_offset and one.data_offset + shift) for one in archive.entries]
    write_custom(archive, moved, tmp_path / "moved")
    assert code_of(tmp_path / "moved") is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("count", [-1, 3, 10**6, 2**32 - 1])
def test_a_count_that_does_not_fit_is_damage(tmp_path: Path, count: int) -> None:
    archive = made_up()
    write_directory_toc(archive, [entry(1), entry(2)], tmp_path)
    data = bytearray((tmp_path / "toc.dat").read_bytes())
    start = len(archive.header)
    data[start : start + 5] = struct.pack("<BI", count < 0, abs(count))
    (tmp_path / "toc.dat").write_bytes(data)
    assert code_of(tmp_path) is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("option", ["-Fc", "-Fd", "-Ft"])
def test_every_truncation_is_noticed(sample: Database, dump: Dumper, tmp_path: Path, option: str) -> None:
    source = dump(sample, option)
    archive = read_archive(source)
    path = source / "toc.dat" if option == "-Fd" else source
    data = path.read_bytes()
    size = min(len(data), archive.data_start + (512 if option == "-Ft" else 0))
    for length in [*range(min(size, 700)), *range(700, size, 97), size - 1]:
        path.write_bytes(data[:length])
        assert code_of(source) in (ErrorCode.ARCHIVE_DAMAGED, ErrorCode.UNKNOWN_FORMAT)


@pytest.mark.parametrize("option", ["-Fc", "-Fd", "-Ft"])
def test_damaged_bytes_raise_nothing_but_an_app_error(sample: Database, dump: Dumper, option: str) -> None:
    source = dump(sample, option)
    path = source / "toc.dat" if option == "-Fd" else source
    data = path.read_bytes()
    chance = random.Random(11)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            where = chance.randrange(min(len(data), 20_000))
            match chance.randrange(3):
                case 0:
                    broken[where] = chance.randrange(256)
                case 1:
                    del broken[where : where + chance.randrange(1, 9)]
                case _:
                    broken[where:where] = chance.randbytes(chance.randrange(1, 9))
        path.write_bytes(broken)
        code_of(source)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 100_000  # KB


@given(data=st.binary(max_size=2000), version=st.integers(12, 16), code=st.sampled_from([1, 3]))
@settings(max_examples=200, deadline=None)
def test_random_bytes_raise_nothing_but_an_app_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, version: int, code: int
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    for name in ("toc.dat", "file"):
        (folder / name).write_bytes(b"PGDMP\1" + bytes((version, 0, 4, 8, code)) + data)
    for path in (folder, folder / "file"):
        with suppress(AppError):
            read_archive(path)


def test_fifty_thousand_tables_are_read_in_seconds(tmp_path: Path) -> None:
    archive = made_up()
    copy = "COPY public.table_7777777 (id, note) FROM stdin;\n"
    alter = "ALTER TABLE ONLY public.table_7777777\n    ADD CONSTRAINT c PRIMARY KEY (id);\n\n\n"
    rest: dict[str, Any] = {"relkind": "", "access_method": "", "drop": "", "dependencies": (7777777,)}
    table = entry(7777777)
    data = replace(table, kind="TABLE DATA", section="data", copy_statement=copy, has_data=True, **rest)
    constraint = replace(table, kind="CONSTRAINT", section="post-data", definition=alter, **rest)
    kinds = [encode_entry(one, archive.layout)[5:] for one in (table, data, constraint)]
    with (tmp_path / "toc.dat").open("wb") as file:
        file.write(archive.header + struct.pack("<BI", 0, 150_000))
        for number in range(150_000):
            name = b"%07d" % (1_000_000 + number)
            file.write(struct.pack("<BI", 0, number + 1) + kinds[number % 3].replace(b"7777777", name))
    start = time.process_time()
    found = read_archive(tmp_path)
    seconds = time.process_time() - start
    assert len(found.entries) == 150_000
    assert seconds < 6, f"{seconds:.2f} s; the goal is 1.5 s on a free machine"
