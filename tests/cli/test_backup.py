"""`holdfast backup`, `prove`, `verify` and `history` as a user meets them."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.postgres.sandbox import SandboxServer
from app.system.process import Finished

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import Database, Holdfast, NewDatabase


@pytest.fixture
def database(server17: SandboxServer, new_shop: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A small database, whose password the environment has."""
    database = new_shop(server17)
    monkeypatch.setenv("PGPASSWORD", database.password)
    return database


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups"
    folder.mkdir()
    return folder


def test_a_backup_is_proven_verified_and_in_the_history(
    cli: Cli, database: Database, destination: Path
) -> None:
    made = cli(
        "backup", "--url", database.conninfo, "--to", destination, "--note", "before the move", "--json"
    )
    assert made.status == 0
    assert made.errors == ""
    found = made.json
    assert found["proof"]["level"] == "proven"
    assert found["rows"] == 3601
    assert found["note"] == "before the move"
    folder = found["folder"]

    verified = cli("verify", folder, "--json")
    assert (verified.status, verified.json["proof"]["level"]) == (0, "proven")
    proven = cli("prove", Path(folder) / "manifest.json", "--json")
    assert (proven.status, proven.json["proof"]["failed"]) == (0, False)
    assert set(made.json) == set(verified.json) == set(proven.json)
    (entry,) = cli("history", "--json").json["backups"]
    assert (entry["id"], entry["result"], entry["proof_level"]) == (found["id"], "succeeded", "proven")


def test_without_json_a_person_reads_what_was_done(cli: Cli, database: Database, destination: Path) -> None:
    made = cli("backup", "--url", database.conninfo, "--to", destination)
    assert made.status == 0
    assert "3,601 rows, 3 large objects" in made.output
    assert "Proof     proven" in made.output
    phases = [line.removesuffix(" …") for line in made.errors.splitlines()]
    assert phases[:3] == ["Checking the server", "Taking a snapshot", "Dumping"]
    assert phases[-1] == "Comparing"
    verified = cli("verify", next(destination.glob("*/*")))
    assert "Verified  every file has its hash" in verified.output
    history = cli("history")
    assert "succeeded" in history.output
    assert "proven" in history.output


def test_damage_gives_status_3_and_names_the_file_in_words_and_in_json(
    cli: Cli, database: Database, destination: Path
) -> None:
    made = cli("backup", "--url", database.conninfo, "--to", destination, "--proof", "complete", "--json")
    folder = Path(made.json["folder"])
    roles = folder / "roles.sql"
    whole = roles.read_bytes()
    roles.write_bytes(whole[:-1])
    for verb in ("verify", "prove"):
        said = cli(verb, folder)
        assert said.status == 3
        assert "roles.sql" in said.output
        found = cli(verb, folder, "--json")
        assert found.status == 3
        assert "roles.sql" in found.json["proof"]["failure"]
    assert "proof failed" in cli("history").output
    roles.write_bytes(whole)
    assert cli("verify", folder).status == 0
    assert cli("prove", folder).status == 0

    (folder / "manifest.json").write_bytes(b"{" + (folder / "manifest.json").read_bytes()[1:-9])
    broken = cli("verify", folder, "--json")
    assert broken.status == 1
    assert broken.json["error"]["code"] == "archive-damaged"
    assert "manifest.json" in broken.errors


