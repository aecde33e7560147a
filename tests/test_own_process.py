"""Work in a process of its own: what it says, returns and raises arrives as if it were a thread of ours."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Listener, Notice, Phase, Progress, TableProgress, TableState
from app.domain.project import Secret
from app.own_process import (
    VERB,
    BrokenWorkError,
    _applied,
    _changes,
    job_message,
    run_in_own_process,
)
from app.services import Services
from app.system.cancellation import CancelToken
from app.system.process import Child, own_command, own_command_folder

ROWS = 500


def quiet(_: Event) -> None:
    pass


def add(left: int, right: int, _services: Services, _cancel: CancelToken, _listener: Listener) -> int:
    print("a library says something")
    return left + right


def passwords_known(services: Services, _cancel: CancelToken, _listener: Listener) -> list[str]:
    return [secret.reveal() for secret in services.passwords.values()]


def talk(_services: Services, _cancel: CancelToken, listener: Listener) -> None:
    tables = tuple(TableProgress(f"t{number}", TableState.WAITS, 0, 9, 0) for number in range(3))
    for row in range(ROWS):
        listener(Progress(Phase.DUMPING, row / ROWS, rows=row, tables=tables))
        if row % 100 == 0:
            listener(Notice(f"at {row}"))
            listener(Progress(Phase.DUMPING, row / ROWS, rows=row, tables=tables, log=f"logged {row}"))
    done = TableProgress("t1", TableState.DONE, 9, 9, 0)
    listener(Progress(Phase.DUMPING, 1, tables=(tables[0], done, tables[2])))
    listener(Progress(Phase.SEALING))


def fail(_services: Services, _cancel: CancelToken, _listener: Listener) -> None:
    raise AppError(
        ErrorCode.DISK_FULL, "Full", detail="no byte left", hint="Delete something.", actions=("a",)
    )


def break_down(_services: Services, _cancel: CancelToken, _listener: Listener) -> None:
    raise ZeroDivisionError("by nothing")


def wait_for_cancel(mark: Path, _services: Services, cancel: CancelToken, listener: Listener) -> None:
    listener(Notice("waiting"))
    try:
        cancel.wait(60)
    finally:
        mark.write_text(str(cancel.by_system))


def die(_services: Services, _cancel: CancelToken, _listener: Listener) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_its_result_comes_back_whatever_it_prints(home: Path) -> None:
    assert run_in_own_process(partial(add, 40, 2), {}, CancelToken(), quiet) == 42


def test_it_knows_the_passwords_of_this_run(home: Path) -> None:
    secrets = {"Shop": Secret("s3cret")}
    assert run_in_own_process(passwords_known, secrets, CancelToken(), quiet) == ["s3cret"]


def test_events_come_in_order_no_notice_and_no_log_line_is_lost_and_tables_stay_the_same_objects(
    home: Path,
) -> None:
    heard: list[Event] = []
    run_in_own_process(talk, {}, CancelToken(), heard.append)
    assert [one.text for one in heard if isinstance(one, Notice)] == [f"at {n}" for n in range(0, ROWS, 100)]
    progress = [one for one in heard if isinstance(one, Progress)]
    assert [one.log for one in progress if one.log] == [f"logged {n}" for n in range(0, ROWS, 100)]
    assert [one.rows for one in progress[:-2]] == sorted(one.rows for one in progress[:-2])
    assert len(progress) < ROWS
    first, last = progress[0], progress[-2]
    assert last.tables[0] is first.tables[0]
    assert [table.state for table in last.tables] == [TableState.WAITS, TableState.DONE, TableState.WAITS]
    assert progress[-1] == Progress(Phase.SEALING)


def test_a_failure_comes_back_whole(home: Path) -> None:
    with pytest.raises(AppError) as caught:
        run_in_own_process(fail, {}, CancelToken(), quiet)
    error = caught.value
    assert (error.code, error.title, error.detail) == (ErrorCode.DISK_FULL, "Full", "no byte left")
    assert (error.hint, error.actions) == ("Delete something.", ("a",))


def test_a_bug_comes_back_with_its_traceback(home: Path) -> None:
    with pytest.raises(BrokenWorkError, match="ZeroDivisionError: by nothing") as caught:
        run_in_own_process(break_down, {}, CancelToken(), quiet)
    assert "in break_down" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("by_system", [False, True])
def test_a_cancel_is_passed_on_and_whose_it_is(home: Path, tmp_path: Path, by_system: bool) -> None:
    cancel, mark = CancelToken(), tmp_path / "mark"
    cancel.by_system = by_system
    with pytest.raises(Cancelled):
        run_in_own_process(partial(wait_for_cancel, mark), {}, cancel, lambda _: cancel.cancel())
    assert mark.read_text() == str(by_system)


def test_a_cancel_that_came_before_is_passed_on(home: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run_in_own_process(partial(wait_for_cancel, tmp_path / "mark"), {}, cancel, quiet)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_process_that_was_killed_is_told(home: Path) -> None:
    with pytest.raises(AppError) as caught:
        run_in_own_process(die, {}, CancelToken(), quiet)
    assert caught.value.code is ErrorCode.OPERATION_LOST
    assert "-9" in caught.value.detail


@pytest.mark.parametrize("way", ["end of input", "SIGTERM"])
def test_without_its_window_it_stops_and_tidies_up(home: Path, tmp_path: Path, way: str) -> None:
    mark = tmp_path / "mark"
    with Child(
        [*own_command(), VERB],
        env=os.environ,
        stdin=Child.PIPE,
        stdout=Child.PIPE,
        cwd=own_command_folder(),
        die_with_parent=None,
    ) as child:
        child.stdin.write(job_message(partial(wait_for_cancel, mark), {}))
        child.stdin.flush()
        pickle.load(child.stdout)
        if way == "SIGTERM":
            child.terminate()
        else:
            child.stdin.close()
        assert child.wait(30) == 0, child.errors()
    assert mark.read_text() == "True"  # nobody asked for it


def test_two_at_once_do_not_mix(home: Path) -> None:
    found: dict[int, object] = {}

    def run(number: int) -> None:
        found[number] = run_in_own_process(partial(add, number, 1), {}, CancelToken(), quiet)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {0: 1, 1: 2}


TABLES = st.lists(
    st.builds(TableProgress, st.just("t"), st.sampled_from(TableState), *[st.integers(0, 2)] * 3)
)


@given(TABLES, TABLES)
def test_the_tables_that_changed_are_enough(before: list[TableProgress], after: list[TableProgress]) -> None:
    old, new = tuple(before), tuple(after)
    assert _applied(old, len(new), _changes(old, new)) == new
    assert _applied(old, len(old), _changes(old, old)) is old
