"""PgBouncer from Debian, started in front of a test's server."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.postgres.cluster import own_by_sandbox_user, sandbox_user
from app.postgres.sandbox import SandboxServer
from app.system.process import Child, child_environment, run
from tests.outside_servers import free_port

_PACKAGES = ("pgbouncer", "libc-ares2")
_CONFIGURATION = """
[databases]
* = host={server.host} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users
pool_mode = {mode}
default_pool_size = {size}
server_round_robin = {in_turn}
"""


@contextmanager
def pgbouncer(
    server: SandboxServer,
    mode: str,
    *,
    size: int = 20,
    in_turn: bool = False,
    others: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """A pooler before a server; gives the superuser's connection string, with its password.

    Args:
        server: what stands behind it.
        mode: session, transaction or statement.
        size: how many sessions with the server each user has in each database.
        in_turn: whether all of them are used in turn, not the last one first.
        others: passwords of other roles.
    """
    package = _package()
    password = server.password.reveal()
    users = {server.superuser: password, **(others or {})}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-", dir="/tmp") as name:
        folder = Path(name)
        for source in (package / "usr/sbin/pgbouncer", *package.glob("usr/lib/*/libcares.so.*")):
            shutil.copy(source, folder / source.name)
        (folder / "users").write_text("".join(f'"{user}" "{word}"\n' for user, word in users.items()))
        (folder / "ini").write_text(
            _CONFIGURATION.format(server=server, port=port, mode=mode, size=size, in_turn=int(in_turn))
        )
        for path in (folder, *folder.iterdir()):
            own_by_sandbox_user(path)
        with Child(
            [folder / "pgbouncer", "ini"],
            env=child_environment({"LD_LIBRARY_PATH": str(folder)}),
            user=sandbox_user(),
            cwd=folder,
            die_with_parent="QUIT",
        ) as child:
            words = {"host": "127.0.0.1", "port": str(port), "user": server.superuser, "dbname": "postgres"}
            text = make_conninfo("", password=password, **words)
            while True:
                try:
                    psycopg.connect(text).close()
                    break
                except psycopg.OperationalError:
                    assert child.status is None, child.errors()
            yield text


def _package() -> Path:
    """A folder with the program and the library that it brings; the test is skipped where there is none.

    It is unpacked into the user's cache: installed, it would start a service.
    """
    if sys.platform != "linux" or not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip("no apt here to fetch PgBouncer with")
    import pwd

    cache = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "holdfast-tests"
    package = cache / "pgbouncer"
    if package.exists():
        return package
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        if not _done("/usr/bin/apt-get", "download", *_PACKAGES, cwd=folder):
            if os.geteuid() == 0:
                _done("/usr/bin/apt-get", "update", "-qq", cwd=folder)
            if not _done("/usr/bin/apt-get", "download", *_PACKAGES, cwd=folder):
                pytest.skip("PgBouncer cannot be fetched with apt here")
        for file in folder.glob("*.deb"):
            assert _done("/usr/bin/dpkg-deb", "-x", file, folder / "root", cwd=folder)
        try:
            (folder / "root").rename(package)
        except OSError:
            assert package.exists()  # another process was quicker
    return package


def _done(*command: str | Path, cwd: Path) -> bool:
    return run(command, env=child_environment(), timeout=300, cwd=cwd).status == 0
