"""Where a project's key and token come from, and what is said where they are missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project, Secret
from app.engine.supabase_access import KEY_VARIABLE, SERVICE, TOKEN_VARIABLE, access_of, key_account, ref_of
from app.persistence import secrets
from app.persistence.secrets import KeyringState

REF = "abcdefghijklmnopqrst"
DIRECT = {"host": f"db.{REF}.supabase.co", "user": "postgres"}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """What the keyring holds, by service and account."""
    held: dict[tuple[str, str], str] = {}

    def get(name: str, service: str = secrets.PROJECTS) -> Secret | None:
        found = held.get((service, name))
        return Secret(found) if found else None

    monkeypatch.setattr(secrets, "probe", lambda: KeyringState("of the test", usable=True))
    monkeypatch.setattr(secrets, "get_password", get)
    for name in (KEY_VARIABLE, TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return held


@pytest.mark.parametrize(
    ("keywords", "ref"),
    [
        (DIRECT, REF),
        ({"host": f"DB.{REF.upper()}.Supabase.CO"}, REF),
        ({"host": "aws-0-eu-central-1.pooler.supabase.com", "user": f"postgres.{REF}"}, REF),
        ({"host": "aws-0-eu-central-1.pooler.supabase.com", "user": "postgres"}, ""),
        ({"host": f"db.{REF}.supabase.co.example.com"}, ""),
        ({"host": f"db.{REF}.supabase.co,elsewhere.example.com"}, ""),
        ({"host": "localhost", "user": f"postgres.{REF}"}, ""),
        ({}, ""),
    ],
)
def test_a_hosted_project_is_known_by_its_string(keywords: dict[str, str], ref: str) -> None:
    assert ref_of(keywords) == ref


def test_any_other_database_has_no_access_and_asks_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "probe", lambda: pytest.fail("nobody needs the keyring"))
    project = Project("Shop", "host=localhost", datetime.now(UTC))
    assert access_of(project, {"host": "localhost"}) is None
    assert access_of(None, {"host": "localhost"}) is None


def test_a_hosted_project_without_token_and_key_says_what_to_do() -> None:
    access = access_of(None, DIRECT)
    assert access is not None
    assert (access.ref, access.storage_url) == (REF, f"https://{REF}.supabase.co/storage/v1")
    assert "holdfast supabase login" in access.missing
    with pytest.raises(AppError) as caught:
        access.key_for_storage()
    assert (caught.value.code, caught.value.hint) == (ErrorCode.TOKEN_MISSING, access.missing)


def test_a_key_comes_from_the_environment_or_the_keyring(
    kept: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project("Shop", "", datetime.now(UTC))
    kept[SERVICE, key_account("Shop")] = "sb_secret_kept"
    access = access_of(project, DIRECT)
    assert access is not None
    assert access.key_for_storage() == Secret("sb_secret_kept")
    monkeypatch.setenv(KEY_VARIABLE, " sb_secret_given\n")
    access = access_of(project, DIRECT)
    assert access is not None
    assert access.key_for_storage() == Secret("sb_secret_given")
    assert "sb_secret" not in repr(access)


def test_a_locked_keyring_is_told_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = KeyringState("of the test", usable=False, problem="The keyring is locked.", locked=True)
    monkeypatch.setattr(secrets, "probe", lambda: locked)
    access = access_of(None, DIRECT)
    assert access is not None
    assert access.missing.startswith("The keyring is locked. Sign in")
