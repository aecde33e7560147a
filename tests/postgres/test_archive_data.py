"""The data of real archives of every format and compression: streams, large objects, one pass over all."""

from __future__ import annotations

import hashlib
import random
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.archive import Archive, ArchiveFormat, Entry, read_archive
from app.postgres.archive_data import (
    data_file,
    data_streams,
    digest_large_objects,
    has_rows,
    large_objects,
    open_stream,
)
from app.postgres.archive_digest import ArchiveDigest, FileDigest, LargeObject, digest_archive, summary
from app.postgres.compression import BLOCK
from app.postgres.copy_stream import END_MARKER, StreamDigest
from app.postgres.sandbox import create_database
from app.system.process import Child, run

if TYPE_CHECKING:
    from tests.conftest import Database

SCHEMA = r"""
CREATE TABLE plain (id integer, note text);
INSERT INTO plain SELECT n, E'tab\t newline\n backslash\\ \\. ' || md5(n::text)
FROM generate_series(1, 20000) AS n;
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE empty (id integer);
CREATE TABLE "odd ""name"" ä" (id integer);
INSERT INTO "odd ""name"" ä" VALUES (1);
SELECT lo_from_bytea(4000000000, 'large'), lo_from_bytea(17, '');
SELECT lo_from_bytea(18, repeat('x', 300000)::bytea);
SELECT lo_from_bytea(n::oid, n::text::bytea) FROM generate_series(1001, 2010) AS n;
"""

OPTIONS = {
    "server15": (("-Fc",), ("-Fc", "-Z0"), ("-Fd",), ("-Fd", "-Z0"), ("-Fd", "-j2"), ("-Ft",)),
    "server17": (
        *((form, "-Z", method) for form in ("-Fc", "-Fd") for method in ("zstd:3", "lz4", "gzip", "none")),
        ("-Ft",),
    ),
    "server18": (("-Fc",), ("-Fd", "-j2"), ("-Ft",)),
}
each_option = pytest.mark.parametrize(
    ("server", "options"),
    [(server, options) for server, many in OPTIONS.items() for options in many],
    ids=lambda value: value if isinstance(value, str) else "".join(value),
)


@pytest.fixture(scope="module")
def databases(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Database]]:
    """`databases("server17")` is the sample on that server."""
    from tests.conftest import Database

    made: dict[str, Database] = {}

    def get(name: str) -> Database:
        if name not in made:
            database = Database(request.getfixturevalue(name), "archive_data")
            create_database(database.server, database.name)
            database.sql(SCHEMA)
            made[name] = database
        return made[name]

    yield get
    for database in made.values():
        with database.server.connect() as session:
            session.execute(f"DROP DATABASE {database.name} WITH (FORCE)".encode())


def dump(database: Database, target: Path, *options: str) -> Path:
    tool = database.server.installation.program("pg_dump")
    command: list[str | Path] = [tool, "--no-sync", *options, "-f", target, "-d", database.conninfo]
    finished = run(command, env=database.server.environment(), timeout=60)
    assert finished.status == 0, finished.errors
    return target


def copied(database: Database, entry: Entry) -> bytes:
    """The table's rows as the server gives them."""
    with database.connect() as session, session.cursor() as cursor:
        command = entry.copy_statement.replace("FROM stdin", "TO STDOUT").rstrip(";\n")
        if " () " in command:
            command = command.replace("() ", "")
        with cursor.copy(command.encode()) as copy:
            return b"".join(bytes(block) for block in copy)


def digest_of(data: bytes) -> StreamDigest:
    return StreamDigest(data.count(b"\n"), len(data), hashlib.sha256(data).hexdigest())


def expected_large_objects(database: Database) -> dict[int, str]:
    rows = database.sql("SELECT oid::int8, encode(sha256(lo_get(oid)), 'hex') FROM pg_largeobject_metadata")
    return dict(rows)


def rows_entries(archive: Archive) -> list[Entry]:
    return [entry for entry in archive.entries if has_rows(entry)]


