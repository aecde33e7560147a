"""Whatever happens to a backup's files later is found, and the file is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Backup, Compression, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel
from app.engine.verify import verify_backup
from app.persistence.manifest import MANIFEST_NAME, read_manifest, write_manifest
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.files import files_under

if TYPE_CHECKING:
    from tests.conftest import NewDatabase, SmallDisk
    from tests.engine.conftest import BackUp


def verify(backup: Backup) -> tuple[Proof, list[str]]:
    """Read the manifest anew, as a later run does; gives the proof and the notices."""
    events: list[Event] = []
    read = Backup(backup.folder, read_manifest(Path(backup.folder)))
    verified = verify_backup(read, CancelToken(), events.append)
    return verified.manifest.proof, [event.text for event in events if isinstance(event, Notice)]


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """The file with other content, or gone; put back afterwards."""
    whole = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(whole)


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 0x20
    return bytes(changed)


FORMATS = [
    (Format.DIRECTORY, "zstd"),
    (Format.DIRECTORY, "none"),
    (Format.CUSTOM, "gzip"),
    (Format.PLAIN, "lz4"),
]


@pytest.mark.parametrize(("format_", "compression"), FORMATS)
def test_a_flipped_byte_a_cut_end_and_a_missing_file_are_found_in_each_file(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    format_: Format,
    compression: str,
) -> None:
    backup = take_backup(
        new_shop(server17), destination, format=format_, compression=Compression.parse(compression)
    )
    folder = Path(backup.folder)
    assert verify(backup) == (backup.manifest.proof, [])
    paths = [path for path in files_under(folder) if path.name != MANIFEST_NAME]
    assert {path.name for path in paths} >= {"SHA256SUMS", "RESTORE.txt", "roles.sql"}
    for path in paths:
        whole = path.read_bytes()
        damages: list[bytes | None] = [None, whole + b"\0"]
        if whole:
            damages += [whole[:-1], flipped(whole, 0), flipped(whole, len(whole) // 2), flipped(whole, -1)]
        for damage in damages:
            with changed(path, damage):
                proof, _ = verify(backup)
                assert proof.has_failed, (path, damage)
                assert path.relative_to(folder).as_posix() in proof.failure
                assert read_manifest(folder).proof == proof
    proof, _ = verify(backup)
    assert not proof.has_failed
    assert proof.level is ProofLevel.COMPLETE


def test_a_flipped_byte_of_the_manifest_is_found(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    path = Path(backup.folder) / MANIFEST_NAME
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        with changed(path, flipped(whole, position)):
            with pytest.raises(AppError) as caught:
                read_manifest(path.parent)
            assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
            assert "manifest.json" in str(caught.value)


def test_several_damaged_files_are_all_named(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    folder = Path(backup.folder)
    with changed(folder / "roles.sql", None), changed(folder / "database" / "toc.dat", b"PGDMP"):
        proof, _ = verify(backup)
    assert "roles.sql is missing" in proof.failure
    assert "database/toc.dat has 5 bytes instead of" in proof.failure


def test_an_extra_file_is_told_of_and_no_failure(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    (Path(backup.folder) / "notes of mine.txt").write_text("hello")
    proof, notices = verify(backup)
    assert proof == backup.manifest.proof
    assert notices == ["Files that are not part of the backup: notes of mine.txt."]


def test_what_the_manifest_says_of_a_table_is_compared_with_its_stream(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    tables = tuple(
        replace(table, rows=table.rows + 1) if table.name == "orders" else table
        for table in backup.manifest.tables
    )
    write_manifest(Path(backup.folder), replace(backup.manifest, tables=tables))
    assert "public.orders" in verify(backup)[0].failure


def test_the_proof_of_a_whole_backup_stays_as_it_was(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    bad = ObjectOutcome("TABLE DATA", "public.orders", Outcome.DIFFERS)
    for proof in (
        replace(backup.manifest.proof, level=ProofLevel.PROVEN),
        replace(backup.manifest.proof, failure="TABLE DATA public.orders differs", objects=(bad,)),
    ):
        write_manifest(Path(backup.folder), replace(backup.manifest, proof=proof))
        assert verify(backup)[0] == proof


def test_damage_is_told_of_even_where_it_cannot_be_noted(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    small_disk: SmallDisk,
) -> None:
    backup = take_backup(new_shop(server17), small_disk.folder)
    (Path(backup.folder) / "roles.sql").unlink()
    small_disk.make_read_only()
    proof, notices = verify(backup)
    assert "roles.sql is missing" in proof.failure
    assert notices[0].startswith(
        "The result could not be noted in the backup. The folder cannot be written to"
    )


def test_a_cancelled_check_changes_nothing(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        verify_backup(backup, cancel, lambda _: cancel.cancel())
    assert read_manifest(Path(backup.folder)) == backup.manifest
