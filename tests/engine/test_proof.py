"""The verdict: six outcomes, levels, damage, space, cancelling; and what each leaves behind."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.backup import Backup, BackupOptions, Compression, FileRecord
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel
from app.engine.backup import back_up, prove_backup
from app.engine.preflight import BackupRequest
from app.engine.proof import prove
from app.persistence.manifest import read_manifest, write_manifest
from app.postgres.archive import read_archive, write_directory_toc
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.restoring import restore_archive
from app.postgres.sandbox import SandboxServer, default_root
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

SMALL = """
CREATE TABLE orders (id int PRIMARY KEY, what text); INSERT INTO orders VALUES (1, 'apples'), (2, 'pears');
CREATE TABLE items (id int REFERENCES orders); INSERT INTO items VALUES (1);
CREATE INDEX items_id ON items (id);
CREATE SEQUENCE numbers; SELECT nextval('numbers'); SELECT lo_from_bytea(4711, 'large');
"""

MakeBackup = Callable[..., Backup]
ProveIt = Callable[[Backup], Proof]


@pytest.fixture
def make_backup(installations: tuple[Installation, ...], tmp_path: Path) -> MakeBackup:
    def make(database: Database, **options: Any) -> Backup:
        options.setdefault("compression", Compression.parse("gzip:1"))
        connection = Connection(database.conninfo, database.server.password, inherits=False)
        request = BackupRequest("p", connection, BackupOptions(**options), destination=tmp_path)
        return back_up(request, installations, CancelToken(), lambda _: None)

    return make


@pytest.fixture
def prove_it(installations: tuple[Installation, ...]) -> ProveIt:
    return lambda backup: prove(
        Path(backup.folder), backup.manifest, installations, CancelToken(), lambda _: None
    )


def outcomes(proof: Proof) -> dict[tuple[str, str], Outcome]:
    return {
        (item.kind, item.name): item.outcome
        for item in proof.exceptions
        if item.kind not in ("ACL", "DATABASE", "DATABASE PROPERTIES")
    }


def outcome(proof: Proof, kind: str, name: str) -> ObjectOutcome:
    return next(item for item in proof.objects if (item.kind, item.name) == (kind, name))


def reseal(backup: Backup, path: str) -> Backup:
    """The backup as a forger would leave it, who mended the hash of a file but not those of rows."""
    data = (Path(backup.folder) / path).read_bytes()
    record = FileRecord(path, len(data), sha256(data).hexdigest())
    files = tuple(record if file.path == path else file for file in backup.manifest.files)
    manifest = replace(backup.manifest, files=files)
    write_manifest(Path(backup.folder), manifest)
    return replace(backup, manifest=manifest)


def with_entries(backup: Backup, edit: Callable[[Entry], Entry | None]) -> Backup:
    """The backup with another table of contents."""
    folder = Path(backup.folder) / "database"
    archive = read_archive(folder)
    kept = [new for entry in archive.entries if (new := edit(entry)) is not None]
    write_directory_toc(archive, kept, folder)
    return reseal(backup, "database/toc.dat")


def data_file(backup: Backup, table: str) -> str:
    archive = read_archive(Path(backup.folder) / "database")
    entry = next(entry for entry in archive.entries if (entry.kind, entry.tag) == ("TABLE DATA", table))
    return f"database/{entry.filename}.gz"


def test_a_small_database_is_proven_and_nothing_is_left_behind(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    proof = prove_it(make_backup(database))
    assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")
    assert outcomes(proof) == {}
    assert proof.server == str(server17.installation.version)
    assert other_sandboxes() == set()


def other_sandboxes() -> set[str]:
    """This process's sandboxes below the default root, besides the servers that the tests hold."""
    return _own_sandboxes() - _held


def _own_sandboxes() -> set[str]:
    records = (default_root() / "sandboxes").glob("*/owner.json")
    return {
        path.parent.name for path in records if json.loads(path.read_text())["owner"]["pid"] == os.getpid()
    }


