"""Stand-ins of Supabase projects: real servers with the platform's roles, schemas and rights, over TLS.

Each project is a server of its own, because roles belong to a server and every project's database has the
same name. Made once and then copied, one takes about a second.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.conninfo import make_conninfo

from app.domain.project import Secret
from app.postgres.cluster import own_by_sandbox_user, reachable, sandbox_user
from app.postgres.connection import Connection
from app.postgres.toolchain import Installation
from app.system.process import Child, child_environment, run
from tests.outside_servers import Certificate, free_port, make_certificate

PASSWORD = "p$a'ss@wo:rd"
_HERE = Path(__file__).parent
_ADMIN = "supabase_admin"
_BUILTIN = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "logical",
    "max_connections": "30",
    "shared_buffers": "16MB",
    "max_locks_per_transaction": "256",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "ssl": "on",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in of a project.

    Attributes:
        certificate: that of the server, which signs itself.
        admin_password: that of `supabase_admin`.
    """

    installation: Installation
    port: int
    certificate: Path
    admin_password: str

    @property
    def conninfo(self) -> str:
        """As a project's user gives it: role `postgres`, over TLS, the server's certificate verified."""
        return self._conninfo("postgres")

    @property
    def admin_conninfo(self) -> str:
        """As the platform's superuser."""
        return self._conninfo(_ADMIN)

    @property
    def connection(self) -> Connection:
        """As the application has it."""
        return Connection(self.conninfo, Secret(PASSWORD), inherits=False)

    def sql(self, statements: str, role: str = "postgres", *, database: str = "postgres") -> list[Any]:
        """Run statements as a role (`supabase_admin` may do anything); gives the last rows."""
        password = PASSWORD if role == "postgres" else self.admin_password
        with psycopg.connect(
            self._conninfo(role), dbname=database, password=password, autocommit=True
        ) as session:
            cursor = session.execute(statements.encode())
            rows: list[Any] = []
            more: bool | None = True
            while more:
                if cursor.description is not None:
                    rows = cursor.fetchall()
                more = cursor.nextset()
            return rows

    def as_admin(self, statements: str) -> list[Any]:
        """What only the platform may do."""
        return self.sql(statements, _ADMIN)

    def _conninfo(self, role: str) -> str:
        return make_conninfo(
            host="localhost",
            port=self.port,
            user=role,
            dbname="postgres",
            sslmode="verify-full",
            sslrootcert=str(self.certificate),
        )


class NewStandIn(Protocol):
    """Starts a project: a fresh one, or one with `user_objects.sql`."""

    def __call__(self, *, with_user_objects: bool = False, major: int = 17) -> StandIn: ...


@contextmanager
def stand_ins(installation: Installation, cache: Path) -> Iterator[NewStandIn]:
    """Projects that are stopped and removed afterwards; enter and leave it in one thread.

    Args:
        cache: where what is copied is kept, for all tests and their processes.
    """
    with tempfile.TemporaryDirectory(prefix="stand-ins-", dir=cache) as name:
        folder = Path(name)
        folder.chmod(0o711)
        installation = reachable(installation, cache, folder)
        servers: list[Child] = []

        def start(*, with_user_objects: bool = False, major: int = installation.version.major) -> StandIn:
            assert major == installation.version.major
            fresh = cache / f"stand-in-{installation.version.major}"
            kept = fresh.with_name(f"{fresh.name}-with-objects") if with_user_objects else fresh
            if not kept.exists():
                _make(installation, folder, kept, fresh if with_user_objects else None)
            made = folder / str(len(servers))
            _copy(kept, made)
            child, project = _start(installation, made)
            servers.append(child)
            return project

        try:
            yield start
        finally:
            for child in servers:
                child.kill()


def _make(installation: Installation, folder: Path, kept: Path, fresh: Path | None) -> None:
    """Put a cluster into `kept`: a fresh project, or a copy of one to which the user's objects are added."""
    new = Path(tempfile.mkdtemp(dir=folder))
    if fresh is not None:
        shutil.rmtree(new)
        if not fresh.exists():
            _make(installation, folder, fresh, None)
        _copy(fresh, new)
    else:
        _new_cluster(installation, new)
    child, project = _start(installation, new)
    try:
        if fresh is None:
            project.as_admin((_HERE / "stand_in.sql").read_text())
            project.as_admin(f"ALTER ROLE postgres PASSWORD $_${PASSWORD}$_$")
        else:
            project.sql((_HERE / "user_objects.sql").read_text())
    finally:
        child.interrupt(2)  # a fast shutdown, after which the files can be copied
        child.wait(30)
    try:
        new.rename(kept)
    except OSError:
        if not kept.exists():
            raise


def _new_cluster(installation: Installation, folder: Path) -> None:
    folder.chmod(0o711)
    made: Certificate = make_certificate(folder / "tls")
    (folder / "tls").chmod(0o711)
    made.certificate.chmod(0o644)
    data, password = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    password.write_text(secrets.token_urlsafe(16))
    for path in (data, password):
        own_by_sandbox_user(path)
    done = run(
        [
            *(installation.program("initdb"), "-D", data, "--username", _ADMIN, "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", password, "--encoding", "UTF8"),
            *("--locale=C", *(_BUILTIN if installation.version.major >= 17 else ())),
        ],
        env=child_environment(),
        timeout=60,
        user=sandbox_user(),
        cwd=folder,
    )
    assert done.status == 0, done.errors
    for name, source in (("server.crt", made.certificate), ("server.key", made.key)):
        shutil.copyfile(source, data / name)
        (data / name).chmod(0o600)
        own_by_sandbox_user(data / name)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    if sys.platform != "win32":
        target.chmod(0o711)
        for path in (target / "data", *(target / "data").rglob("*")):
            own_by_sandbox_user(path)


def _start(installation: Installation, folder: Path) -> tuple[Child, StandIn]:
    port = free_port()
    settings = {**_SETTINGS, "port": str(port)}
    command: list[str | Path] = [installation.program("postgres"), "-D", folder / "data"]
    for name, value in (
        *settings.items(),
        ("ssl_cert_file", "server.crt"),
        ("ssl_key_file", "server.key"),
    ):
        command += ["-c", f"{name}={value}"]
    child = Child(command, env=child_environment(), user=sandbox_user(), cwd=folder, die_with_parent="QUIT")
    project = StandIn(installation, port, folder / "tls" / "cert.pem", (folder / "password").read_text())
    while True:
        try:
            project.as_admin("SELECT 1")
        except psycopg.OperationalError:
            assert child.status is None, child.errors()
        else:
            return child, project


def cache_folder() -> Path:
    """Where all tests' processes keep what they copy."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "stand-ins"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    return folder
