"""Whatever Holdfast starts sees what the user's own programs see, however Holdfast itself was started."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from app.system import process_environment
from app.system.process import child_environment, run
from app.system.process_environment import settle, terminal_path, users_environment

ROOT = Path(__file__).parents[2]
BUNDLE = os.path.join(os.sep, "usr", "lib", "holdfast", "_internal")  # noqa: PTH118 - as PyInstaller writes it
PLUGINS = os.path.join(BUNDLE, "PySide6", "Qt", "plugins")  # noqa: PTH118

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="paths as on POSIX systems")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LD_LIBRARY_PATH": BUNDLE}, {}),
        (
            {"LD_LIBRARY_PATH": f"{BUNDLE}:/mine", "LD_LIBRARY_PATH_ORIG": "/mine"},
            {"LD_LIBRARY_PATH": "/mine"},
        ),
        ({"_PYI_ARCHIVE_FILE": "/usr/lib/holdfast/holdfast", "_PYI_PARENT_PROCESS_LEVEL": "1"}, {}),
        ({"QT_PLUGIN_PATH": PLUGINS, "QML2_IMPORT_PATH": f"{BUNDLE}/PySide6/Qt/qml"}, {}),
        ({"QT_PLUGIN_PATH": "/mine"}, {"QT_PLUGIN_PATH": "/mine"}),
        ({"PATH": os.pathsep.join((BUNDLE, "/bin"))}, {"PATH": "/bin"}),
        ({"PATH": f"{BUNDLE}-of-others"}, {"PATH": f"{BUNDLE}-of-others"}),
        ({"DYLD_LIBRARY_PATH": os.pathsep.join((BUNDLE, "/mine"))}, {"DYLD_LIBRARY_PATH": "/mine"}),
        ({"PATH": "", "LANG": "C"}, {"PATH": "", "LANG": "C"}),
    ],
)
def test_what_the_bundle_changed_is_put_back(environment: dict[str, str], expected: dict[str, str]) -> None:
    assert users_environment(environment, BUNDLE) == expected


@posix_only
def test_every_way_to_start_a_child_gives_it_the_users_environment(tmp_path: Path) -> None:
    """The shell stands for what Qt, gio and others start themselves: they inherit the whole process's."""
    program = """
        import os, sys
        sys.frozen, sys._MEIPASS = True, sys.argv[1]
        sys.argv[1:] = ["--version"]
        from app.__main__ import main
        try:
            main()
        except SystemExit:
            from app.system.process import child_environment, own_command, run
            os.system("/usr/bin/env > inherited")
            for name, env in (("tool", child_environment()), ("own", os.environ)):
                open(name, "w").write(run(["/usr/bin/env"], env=env, timeout=30).output)
    """
    bundled = child_environment(
        {
            "PYTHONPATH": str(ROOT),
            "LD_LIBRARY_PATH": f"{tmp_path}/bundle:/users/own",
            "LD_LIBRARY_PATH_ORIG": "/users/own",
            "_PYI_ARCHIVE_FILE": f"{tmp_path}/holdfast",
            "_PYI_LINUX_PROCESS_NAME": "holdfast",
            "QT_PLUGIN_PATH": f"{tmp_path}/bundle/PySide6/Qt/plugins",
        }
    )
    command = [sys.executable, "-c", textwrap.dedent(program), f"{tmp_path}/bundle"]
    done = run(command, env=bundled, timeout=60, cwd=tmp_path)
    assert (done.status, done.errors) == (0, "")
    for name in ("inherited", "tool", "own"):
        seen = (tmp_path / name).read_text().splitlines()
        assert "LD_LIBRARY_PATH=/users/own" in seen
        assert not [line for line in seen if "bundle" in line or line.startswith("_PYI") or "_ORIG" in line]


def test_a_source_tree_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/other")
    monkeypatch.setattr(sys, "platform", "linux")
    before = dict(os.environ)
    settle()
    assert dict(os.environ) == before


def test_a_process_without_standard_streams_can_read_and_print(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("stdin", "stdout", "stderr")
    for name in names:
        monkeypatch.setattr(sys, name, None)
    settle()
    opened = [getattr(sys, name) for name in names]
    monkeypatch.undo()
    assert opened[0].read() == ""
    assert not any(stream.isatty() for stream in opened)
    print("into nothing", file=opened[1], flush=True)
    print("into nothing", file=opened[2], flush=True)
    for stream in opened:
        stream.close()


@posix_only
def test_a_start_from_finder_finds_what_a_terminal_finds(tmp_path: Path) -> None:
    for folder in ("usr/bin", "usr/local/bin", "opt/homebrew/bin", "opt/tex/bin", "etc/paths.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/paths").write_text("/usr/local/bin\n/usr/bin\n/not/there\n")
    (tmp_path / "etc/paths.d/TeX").write_text("/opt/tex/bin\nrelative\n\n")
    found = terminal_path("/usr/bin:/bin", tmp_path)
    assert found == "/usr/bin:/bin:/usr/local/bin:/opt/tex/bin:/opt/homebrew/bin"
    assert terminal_path(found, tmp_path) == found


def test_macos_alone_needs_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setattr(process_environment, "terminal_path", lambda path, root: f"{path}{root}more")
    for platform, expected in (("linux", "/bin"), ("darwin", f"/bin{Path('/')}more")):
        monkeypatch.setattr(sys, "platform", platform)
        settle()
        assert os.environ["PATH"] == expected