def test_a_folder_that_is_no_backup_and_a_newer_one_are_told_apart(
    cli: Cli, database: Database, destination: Path
) -> None:
    nothing = cli("verify", destination, "--json")
    assert (nothing.status, nothing.json["error"]["code"]) == (1, "not-a-backup")
    (destination / "manifest.json").write_text('{"version": 99, "holdfast": "9.0"}')
    newer = cli("prove", destination, "--json")
    assert (newer.status, newer.json["error"]["code"]) == (1, "newer-manifest")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"dbname": "no_such_database"}, "unknown-database"),
        ({"user": "nobody_here"}, "sign-in-failed"),
        ({"host": "127.0.0.1", "port": "1"}, "refused"),
        ({"host": "no-such-host.invalid", "port": "5432"}, "host-not-found"),
        ({"host": "127.0.0.1", "port": "6543"}, "transaction-pooler"),
        ({"password": "wrong"}, "sign-in-failed"),
    ],
)
def test_a_wrong_address_or_password_fails_in_words_and_is_in_the_history(
    cli: Cli, database: Database, destination: Path, change: dict[str, str], code: str
) -> None:
    failed = cli("backup", "--url", make_conninfo(database.conninfo, **change), "--to", destination, "--json")
    assert failed.status == 1
    assert failed.json["error"]["code"] == code
    assert failed.json["error"]["title"]
    assert failed.json["error"]["hint"]
    assert failed.json["error"]["title"] in failed.errors
    assert "Traceback" not in failed.errors
    assert list(destination.iterdir()) == []
    (entry,) = cli("history", "--json").json["backups"]
    assert (entry["result"], entry["error_code"]) == ("failed", code)


def test_a_folder_that_does_not_exist_is_not_made(cli: Cli, database: Database, tmp_path: Path) -> None:
    failed = cli("backup", "--url", database.conninfo, "--to", tmp_path / "typo", "--json")
    assert (failed.status, failed.json["error"]["code"]) == (1, "folder-missing")
    assert not (tmp_path / "typo").exists()


def test_without_to_backups_go_to_the_users_documents(cli: Cli, database: Database, home: Path) -> None:
    made = cli("backup", "--url", database.conninfo, "--proof", "sealed", "--json")
    assert made.status == 0
    assert Path(made.json["folder"]).is_relative_to(home)


def test_a_selection_that_does_not_restore_by_itself_is_no_failure(
    cli: Cli, database: Database, destination: Path
) -> None:
    made = cli("backup", "--url", database.conninfo, "--to", destination, "--table", "orders", "--json")
    assert made.status == 0
    assert made.json["proof"]["level"] == "complete"
    assert "orders" in made.json["proof"]["notes"][0]


def test_no_counts_means_sealed(cli: Cli, database: Database, destination: Path) -> None:
    made = cli("backup", "--url", database.conninfo, "--to", destination, "--no-counts", "--json")
    assert (made.status, made.json["proof"]["level"]) == (0, "sealed")
    refused = cli(
        "backup",
        "--url",
        database.conninfo,
        "--to",
        destination,
        "--no-counts",
        "--proof",
        "proven",
        "--json",
    )
    assert (refused.status, refused.json["error"]["code"]) == (2, "invalid-input")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--url", "postgresql://h/d", "--project", "Shop"],
        ["--url", "postgresql://h/d", "--compress", "rar"],
        ["--url", "postgresql://h/d", "--compress", "zstd:99"],
        ["--url", "postgresql://h/d", "--format", "tarball"],
        ["--url", "postgresql://h/d", "--what", "everything"],
        ["--url", "postgresql://h/d", "--jobs", "0"],
        ["--url", "postgresql://h/d", "--frmat", "plain"],
        ["--url", "this is no url"],
        ["--url"],
    ],
)
def test_wrong_usage_has_status_2_and_still_one_json_object(cli: Cli, arguments: list[str]) -> None:
    wrong = cli("backup", *arguments, "--json")
    assert wrong.status == 2
    assert wrong.json["error"]["code"] == "invalid-input"
    assert wrong.errors
    assert cli("backup", *arguments).output == ""


def test_an_unknown_project_is_named_with_what_comes_close(cli: Cli) -> None:
    assert cli("projects", "add", "Shop", "--url", "postgresql://h/d").status == 0
    unknown = cli("backup", "--project", "Shpo", "--json")
    assert (unknown.status, unknown.json["error"]["code"]) == (1, "unknown-project")
    assert "Shop" in unknown.errors


