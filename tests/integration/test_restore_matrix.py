"""Every form of dump, packed in every way, restored on every server: what comes back is what was there."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import lz4.frame
import pytest

from app.domain.backup import Backup, BackupOptions, Compression, CompressionMethod, Format
from app.domain.restore import RestoreOptions, RestoreResult
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.engine.restore.job import RestoreTarget, open_job
from app.engine.sample import load_sample
from app.postgres.archive import read_archive
from app.postgres.archive_data import open_stream
from app.postgres.archive_digest import digest_archive
from app.postgres.archive_entry import VIA_ROOT
from app.postgres.compression import new_compressor
from app.postgres.connection import Connection
from app.postgres.copy_stream import MultisetDigest, without_end_marker
from app.postgres.quoting import quote_identifier
from app.postgres.sandbox import SandboxServer, create_database
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import run

SOURCE = "matrix_source"
NOT_OF_THE_DATABASE = ("DATABASE", "ENCODING", "STDSTRINGS", "SEARCHPATH")


@dataclass(frozen=True, slots=True)
class Source:
    """The sample database on one server, and its dumps in each form."""

    server: SandboxServer
    folder: Path
    installations: Sequence[Installation]

    @property
    def connection(self) -> Connection:
        return Connection(self.server.conninfo(SOURCE), self.server.password, inherits=False)

    def pg_dump(self, target: Path, *options: str, database: str = SOURCE, program: str = "pg_dump") -> Path:
        arguments: list[str | Path] = [
            self.server.installation.program(program),
            f"--dbname={self.server.conninfo(database)}",
            f"--file={target}",
            *options,
        ]
        done = run(arguments, env=self.server.environment(), timeout=60)
        assert done.status == 0, done.errors
        return target

    def backup(self, format_: Format) -> Path:
        options = BackupOptions(format=format_)
        request = BackupRequest("Matrix", self.connection, options, self.folder)
        made: Backup = back_up(request, self.installations, CancelToken(), lambda _: None)
        return Path(made.folder)

    def dump(self, form: str) -> Path:
        target = self.folder / form
        if target.exists():
            return target
        match form:
            case "directory":
                return self.pg_dump(target, "--format=directory", "--jobs=2")
            case "custom" | "tar" | "plain":
                return self.pg_dump(target, f"--format={form}")
            case "inserts":
                return self.pg_dump(target, "--column-inserts", "--rows-per-insert=50")
            case "with-create":
                return self.pg_dump(target, "--create")
            case "cluster":
                return self.pg_dump(target, program="pg_dumpall")
            case "backup-plain":
                return self.backup(Format.PLAIN)
            case "backup-custom":
                return self.backup(Format.CUSTOM)
        return self.backup(Format.DIRECTORY)

    def contents(self, database: str) -> dict[tuple[str, str, str], object]:
        """Every object of a database with its definition, and every table with the hash of its rows."""
        path = self.pg_dump(self.folder / f"{database}.look", "--format=custom", database=database)
        archive = read_archive(path)
        digest = digest_archive(archive)
        found: dict[tuple[str, str, str], object] = {}
        by_root: dict[tuple[str, str, str], int] = defaultdict(int)
        for entry in archive.entries:
            if VIA_ROOT in entry.definition:  # the server decides which partition a row goes to
                rows = MultisetDigest()
                for block in without_end_marker(open_stream(archive, entry)):
                    rows.feed(block)
                root = "rows of partitions", entry.schema, entry.definition
                by_root[root] = (by_root[root] + int(rows.finish(), 16)) % (1 << 256)
            elif entry.kind not in NOT_OF_THE_DATABASE:
                key = (entry.kind, entry.schema, entry.tag)
                stream = digest.streams.get(entry.dump_id)
                definition = _without_database(entry.definition)
                found[key] = (definition, entry.owner, stream and (stream.rows, stream.sha256))
        found |= by_root
        found["large objects", "", ""] = digest.large_objects
        path.unlink()
        return found


def _without_database(text: str) -> str:
    return re.sub(r'\bDATABASE "?[\w ]+"?', "DATABASE d", text)


@pytest.fixture(scope="module")
def source(
    request: pytest.FixtureRequest,
    installations: Sequence[Installation],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Source]:
    server: SandboxServer = request.getfixturevalue(request.param)
    found = Source(server, tmp_path_factory.mktemp("matrix"), installations)
    create_database(server, SOURCE)
    load_sample(found.connection, 0.01)
    yield found
    with server.connect() as session:
        session.execute(f"DROP DATABASE {SOURCE} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def wanted(source: Source) -> dict[tuple[str, str, str], object]:
    return source.contents(SOURCE)


def in_zip(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    compressor = new_compressor(Compression(CompressionMethod.ZSTD))
    return compressor.compress(content) + compressor.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "zstd": zstd,
    "lz4": lz4.frame.compress,
    "zip": lambda content: in_zip("dump", content),
    "zip of gzip": lambda content: in_zip("dump.gz", gzip.compress(content)),
}
FILES = ("custom", "tar", "plain", "inserts", "with-create", "cluster")
FOLDERS = ("directory", "backup-directory", "backup-plain", "backup-custom")
SERVERS = ("server15", "server17", "server18")
ALL = [(server, form, packer) for server in SERVERS for form in (*FILES, *FOLDERS) for packer in PACKERS]
PACKED = {
    ("plain", "gzip"),
    ("plain", "zip of gzip"),
    ("custom", "xz"),
    ("directory", "gzip"),
    ("backup-directory", "zip"),
}


def is_quick(server: str, form: str, packer: str) -> bool:
    if server != "server17":
        return packer == "nothing" and form in ("custom", "cluster")
    return packer == "nothing" or (form, packer) in PACKED


MINUS_ZERO = ("TABLE DATA", "shop internal", "numbers and times")
"""pg_dump writes the number -0 into an INSERT as it is, and SQL takes that for 0."""


EMPTY_VIEW = ("MATERIALIZED VIEW DATA", "shop internal", "never asked for")
"""Definitions alone do not tell which materialized views were never filled."""


LIKE_COMMENTS = ("FUNCTION", "shop internal", "like a dump; or not(text)")
"""The CLI's sed takes lines out of this function's body, too."""


def packed(dump: Path, packer: str, target: Path) -> Path:
    if packer == "nothing":
        return dump
    if not dump.is_dir():
        target.write_bytes(PACKERS[packer](dump.read_bytes()))
    elif packer == "zip":
        with zipfile.ZipFile(target, "w") as archive:
            for file in sorted(path for path in dump.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(dump.parent))
    else:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(dump, dump.name)
        target.write_bytes(PACKERS[packer](buffer.getvalue()))
    return target


@pytest.mark.parametrize(
    ("source", "form", "packer"),
    [pytest.param(*one, marks=[] if is_quick(*one) else [pytest.mark.slow]) for one in ALL],
    indirect=["source"],
)
def test_everything_comes_back(
    source: Source, wanted: dict[tuple[str, str, str], object], tmp_path: Path, form: str, packer: str
) -> None:
    path = packed(source.dump(form), packer, tmp_path / "any name at all")
    found = restored(source, [path], tmp_path, database=SOURCE if form == "cluster" else "")
    if form == "inserts":
        found[MINUS_ZERO] = wanted[MINUS_ZERO]
    assert_same(wanted, found)


@pytest.mark.parametrize("source", ["server15", "server17"], indirect=True)
def test_the_three_scripts_of_the_supabase_cli_come_back_in_any_order(
    source: Source, wanted: dict[tuple[str, str, str], object], tmp_path: Path
) -> None:
    rows, roles, definitions = (tmp_path / name for name in ("a.txt", "b", "c.sql"))
    roles.write_text("ALTER ROLE anon SET statement_timeout TO '3s';\n\nRESET ALL;\n")
    definitions.write_bytes(without_comments(source.pg_dump(tmp_path / "s", "--schema-only")))
    rows.write_bytes(
        b"SET session_replication_role = replica;\n"
        + without_comments(source.pg_dump(tmp_path / "d", "--data-only"))
        + b"RESET ALL;\n"
    )
    found = restored(source, [rows, roles, definitions], tmp_path)
    del found[EMPTY_VIEW]
    found[LIKE_COMMENTS] = wanted[LIKE_COMMENTS]
    assert_same(wanted, found)


def without_comments(script: Path) -> bytes:
    """As the CLI's own sed leaves it."""
    return b"".join(
        line for line in script.read_bytes().splitlines(keepends=True) if not line.startswith(b"--")
    )


def restored(
    source: Source, paths: Sequence[Path], folder: Path, *, database: str = ""
) -> dict[tuple[str, str, str], object]:
    """What a new database holds after these were restored into it."""
    name = f"copy {hashlib.sha256(str(paths).encode()).hexdigest()[:6]}"
    server = Connection(source.server.conninfo(), source.server.password, inherits=False)
    options, target = RestoreOptions(database=database), RestoreTarget(server, name)
    with open_job(paths, target, options, source.installations, workspace=folder) as job:
        plan = job.plan(CancelToken(), lambda _: None)
        assert plan.blocking == ()
        report = job.run(CancelToken(), lambda _: None)
    try:
        assert [failure.cause for failure in report.failures] == []
        assert report.result is RestoreResult.SUCCEEDED
        return source.contents(name)
    finally:
        with source.server.connect() as session:
            session.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)".encode())


def assert_same(
    wanted: dict[tuple[str, str, str], object], found: dict[tuple[str, str, str], object]
) -> None:
    assert {key: (wanted.get(key), found.get(key)) for key in wanted.keys() ^ found.keys()} == {}
    assert {key: (wanted[key], found[key]) for key in wanted if wanted[key] != found[key]} == {}
