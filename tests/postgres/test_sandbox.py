"""The sandbox starts from every installation, as another user for root, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.project import Secret
from app.postgres import sandbox
from app.postgres.connection import Connection, connect
from app.postgres.sandbox import SandboxServer, remove_stale_sandboxes, running_sandbox
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.paths import is_root
from app.system.process import Child, child_environment, run
from app.system.process_id import ProcessId, own_process_id

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

needs_root = pytest.mark.skipif(not is_root(), reason="mounts and users are for root")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux signals orphans")


@pytest.fixture
def root() -> Iterator[Path]:
    """A cache of its own, which the sandbox's user can reach (tmp_path is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-root-", dir=os.environ["XDG_CACHE_HOME"]))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def installation(installations: tuple[Installation, ...]) -> Installation:
    return next(one for one in installations if one.origin == "bundled" and one.version.major == 18)


def postmaster_of(server: SandboxServer) -> psutil.Process:
    """The server's process: the parent of a session's process."""
    with server.connect() as session:
        parent = psutil.Process(session.info.backend_pid).parent()
    assert parent is not None
    return parent


def test_new_objects_get_oids_that_no_dump_holds_by_chance(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(each_server)
    [(oid,)] = database.sql("CREATE TABLE t (); SELECT 't'::regclass::oid::bigint")
    assert oid >= 2_000_000_000


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII", "EUC_JP"])
def test_databases_of_other_encodings_can_be_made(
    each_server: SandboxServer, new_database: NewDatabase, encoding: str
) -> None:
    database = new_database(each_server, encoding=encoding)
    assert database.sql(f"SELECT current_setting('server_encoding') = '{encoding}'") == [(True,)]


def test_letters_beyond_ascii_have_two_cases(each_server: SandboxServer, new_database: NewDatabase) -> None:
    assert new_database(each_server).sql("SELECT upper('äßé'), 'ä' ~ '^\\w$'") == [("ÄßÉ", True)]


def test_one_transaction_can_hold_thousands_of_tables(
    server17: SandboxServer, new_database: NewDatabase
) -> None:
    new_database(server17).sql(
        "DO $$ BEGIN FOR i IN 1..6000 LOOP EXECUTE 'CREATE TABLE t' || i || ' ()'; END LOOP; END $$"
    )


@needs_root
def test_for_root_it_runs_as_nobody(each_server: SandboxServer) -> None:
    assert set(postmaster_of(each_server).uids()) == {65_534}
    assert set(postmaster_of(each_server).gids()) == {65_534}


def test_several_run_at_once_each_with_its_own_password(installation: Installation) -> None:
    with running_sandbox(installation) as one, running_sandbox(installation) as other:
        assert one.conninfo() != other.conninfo()
        assert postmaster_of(one) != postmaster_of(other)
        for wrong in (other.password, Secret("")):
            with pytest.raises(psycopg.OperationalError, match="password"):
                replace(one, password=wrong).connect()


HOSTILE_ENVIRONMENT = {
    "PGCHANNELBINDING": "require",
    "PGCONNECT_TIMEOUT": "never",
    "PGDATABASE": "elsewhere",
    "PGHOSTADDR": "192.0.2.1",
    "PGMAXPROTOCOLVERSION": "3.2",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGOPTIONS": "-c nonsense=1",
    "PGREQUIREAUTH": "none",
    "PGREQUIREPEER": "nobody else",
    "PGSSLCERTMODE": "require",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "standby",
}


@pytest.mark.parametrize("as_service", [False, True], ids=["variables", "service"])
def test_the_users_variables_do_not_reach_it(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_service: bool
) -> None:
    if as_service:
        service = tmp_path / "services"
        service.write_text("[shop]\nhostaddr=192.0.2.1\nsslmode=verify-full\noptions=-c nonsense=1\n")
        monkeypatch.setenv("PGSERVICEFILE", str(service))
        monkeypatch.setenv("PGSERVICE", "shop")
    else:
        for name, value in HOSTILE_ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
    with running_sandbox(installation) as server:
        server.connect().close()
        connect(Connection(server.conninfo(), server.password, inherits=False)).close()
        with pytest.raises(AppError):
            connect(Connection(server.conninfo(), server.password))


def test_nothing_is_left_after_the_end_and_after_an_error(installation: Installation, root: Path) -> None:
    started: list[psutil.Process] = []
    socket_folders: list[Path] = []

    def fail_while_in_use() -> None:
        with running_sandbox(installation, root=root) as server:
            started.append(postmaster_of(server))
            socket_folders.append(Path(server.host))
            with server.connect():
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_in_use()
    assert not started[0].is_running()
    assert list((root / "sandboxes").iterdir()) == []
    assert not socket_folders[0].exists()


def test_the_password_is_in_no_argument_and_no_file(installation: Installation, root: Path) -> None:
    with running_sandbox(installation, root=root) as server:
        secret = server.password.reveal()
        assert secret not in repr(server)
        assert secret not in " ".join(postmaster_of(server).cmdline())
        files = [path for path in root.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
        assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_others_cannot_look_into_it(installation: Installation, root: Path) -> None:
    with running_sandbox(installation, root=root) as server:
        [folder] = (root / "sandboxes").iterdir()
        private = [folder / "data", Path(server.host), root / "templates"] if is_root() else [folder]
        assert {path.stat().st_mode & 0o077 for path in private} == {0}


def test_started_at_once_for_the_first_time_all_come_up(installation: Installation, root: Path) -> None:
    def start(_: int) -> str:
        with running_sandbox(installation, root=root) as server, server.connect() as session:
            return str(session.execute("SHOW server_version").fetchone())

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(start, range(3)))) == 1
    assert len(list((root / "templates").iterdir())) == 1
    assert list((root / "sandboxes").iterdir()) == []


