"""`holdfast supabase`, and projects found there, with the API on loopback and no token in any file."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.engine.connection_check import CheckLine, CheckState, CheckStep, ConnectionCheck
from app.persistence import secrets
from app.persistence.settings import load_settings, settings_path
from app.postgres.connection import Connection
from app.services import Services
from tests.cli.conftest import Cli
from tests.memory_keyring import MemoryKeyring
from tests.supabase.api_stand_in import PAUSED_REF, REF, TOKEN, Api, running_api

PASSWORD = "p$a'ss@wo:rd"

Say = Callable[[str], None]


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("memory", usable=True))
    yield made
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with running_api() as made:
        monkeypatch.setenv("SUPABASE_API_URL", made.url)
        yield made


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """What the verb reads from standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_token_is_checked_kept_used_and_forgotten(
    cli: Cli, say: Say, kept: MemoryKeyring, home: Path
) -> None:
    say(f"{TOKEN}\n")
    made = cli("supabase", "login")
    assert (made.status, made.output) == (0, "Signed in: 2 projects. The token is kept in memory.\n")
    assert set(kept.held.values()) == {TOKEN}
    listed = cli("supabase", "projects")
    assert listed.output.splitlines() == [
        f"{REF}  Shop  (Acme, eu-central-1, active healthy)",
        f"{PAUSED_REF}  Old blog  (Acme, eu-central-1, paused)",
    ]
    found = cli("supabase", "projects", "--json").json["projects"]
    assert [(one["ref"], one["is_paused"]) for one in found] == [(REF, False), (PAUSED_REF, True)]
    assert cli("supabase", "logout").output == "The token is forgotten.\n"
    assert kept.held == {}
    assert cli("supabase", "logout").output == "There was no token in the keyring.\n"
    assert not any(path.is_file() and TOKEN.encode() in path.read_bytes() for path in home.rglob("*"))


def test_without_a_token_it_says_how_to_get_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cli("supabase", "projects", "--json")
    assert (made.status, made.json["error"]["code"]) == (1, "token-missing")
    assert "holdfast supabase login" in made.errors
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    assert cli("supabase", "projects").status == 0


@pytest.mark.parametrize(
    ("token", "words"),
    [("sbp_no", "not an access token"), (TOKEN.replace("0", "1"), "refused the access token")],
)
def test_a_token_that_does_not_do_is_not_kept(
    cli: Cli, say: Say, kept: MemoryKeyring, token: str, words: str
) -> None:
    say(token)
    made = cli("supabase", "login")
    assert made.status == 1
    assert words in made.errors
    assert token not in made.errors
    assert kept.held == {}


def test_a_project_is_added_by_its_ref_with_the_way_that_works_from_here(
    cli: Cli, say: Say, kept: MemoryKeyring, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    monkeypatch.setattr("app.engine.supabase_projects.has_route", lambda *_: False)
    say(f"{PASSWORD}\n")
    made = cli("projects", "add", "Shop", "--supabase", REF)
    assert made.status == 0, made.errors
    assert "session pooler is used" in made.output
    (project,) = load_settings(settings_path()).projects
    assert project.supabase == REF
    assert "host=aws-1-eu-central-1.pooler.supabase.com" in project.conninfo
    assert f"user=postgres.{REF}" in project.conninfo
    assert PASSWORD not in settings_path().read_text() + made.output + made.errors
    assert PASSWORD in kept.held.values()
    assert not any(path.is_file() and TOKEN.encode() in path.read_bytes() for path in home.rglob("*"))


def test_a_paused_project_is_told_apart_and_nothing_is_added(
    cli: Cli, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    say("")
    made = cli("projects", "add", "Blog", "--supabase", PAUSED_REF)
    assert made.status == 1
    assert "Old blog is paused" in made.errors
    assert load_settings(settings_path()).projects == ()


def test_either_a_string_or_a_ref_is_needed(cli: Cli) -> None:
    assert cli("projects", "add", "Shop").status == 2
    assert cli("projects", "add", "Shop", "--url", "host=h", "--supabase", REF).status == 2


def test_a_backup_of_a_paused_project_says_so(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"postgresql://postgres@db.{PAUSED_REF}.supabase.co:5432/postgres"
    assert cli("projects", "add", "Blog", "--url", url).status == 0
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    made = cli("backup", "--project", "Blog", "--to", tmp_path, "--json")
    assert (made.status, made.json["error"]["code"]) == (1, "project-paused")
    checks = cli("projects", "test", "Blog", "--json").json["checks"]
    assert checks[-1]["error"]["code"] == "project-paused"


def test_a_direct_way_that_fails_names_the_command_for_the_pooler(cli: Cli) -> None:
    cli("projects", "add", "My shop", "--url", f"postgresql://postgres:pw@db.{REF}.supabase.co/postgres")
    tested = cli("projects", "test", "My shop")
    assert "Or try: holdfast projects use-pooler 'My shop'" in tested.output


def test_only_a_pooler_that_answers_is_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch, service: Api) -> None:
    cli("projects", "add", "Shop", "--url", f"postgresql://postgres:pw@db.{REF}.supabase.co/postgres")
    cli("projects", "add", "Blog", "--url", "postgresql://me@localhost/blog")
    assert cli("projects", "use-pooler", "Shop").errors.startswith("You are not signed in to Supabase")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    assert "does not lead to a Supabase project directly" in cli("projects", "use-pooler", "Blog").errors
    tested: list[Connection] = []
    refused = AppError(ErrorCode.SIGN_IN_FAILED, "The server refused the sign-in")

    def check(failure: AppError | None) -> None:
        """The pooler is Supabase's own: what it answers is given here."""
        state = CheckState.FAILED if failure else CheckState.PASSED
        lines = (CheckLine(CheckStep.SIGN_IN, state, failure=failure),)

        def answer(_services: Services, connection: Connection, *_rest: object) -> ConnectionCheck:
            tested.append(connection)
            return ConnectionCheck(lines)

        monkeypatch.setattr(Services, "check_connection", answer)

    check(refused)
    before = load_settings(settings_path())
    assert cli("projects", "use-pooler", "Shop").errors.startswith("The server refused the sign-in")
    assert load_settings(settings_path()) == before
    check(None)
    made = cli("projects", "use-pooler", "Shop")
    pooler = f"postgres.{REF}@aws-1-eu-central-1.pooler.supabase.com:5432/postgres"
    assert made.output == f"Shop is reached through its session pooler now: {pooler}\n"
    assert [one.password for one in tested] == [Secret("pw")] * 2
    shop = load_settings(settings_path()).projects[0]
    assert shop.conninfo == tested[-1].conninfo
    assert "pw" not in shop.conninfo.split()
