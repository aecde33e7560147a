from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.persistence.secrets import KeyringState, check_storable, probe
from app.system.process import Child, run

PASSWORD = "pa$$'\" wörd:/@%"
REPORT = [sys.executable, "-c", "from app.persistence import secrets; secrets.report_keyring()"]
STEP = """
import json, os, sys
from app.domain.errors import AppError
from app.domain.project import Secret
from app.persistence import secrets
results = []
for verb, account, *rest in json.load(sys.stdin):
    try:
        result = getattr(secrets, verb)(account, *map(Secret, rest))
        results.append(result.reveal() if isinstance(result, Secret) else result)
    except AppError as error:
        results.append([error.code, str(error)])
print(json.dumps(results))
"""
BUS = """
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


@dataclass(frozen=True)
class Desktop:
    """A session with its own home, bus and keyring."""

    home: Path
    environment: dict[str, str]

    def ask(self, *steps: tuple[str, ...]) -> list[object]:
        request = self.home.parent / "request.json"
        request.write_text(json.dumps(steps))
        with request.open("rb") as stdin:
            done = run([sys.executable, "-c", STEP], env=self.environment, timeout=20, stdin=stdin)
        request.unlink()
        assert done.status == 0, done.errors
        answer: list[object] = json.loads(done.output)
        return answer

    def probe(self, monkeypatch: pytest.MonkeyPatch) -> KeyringState:
        for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return probe(command=REPORT)


def session(tmp_path: Path, **extra: str) -> Desktop:
    home = tmp_path / "home"
    runtime = tmp_path / "run"
    for folder in (home, runtime):
        folder.mkdir(mode=0o700)
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_RUNTIME_DIR": str(runtime),
        **extra,
    }
    return Desktop(home, environment)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def start_keyring(desktop: Desktop, stack: ExitStack, password: Path | None) -> None:
    """Start gnome-keyring, with its login collection open when there is a password for it."""
    control = desktop.home.parent / "control"
    control.mkdir(mode=0o700, exist_ok=True)
    unlock = ["--unlock"] if password else []
    argv = [program("gnome-keyring-daemon"), "--foreground", "--components=secrets", *unlock]
    stdin = stack.enter_context((password or Path(os.devnull)).open("rb"))
    stack.enter_context(
        Child([*argv, f"--control-directory={control}"], env=desktop.environment, stdin=stdin)
    )
    owned = [
        program("dbus-send"),
        "--session",
        "--print-reply=literal",
        "--dest=org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus.NameHasOwner",
        "string:org.freedesktop.secrets",
    ]
    deadline = time.monotonic() + 10
    while "true" not in run(owned, env=desktop.environment, timeout=5).output:
        assert time.monotonic() < deadline, "the keyring did not start"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[tuple[Desktop, ExitStack]]:
    daemon = program("dbus-daemon")
    program("gnome-keyring-daemon")
    config = tmp_path / "bus.conf"
    config.write_text(BUS)
    plain = session(tmp_path)
    with ExitStack() as stack:
        child = stack.enter_context(
            Child(
                [daemon, f"--config-file={config}", "--nofork", "--print-address=1"],
                env=plain.environment,
                stdout=Child.PIPE,
            )
        )
        address = child.stdout.readline().decode().strip()
        assert address, child.errors()
        yield Desktop(plain.home, plain.environment | {"DBUS_SESSION_BUS_ADDRESS": address}), stack


@pytest.fixture
def desktop(bus: tuple[Desktop, ExitStack], tmp_path: Path) -> Desktop:
    password = tmp_path / "login"
    password.write_text("test\n")
    start_keyring(*bus, password)
    return bus[0]


def test_passwords_are_kept_replaced_and_removed(desktop: Desktop) -> None:
    assert desktop.ask(
        ("get_password", "Shop"),
        ("set_password", "Shop", "old"),
        ("set_password", "Shop", PASSWORD),
        ("set_password", "Möbel “2”", "other"),
        ("get_password", "Shop"),
        ("get_password", "shop"),
    ) == [None, None, None, None, PASSWORD, None]
    assert desktop.ask(("get_password", "Shop")) == [PASSWORD]
    assert desktop.ask(
        ("delete_password", "Shop"), ("delete_password", "Shop"), ("get_password", "Shop")
    ) == [None, None, None]
    assert desktop.ask(("get_password", "Möbel “2”")) == ["other"]


def test_no_file_of_the_home_holds_the_password(desktop: Desktop) -> None:
    desktop.ask(("set_password", "Shop", PASSWORD))
    files = [path for path in desktop.home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert PASSWORD.encode() not in content
        assert PASSWORD.encode("utf-16-le") not in content


def test_a_working_keyring_is_probed_as_usable(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    state = desktop.probe(monkeypatch)
    assert state.usable, state
    assert state.problem == ""
    assert state.name.startswith("SecretService")


def test_a_locked_keyring_is_named(
    bus: tuple[Desktop, ExitStack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop, stack = bus
    password = tmp_path / "login"
    password.write_text("test\n")
    with ExitStack() as first:
        start_keyring(desktop, first, password)
        desktop.ask(("set_password", "Shop", PASSWORD))
    start_keyring(desktop, stack, None)
    answers = desktop.ask(
        ("get_password", "Shop"), ("set_password", "Shop", "new"), ("delete_password", "Shop")
    )
    for answer in answers:
        assert isinstance(answer, list)
        assert answer[0] == ErrorCode.KEYRING_LOCKED
        assert "Unlock" in answer[1]
        assert "PGPASSWORD" in answer[1]
    state = desktop.probe(monkeypatch)
    assert (state.usable, state.name.startswith("SecretService")) == (False, True)
    assert "locked" in state.problem


@pytest.mark.parametrize(
    "extra",
    [
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"},
        {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
        {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a keyring")
def test_without_a_keyring_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    desktop = session(tmp_path, **extra)
    answers = desktop.ask(
        ("get_password", "Shop"), ("set_password", "Shop", PASSWORD), ("delete_password", "Shop")
    )
    for answer in answers:
        assert isinstance(answer, list)
        assert answer[0] == ErrorCode.NO_KEYRING
        assert "PGPASSWORD" in answer[1]
        assert PASSWORD not in answer[1]
    assert not [path for path in desktop.home.rglob("*") if path.is_file()]
    assert not desktop.probe(monkeypatch).usable


def test_a_plain_text_keyring_is_refused(tmp_path: Path) -> None:
    backend = tmp_path / "plain_backend.py"
    backend.write_text(
        "import os\nfrom keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 0.5\n"
        "    name = 'plain text'\n"
        "    def get_password(self, service, username): return None\n"
        "    def set_password(self, service, username, password):\n"
        "        open(os.environ['HOME'] + '/passwords', 'w').write(password)\n"
    )
    desktop = session(
        tmp_path,
        PYTHON_KEYRING_BACKEND="plain_backend.Keyring",
        PYTHONPATH=f"{tmp_path}{os.pathsep}{Path.cwd()}",
    )
    (answer,) = desktop.ask(("set_password", "Shop", PASSWORD))
    assert isinstance(answer, list)
    assert answer[0] == ErrorCode.NO_KEYRING
    assert "plain text" in answer[1]
    assert not (desktop.home / "passwords").exists()


def test_a_keyring_that_blocks_is_given_up() -> None:
    started = time.monotonic()
    state = probe(0.5, [sys.executable, "-c", "import time; time.sleep(60)"])
    assert time.monotonic() - started < 5
    assert (state.usable, "locked" in state.problem) == (False, True)


def test_a_backend_that_blocks_is_named_and_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blocking.py").write_text(
        "import time\nfrom keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 5\n"
        "    name = 'waiting for ever'\n"
        "    def get_password(self, service, username): time.sleep(600)\n"
        "    set_password = get_password\n"
    )
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "blocking.Keyring")
    begin = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    state = probe(command=[*REPORT[:-1], begin + REPORT[-1]])
    assert (state.name, state.usable, state.locked) == ("waiting for ever", False, True)


def test_a_broken_probe_is_told() -> None:
    state = probe(10, [sys.executable, "-c", "raise SystemExit('no such verb')"])
    assert (state.usable, state.problem) == (False, "no such verb")


def test_a_program_of_the_working_folder_is_not_taken_for_holdfast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text("open('was run', 'w')")
    monkeypatch.chdir(tmp_path)
    state = probe(20)
    assert not (tmp_path / "was run").exists()
    assert state.name != "unknown", state


def test_windows_takes_no_more_than_1280_characters() -> None:
    check_storable(Secret("x" * 1_281), "linux")
    check_storable(Secret("x" * 1_280), "win32")
    for password in ("x" * 1_281, "😀" * 641):
        with pytest.raises(AppError, match="too long") as caught:
            check_storable(Secret(password), "win32")
        assert caught.value.code is ErrorCode.INVALID_INPUT
        assert password not in str(caught.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(AppError) as caught:
        check_storable(Secret("caf\udce9"), "linux")
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.__cause__ is None
