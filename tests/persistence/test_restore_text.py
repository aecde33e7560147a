"""RESTORE.txt is right when its commands, run as they stand, restore the backup."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from app.domain.backup import BackupOptions, Contents, Format, LeftOut, Manifest, PartRecord
from app.persistence.partial import PartialBackup, publish
from app.persistence.restore_text import restore_text
from app.postgres.sandbox import SandboxServer
from app.supabase.storage_listing import StorageObject, encode_line, file_of
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

NAME = 'shop\'s "db" $x'
SHELL = shutil.which("sh")
pytestmark = pytest.mark.skipif(
    SHELL is None or sys.platform == "win32", reason="the commands are for a POSIX shell"
)


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def execute(command: str, folder: Path, server: SandboxServer) -> None:
    command = command.replace("HOST", server.host).replace("USER", server.superuser)
    tools = server.installation.program("psql").parent
    environment = server.environment() | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PGPORT": str(server.port),
    }
    done = run([str(SHELL), "-c", command], env=environment, timeout=60, cwd=folder)
    assert done.status == 0, f"{command}: {done.output}{done.errors}"


def filled(new_database: NewDatabase, server: SandboxServer) -> Database:
    database = new_database(server, NAME)
    database.sql("CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 10)")
    return database


@contextmanager
def dropped_afterwards(server: SandboxServer, name: str) -> Iterator[None]:
    try:
        yield
    finally:
        drop(server, name)


def drop(server: SandboxServer, name: str) -> None:
    with server.connect() as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def backed_up(
    destination: Path, manifest: Manifest, database: Database, format_: Format, compression: str, name: str
) -> Path:
    """A backup by pg_dump and pg_dumpall alone, published with the manifest that describes it."""
    server = database.server
    partial = PartialBackup.create(destination, "Shop")
    plain = format_ is Format.PLAIN
    dumps: tuple[list[str | Path], ...] = (
        [
            server.installation.program("pg_dump"),
            f"--dbname={database.conninfo}",
            f"--format={format_}",
            f"--compress={compression}",
            f"--file={partial.folder / name}",
            *(["--create"] if plain else []),
        ],
        [
            server.installation.program("pg_dumpall"),
            f"--dbname={database.conninfo}",
            "--roles-only",
            f"--file={partial.folder / 'roles.sql'}",
        ],
    )
    for argv in dumps:
        done = run(argv, env=server.environment(), timeout=60)
        assert done.status == 0, done.errors
    described = replace(
        manifest,
        server=replace(manifest.server, database=database.name),
        format=format_,
        compression=compression,
        parts=(PartRecord("roles", "roles.sql", "pg_dumpall"), PartRecord("database", name, "pg_dump")),
    )
    return Path(publish(partial, described).folder)


@pytest.mark.parametrize(
    ("format_", "compression", "name"),
    [(Format.DIRECTORY, "zstd:3", "database"), (Format.CUSTOM, "gzip", "database.dump")],
)
def test_an_archive_is_restored_by_its_commands(
    server17: SandboxServer,
    new_database: NewDatabase,
    destination: Path,
    manifest: Manifest,
    format_: Format,
    compression: str,
    name: str,
) -> None:
    database = filled(new_database, server17)
    folder = backed_up(destination, manifest, database, format_, compression, name)
    check, roles, createdb, restore, create, listing = commands((folder / "RESTORE.txt").read_text())
    with dropped_afterwards(server17, "NEW_DATABASE"):
        for command in (check, roles, createdb, restore, listing):
            execute(command, folder, server17)
        copy = replace(database, name="NEW_DATABASE")
        assert copy.sql("SELECT count(*) FROM orders") == [(10,)]
    drop(server17, NAME)
    execute(create, folder, server17)
    assert database.sql("SELECT count(*) FROM orders") == [(10,)]


@pytest.mark.parametrize(
    ("compression", "name"),
    [("none", "database.sql"), ("gzip", "database.sql.gz"), ("zstd", "database.sql.zst")],
)
def test_a_script_is_restored_by_its_commands(
    server17: SandboxServer,
    new_database: NewDatabase,
    destination: Path,
    manifest: Manifest,
    compression: str,
    name: str,
) -> None:
    if compression != "none" and shutil.which(compression) is None:
        pytest.skip(f"{compression} is not installed")
    database = filled(new_database, server17)
    folder = backed_up(destination, manifest, database, Format.PLAIN, compression, name)
    drop(server17, NAME)
    for command in commands((folder / "RESTORE.txt").read_text()):
        execute(command, folder, server17)
    assert database.sql("SELECT count(*) FROM orders") == [(10,)]


def test_each_program_that_unpacks_is_named(manifest: Manifest) -> None:
    for compression, program in (("lz4", "lz4"), ("bzip2:9", "bzip2"), ("gzip", "gzip"), ("zstd:3", "zstd")):
        text = restore_text(replace(manifest, format=Format.PLAIN, compression=compression))
        assert f"    {program} -dc database | psql" in text


def test_data_alone_goes_into_tables_that_exist(manifest: Manifest) -> None:
    data = replace(manifest, options=BackupOptions(contents=Contents.DATA))
    assert "--data-only database" in restore_text(data)
    assert "createdb" not in restore_text(data)


@pytest.mark.parametrize("name", ["a\nb", "caf\udce9", "x\x1b[31m", "-rf"])
def test_no_name_breaks_out_of_its_line(manifest: Manifest, name: str) -> None:
    odd = replace(manifest, project=name, server=replace(manifest.server, database=name))
    text = restore_text(odd).encode(errors="backslashreplace").decode()
    assert not re.search(r"[^\n -~“”]", text)
    assert "\nb" not in text


def test_storage_files_get_their_names_back_and_stay_in_the_folder(
    tmp_path: Path, manifest: Manifest
) -> None:
    lines, content = [], {"a/x y.txt": b"1", "a/deep/er": b"2", "../a/../../up": b"3"}
    for label, body in content.items():
        bucket, _, name = label.partition("/")
        path = file_of(bucket, name)
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body)
        lines.append(encode_line(StorageObject(bucket, name, path=path)))
    lines.append(encode_line(StorageObject("a", "gone", left_out="it was deleted")))
    (tmp_path / "storage/objects.jsonl").write_bytes(b"".join(lines))
    part = PartRecord("storage files", "storage", "Supabase Storage", objects=3)
    missing = LeftOut("storage files", "a/gone\n    rm -rf x", "it was deleted")
    text = restore_text(replace(manifest, parts=(*manifest.parts, part), left_out=(missing,)))
    assert "- storage files: a/gone\\n    rm -rf x" in text
    command = text[text.index("    python3 -c") : text.index("    '\n") + 6]
    done = run(
        [str(SHELL), "-c", command.replace("python3", sys.executable)],
        env=dict(os.environ),
        timeout=60,
        cwd=tmp_path,
    )
    assert done.status == 0, done.errors
    found = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in (tmp_path / "FILES").rglob("*")
        if path.is_file()
    }
    assert found == {"FILES/a/x y.txt": b"1", "FILES/a/deep/er": b"2", "FILES/a/up": b"3"}
