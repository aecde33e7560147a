"""The set-up script, run for real on a small tree of its own; only downloads are left out."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging" / "bootstrap.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands on shell scripts and POSIX signals")

APP = """\
import os, signal, sys, time
arguments = sys.argv[1:]
try:
    print(os.getcwd(), *arguments, sep="|", flush=True)
    if "kill" in arguments:
        os.kill(os.getpid(), signal.SIGKILL)
    if "wait" in arguments:
        time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)  # tidying up takes longer than subprocess.run would wait
    print("tidied up", flush=True)
    sys.exit(130)
sys.exit(7)
"""


def load(script: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bootstrap", module)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script in a tree of its own, with a virtual environment that counts as complete."""
    root = tmp_path / "a folder"
    for folder in ("packaging", "app"):
        (root / folder).mkdir(parents=True)
    shutil.copy(SCRIPT, root / "packaging")
    (root / "app" / "__main__.py").write_text(APP)
    for name in ("pyproject.toml", "packaging/runtime.lock", "packaging/dev.lock"):
        (root / name).touch()
    module = load(root / "packaging" / "bootstrap.py", monkeypatch)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    pip = importlib.util.find_spec("pip")
    assert pip is not None
    assert pip.origin is not None
    site = next((root / ".venv" / "lib").glob("python3*")) / "site-packages"
    (site / "paths.pth").write_text(f"{root}\n{Path(pip.origin).parents[1]}\n")
    module.once("venv", f"{sys.version}\n{root}\n", lambda: None)
    module.once("runtime", module.digest(root / "packaging" / "runtime.lock", root / "pyproject.toml"), list)
    return module


def command(bootstrap: ModuleType, *arguments: str) -> list[str]:
    return [sys.executable, str(bootstrap.ROOT / "packaging" / "bootstrap.py"), *arguments]


def call(argv: Sequence[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_names_every_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call([sys.executable, str(SCRIPT), "--help"], tmp_path)
    assert done.returncode == 0
    for verb in load(SCRIPT, monkeypatch).VERBS:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["--frobnicate"]])
