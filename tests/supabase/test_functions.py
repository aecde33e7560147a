"""Functions and settings of a project: all of them, none lost in silence, and no secret in plain text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.supabase.configuration import save_configuration, without_secrets
from app.supabase.functions import deploy_functions, save_functions
from app.system.cancellation import CancelToken
from tests.supabase.management import REF, Project


def test_functions_go_out_and_back_in(tmp_path: Path) -> None:
    project = Project(bodies={"hello": b"\x00code", "Hello": b"another", "CON": b"", "_x-1": b"x" * 100_000})
    kept = save_functions(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert (kept.objects, kept.bytes > 100_000, kept.left_out) == (4, True, ())
    names = [path.name.casefold() for path in (tmp_path / "functions").iterdir()]
    assert len(set(names)) == 4
    assert "con" not in names
    done = deploy_functions(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert (done.objects, done.left_out) == (4, ())
    assert {slug: body for slug, (_, body) in project.deployed.items()} == project.bodies
    assert project.deployed["hello"][0] == {"slug": "hello", "verify_jwt": True}


def test_a_function_that_cannot_be_had_is_named_and_the_others_are_saved(tmp_path: Path) -> None:
    project = Project(bodies={"a": b"1", "b": b"2"}, failures={"a": ErrorCode.API_ERROR})
    kept = save_functions(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert [left.what for left in kept.left_out] == ["a"]
    assert [path.name for path in (tmp_path / "functions").iterdir()] == ["b"]


def test_a_right_that_is_missing_for_one_thing_costs_that_alone(tmp_path: Path) -> None:
    project = Project(failures={"secrets": ErrorCode.TOKEN_REFUSED})
    kept = save_configuration(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert (kept.objects, [left.what for left in kept.left_out]) == (6, ["names of secrets"])


def test_a_server_that_is_gone_ends_the_asking(tmp_path: Path) -> None:
    project = Project(bodies={"a": b"1", "b": b"2"}, failures={"a": ErrorCode.API_UNREACHABLE})
    with pytest.raises(AppError) as caught:
        save_functions(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert caught.value.code is ErrorCode.API_UNREACHABLE


@pytest.mark.parametrize("slug", ["../../auth/v1/admin", "", "a/b", "a b"])
def test_a_slug_that_would_change_an_address_is_refused(tmp_path: Path, slug: str) -> None:
    folder = tmp_path / "functions" / "x"
    folder.mkdir(parents=True)
    (folder / "function.json").write_text(json.dumps({"slug": slug}))
    (folder / "body").write_bytes(b"")
    project = Project()
    with pytest.raises(AppError) as caught:
        deploy_functions(tmp_path, REF, project, CancelToken(), lambda _: None)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert not project.deployed


def test_settings_are_written_without_their_secrets_which_are_named(tmp_path: Path) -> None:
    auth = {
        "site_url": "https://example.com",
        "smtp_host": "mail.example.com",
        "smtp_pass": "hidden-1",
        "external_github_secret": "hidden-2",
        "external_github_client_id": "public",
        "sms_twilio_auth_token": "hidden-3",
        "hook_send_sms_secrets": "hidden-4",
        "hook_uri": "https://user:hidden-5@example.com/",
        "password_min_length": 8,
        "password_required_characters": "abc:ABC",
        "sms_test_otp": "4915=hidden-6",
        "security_captcha_secret": "",
        "nested": {"apiKey": "hidden-7", "list": [{"service_role_key": "hidden-8"}]},
    }
    project = Project(configs={"auth": auth}, failures={"realtime": ErrorCode.API_ERROR})
    kept = save_configuration(tmp_path, REF, project, CancelToken(), lambda _: None)
    folder = tmp_path / "configuration"
    text = "".join(path.read_text() for path in folder.iterdir())
    assert "hidden-" not in text
    saved = json.loads((folder / "auth.json").read_text())
    assert (saved["smtp_host"], saved["smtp_pass"], saved["password_min_length"]) == (
        "mail.example.com",
        "",
        8,
    )
    assert saved["password_required_characters"] == "abc:ABC"
    assert kept.objects == 6
    missing = {left.what.partition(":")[0]: left.what for left in kept.left_out}
    assert set(missing) == {"auth", "realtime", "values of the secrets STRIPE_KEY"}
    for name in ("smtp_pass", "hook_uri", "nested.apiKey", "nested.list.service_role_key", "sms_test_otp"):
        assert name in missing["auth"]
    assert "captcha" not in missing["auth"]
    assert json.loads((folder / "secrets.json").read_text()) == [{"name": "STRIPE_KEY", "value": "digest"}]


def test_settings_without_secrets_are_as_they_were() -> None:
    config = {"a": 1, "b": None, "c": [True, "x"], "jwt_exp": 3600}
    assert without_secrets(config) == (config, ())
