"""`holdfast projects` keeps connections, and their passwords in the keyring alone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.postgres.sandbox import SandboxServer
from app.system.process import Child, run

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import Database, Holdfast, NewDatabase

BUS = """
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""
OWNED = ["--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/"]
OWNED += ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]


@pytest.fixture
def database(server17: SandboxServer, new_shop: NewDatabase) -> Database:
    return new_shop(server17)


@pytest.fixture
def keyring(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An open keyring, as a desktop has it."""
    programs = {name: shutil.which(name) for name in ("dbus-daemon", "gnome-keyring-daemon", "dbus-send")}
    for name, path in programs.items():
        if path is None:
            pytest.skip(f"{name} is not installed")
    runtime, control = tmp_path / "run", tmp_path / "control"
    for folder in (runtime, control):
        folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    (tmp_path / "bus.conf").write_text(BUS)
    (tmp_path / "login").write_text("test\n")
    argv = [str(programs["dbus-daemon"]), f"--config-file={tmp_path / 'bus.conf'}", "--nofork"]
    with ExitStack() as stack:
        bus = stack.enter_context(Child([*argv, "--print-address=1"], env=os.environ, stdout=Child.PIPE))
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.stdout.readline().decode().strip())
        argv = [str(programs["gnome-keyring-daemon"]), "--foreground", "--components=secrets", "--unlock"]
        login = stack.enter_context((tmp_path / "login").open("rb"))
        stack.enter_context(Child([*argv, f"--control-directory={control}"], env=os.environ, stdin=login))
        deadline = time.monotonic() + 10
        ask = [str(programs["dbus-send"]), *OWNED]
        while "true" not in run(ask, env=os.environ, timeout=5).output:
            assert time.monotonic() < deadline, "the keyring did not start"
        yield


def test_projects_are_added_listed_and_removed(cli: Cli, home: Path) -> None:
    assert "no projects yet" in cli("projects", "list").output
    assert cli("projects", "add", "Shop", "--url", "postgresql://ann@db.example:5433/shop").status == 0
    assert cli("projects", "add", "shop", "--url", "postgresql://h/d").status == 2
    assert "Shop  ann@db.example:5433/shop" in cli("projects", "list").output
    (project,) = cli("projects", "list", "--json").json["projects"]
    assert project["name"] == "Shop"
    assert "password" not in project
    assert cli("projects", "remove", "SHOP").output.startswith("Removed Shop.")
    assert cli("projects", "list", "--json").json == {"projects": []}
    assert cli("projects", "remove", "Shop").status == 1


def test_a_known_transaction_pooler_is_gone_around_and_said_so(cli: Cli, home: Path) -> None:
    url = "postgresql://postgres.abcdefghijklmnopqrst@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
    added = cli("projects", "add", "Shop", "--url", url)
    assert "pooler.supabase.com:5432/postgres" in added.output
    assert "6543 is Supabase's transaction pooler" in added.output
    (project,) = cli("projects", "list", "--json").json["projects"]
    assert "port=5432" in project["conninfo"]
    assert "sslmode=require" in project["conninfo"]


def test_without_a_keyring_the_project_is_kept_and_the_password_is_not(
    holdfast: Holdfast, home: Path
) -> None:
    url = "postgresql://ann:hunter2@db.example/shop"
    added = holdfast("projects", "add", "Shop", "--url", url, DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    assert added.status == 0
    assert "The password was not stored." in added.errors
    assert "PGPASSWORD" in added.errors
    assert "hunter2" not in added.output + added.errors
    assert all(b"hunter2" not in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_a_password_goes_to_the_keyring_and_is_used_from_there(
    keyring: None, database: Database, holdfast: Holdfast, home: Path, tmp_path: Path
) -> None:
    added = holdfast("projects", "add", "Shop", "--url", database.conninfo_with_password)
    assert added.status == 0, added.errors
    assert "The password is stored in" in added.output
    (tmp_path / "Backups").mkdir()
    made = holdfast("backup", "--project", "shop", "--to", tmp_path / "Backups", "--proof", "complete")
    assert made.status == 0, made.errors
    assert holdfast("projects", "test", "Shop").status == 0
    assert holdfast("projects", "remove", "Shop").status == 0
    assert holdfast("projects", "add", "Shop", "--url", database.conninfo).status == 0
    assert holdfast("projects", "test", "Shop").status == 1  # removing took the password along
    for folder in (home, tmp_path / "Backups"):
        for path in folder.rglob("*"):
            assert not path.is_file() or database.password.encode() not in path.read_bytes()


def test_a_test_shows_each_check_and_the_first_that_fails(
    cli: Cli, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("projects", "add", "Shop", "--url", database.conninfo)
    monkeypatch.setenv("PGPASSWORD", database.password)
    good = cli("projects", "test", "Shop")
    assert good.status == 0
    assert all(line.startswith("✓") for line in good.output.splitlines())
    checks = cli("projects", "test", "Shop", "--json").json["checks"]
    assert {check["name"] for check in checks} >= {"Sign-in", "Version and tool", "Privileges", "Size"}
    assert all(check["error"] is None for check in checks)

    monkeypatch.setenv("PGPASSWORD", "wrong")
    bad = cli("projects", "test", "Shop", "--json")
    assert bad.status == 1
    assert bad.json["checks"][-1]["error"]["code"] == "sign-in-failed"


def test_a_password_in_keywords_is_taken_out_too(cli: Cli, home: Path) -> None:
    assert cli("projects", "add", "Shop", "--url", make_conninfo(host="h", password="hunter2")).status == 0
    assert all(b"hunter2" not in path.read_bytes() for path in home.rglob("*") if path.is_file())
