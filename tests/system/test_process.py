"""Children do what they are told, end when they must, and take their own children with them."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.system import process
from app.system.cancellation import CancelToken
from app.system.paths import is_root
from app.system.process import Child, child_environment, own_command, run
from app.system.process_id import ProcessId, kill_tree, own_process_id, process_id

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def python(script: str, *arguments: str) -> list[str | Path]:
    return [sys.executable, "-c", textwrap.dedent(script), *arguments]


def first_line(child: Child) -> str:
    return child.stdout.readline().decode().strip()


FAMILY = """
    import subprocess, sys, time
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(grandchild.pid, flush=True)
    time.sleep(600)
"""
STUBBORN_FAMILY = (
    """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
    + FAMILY
)


def test_it_gives_status_output_and_errors() -> None:
    done = run(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"),
        env=child_environment(),
        timeout=30,
    )
    assert (done.status, done.output.strip(), done.errors) == (3, "out", "err")


def test_arguments_and_environment_arrive_as_they_are() -> None:
    odd = "$HOME 'a' \"b\" `c` \\ ; & é \n"
    script = "import os, sys; sys.stdout.buffer.write((sys.argv[1] + os.environ['ODD']).encode())"
    done = run(python(script, odd), env=child_environment({"ODD": odd}), timeout=30)
    assert done.output == odd * 2


def test_standard_input_is_empty_unless_it_is_given() -> None:
    read = python("import sys; print(len(sys.stdin.read()))")
    assert run(read, env=child_environment(), timeout=30).output.strip() == "0"
    with Child(read, env=child_environment(), stdin=Child.PIPE, stdout=Child.PIPE) as child:
        child.stdin.write(b"12345")
        child.stdin.close()
        assert first_line(child) == "5"


def test_of_standard_error_the_last_lines_are_kept_and_each_is_told() -> None:
    told: list[str] = []
    script = "import sys\nfor i in range(5000): print('line', i, file=sys.stderr)"
    with Child(python(script), env=child_environment(), on_error_line=told.append) as child:
        assert child.wait(30) == 0
    assert told == [f"line {i}" for i in range(5000)]
    assert child.errors().splitlines() == told[-400:]


def test_when_a_line_cannot_be_dealt_with_the_rest_is_read_and_waiting_says_so() -> None:
    def refuse(line: str) -> None:
        raise ZeroDivisionError(line)

    script = "import sys\nfor i in range(100_000): print('line', i, file=sys.stderr)"
    with Child(python(script), env=child_environment(), on_error_line=refuse) as child:
        with pytest.raises(ZeroDivisionError, match=r"^line 0$"):
            child.wait(30)
        assert child.status == 0
        assert child.errors().endswith("line 99999")


def test_a_flood_without_line_ends_is_read_too() -> None:
    script = "import sys; sys.stderr.buffer.write(b'\\xff' * 20_000_000)"
    done = run(python(script), env=child_environment(), timeout=60)
    assert done.status == 0
    assert 0 < len(done.errors) <= 400 * 65_537


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        run([tmp_path / "pg_dump"], env={}, timeout=10)
    assert caught.value.code is ErrorCode.TOOL_MISSING
    assert caught.value.title == "pg_dump was not found"


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o700])
def test_a_file_that_is_no_program_does_not_pass_for_one(tmp_path: Path, mode: int) -> None:
    program = tmp_path / "pg_dump"
    program.write_bytes(b"\x7fELF garbage")
    program.chmod(mode)
    try:
        status = run([program], env={}, timeout=10).status
    except AppError:
        return
    assert status != 0, "setpriv says so instead of Holdfast"


def test_one_that_takes_too_long_is_killed() -> None:
    begin = time.monotonic()
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(AppError) as caught:
        run(python(FAMILY), env=child_environment(), timeout=0.5)
    assert caught.value.code is ErrorCode.TOOL_BROKEN
    assert "0.5 s" in caught.value.detail
    assert time.monotonic() - begin < 5
    assert set(psutil.Process().children(recursive=True)) <= before


