from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreOptions
from app.engine.restore.job import RestoreTarget, open_job
from app.engine.restore.source import open_source
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase
    from tests.engine.conftest import BackUp


@pytest.fixture
def shop(new_shop: NewDatabase, server17: SandboxServer) -> Database:
    return new_shop(server17)


def test_a_backup_with_one_flipped_byte_is_not_restored(
    shop: Database,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
    server17: SandboxServer,
) -> None:
    folder = Path(take_backup(shop, destination).folder)
    largest = max((folder / "database").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    server = Connection(server17.conninfo(), server17.password, inherits=False)
    target = RestoreTarget(server, "from a flipped byte")
    with open_job([folder], target, RestoreOptions(), installations) as job:
        job.plan(CancelToken(), lambda _: None)
        with pytest.raises(AppError) as caught:
            job.run(CancelToken(), lambda _: None)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert largest.name in str(caught.value)
    with server17.connect() as session:
        found = session.execute("SELECT 1 FROM pg_database WHERE datname = 'from a flipped byte'").fetchone()
    assert found is None


def test_a_missing_tool_is_told_with_the_plan(
    shop: Database, take_backup: BackUp, destination: Path, server17: SandboxServer
) -> None:
    folder = Path(take_backup(shop, destination).folder)
    server = Connection(server17.conninfo(), server17.password, inherits=False)
    with (
        open_job([folder], RestoreTarget(server, "never made"), RestoreOptions(), ()) as job,
        pytest.raises(AppError) as caught,
    ):
        job.plan(CancelToken(), lambda _: None)
    assert caught.value.code is ErrorCode.TOOL_MISSING


def test_archives_and_scripts_are_not_restored_together(
    shop: Database, take_backup: BackUp, destination: Path, tmp_path: Path
) -> None:
    script = tmp_path / "x.sql"
    script.write_text("CREATE TABLE t (a int);\n")
    folder = Path(take_backup(shop, destination).folder)
    with pytest.raises(AppError) as caught:
        open_source([script, folder], tmp_path, CancelToken())
    assert caught.value.code is ErrorCode.INVALID_INPUT


def test_a_script_that_names_no_encoding_is_taken_for_what_its_bytes_are(tmp_path: Path) -> None:
    script = tmp_path / "x.gz"
    script.write_bytes(
        gzip.compress("CREATE TABLE t (a text);\nINSERT INTO t VALUES ('Zoë');\n".encode("latin1"))
    )
    assert open_source([script], tmp_path, CancelToken()).encoding == "LATIN1"


def test_of_several_databases_one_must_be_named_and_the_only_full_one_need_not(tmp_path: Path) -> None:
    both = tmp_path / "both.sql"
    both.write_text("\\connect a\nCREATE TABLE t (a int);\n\\connect b\nCREATE TABLE u (a int);\n")
    with pytest.raises(AppError) as caught:
        open_source([both], tmp_path, CancelToken())
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert "--database" in caught.value.hint
    (entry,) = open_source([both], tmp_path, CancelToken(), database="b").entries
    assert entry.tag == "u"
    one = tmp_path / "one.sql"
    one.write_text("\\connect a\nSET a.b = 1;\n\\connect b\nCREATE TABLE u (a int);\n")
    (entry,) = open_source([one], tmp_path, CancelToken()).entries
    assert entry.tag == "u"