def test_without_sockets_it_listens_on_loopback_alone(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_HAS_SOCKETS", False)  # as on Windows
    with running_sandbox(installation) as server:
        addresses = {
            connection.laddr.ip
            for connection in postmaster_of(server).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.conninfo(), password="guessed")


def test_the_start_can_be_cancelled(installation: Installation, root: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled), running_sandbox(installation, root=root, cancel=cancel):
        pytest.fail("it started")
    assert list((root / "sandboxes").iterdir()) == []


def test_a_damaged_template_is_reported_and_made_anew(installation: Installation, root: Path) -> None:
    with running_sandbox(installation, root=root):
        pass
    [control] = (root / "templates").glob("*/data/global/pg_control")
    control.write_bytes(b"")  # as a power cut leaves it
    with pytest.raises(AppError) as caught, running_sandbox(installation, root=root):
        pytest.fail("it started")
    assert caught.value.code is ErrorCode.SANDBOX_FAILED
    assert "pg_control" in caught.value.detail
    with running_sandbox(installation, root=root) as server:
        server.connect().close()


@needs_root
def test_a_full_disk_is_named(installation: Installation, root: Path) -> None:
    mount, umount = shutil.which("mount"), shutil.which("umount")
    assert mount
    assert umount
    if run([mount, "-t", "tmpfs", "-o", "size=20m", "none", root], env={}, timeout=10).status != 0:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(AppError) as caught, running_sandbox(installation, root=root):
            pytest.fail("it started")
        assert caught.value.code is ErrorCode.DISK_FULL
        assert list((root / "sandboxes").iterdir()) == []
    finally:
        run([umount, root], env={}, timeout=10)


SCRIPT = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from app.domain.errors import AppError
    from app.postgres.sandbox import running_sandbox
    from app.postgres.toolchain import examine

    try:
        with running_sandbox(examine(Path(sys.argv[1]), "bundled"), root=Path(sys.argv[2])) as server:
            print(server.host, flush=True)
            time.sleep(600)
    except AppError as error:
        print(error.code, error, flush=True)
    """
)


def in_another_process(installation: Installation, root: Path) -> list[str | Path]:
    return [sys.executable, "-c", SCRIPT, installation.folder, root]


@linux_only
def test_when_its_owner_is_killed_the_server_ends_and_the_next_start_removes_the_rest(
    installation: Installation, root: Path
) -> None:
    env = child_environment({"PYTHONPATH": str(Path(__file__).parents[2])})
    with Child(in_another_process(installation, root), env=env, stdout=Child.PIPE) as owner:
        socket_folder = Path(owner.stdout.readline().decode().strip())
        assert socket_folder.is_dir(), owner.errors()
        [folder] = (root / "sandboxes").iterdir()
        postmaster = psutil.Process(int((folder / "data/postmaster.pid").read_text().split()[0]))
        assert remove_stale_sandboxes(root) == 0
        owner.interrupt(signal.SIGKILL)
        owner.wait(5)
        assert psutil.wait_procs([postmaster], timeout=5)[1] == []
    assert folder.exists()
    with running_sandbox(installation, root=root):
        assert not folder.exists()
        assert not socket_folder.exists()


def test_a_server_that_outlived_its_owner_is_stopped(installation: Installation, root: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    folder = root / "sandboxes" / "abandoned"
    socket_folder = Path(tempfile.mkdtemp(prefix="holdfast-"))
    folder.mkdir(parents=True)
    with Child([sleep, "600"], env={}) as survivor, Child([sleep, "600"], env={}) as bystander:
        for number, postmaster in enumerate(
            (survivor.id, ProcessId(bystander.id.pid, bystander.id.started - 1000))
        ):
            record = {
                "owner": asdict(ProcessId(os.getpid(), own_process_id().started - 1000)),
                "postmaster": asdict(postmaster),
                "socket_folder": str(socket_folder),
            }
            folder = root / "sandboxes" / f"abandoned {number}"
            folder.mkdir(parents=True)
            (folder / "owner.json").write_text(json.dumps(record))
        assert remove_stale_sandboxes(root) == 2
        assert not survivor.id.is_alive
        assert bystander.id.is_alive, "a process that was given a used number must live"
    assert not socket_folder.exists()


def test_a_folder_without_a_record_is_removed_when_it_is_old(root: Path) -> None:
    young, old = root / "sandboxes" / "young", root / "sandboxes" / "old"
    young.mkdir(parents=True)
    old.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    assert remove_stale_sandboxes(root) == 1
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"owner": 1}', "[" * 100_000])
def test_strange_files_and_damaged_records_break_nothing(root: Path, content: str) -> None:
    young, old = root / "sandboxes" / "young", root / "sandboxes" / "old"
    for folder in (young, old):
        folder.mkdir(parents=True)
        (folder / "owner.json").write_text(content)
    os.utime(old, (time.time() - 3600,) * 2)
    (root / "sandboxes" / ".DS_Store").touch()
    assert remove_stale_sandboxes(root) == 1
    assert sorted(path.name for path in (root / "sandboxes").iterdir()) == [".DS_Store", "young"]


@needs_root
def test_programs_that_nobody_cannot_reach_are_copied_once(installation: Installation, root: Path) -> None:
    package = installation.folder.parents[1]
    closed = root / "closed"
    closed.mkdir(mode=0o700)  # as /root is
    shutil.copytree(package, closed / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    hidden = replace(installation, folder=closed / package.name / "pginstall" / "bin")
    with running_sandbox(hidden, root=root) as server:
        assert server.installation.folder.is_relative_to(root / "servers")
        with server.connect() as session:
            session.execute("CREATE EXTENSION vector")
    with running_sandbox(hidden, root=root) as again:
        assert again.installation == server.installation
    assert len(list((root / "servers").iterdir())) == 1

    with pytest.raises(AppError) as caught, running_sandbox(replace(hidden, origin="PATH"), root=root):
        pytest.fail("it started")
    assert caught.value.code is ErrorCode.SANDBOX_FAILED
    assert "nobody" in caught.value.detail


@needs_root
def test_missing_time_zones_are_named_with_their_remedy(
    installations: tuple[Installation, ...], root: Path
) -> None:
    unshare = shutil.which("unshare")
    celerp = next(one for one in installations if one.origin == "bundled" and one.version.major == 17)
    if unshare is None or run([unshare, "--mount", "true"], env={}, timeout=10).status != 0:
        pytest.skip("unshare is not allowed here")
    hide = 'mount -t tmpfs none /usr/share/zoneinfo && exec "$@"'
    command = [unshare, "--mount", "sh", "-c", hide, "sh", *in_another_process(celerp, root)]
    env = child_environment({"PYTHONPATH": str(Path(__file__).parents[2])})
    answer = run(command, env=env, timeout=60)
    assert answer.output.startswith("sandbox-failed"), answer
    assert "apt install tzdata" in answer.output


@needs_root
def test_a_cache_that_nobody_can_reach_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(closed / "cache"))
    assert sandbox.default_root() == Path("/var/cache/holdfast")