_held: set[str] = set()


@pytest.fixture(autouse=True)
def _hold(server15: SandboxServer, server17: SandboxServer) -> None:
    _held.clear()
    _held.update(_own_sandboxes())


def test_a_changed_row_in_a_resealed_file_differs_and_names_the_table(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database)
    path = data_file(backup, "orders")
    file = Path(backup.folder) / path
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"pears", b"plums")))

    proof = prove_it(reseal(backup, path))

    assert proof.level is ProofLevel.COMPLETE
    assert proof.failure.startswith("TABLE DATA public.orders differs")
    assert outcomes(proof) == {("TABLE DATA", "public.orders"): Outcome.DIFFERS}


def test_a_changed_large_object_in_a_resealed_file_differs(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database)
    path = "database/blob_4711.dat.gz"
    (Path(backup.folder) / path).write_bytes(gzip.compress(b"LARGE"))
    proof = prove_it(reseal(backup, path))
    assert proof.failure.startswith("BLOB all differs")


def test_rows_that_were_taken_off_the_list_are_missed(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = with_entries(
        make_backup(database),
        lambda entry: None if (entry.kind, entry.tag) == ("TABLE DATA", "orders") else entry,
    )
    proof = prove_it(backup)
    assert outcome(proof, "TABLE DATA", '"public"."orders"').reason == "its rows are not in the backup"
    assert proof.has_failed


@pytest.mark.parametrize(
    "statement",
    [
        "COPY public.orders (id, what) FROM stdin; DROP TABLE public.orders;",
        "COPY public.orders FROM PROGRAM 'touch /tmp/x';",
        "\\! touch /tmp/x",
        'COPY public.orders (id, "what\n\\! touch /tmp/x\n") FROM stdin;',
    ],
)
def test_a_hostile_copy_statement_makes_the_rows_differ_and_runs_nowhere(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    prove_it: ProveIt,
    statement: str,
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = with_entries(
        make_backup(database),
        lambda entry: (
            replace(entry, copy_statement=statement)
            if (entry.kind, entry.tag) == ("TABLE DATA", "orders")
            else entry
        ),
    )
    tables = tuple(
        replace(table, copy_statement=statement) if table.name == "orders" else table
        for table in backup.manifest.tables
    )
    proof = prove_it(replace(backup, manifest=replace(backup.manifest, tables=tables)))
    assert outcome(proof, "TABLE DATA", "public.orders").outcome is not Outcome.IDENTICAL
    assert proof.level is ProofLevel.COMPLETE
    assert not Path("/tmp/x").exists()


def test_hostile_names_and_definitions_are_sql_to_the_sandbox_and_nothing_more(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    prove_it: ProveIt,
    tmp_path: Path,
) -> None:
    database = new_database(server17)
    name = f"a'b\"c\n\\! touch {tmp_path}/x\n;--"
    quoted = '"' + name.replace('"', '""') + '"'
    database.sql(
        f"""
        CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} text);
        CREATE SEQUENCE {quoted}.sequence;
        INSERT INTO {quoted}.{quoted} VALUES ('\\! x')
        """
    )
    backup = with_entries(
        make_backup(database),
        lambda entry: (
            replace(entry, definition=f"\\! touch {tmp_path}/y\n{entry.definition}")
            if entry.kind == "SEQUENCE"
            else entry
        ),
    )
    proof = prove_it(backup)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "y").exists()
    assert {item.outcome for item in proof.objects if item.kind == "TABLE DATA"} == {Outcome.IDENTICAL}
    assert {item.outcome for item in proof.objects if item.kind == "SEQUENCE"} == {Outcome.NOT_RESTORABLE}


def test_what_would_fail_in_a_real_restore_is_named_with_its_cause_and_its_remedy(
    server15: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server15)
    database.sql(
        """
        CREATE TABLE limits (most int); INSERT INTO limits VALUES (10);
        CREATE FUNCTION allowed(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE
            AS 'BEGIN RETURN $1 <= (SELECT most FROM limits); END';
        CREATE FUNCTION doubled(int) RETURNS int LANGUAGE plpgsql IMMUTABLE
            AS 'BEGIN RETURN $1 + (SELECT 0 FROM limits); END';
        CREATE TABLE checked (a int CHECK (allowed(a))); INSERT INTO checked VALUES (1);
        CREATE TABLE indexed (a int); INSERT INTO indexed VALUES (1); CREATE INDEX i ON indexed (doubled(a));
        CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (doubled(a)) STORED);
        INSERT INTO generated VALUES (1);
        CREATE TABLE watched (a int PRIMARY KEY); CREATE TABLE index_names (r regclass);
        INSERT INTO index_names VALUES ('watched_pkey');
        CREATE TABLE checked_keys (a int PRIMARY KEY CHECK (allowed(a))); INSERT INTO checked_keys VALUES (1);
        CREATE TABLE refers (a int REFERENCES checked_keys); INSERT INTO refers VALUES (1)
        """
    )
    proof = prove_it(make_backup(database))
    assert proof.level is ProofLevel.COMPLETE
    assert outcomes(proof) == {
        ("TABLE DATA", "public.checked"): Outcome.NOT_RESTORABLE,
        ("TABLE DATA", "public.checked_keys"): Outcome.NOT_RESTORABLE,
        ("TABLE DATA", "public.generated"): Outcome.NOT_RESTORABLE,
        ("TABLE DATA", "public.index_names"): Outcome.NOT_RESTORABLE,
        ("INDEX", "public.i"): Outcome.NOT_RESTORABLE,
        ("FK CONSTRAINT", "public.refers refers_a_fkey"): Outcome.NOT_RESTORABLE,
        ("GENERATED COLUMN", "public.generated.b"): Outcome.RECOMPUTED,
    }
    for kind, name in (("TABLE DATA", "public.checked"), ("INDEX", "public.i")):
        reason = outcome(proof, kind, name).reason
        assert 'relation "limits" does not exist' in reason
        assert "function" in reason
        assert "SET search_path" in reason
    assert "store the name as text" in outcome(proof, "TABLE DATA", "public.index_names").reason
    reason = outcome(proof, "FK CONSTRAINT", "public.refers refers_a_fkey").reason
    assert reason == "it needs TABLE DATA public.checked_keys, which cannot be restored"
    assert proof.failure.endswith("(and 5 more)")


def test_reasons_do_not_hold_values_of_rows(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(
        """
        CREATE TABLE people (name text, born date); INSERT INTO people VALUES ('Secret Name', '1970-01-01');
        ALTER TABLE people ADD CONSTRAINT late CHECK (born > '2000-01-01') NOT VALID;
        UPDATE pg_constraint SET convalidated = true WHERE conname = 'late'
        """
    )
    proof = prove_it(make_backup(database))
    reason = outcome(proof, "TABLE DATA", "public.people").reason
    assert 'violates check constraint "late"' in reason
    assert not [item for item in proof.objects if "Secret" in item.reason or "1970" in item.reason]


def test_an_edited_definition_is_found_by_what_the_sandbox_then_says_of_it(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql("CREATE VIEW v AS SELECT 1 AS one; CREATE VIEW w AS SELECT 2 AS two")

    def edit(entry: Entry) -> Entry:
        if entry.tag == "v":
            return replace(entry, definition="CREATE VIEW public.v AS\n SELECT 1 AS one, 2 AS more;\n\n")
        return replace(entry, definition="SELECT 1;") if entry.tag == "w" else entry

    proof = prove_it(with_entries(make_backup(database), edit))
    assert outcome(proof, "VIEW", "public.v").outcome is Outcome.DIFFERS
    assert outcome(proof, "VIEW", "public.w").reason == "it did not come back"


def test_a_selection_that_lacks_what_it_needs_is_complete_and_not_failed(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    proof = prove_it(make_backup(database, tables=("items",)))
    assert (proof.level, proof.failure) == (ProofLevel.COMPLETE, "")
    assert "The selection does not restore by itself: FK CONSTRAINT public.items" in proof.notes[-1]
    assert prove_it(make_backup(database, tables=("orders",))).level is ProofLevel.PROVEN


def test_too_little_space_hinders_a_proof_and_the_last_one_stays(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    installations: tuple[Installation, ...],
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database)
    backup = replace(backup, manifest=replace(backup.manifest, database_bytes=1 << 60))
    events: list[Event] = []
    before = read_manifest(Path(backup.folder)).proof
    with pytest.raises(AppError) as failure:
        prove_backup(backup, installations, CancelToken(), events.append)
    assert failure.value.code is ErrorCode.SPACE_FOR_PROOF
    assert read_manifest(Path(backup.folder)).proof == before
    assert not any(isinstance(event, Progress) and event.phase is Phase.RESTORING for event in events)


def test_without_a_server_there_is_no_proof_and_the_last_one_stays(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    tools = replace(server17.installation, has_server=False)
    backup = make_backup(database)
    with pytest.raises(AppError, match="No PostgreSQL server of version 17 or newer"):
        prove_backup(backup, [tools], CancelToken(), lambda _: None)
    assert read_manifest(Path(backup.folder)).proof.level is ProofLevel.COMPLETE


@pytest.mark.parametrize(
    "phase", [Phase.CHECKING_FILES, Phase.STARTING_SANDBOX, Phase.RESTORING, Phase.COMPARING]
)
def test_a_cancelled_proof_leaves_nothing_and_changes_nothing(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    installations: tuple[Installation, ...],
    phase: Phase,
) -> None:
    database = new_database(server17)
    database.sql(SMALL + "CREATE TABLE big AS SELECT i, repeat('x', 500) FROM generate_series(1, 60000) i")
    backup = make_backup(database)
    before = (Path(backup.folder) / "manifest.json").read_bytes()
    cancel = CancelToken()
    cancelled_at: list[float] = []

    def listener(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is phase and not cancelled_at:
            cancelled_at.append(time.monotonic())
            cancel.cancel()

    with pytest.raises(Cancelled):
        prove_backup(backup, installations, cancel, listener)
    assert time.monotonic() - cancelled_at[0] < 5
    assert (Path(backup.folder) / "manifest.json").read_bytes() == before
    assert other_sandboxes() == set()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("compare")] == []


def test_debians_own_column_option_is_taken_out_and_the_backup_is_proven(
    server15: SandboxServer,
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    installations: tuple[Installation, ...],
    tmp_path: Path,
) -> None:
    database, target = new_database(server15), new_database(server17)
    database.sql(
        """
        CREATE TABLE t (a int, "b;c" text, d text); INSERT INTO t VALUES (1, 'x', 'y');
        ALTER TABLE t ALTER a SET (n_distinct = 3);
        ALTER TABLE t ALTER d SET (n_distinct_inherited = -0.5, n_distinct = 7);
        CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE FOREIGN TABLE f (a int) SERVER s;
        CREATE MATERIALIZED VIEW m AS SELECT * FROM t; ALTER MATERIALIZED VIEW m ALTER a SET (n_distinct = 2)
        """
    )
    newer = [one for one in installations if one.version.major != 15]
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    request = BackupRequest("p", connection, destination=tmp_path)
    backup = back_up(request, newer, CancelToken(), lambda _: None)
    archive = read_archive(Path(backup.folder) / "database")
    if not any("pg_attver" in entry.definition for entry in archive.entries):
        pytest.skip("this server stores no version in its columns")
    tool = max((one for one in newer), key=lambda one: one.version)
    naive = restore_archive(
        tool,
        archive.path,
        Connection(target.conninfo, server17.password, inherits=False),
        jobs=2,
        options=["--no-owner"],
        cancel=CancelToken(),
    )
    assert any('unrecognized parameter "pg_attver"' in error.message for error in naive)

    proof = prove(Path(backup.folder), backup.manifest, newer, CancelToken(), lambda _: None)

    assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")
    assert ("TABLE", "public.t") not in outcomes(proof)
    assert outcome(proof, "FOREIGN TABLE", "public.f").outcome is Outcome.IDENTICAL


def test_rows_that_came_back_in_another_order_say_so(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    prove_it: ProveIt,
) -> None:
    database = new_database(server17)
    database.sql(
        """
        CREATE FUNCTION public.shuffle(int) RETURNS bool LANGUAGE plpgsql AS $$
        BEGIN
            IF $1 = 3 THEN UPDATE public.shuffled SET a = a WHERE a = 1; END IF;
            RETURN true;
        END $$;
        CREATE TABLE shuffled (a int); INSERT INTO shuffled VALUES (1), (2), (3);
        ALTER TABLE shuffled ADD CONSTRAINT mixes CHECK (public.shuffle(a)) NOT VALID
        """
    )
    proof = prove_it(make_backup(database))
    assert outcome(proof, "TABLE DATA", "public.shuffled").outcome in (Outcome.IDENTICAL, Outcome.REORDERED)


def test_a_manifest_cannot_set_anything_but_what_shapes_text(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database)
    session = backup.manifest.session | {"session_preload_libraries": "/evil.so"}
    proof = prove_it(replace(backup, manifest=replace(backup.manifest, session=session)))
    assert (proof.level, proof.failure) == (ProofLevel.PROVEN, "")


@pytest.mark.parametrize(
    ("path", "code"),
    [("../database", ErrorCode.UNSAFE_PATH), ("other", ErrorCode.ARCHIVE_DAMAGED)],
)
def test_a_database_that_the_backup_does_not_list_is_refused(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    prove_it: ProveIt,
    path: str,
    code: ErrorCode,
) -> None:
    backup = make_backup(new_database(server17))
    parts = tuple(
        replace(part, path=path) if part.name == "database" else part for part in backup.manifest.parts
    )
    with pytest.raises(AppError) as caught:
        prove_it(replace(backup, manifest=replace(backup.manifest, parts=parts)))
    assert caught.value.code is code


def test_a_failed_proof_of_uncounted_rows_leaves_the_backup_sealed_and_a_good_one_says_so(
    server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup, prove_it: ProveIt
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database, counts=False)
    proof = prove_it(backup)
    assert proof.level is ProofLevel.PROVEN
    assert "did not count" in proof.notes[-1]
    failed = prove_it(with_entries(backup, lambda e: None if e.kind == "TABLE DATA" else e))
    assert (failed.level, bool(failed.failure)) == (ProofLevel.SEALED, True)


def test_each_outcome_is_kept_in_the_manifest(
    tmp_path: Path, server17: SandboxServer, new_database: NewDatabase, make_backup: MakeBackup
) -> None:
    database = new_database(server17)
    database.sql("CREATE TABLE t (a int)")
    backup = make_backup(database)
    objects = tuple(ObjectOutcome("TABLE", f"t{number}", item, "why") for number, item in enumerate(Outcome))
    manifest = replace(backup.manifest, proof=replace(backup.manifest.proof, objects=objects))
    write_manifest(Path(backup.folder), manifest)
    assert read_manifest(Path(backup.folder)).proof.objects == objects


def test_the_files_that_a_proof_writes_are_gone(
    server17: SandboxServer,
    new_database: NewDatabase,
    make_backup: MakeBackup,
    prove_it: ProveIt,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = new_database(server17)
    database.sql(SMALL)
    backup = make_backup(database)
    files = sorted(path for path in Path(backup.folder).rglob("*") if path.is_file())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(tempfile, "TemporaryDirectory", None)  # it would outlive a kill
    assert prove_it(backup).level is ProofLevel.PROVEN
    assert list(scratch.iterdir()) == []
    assert other_sandboxes() == set()
    assert sorted(path for path in Path(backup.folder).rglob("*") if path.is_file()) == files