@posix_only
def test_stopping_asks_first() -> None:
    script = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        time.sleep(600)
    """
    with Child(python(script), env=child_environment(), stdout=Child.PIPE) as child:
        assert first_line(child) == "ready"
        child.stop()
    assert child.status == 7


@posix_only
@pytest.mark.parametrize("script", [FAMILY, STUBBORN_FAMILY], ids=["obedient", "stubborn"])
def test_stopping_ends_the_whole_family_within_its_patience(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_PATIENCE", 0.5)
    with Child(python(script), env=child_environment(), stdout=Child.PIPE) as child:
        grandchild = process_id(int(first_line(child)))
        assert grandchild.is_alive
        begin = time.monotonic()
        child.stop()
        assert time.monotonic() - begin < 3
    assert not child.id.is_alive
    assert_ends(grandchild)


def test_leaving_the_block_leaves_nothing_running() -> None:
    ids: list[ProcessId] = []

    def fail_while_it_runs() -> None:
        with Child(python(FAMILY), env=child_environment(), stdout=Child.PIPE) as child:
            ids.extend([child.id, process_id(int(first_line(child)))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_it_runs()
    for one in ids:
        assert_ends(one)


def test_cancelling_ends_a_run() -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        run(python(FAMILY), env=child_environment(), timeout=60, cancel=cancel)
    assert time.monotonic() - begin < 5.5
    timer.join()


def test_a_tree_is_killed_by_number_and_start_time(tmp_path: Path) -> None:
    with Child(python(STUBBORN_FAMILY), env=child_environment(), stdout=Child.PIPE) as child:
        grandchild = process_id(int(first_line(child)))
        kill_tree(ProcessId(child.id.pid, child.id.started - 100))
        assert child.id.is_alive, "the number alone must not be enough"
        kill_tree(child.id)
        assert_ends(child.id)
        assert_ends(grandchild)
    kill_tree(child.id)


def test_process_ids_tell_a_live_process_from_a_used_number() -> None:
    own = own_process_id()
    assert own.is_alive
    assert not ProcessId(own.pid, own.started - 100).is_alive
    with Child(python("pass"), env=child_environment()) as child:
        child.wait(30)
    assert not child.id.is_alive
    assert not process_id(child.id.pid).is_alive


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS tells nobody that its parent was killed")
@pytest.mark.parametrize("number", ["TERM", "QUIT"])
def test_a_child_dies_with_its_killed_parent(number: str) -> None:
    script = """
        import os, sys, time
        from app.system.process import Child, child_environment
        restored = "import signal as s; s.signal(getattr(s, 'SIGQUIT', s.SIGTERM), s.SIG_DFL)"  # after “… &”
        sleep = [sys.executable, "-c", f"{restored}; import time; print(flush=True); time.sleep(600)"]
        with Child(sleep, env=child_environment(), stdout=Child.PIPE, die_with_parent=sys.argv[1]) as child:
            child.stdout.readline()  # from here on it is bound to its parent
            print(os.getpid(), child.id.pid, flush=True)
            time.sleep(600)
    """
    env = child_environment({"PYTHONPATH": str(Path(__file__).parents[2])})
    with Child(python(script, number), env=env, stdout=Child.PIPE) as parent:
        killed, orphan = map(process_id, map(int, first_line(parent).split()))
        assert orphan.is_alive
        psutil.Process(killed.pid).kill()  # not always the process that was started: Windows' venv has two
        parent.wait(5)
        assert_ends(orphan)


@pytest.mark.skipif(not is_root(), reason="only root can become someone else")
def test_root_can_start_a_child_as_someone_else_without_its_groups() -> None:
    command = ["/bin/sh", "-c", "id -u; id -ru; id -g; id -G"]
    done = run(command, env=child_environment(), timeout=30, user=65_534, cwd=Path("/"))
    assert done.output.split() == ["65534"] * 4, done.errors


@posix_only
def test_ctrl_c_in_the_terminal_does_not_reach_children() -> None:
    with Child(python(FAMILY), env=child_environment(), stdout=Child.PIPE) as child:
        first_line(child)
        assert os.getsid(child.id.pid) != os.getsid(0)


def test_libpqs_variables_of_the_user_are_dropped_unless_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("PGOPTIONS", "-c geqo=off")
    assert "PGPASSWORD" not in child_environment()
    assert child_environment(inherit_pg=True)["PGPASSWORD"] == "secret"
    assert "PGOPTIONS" not in child_environment(inherit_pg=True)
    assert child_environment({"PGPASSWORD": "given"})["PGPASSWORD"] == "given"


def test_messages_are_english_and_letters_stay_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    env = child_environment()
    assert (env["LC_MESSAGES"], env["LC_CTYPE"]) == ("C", "de_DE.UTF-8")
    assert not {"LC_ALL", "LANGUAGE"} & env.keys()
    assert env["PGGSSENCMODE"] == "disable"


@pytest.mark.parametrize(
    ("platform", "for_system", "expected"),
    [
        ("linux", False, "holdfast"),
        ("linux", True, "holdfast"),
        ("win32", False, "holdfast-cli.exe"),
        ("win32", True, "holdfast.exe"),
    ],
)
def test_a_built_app_starts_itself_again_with_the_program_that_fits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, for_system: bool, expected: str
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(
        sys, "executable", str(tmp_path / ("holdfast.exe" if platform == "win32" else "holdfast"))
    )
    assert own_command(for_system=for_system) == [str(tmp_path / expected)]


def test_what_the_system_starts_of_an_appimage_is_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "mounted" / "usr" / "holdfast"))
    monkeypatch.setenv("APPIMAGE", "/home/me/Holdfast.AppImage")
    monkeypatch.setenv("APPDIR", str(tmp_path / "mounted"))
    assert own_command(for_system=True) == ["/home/me/Holdfast.AppImage"]
    assert own_command() == [sys.executable]
    monkeypatch.setenv("APPDIR", "/another/app")  # from whose terminal we were started
    assert own_command(for_system=True) == [sys.executable]


def assert_ends(one: ProcessId, seconds: float = 5) -> None:
    """Wait for an orphan's end: whoever adopted it has to collect it."""
    deadline = time.monotonic() + seconds
    while one.is_alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not one.is_alive