@each_option
def test_every_stream_and_large_object_is_what_the_server_has(
    databases: Callable[[str], Database], tmp_path: Path, server: str, options: tuple[str, ...]
) -> None:
    database = databases(server)
    path = dump(database, tmp_path / "archive", *options)
    archive = read_archive(path)
    wanted = {entry.dump_id: copied(database, entry) for entry in rows_entries(archive)}
    assert sorted(map(len, wanted.values()))[:3] == [0, 2, 3]
    for entry, blocks in data_streams(archive, reversed(rows_entries(archive))):
        assert b"".join(blocks) == wanted[entry.dump_id] + END_MARKER
    objects = expected_large_objects(database)
    assert len(objects) == 1013
    assert digest_large_objects(archive) == objects

    steps: list[int] = []
    found = digest_archive(archive, steps.append)
    assert found.streams == {number: digest_of(data) for number, data in wanted.items()}
    assert {one.oid: one.sha256 for one in found.large_objects} == objects
    files = [path] if path.is_file() else sorted(path.iterdir())
    assert sorted((one.path, one.bytes, one.sha256) for one in found.files) == [
        (file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files
    ]
    assert sum(steps) >= files[0].stat().st_size


@pytest.mark.parametrize("compression", ["zstd:3", "none"])
def test_an_archive_from_a_pipe_is_searched(
    databases: Callable[[str], Database], tmp_path: Path, compression: str
) -> None:
    database = databases("server17")
    tool = database.server.installation.program("pg_dump")
    command: list[str | Path] = [tool, "-Fc", "-Z", compression, "-d", database.conninfo]
    path = tmp_path / "piped"
    with Child(command, env=database.server.environment(), stdout=Child.PIPE) as child:
        path.write_bytes(child.stdout.read())
        assert child.wait(60) == 0
    archive = read_archive(path)
    for entry in reversed(rows_entries(archive)):
        assert entry.data_offset is None
        assert b"".join(open_stream(archive, entry)) == copied(database, entry) + END_MARKER
    assert digest_large_objects(archive) == expected_large_objects(database)
    assert {one.oid: one.sha256 for one in digest_archive(archive).large_objects} == expected_large_objects(
        database
    )


def test_the_summary_of_large_objects_has_one_order(
    databases: Callable[[str], Database], tmp_path: Path
) -> None:
    archive = read_archive(dump(databases("server17"), tmp_path / "archive", "-Fd", "-Zlz4"))
    objects = digest_archive(archive).large_objects
    one = summary(objects)
    assert (one.count, one.bytes) == (1013, sum(item.bytes for item in objects))
    assert one == summary(reversed(objects))
    assert one != summary(objects[1:])
    assert summary([]).count == 0
    assert summary([LargeObject(1, 2, "a")]) != summary([LargeObject(2, 2, "a")])


@pytest.fixture
def small(databases: Callable[[str], Database], tmp_path: Path) -> Callable[..., Archive]:
    """`small("-Fc", …)`: an archive of server 17 without the many large objects."""

    def make(*options: str) -> Archive:
        path = dump(databases("server17"), tmp_path / "small", *options, "--no-large-objects")
        return read_archive(path)

    return make


def read_everything(archive: Archive) -> ArchiveDigest:
    for _, blocks in (*data_streams(archive, rows_entries(archive)), *large_objects(archive)):
        for _ in blocks:
            pass
    return digest_archive(archive)


def refused(archive: Archive, naming: Path) -> None:
    with pytest.raises(AppError, match=re.escape(str(naming))) as caught:
        digest_archive(archive)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("compression", ["zstd:3", "lz4", "gzip", "none"])
def test_truncated_missing_or_longer_data_files_are_named(
    small: Callable[..., Archive], compression: str
) -> None:
    archive = small("-Fd", "-Z", compression)
    for entry in rows_entries(archive):
        path, _ = data_file(archive.path, entry.filename, archive.compression.method)
        whole = path.read_bytes()
        for data in (b"", whole[:-1], whole[: len(whole) // 2], whole + b"\n", whole + b"x"):
            path.write_bytes(data)
            refused(archive, path)
        path.unlink()
        refused(archive, path)
        path.write_bytes(whole)
    digest_archive(archive)


@pytest.mark.parametrize("options", [("-Fc", "-Zzstd:3"), ("-Fc", "-Znone"), ("-Ft",)])
def test_every_truncation_of_one_file_is_noticed(
    small: Callable[..., Archive], options: tuple[str, ...]
) -> None:
    archive = small(*options)
    data = archive.path.read_bytes()
    chance = random.Random(3)
    end = len(data) - 1024 if archive.format is ArchiveFormat.TAR else len(data)
    start = archive.data_start or 512
    for length in {start, end - 1, *(chance.randrange(start, end) for _ in range(30))}:
        archive.path.write_bytes(data[:length])
        refused(archive, archive.path)


@pytest.mark.parametrize("options", [("-Fc", "-Zzstd:3"), ("-Fc", "-Znone"), ("-Fc", "-Zlz4"), ("-Ft",)])
def test_damaged_bytes_raise_nothing_but_an_app_error(
    small: Callable[..., Archive], options: tuple[str, ...]
) -> None:
    archive = small(*options)
    data = archive.path.read_bytes()
    chance = random.Random(7)
    tracemalloc.start()
    try:
        for _ in range(40):
            broken = bytearray(data)
            for _ in range(chance.randrange(1, 5)):
                where = chance.randrange(archive.data_start or 512, len(data))
                broken[where : where + chance.randrange(3)] = chance.randbytes(chance.randrange(6))
            archive.path.write_bytes(broken)
            with suppress(AppError):
                read_everything(archive)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 << 20


@pytest.mark.parametrize("offset", [1, 10**6, 2**63 - 1])
def test_an_offset_that_leads_elsewhere_is_damage(small: Callable[..., Archive], offset: int) -> None:
    archive = small("-Fc")
    for entry in rows_entries(archive):
        with pytest.raises(AppError, match=re.escape(str(archive.path))) as caught:
            list(open_stream(archive, replace(entry, data_offset=offset)))
        assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED


def test_a_file_name_that_leaves_the_folder_is_refused(small: Callable[..., Archive]) -> None:
    archive = small("-Fd")
    bad = [replace(entry, filename="../../etc/passwd") for entry in rows_entries(archive)]
    with pytest.raises(AppError) as caught:
        list(open_stream(archive, bad[0]))
    assert caught.value.code is ErrorCode.UNSAFE_PATH
    with pytest.raises(AppError) as caught:
        digest_archive(replace(archive, entries=tuple(bad)))
    assert caught.value.code is ErrorCode.UNSAFE_PATH


@pytest.mark.parametrize("line", ["17 ../x", "17 blob_18.dat\n", "blob", "\n", "17 blob_17.dat", "x" * 9000])
def test_a_list_of_large_objects_that_makes_no_sense_is_damage(
    databases: Callable[[str], Database], tmp_path: Path, line: str
) -> None:
    archive = read_archive(dump(databases("server17"), tmp_path / "archive", "-Fd"))
    toc = next(tmp_path.glob("archive/blobs_*.toc"))
    toc.write_text(line)
    for read in (digest_archive, digest_large_objects):
        with pytest.raises(AppError, match=re.escape(str(toc))) as caught:
            read(archive)
        assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("compression", ["zstd:3", "zstd:long", "lz4", "gzip", "none"])
def test_a_file_is_digested_while_it_grows(
    small: Callable[..., Archive], tmp_path: Path, compression: str
) -> None:
    archive = small("-Fd", "-Z", compression)
    entry = next(entry for entry in rows_entries(archive) if entry.tag == "plain")
    path, method = data_file(archive.path, entry.filename, archive.compression.method)
    whole = path.read_bytes()
    growing = tmp_path / "growing"
    chance = random.Random(1)
    digest = FileDigest(growing, method, name="database/growing")
    assert digest.advance() == 0
    written = 0
    with growing.open("wb", buffering=0) as file:
        while written < len(whole):
            part = whole[written : written + chance.randrange(1, 40_000)]
            written += file.write(part)
            assert digest.advance() == len(part)
            assert digest.advance() == 0
    assert digest.has_ended
    record, stream = digest.finish()
    assert digest.rows == stream.rows == 20000
    assert (record.path, record.bytes) == ("database/growing", len(whole))
    assert record.sha256 == hashlib.sha256(whole).hexdigest()
    assert stream == digest_archive(archive).streams[entry.dump_id]


def test_a_step_is_as_long_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "1.dat"
    path.write_bytes(b"x" * (3 << 20))
    digest = FileDigest(path, CompressionMethod.NONE)
    assert digest.advance(1 << 20) == 1 << 20
    assert digest.size == 1 << 20
    record, stream = digest.finish(end_marker=False)
    assert (record.path, record.bytes, stream.bytes) == ("1.dat", 3 << 20, 3 << 20)


@pytest.mark.parametrize("option", ["-Fc", "-Fd", "-Ft"])
def test_reading_can_be_cancelled(small: Callable[..., Archive], option: str) -> None:
    def cancel(_: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        digest_archive(small(option), cancel)


def test_memory_stays_flat(tmp_path: Path) -> None:
    from backports import zstd

    path = tmp_path / "1.dat.zst"
    with zstd.open(path, "wb") as file:
        for number in range(300):
            file.write((b"%d\tsome text\n" % number) * 20_000)
        file.write(END_MARKER)
    tracemalloc.start()
    try:
        _, stream = FileDigest(path, CompressionMethod.ZSTD).finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.rows == 300 * 20_000
    assert peak < 40 * BLOCK
