"""What a file is comes from its bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import lz4.frame
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.connection import Connection
from app.postgres.dump_files import DumpForm, identify, identify_all, opened_archive, script_blocks
from app.postgres.packed_folder import unpack_folder
from app.postgres.packing import Layer, Packing
from app.postgres.sandbox import SandboxServer
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMS = {
    "directory": DumpForm.DIRECTORY,
    "custom": DumpForm.CUSTOM,
    "tar": DumpForm.TAR,
    "plain": DumpForm.PLAIN,
}
SCRIPT = (
    b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 17.10\n"
    b"-- Dumped by pg_dump version 17.10\n\nSET client_encoding = 'UTF8';\n" + b"SELECT 1;\n" * 99
)
HAND_MADE = b"CREATE TABLE t (a int);\r\nINSERT INTO t VALUES (1);\r\n"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: dict[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "zip": lambda data: zipped({"dump": data}),
    "stored zip": lambda data: zipped({"dump": data}, zipfile.ZIP_STORED),
    "bzip2 zip": lambda data: zipped({"dump": data}, zipfile.ZIP_BZIP2),
    "tar": lambda data: tarred({"dump": data}),
    "tar.gz": lambda data: gzip.compress(tarred({"dump": data}), mtime=0),
    "gzip in zip": lambda data: zipped({"dump.sql.gz": gzip.compress(data, mtime=0)}),
    "zip in zip": lambda data: zipped({"inner.zip": zipped({"dump.sql": data})}),
    "gzip in tar.xz": lambda data: lzma.compress(tarred({"dump.gz": gzip.compress(data, mtime=0)})),
    "zip in tar": lambda data: tarred({"inner.zip": zipped({"dump.sql": data}, zipfile.ZIP_STORED)}),
    "tar in tar": lambda data: tarred({"inner.tar": tarred({"x": bytes(9), "dump.sql": data})}),
    "gzip twice": lambda data: gzip.compress(gzip.compress(data, mtime=0), mtime=0),
}
each_packer = pytest.mark.parametrize("packer", PACKERS)


def written(tmp_path: Path, content: bytes, name: str = "holiday.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refusal(path: Path) -> AppError:
    with pytest.raises(AppError) as failure:
        identify(path)
    return failure.value


def dumped(database: object, server: SandboxServer, target: Path, format_: str, *options: str) -> Path:
    conninfo: str = database.conninfo  # type: ignore[attr-defined]
    tool = server.installation.program("pg_dump")
    env = Connection(conninfo, server.password, inherits=False).environment()
    command: list[str | Path] = [tool, f"--dbname={conninfo}", f"--format={format_}", f"--file={target}"]
    assert run([*command, *options], env=env, timeout=60).status == 0
    return target


@pytest.mark.parametrize("format_", FORMS)
def test_every_format_of_pg_dump_is_told_whatever_its_name(
    new_database: NewDatabase, each_server: SandboxServer, tmp_path: Path, format_: str
) -> None:
    database = new_database(each_server)
    database.sql("CREATE TABLE t (a int)")
    dump = identify(dumped(database, each_server, tmp_path / "holiday.jpg", format_))
    assert dump.form is FORMS[format_]
    assert dump.layers == ()
    if format_ == "plain":
        assert dump.dump_version.startswith(str(each_server.installation.version))


@pytest.mark.parametrize(
    "options", [(), ("--no-comments",), ("--inserts",), ("--data-only",), ("--clean", "--create")]
)
def test_scripts_of_pg_dump_are_told_with_any_option_and_without_any_comment(
    new_shop: NewDatabase, server17: SandboxServer, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = dumped(new_shop(server17), server17, tmp_path / "x", "plain", *options)
    assert identify(path).form is DumpForm.PLAIN
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.startswith((b"--", b"\\restrict"))))
    assert identify(path).form is DumpForm.PLAIN


@each_packer
@pytest.mark.parametrize("format_", ["custom", "tar"])
def test_a_packed_archive_gives_back_its_bytes(
    new_shop: NewDatabase, server17: SandboxServer, tmp_path: Path, format_: str, packer: str
) -> None:
    plain = dumped(new_shop(server17), server17, tmp_path / "plain", format_).read_bytes()
    dump = identify(written(tmp_path, PACKERS[packer](plain)))
    assert dump.form is FORMS[format_]
    assert b"".join(opened_archive(dump)) == plain


@each_packer
@pytest.mark.parametrize("script", [SCRIPT, HAND_MADE, SCRIPT * 3000], ids=["dump", "hand-made", "long"])
def test_a_packed_script_gives_back_its_bytes(tmp_path: Path, packer: str, script: bytes) -> None:
    dump = identify(written(tmp_path, PACKERS[packer](script)))
    assert dump.form is DumpForm.PLAIN
    assert b"".join(script_blocks(dump)) == script


def test_a_cluster_dump_is_told_from_a_database_dump(tmp_path: Path) -> None:
    script = b"--\n-- PostgreSQL database cluster dump\n--\n\nSET default_transaction_read_only = off;\n"
    assert identify(written(tmp_path, script)).form is DumpForm.CLUSTER
    assert identify(written(tmp_path, gzip.compress(script), "db_cluster.backup.gz")).form is DumpForm.CLUSTER


def test_the_three_files_of_the_supabase_cli_are_told_together(tmp_path: Path) -> None:
    roles = written(
        tmp_path,
        b"\nSET default_transaction_read_only = off;\n\nSET client_encoding = 'UTF8';\n"
        b"SET standard_conforming_strings = on;\n\n"
        b'ALTER ROLE "anon" SET "statement_timeout" TO \'3s\';\n\nRESET ALL;\n',
        "1",
    )
    schema = written(
        tmp_path, b'\n\n\nSET statement_timeout = 0;\nCREATE SCHEMA IF NOT EXISTS "x";\nRESET ALL;\n', "2"
    )
    data = written(tmp_path, b"SET session_replication_role = replica;\n\n" + SCRIPT + b"RESET ALL;\n", "3")
    dumps = identify_all([data, roles, schema])
    assert [dump.path.name for dump in dumps] == ["3", "1", "2"]
    assert {dump.form for dump in dumps} == {DumpForm.PLAIN}
    packed = written(tmp_path, zipped({one.name: one.read_bytes() for one in (roles, schema, data)}), "all")
    assert [dump.name for dump in identify_all([packed])] == ["1 in all", "2 in all", "3 in all"]
    assert [dump.name for dump in identify_all([tmp_path])][:3] == ["1", "2", "3"]
    assert refusal(packed).code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize(
    "statement",
    [
        "/* by hand */ -- and more\n  create table if not exists a.b (c int);",
        "\\connect shop\n",
        "\\restrict abc\n",
        "BEGIN;\nUPDATE t SET a = 1;\n",
        "insert into \"T\" (a) values ('`x` ENGINE=InnoDB');",
        "COPY public.t (a, b) FROM stdin;\n1\t`x` AUTO_INCREMENT\n\\.\n",
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "select 1",
        "DO $$ BEGIN RAISE NOTICE '`'; END $$;",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $x$ SELECT E'it\\'s `a`' $x$;",
        "INSERT INTO t VALUES (E'it\\'s `a` and `b`');",
        "GRANT SELECT ON t TO anon;",
        "WITH a AS (SELECT 1) SELECT * FROM a;",
        "DROP TABLE IF EXISTS public.t CASCADE;",
        "COMMENT ON TABLE t IS 'x';",
        "START TRANSACTION;",
        "TRUNCATE a, b;",
        "DELETE FROM t;",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA x GRANT SELECT ON TABLES TO y;",
        "CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);",
        "REFRESH MATERIALIZED VIEW m;",
    ],
)
def test_sql_for_postgresql_is_told_without_a_header(tmp_path: Path, statement: str) -> None:
    assert identify(written(tmp_path, statement.encode())).form is DumpForm.PLAIN
    assert (
        identify(written(tmp_path, statement.replace("\n", "\r\n").encode("utf-16"))).form is DumpForm.PLAIN
    )


def test_a_backup_of_holdfast_is_told_by_its_folder_and_its_manifest(tmp_path: Path) -> None:
    manifest = written(tmp_path, b'{\n  "version": 1,\n  "holdfast": "0.1",\n', "manifest.json")
    for path in (tmp_path, manifest):
        dump = identify(path)
        assert (dump.form, dump.path) == (DumpForm.BACKUP, tmp_path)
    assert "manifest" in refusal(written(tmp_path, manifest.read_bytes(), "other.json")).detail


def test_the_table_of_contents_stands_for_its_folder(
    new_database: NewDatabase, server17: SandboxServer, tmp_path: Path
) -> None:
    folder = dumped(new_database(server17), server17, tmp_path / "x", "directory")
    assert identify(folder / "toc.dat").path == folder
    assert identify_all([folder / "toc.dat", folder, folder.parent]) == (identify(folder),)
    assert "directory archive" in refusal(written(tmp_path, (folder / "toc.dat").read_bytes())).detail


def test_the_table_of_contents_in_a_backup_stands_for_the_backup(
    new_database: NewDatabase, server17: SandboxServer, tmp_path: Path
) -> None:
    folder = dumped(new_database(server17), server17, tmp_path / "database", "directory")
    written(tmp_path, b'{"version": 1, "holdfast": "0.1"}', "manifest.json")
    dump = identify(folder / "toc.dat")
    assert (dump.form, dump.path) == (DumpForm.BACKUP, tmp_path)
    assert identify(folder).form is DumpForm.DIRECTORY


FOLDER = {
    "toc.dat": b"PGDMP\x01\x10\x00\x04\x08\x03\x03" + bytes(99),
    "3377.dat.zst": b"x" * 9999,
    "blobs.toc": b"",
}
BACKUP = {
    "manifest.json": b'{\n  "version": 1,\n  "holdfast": "0.1"\n}',
    **{f"database/{name}": content for name, content in FOLDER.items()},
    "SHA256SUMS": b"",
}
JUNK = {"__MACOSX/._x": b"\0", ".DS_Store": b"\0", "a/._toc.dat": b"\0"}
FOLDER_PACKERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": lambda members: zipped(members | JUNK),
    "tar": tarred,
    "old tar": lambda members: tarred(members, tarfile.GNU_FORMAT),
    "tar.gz": lambda members: gzip.compress(tarred(members | JUNK), mtime=0),
    "tar.zst": lambda members: zstd.compress(tarred(dict(reversed(members.items())))),
    "tar.gz in zip": lambda members: zipped({"x.tar.gz": gzip.compress(tarred(members), mtime=0)}),
    "zip in zip": lambda members: zipped({"x.zip": zipped(members)}),
}


@pytest.mark.parametrize("packer", FOLDER_PACKERS)
@pytest.mark.parametrize("prefix", ["", "my backup (2)/", "a/b/", "ä" * 99 + "/" + "b" * 99 + "/"])
@pytest.mark.parametrize("form", [DumpForm.DIRECTORY, DumpForm.BACKUP])
def test_a_packed_folder_is_told_and_unpacked(
    tmp_path: Path, packer: str, prefix: str, form: DumpForm
) -> None:
    members = BACKUP if form is DumpForm.BACKUP else FOLDER
    content = FOLDER_PACKERS[packer]({prefix + name: content for name, content in members.items()})
    dump = identify(written(tmp_path, content))
    assert (dump.form, dump.layers[-1].member) == (form, prefix)
    target = tmp_path / "target"
    target.mkdir()
    folder = unpack_folder(dump, target)
    assert folder.parent == target
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == members


def test_a_real_archive_survives_packing(
    new_shop: NewDatabase, server17: SandboxServer, tmp_path: Path
) -> None:
    folder = dumped(new_shop(server17), server17, tmp_path / "shop", "directory")
    packed = tmp_path / "x"
    with tarfile.open(packed, "w:xz") as archive:
        archive.add(folder, "./shop")
    target = tmp_path / "target"
    target.mkdir()
    unpacked = unpack_folder(identify(packed), target)
    assert unpacked.name == "shop"
    assert {one.name: one.read_bytes() for one in unpacked.iterdir()} == {
        one.name: one.read_bytes() for one in folder.iterdir()
    }


def test_an_uncompressed_folder_in_a_tar_is_no_tar_of_pg_dump_when_its_data_are_compressed(
    tmp_path: Path,
) -> None:
    dump = identify(written(tmp_path, tarred(FOLDER)))
    assert (dump.form, dump.layers) == (DumpForm.DIRECTORY, (Layer(Packing.TAR),))


def test_members_that_are_no_dumps_are_left_out(tmp_path: Path) -> None:
    members = {
        "README.txt": b"Hello there, reader",
        "a.sql": SCRIPT,
        "logo.png": b"\x89PNG\r\n\x1a\n",
        **JUNK,
    }
    for content in (zipped(members), tarred(members)):
        assert identify(written(tmp_path, content)).name == "a.sql in holiday.jpg"


def test_several_members_and_what_follows_the_last_frame(tmp_path: Path) -> None:
    half = len(SCRIPT) // 2
    for name in ("gzip", "bzip2", "xz", "zstd", "lz4"):
        pack = PACKERS[name]
        path = written(tmp_path, pack(SCRIPT[:half]) + pack(SCRIPT[half:]))
        assert b"".join(script_blocks(identify(path))) == SCRIPT
        for rest in (b"\0" * 5, b"\0" * 1024, b"garbage", b"\n"):
            path = written(tmp_path, pack(SCRIPT) + rest)
            assert b"".join(script_blocks(identify(path))) == SCRIPT


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "none"])
def test_what_is_cut_off_is_damaged(tmp_path: Path, packer: str) -> None:
    whole = PACKERS[packer](SCRIPT * 10).rstrip(b"\0")
    assert refusal(written(tmp_path, whole[: len(whole) // 2])).code is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("content", [b"PGDMP", b"PGDM", b"PGDMP\x01\x10\x00\x04\x08\x01"])
def test_the_first_bytes_of_an_archive_are_a_damaged_one(tmp_path: Path, content: bytes) -> None:
    assert refusal(written(tmp_path, content)).code is ErrorCode.ARCHIVE_DAMAGED


@pytest.mark.parametrize("packer", ["tar", "tar.gz", "gzip in tar.xz"])
def test_what_hardly_compresses_is_told_in_a_tar(tmp_path: Path, packer: str) -> None:
    script = (
        SCRIPT + b"-- " + random.Random(1).randbytes(3 << 20).replace(b"\n", b"").replace(b"\0", b"") + b"\n"
    )
    dump = identify(written(tmp_path, PACKERS[packer](script)))
    assert b"".join(script_blocks(dump)) == script


def test_frames_to_be_skipped_are_skipped(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    content = skipped + zstd.compress(SCRIPT) + skipped + zstd.compress(SCRIPT) + skipped
    assert b"".join(script_blocks(identify(written(tmp_path, content)))) == SCRIPT * 2


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, SCRIPT)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read" in refusal(path).title


def test_a_quine_ends(tmp_path: Path) -> None:
    content = SCRIPT
    for _ in range(30):
        content = gzip.compress(content)
    error = refusal(written(tmp_path, content))
    assert (error.code, "packed more than" in error.detail) == (ErrorCode.UNKNOWN_FORMAT, True)
    content = SCRIPT
    for _ in range(30):
        content = zipped({"r.zip": content})
    assert refusal(written(tmp_path, content)).code is ErrorCode.UNKNOWN_FORMAT


def test_a_large_archive_is_told_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write(b"PGDMP\x01\x10\x00\x04\x08\x01" + bytes(200))
        file.truncate(1 << 40)
    assert identify(path).form is DumpForm.CUSTOM


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing").code is ErrorCode.INVALID_INPUT
    error = refusal(tmp_path)
    assert (error.code, tmp_path.name in error.title) == (ErrorCode.UNKNOWN_FORMAT, True)


def test_looking_can_be_cancelled(tmp_path: Path) -> None:
    def check() -> None:
        raise Cancelled

    path = written(tmp_path, tarred({"a": SCRIPT}))
    with pytest.raises(Cancelled):
        identify(path, check)


MAGIC = [
    b"",
    b"PGDMP",
    b"PK\x03\x04",
    *(PACKERS[name](b"")[:6] for name in ("gzip", "bzip2", "xz", "zstd", "lz4")),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(MAGIC), rest=st.binary())
def test_random_bytes_give_a_clear_error(tmp_path: Path, start: bytes, rest: bytes) -> None:
    assert refusal(written(tmp_path, start + rest)).code in (
        ErrorCode.UNKNOWN_FORMAT,
        ErrorCode.ARCHIVE_DAMAGED,
    )


WHOLE = [PACKERS[name](SCRIPT) for name in PACKERS] + [pack(BACKUP) for pack in FOLDER_PACKERS.values()]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=9)), max_size=4),
    cut=st.integers(0, 1 << 20),
)
def test_damaged_dumps_are_read_or_give_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, changes: list[tuple[int, bytes]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(whole)
    for place, change in changes:
        place %= len(content)
        content[place : place + len(change)] = change
    path = written(folder, bytes(content if cut % 3 else content[: cut % len(content)]))
    with suppress(AppError):
        for dump in identify_all([path]):
            if dump.is_folder:
                unpack_folder(dump, folder)
            else:
                assert sum(map(len, opened_archive(dump))) < 1 << 20
                assert sum(map(len, script_blocks(dump))) < 1 << 20
