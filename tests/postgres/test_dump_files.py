"""What a file is comes from its bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.backup import Compression, CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.compression import new_compressor
from app.postgres.connection import Connection
from app.postgres.dump_files import DumpForm, identify
from app.postgres.sandbox import SandboxServer
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

FORMS = {
    "directory": DumpForm.DIRECTORY,
    "custom": DumpForm.CUSTOM,
    "tar": DumpForm.TAR,
    "plain": DumpForm.PLAIN,
}


@pytest.mark.parametrize("format_", FORMS)
def test_every_format_of_pg_dump_is_told_whatever_its_name(
    new_database: NewDatabase, each_server: SandboxServer, tmp_path: Path, format_: str
) -> None:
    database = new_database(each_server)
    database.sql("CREATE TABLE t (a int)")
    target = tmp_path / "holiday.jpg"
    tool = each_server.installation.program("pg_dump")
    env = Connection(database.conninfo, each_server.password, inherits=False).environment()
    command: list[str | Path] = [
        tool,
        f"--dbname={database.conninfo}",
        f"--format={format_}",
        f"--file={target}",
    ]
    assert run(command, env=env, timeout=60).status == 0

    dump = identify(target)

    assert dump.form is FORMS[format_]
    if format_ == "plain":
        assert dump.dump_version.startswith(str(each_server.installation.version))


@pytest.mark.parametrize("method", [m for m in CompressionMethod if m is not CompressionMethod.NONE])
def test_a_compressed_script_is_told(tmp_path: Path, method: CompressionMethod) -> None:
    compressor = new_compressor(Compression(method))
    text = (
        b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 17.10\n"
        + b"SELECT 1;\n" * 9999
    )
    path = tmp_path / "x"
    path.write_bytes(compressor.compress(text) + compressor.flush())

    dump = identify(path)

    assert (dump.form, dump.compression, dump.server_version) == (DumpForm.PLAIN, method, "17.10")


def test_a_cluster_dump_is_told_from_a_database_dump(tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(b"--\n-- PostgreSQL database cluster dump\n--\n")
    assert identify(path).form is DumpForm.CLUSTER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"PGDM",
        b"-- MySQL dump 10.13\n",
        b"SQLite format 3\0",
        gzip.compress(b"no dump", mtime=0),
        b"<html>",
    ],
)
def test_anything_else_is_no_dump(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(AppError) as failure:
        identify(path)
    assert failure.value.code is ErrorCode.UNKNOWN_FORMAT


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(AppError) as failure:
            identify(path)
        assert str(path) in str(failure.value)


MAGIC = [b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"BZh9", b"\x04\x22\x4d\x18"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"BZh9", b"\x04\x22\x4d\x18"]),
    rest=st.binary(),
)
def test_random_bytes_give_a_clear_error(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(start + rest)
    with pytest.raises(AppError) as failure:
        identify(path)
    assert failure.value.code in (ErrorCode.UNKNOWN_FORMAT, ErrorCode.ARCHIVE_DAMAGED)
