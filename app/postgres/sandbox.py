"""Starts throwaway PostgreSQL servers in which backups are proven, and leaves nothing of them behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.domain.errors import AppError
from app.domain.project import Secret
from app.postgres.cluster import (
    SUPERUSER,
    forget,
    new_cluster,
    own_by_sandbox_user,
    reachable,
    sandbox_error,
    sandbox_user,
)
from app.postgres.connection import without_environment
from app.postgres.toolchain import Installation
from app.system import paths
from app.system.cancellation import CancelToken
from app.system.files import folder_error, write_atomically
from app.system.process import Child, child_environment
from app.system.process_id import ProcessId, kill_tree, own_process_id

_START_LIMIT = 60.0
_STOP_LIMIT = 10.0
_RECORD_LIMIT = 60.0
_RECORD = "owner.json"
_HAS_SOCKETS = sys.platform != "win32"
_SETTINGS = {
    # The data is thrown away: nothing has to survive a crash.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "restart_after_crash": "off",
    "autovacuum": "off",
    # Rows loaded into a table of the same transaction are then not logged at all.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "archive_mode": "off",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1d",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "max_connections": "40",
    "max_locks_per_transaction": "1024",
    "jit": "off",
    # Shared memory lies in the data folder and goes with it, also after a crash.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log may be shown: no statements, because they hold data.
    "log_min_error_statement": "panic",
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True)
class _Record:
    """Whose a sandbox is, and what has to be stopped and removed after its owner's end."""

    owner: ProcessId
    postmaster: ProcessId | None
    socket_folder: str | None


@dataclass(frozen=True, slots=True)
class SandboxServer:
    """A running sandbox.

    Attributes:
        installation: the programs that the server runs from.
        host: its socket's folder; on Windows an address.
        port: its port.
        superuser: for preparations only; a dump is never restored as superuser.
        password: the superuser's.
        log: gives the last lines of the server's log.
        workspace: an empty folder for our own files, which goes when the sandbox does.
    """

    installation: Installation
    host: str
    port: int
    superuser: str
    password: Secret
    log: Callable[[], str]
    workspace: Path

    def conninfo(self, dbname: str = "postgres", user: str | None = None) -> str:
        """libpq's keyword string for a database of it, without a password."""
        return make_conninfo(host=self.host, port=self.port, user=user or self.superuser, dbname=dbname)

    def environment(self, password: Secret | None = None) -> dict[str, str]:
        """A child's environment with a role's password, by default the superuser's."""
        return child_environment({"PGPASSWORD": (password or self.password).reveal()})

    def connect(self, dbname: str = "postgres") -> psycopg.Connection:
        """A session of the superuser, in autocommit mode."""
        return _session(self, self.password, dbname)


@contextmanager
def running_sandbox(
    installation: Installation, *, root: Path | None = None, cancel: CancelToken | None = None
) -> Iterator[SandboxServer]:
    """A new, empty server, which is gone afterwards.

    Enter and leave it in the same thread: on Linux the server dies with the thread that started it.
    For root, for whom PostgreSQL refuses to run, it runs as the user nobody.

    Args:
        installation: the programs to start it from.
        root: where sandboxes and their templates lie; the cache folder by default.
        cancel: breaks off the start.

    Raises:
        AppError: SANDBOX_FAILED with the server's own words, DISK_FULL, FOLDER_READ_ONLY.
        Cancelled: `cancel` was set during the start.
    """
    cancel = cancel or CancelToken()
    root = root or default_root()
    remove_stale_sandboxes(root)
    with _folders(root) as (folder, socket_folder):
        try:
            installation = reachable(installation, root, folder)
            password = new_cluster(installation, root, folder, cancel)
            (folder / "workspace").mkdir(mode=0o700)
        except OSError as error:
            raise folder_error(error, folder) from error
        with _postmaster(installation, folder, socket_folder) as (child, port):
            _record_owner(folder, socket_folder, child.id)
            server = SandboxServer(
                installation=installation,
                host=str(socket_folder or "127.0.0.1"),
                port=port,
                superuser=SUPERUSER,
                password=Secret(secrets.token_urlsafe(24)),
                log=child.errors,
                workspace=folder / "workspace",
            )
            try:
                _wait_until_ready(child, folder / "data", cancel)
            except AppError:
                forget(installation, root)
                raise
            _change_password(server, password)
            yield server


def create_database(server: SandboxServer, name: str, encoding: str = "UTF8") -> None:
    """Create an empty database; one of another encoding than UTF8 gets the locale C."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
        sql.Identifier(name), sql.Literal(encoding)
    )
    knows_providers = server.installation.version.major >= 15
    if encoding != "UTF8":
        statement += sql.SQL(" LOCALE 'C'")
        statement += sql.SQL(" LOCALE_PROVIDER libc" if knows_providers else "")
    if knows_providers:
        statement += sql.SQL(" STRATEGY FILE_COPY")  # faster than through the log where nothing is synced
    with server.connect() as session:
        session.execute(statement)


def default_root() -> Path:
    """The cache folder; for root one that the sandbox's own user can reach."""
    folder = paths.cache_folder()
    if paths.is_root() and not all(parent.stat().st_mode & 1 for parent in folder.parents if parent.exists()):
        return Path("/var/cache/holdfast")
    return folder