def test_a_wrong_call_says_which_verbs_there_are(arguments: list[str], tmp_path: Path) -> None:
    done = call([sys.executable, str(SCRIPT), *arguments], tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "demo, run, test, lint, bench, build, test-package, translate, lock" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_arguments_folder_and_status_pass_through_and_nothing_else_is_said(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text("raise SystemExit('the wrong app')")
    done = call(command(bootstrap, "demo", "--folder", "a b", "--help"), tmp_path)
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == f"{tmp_path}|demo|--folder|a b|--help\n"


def test_run_starts_holdfast_without_arguments_of_its_own(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert call(command(bootstrap, "run"), tmp_path).stdout == f"{tmp_path}\n"


def test_a_killed_program_gives_the_status_of_a_shell(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert call(command(bootstrap, "run", "kill"), tmp_path).returncode == 128 + signal.SIGKILL


def test_ctrl_c_lets_the_program_tidy_up_and_gives_130(bootstrap: ModuleType, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(bootstrap, "demo", "wait"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "tidied up\n", "")


def test_packages_that_cannot_be_installed_end_in_a_sentence(bootstrap: ModuleType, tmp_path: Path) -> None:
    (bootstrap.LOCKS / "runtime.lock").write_text(f"no-such-thing==1 --hash=sha256:{'0' * 64}\n")
    done = call(command(bootstrap, "run"), tmp_path, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "no-such-thing" in done.stderr
    assert "pip could not install packaging/runtime.lock" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (bootstrap.VENV / ".stamp-runtime").exists()


def test_a_file_that_cannot_be_written_is_named(bootstrap: ModuleType, tmp_path: Path) -> None:
    stamp = bootstrap.VENV / ".stamp-runtime"
    stamp.unlink()
    stamp.mkdir()
    done = call(command(bootstrap, "run"), tmp_path)
    assert done.returncode == 1
    assert str(stamp) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_step_is_done_once_per_state_and_again_after_a_failure(bootstrap: ModuleType) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("failed")
        raise bootstrap.Problem("no network")

    bootstrap.once("step", "1", lambda: done.append("first"))
    bootstrap.once("step", "1", lambda: done.append("never"))
    with pytest.raises(bootstrap.Problem):
        bootstrap.once("step", "2", fail)
    bootstrap.once("step", "1", lambda: done.append("again"))
    assert done == ["first", "failed", "again"]


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", True),
        ("pg_dump (PostgreSQL) 15.21", True),
        ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", False),
        ("nothing of use", False),
    ],
)
def test_a_program_is_judged_by_what_it_says(
    bootstrap: ModuleType, tmp_path: Path, answer: str, enough: bool
) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    assert bootstrap.has_program(str(program), (15, 20)) is enough


def test_a_program_that_is_not_there_is_not_run(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert not bootstrap.has_program(str(tmp_path / "pg_dump"), (15, 20))


def test_a_library_is_there_when_it_loads(bootstrap: ModuleType) -> None:
    assert bootstrap.has_library("libc.so.6" if sys.platform == "linux" else "libSystem.dylib")
    assert not bootstrap.has_library("libnowhere.so.7")


def test_each_library_and_program_of_the_window_is_looked_for_by_itself(bootstrap: ModuleType) -> None:
    named = {need.what: need for need in bootstrap.NEEDS if "test" in need.verbs}
    assert named["libxcb-cursor"].package == "libxcb-cursor0"
    assert named["libxcb-cursor"].is_present() is bootstrap.has_library("libxcb-cursor.so.0")
    assert named["libEGL"].without is None
    assert named["dunst"].is_present() is (shutil.which("dunst") is not None)
    assert named["dunst"].without == bootstrap.NO_DESKTOP


def test_the_window_is_what_run_loses_and_nothing_else(bootstrap: ModuleType) -> None:
    lost = {need.package: need.without for need in bootstrap.NEEDS if "run" in need.verbs and need.without}
    assert lost["libegl1"] == lost["libxcb-cursor0"] == bootstrap.NO_WINDOW
    assert "xvfb" not in lost


@pytest.fixture
def lacking(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A system without two things that `test` wants; apt-get is whatever a test puts on the PATH."""
    if sys.platform != "linux":
        pytest.skip("system packages are looked for on Linux")
    needed = bootstrap.Need("the clock", "tz", ("test", "demo"), lambda: False)
    wanted = bootstrap.Need("a server", "sql", ("test",), lambda: False, "its tests are skipped")
    monkeypatch.setattr(bootstrap, "NEEDS", (needed, wanted))
    monkeypatch.setattr(bootstrap, "APT_GUARDS", {tmp_path / "etc" / "guard": "no services\n"})
    monkeypatch.setenv("DEBIAN_FRONTEND", "dialog")  # put back after the test
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return bootstrap


def put_apt(tmp_path: Path, script: str) -> None:
    apt = tmp_path / "bin" / "apt-get"
    apt.write_text(f"#!/bin/sh\n{script}\n")
    apt.chmod(0o755)


as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="apt needs root")


def test_without_apt_the_packages_are_named(lacking: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(lacking.Problem, match=r"cannot do without the clock\. Install what Debian calls tz"):
        lacking.install_system_packages("test", required=True)
    lacking.install_system_packages("test", required=False)
    assert "warning: without a server its tests are skipped. Install what" in capsys.readouterr().err


def test_who_is_not_root_is_told_the_command(
    lacking: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(tmp_path, "exit 1")
    monkeypatch.setattr(lacking.os, "geteuid", lambda: 1000)
    with pytest.raises(lacking.Problem, match="Run: sudo apt-get install -y --no-install-recommends tz"):
        lacking.install_system_packages("test", required=True)


def test_only_what_the_verb_uses_is_asked_for(
    lacking: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking.install_system_packages("demo", required=False)
    assert capsys.readouterr().err == ""


@as_root
def test_root_installs_behind_guards_that_are_taken_away(
    lacking: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_apt(
        tmp_path,
        f'read -r line < "{tmp_path}/etc/guard"; echo "$line: $1 $DEBIAN_FRONTEND" >> "{tmp_path}/log"',
    )
    needed = replace(lacking.NEEDS[0], is_present=(tmp_path / "log").exists)
    monkeypatch.setattr(lacking, "NEEDS", (needed,))
    lacking.install_system_packages("test", required=True)
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines == ["no services: update noninteractive", "no services: install noninteractive"]
    assert not (tmp_path / "etc" / "guard").exists()


@as_root
def test_a_guard_that_somebody_else_put_there_stays(lacking: ModuleType, tmp_path: Path) -> None:
    guard = tmp_path / "etc" / "guard"
    guard.parent.mkdir()
    guard.write_text("theirs")
    with lacking.apt_guards():
        pass
    assert guard.read_text() == "theirs"


@as_root
def test_a_failure_of_apt_ends_what_cannot_do_without(
    lacking: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_apt(tmp_path, "echo 'E: no network'; exit 100")
    with pytest.raises(lacking.Problem, match="apt-get update failed"):
        lacking.install_system_packages("test", required=True)
    assert "E: no network" in capsys.readouterr().err


@as_root
def test_a_failure_of_apt_is_a_warning_for_the_rest_and_apt_is_not_asked_again(
    lacking: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_apt(tmp_path, f'echo called >> "{tmp_path}/log"; exit 100')
    lacking.install_system_packages("test", required=False)
    first = capsys.readouterr().err
    lacking.install_system_packages("test", required=False)
    assert "warning: apt-get update failed" in first
    assert "without a server its tests are skipped" in first
    assert "without a server its tests are skipped" in capsys.readouterr().err
    assert (tmp_path / "log").read_text() == "called\n"


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "packaging" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", ["runtime.lock", "dev.lock"])
def test_a_lock_file_has_hashes_for_all_and_names_no_index(lock: str) -> None:
    text = (ROOT / "packaging" / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?! )", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text)


def test_the_lock_files_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    for asked, lock in (
        (project["project"]["dependencies"] + groups["build"], "runtime.lock"),
        (groups["dev"], "dev.lock"),
    ):
        wanted = re.findall(r"^([\w.-]+)(?:\[\w+\])?==([\w.]+)", "\n".join(asked), re.MULTILINE)
        assert len(wanted) == len(asked)
        held = pins(lock)
        named = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in wanted}
        assert named.items() <= held.items()


def test_both_lock_files_agree() -> None:
    runtime, dev = pins("runtime.lock"), pins("dev.lock")
    assert {name: runtime[name] for name in runtime.keys() & dev} == {
        name: dev[name] for name in runtime.keys() & dev
    }