def test_history_is_rebuilt_from_a_folder_of_another_computer(
    cli: Cli,
    database: Database,
    destination: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = cli(
        "backup", "--url", database.conninfo, "--to", destination, "--proof", "complete", "--json"
    ).json
    other = tmp_path_factory.mktemp("other computer")
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(other / kind.lower()))
    copied = other / "stick"
    shutil.copytree(destination, copied)
    assert cli("history", "--json").json["backups"] == []
    rescanned = cli("history", "--rescan", copied, "--json")
    assert rescanned.status == 0
    (entry,) = rescanned.json["backups"]
    assert entry["id"] == made["id"]
    assert "1 added" in rescanned.errors

    manifest = next(copied.glob("*/*/manifest.json"))
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-20])
    damaged = cli("history", "--rescan", copied)
    assert damaged.status == 0
    assert "manifest.json is damaged" in damaged.errors

    shutil.rmtree(manifest.parent)
    assert "missing" in cli("history", "--rescan", copied).output
    assert cli("history", "--rescan", copied / "nowhere").status == 1


ALL_AT_ONCE = 'a@b:c/d%41?#&= $HOME `id` \\ o\'brien "quoted" ü🦀 '
PASSWORDS = ["$HOME `id` \\", 'o\'brien "quoted"', "a@b:c/d%41?#&=", "ü 🦀 pass"]


@pytest.fixture(params=[ALL_AT_ONCE, *(pytest.param(one, marks=pytest.mark.slow) for one in PASSWORDS)])
def guarded(request: pytest.FixtureRequest, database: Database) -> Iterator[tuple[Database, str, str]]:
    """A database, a role that may read it, and the role's odd password."""
    role = f"owner_{database.name}"
    with database.connect() as session:
        session.execute(
            sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(request.param)
            )
        )
    yield database, role, request.param
    database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def url_of(database: Database, role: str, password: str) -> str:
    place = f"host={quote(database.server.host, safe='')}&port={database.server.port}"
    return f"postgresql://{role}:{password}@/{database.name}?{place}"


def seen_while(run: Callable[[], Finished]) -> tuple[Finished, list[str]]:
    """The command lines of all processes of this machine while something runs."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().decode(errors="replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        finished = run()
    finally:
        ended.set()
        watcher.join()
    return finished, sorted(seen)


def assert_nowhere(secret: str, *folders: Path) -> None:
    """No file holds the password, nor its percent-encoded form."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.name != ".pgpass":
                content = path.read_bytes()
                assert secret.encode() not in content, path
                assert quote(secret, safe="").encode() not in content, path


def test_an_odd_password_works_from_every_source_and_is_seen_nowhere(
    guarded: tuple[Database, str, str], holdfast: Holdfast, destination: Path, home: Path
) -> None:
    database, role, password = guarded
    arguments = ["--to", str(destination), "--proof", "complete", "--json"]
    with_password = url_of(database, role, quote(password, safe=""))
    without = f"{database.conninfo} user={role}"

    def by_url() -> Finished:
        return holdfast("backup", "--url", with_password, *arguments, PGPASSWORD="")

    done, seen = seen_while(by_url)
    assert done.status == 0, done.errors
    tools = [line for line in seen if "pg_dump" in line and destination.name in line]
    assert tools
    own = [line for line in seen if with_password in line]  # the user's own words to Holdfast itself
    assert [line for line in seen if password in line or quote(password, safe="") in line] == own
    assert all("-m\0app\0backup" in line for line in own)

    by_variable = holdfast("backup", "--url", without, *arguments, PGPASSWORD=password)
    assert by_variable.status == 0, by_variable.errors

    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    (home / ".pgpass").write_text(f"*:*:*:{role}:{escaped}\n")
    (home / ".pgpass").chmod(0o600)
    by_file = holdfast("backup", "--url", without, *arguments, PGPASSWORD="")
    assert by_file.status == 0, by_file.errors

    wrong = holdfast("backup", "--url", with_password + "&application_name=x", *arguments, PGPASSWORD="x")
    for finished in (done, by_variable, by_file, wrong):
        assert password not in finished.output + finished.errors
        assert json.loads(finished.output)
    assert len(list(destination.glob("*/*/manifest.json"))) == 4
    assert_nowhere(password, destination, home)
