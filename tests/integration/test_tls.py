"""A whole backup, proof included, over TLS whose certificate is checked; and none where it does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ProofLevel
from app.engine.backup import back_up, prove_backup
from app.engine.preflight import BackupRequest
from app.postgres import sandbox
from app.postgres.connection import parse_connection
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from tests.tls_server import TlsServer, tls_server


@pytest.fixture(scope="module")
def tls(server17: SandboxServer) -> Iterator[TlsServer]:
    """A server that lets nobody in without TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_HAS_SOCKETS", False)
        with running_sandbox(server17.installation) as server, tls_server(server) as made:
            with server.connect() as session:
                session.execute("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n")
            made.show("good")
            with server.connect() as session:
                ((path,),) = session.execute("SHOW hba_file").fetchall()
                before = Path(path).read_text()
                Path(path).write_text(before.replace("host ", "hostssl "))
                session.execute("SELECT pg_reload_conf()")
            yield made


def request_over(tls: TlsServer, root: str, folder: Path, **words: str) -> BackupRequest:
    text = make_conninfo(
        tls.server.conninfo(),
        **{
            "host": "localhost",
            "password": tls.server.password.reveal(),
            "sslmode": "verify-full",
            "sslrootcert": str(tls.folder / root),
            **words,
        },
    )
    return BackupRequest("Shop", parse_connection(text), BackupOptions(jobs=2), folder)


def test_every_connection_of_a_backup_checks_the_certificate(
    tls: TlsServer, installations: Sequence[Installation], tmp_path: Path
) -> None:
    tls.show("good")
    backup = back_up(request_over(tls, "good.pem", tmp_path), installations, CancelToken(), lambda _: None)
    assert backup.manifest.jobs == 2
    assert [table.rows for table in backup.manifest.tables] == [100]
    assert backup.manifest.server.tls.startswith("TLS")
    proven = prove_backup(backup, installations, CancelToken(), lambda _: None)
    assert proven.manifest.proof.level is ProofLevel.PROVEN


@pytest.mark.parametrize(
    ("shown", "root", "code"),
    [
        ("good", "other.pem", ErrorCode.CERTIFICATE_NOT_TRUSTED),
        ("other", "other.pem", ErrorCode.CERTIFICATE_OTHER_NAME),
        ("old", "old.pem", ErrorCode.CERTIFICATE_NOT_TRUSTED),
        ("good", "missing.pem", ErrorCode.CERTIFICATE_NOT_TRUSTED),
    ],
    ids=["unknown", "wrong name", "expired", "no authority"],
)
def test_a_certificate_that_does_not_hold_ends_a_backup_before_it_begins(
    shown: str,
    root: str,
    code: ErrorCode,
    tls: TlsServer,
    installations: Sequence[Installation],
    tmp_path: Path,
) -> None:
    tls.show(shown)
    with pytest.raises(AppError) as caught:
        back_up(request_over(tls, root, tmp_path), installations, CancelToken(), lambda _: None)
    assert caught.value.code is code
    assert caught.value.hint
    assert tls.server.password.reveal() not in str(caught.value)
    assert not list(tmp_path.iterdir())
