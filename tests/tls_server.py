"""A server whose certificate can be changed: one that fits, one for another name, and one of yesterday."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.postgres.cluster import own_by_sandbox_user
from app.postgres.quoting import quote_literal
from app.postgres.sandbox import SandboxServer
from app.system.process import child_environment, run

_OPENSSL = shutil.which("openssl")
_CERTIFICATES = (
    ("good", "localhost", "20490101000000Z"),
    ("other", "elsewhere.example.com", "20490101000000Z"),
    ("old", "localhost", "20200102000000Z"),
)
_AUTHORITY = """
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index
rand_serial = yes
private_key = {folder}/{name}.key
default_md = sha256
policy = any
unique_subject = no
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:{host}
"""


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A server with TLS, whose certificate can be changed."""

    server: SandboxServer
    folder: Path

    def show(self, certificate: str) -> None:
        """Present this certificate from now on."""
        with self.server.connect() as session:
            for name, value in (
                ("ssl_cert_file", self.folder / f"{certificate}.pem"),
                ("ssl_key_file", self.folder / f"{certificate}.key"),
                ("ssl", "on"),
            ):
                session.execute(f"ALTER SYSTEM SET {name} = {quote_literal(str(value))}".encode())
            session.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while True:
            with self.server.connect() as session:
                if session.execute("SHOW ssl_cert_file").fetchone() == (
                    str(self.folder / f"{certificate}.pem"),
                ):
                    return
            assert time.monotonic() < deadline


@contextmanager
def tls_server(server: SandboxServer) -> Iterator[TlsServer]:
    """Certificates for a server that listens on 127.0.0.1; each is its own authority.

    They are for localhost (good, and old, which has expired) and for another name (other).
    """
    if _OPENSSL is None:
        pytest.skip("no openssl here to make certificates with")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    (folder / "index").touch()
    for name, host, enddate in _CERTIFICATES:
        (folder / "ca.cnf").write_text(_AUTHORITY.format(folder=folder, name=name, host=host))
        key = f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={host}"
        sign = f"ca -config ca.cnf -batch -notext -selfsign -startdate 20200101000000Z -enddate {enddate}"
        for command in (key, f"{sign} -in {name}.csr -out {name}.pem"):
            made = run([_OPENSSL, *command.split()], env=child_environment(), timeout=30, cwd=folder)
            assert made.status == 0, made.errors
        (folder / f"{name}.key").chmod(0o600)
        own_by_sandbox_user(folder / f"{name}.key")
    try:
        yield TlsServer(server, folder)
    finally:
        with server.connect() as session:
            session.execute("ALTER SYSTEM RESET ssl")
            session.execute("SELECT pg_reload_conf()")
        shutil.rmtree(folder)