def remove_stale_sandboxes(root: Path) -> int:
    """Remove what crashed owners left below `root`, running servers included; gives their number."""
    removed = 0
    for folder in (root / "sandboxes").glob("*"):
        if not folder.is_dir() or folder.is_symlink():
            continue  # not made here
        record = _read_record(folder)
        try:
            if record is None and time.time() - folder.stat().st_mtime < _RECORD_LIMIT:
                continue  # another process is just making it
        except FileNotFoundError:
            continue  # another process was faster
        if record and record.owner.is_alive:
            continue
        if record and record.postmaster:
            _stop_stale(record.postmaster)
        if record and record.socket_folder:
            shutil.rmtree(record.socket_folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
    return removed


@contextmanager
def _folders(root: Path) -> Iterator[tuple[Path, Path | None]]:
    """A sandbox's own folder below `root`, and a short one for its socket (whose path has 107 bytes)."""
    sandboxes = root / "sandboxes"
    folder: Path | None = None
    socket_folder: Path | None = None
    try:
        try:
            sandboxes.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=sandboxes))
            if paths.is_root():
                for path in (root, sandboxes, folder):
                    path.chmod(0o711)
            if _HAS_SOCKETS:
                socket_folder = Path(tempfile.mkdtemp(prefix="holdfast-", dir="/tmp"))
                own_by_sandbox_user(socket_folder)
        except OSError as error:
            raise folder_error(error, root) from error
        _record_owner(folder, socket_folder, None)
        yield folder, socket_folder
    finally:
        for made in (socket_folder, folder):
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


def _record_owner(folder: Path, socket_folder: Path | None, postmaster: ProcessId | None) -> None:
    """Write down what the next start has to stop and remove, should this process be killed."""
    record = _Record(own_process_id(), postmaster, str(socket_folder) if socket_folder else None)
    write_atomically(folder / _RECORD, msgspec.json.encode(record))


def _read_record(folder: Path) -> _Record | None:
    """What is written down about a sandbox; None when nothing is, or nothing that can be read."""
    try:
        return msgspec.json.decode((folder / _RECORD).read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


@contextmanager
def _postmaster(
    installation: Installation, folder: Path, socket_folder: Path | None
) -> Iterator[tuple[Child, int]]:
    port = 5432 if socket_folder else _free_port()
    settings = _SETTINGS | {
        "port": str(port),
        "listen_addresses": "" if socket_folder else "127.0.0.1",
        "unix_socket_directories": str(socket_folder or ""),
    }
    command: list[str | Path] = [installation.program("postgres"), "-D", folder / "data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with Child(
        command, env=child_environment(), user=sandbox_user(), cwd=folder, die_with_parent="QUIT"
    ) as child:
        try:
            yield child, port
        finally:
            if sys.platform != "win32":
                child.interrupt(signal.SIGQUIT)
                try:
                    child.wait(_STOP_LIMIT)
                except TimeoutError:
                    pass  # killed below
            kill_tree(child.id)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(child: Child, data: Path, cancel: CancelToken) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while not _is_ready(data):
        if child.status is not None:
            raise sandbox_error(child.errors() or f"the server ended with status {child.status}")
        if time.monotonic() > deadline:
            raise sandbox_error(f"not ready after {_START_LIMIT:g} s\n{child.errors()}")
        cancel.wait(0.01)


def _is_ready(data: Path) -> bool:
    """True once the postmaster says so in the eighth line of its lock file, as pg_ctl reads it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _session(server: SandboxServer, password: Secret, dbname: str = "postgres") -> psycopg.Connection:
    words = {
        "host": server.host,
        "port": str(server.port),
        "user": server.superuser,
        "dbname": dbname,
        "password": password.reveal(),
    }
    return psycopg.connect("", autocommit=True, **without_environment(words))  # type: ignore[arg-type]


def _change_password(server: SandboxServer, old: str) -> None:
    """Replace the template's password; the new one goes to the server as a SCRAM verifier."""
    with _session(server, Secret(old)) as session:
        verifier = session.pgconn.encrypt_password(
            server.password.reveal().encode(), SUPERUSER.encode(), b"scram-sha-256"
        )
        session.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(SUPERUSER), verifier.decode())
        )


def _stop_stale(postmaster: ProcessId) -> None:
    """Let a server without an owner remove its shared memory and end; kill it if it does not."""
    if sys.platform != "win32":
        if postmaster.is_alive:
            os.kill(postmaster.pid, signal.SIGQUIT)
        deadline = time.monotonic() + _STOP_LIMIT
        while postmaster.is_alive and time.monotonic() < deadline:
            time.sleep(0.05)
    kill_tree(postmaster)
