"""The Management API: answers read, refusals named, trouble waited for, and no token in any text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.supabase import management_api
from app.supabase.management_api import ManagementApi, checked_token
from app.supabase.web import call
from tests.supabase.api_stand_in import PAUSED_REF, REF, TOKEN, Api, pooler, running_api


@pytest.fixture
def service() -> Iterator[Api]:
    with running_api() as made:
        yield made


@pytest.fixture
def api(service: Api) -> ManagementApi:
    return ManagementApi(Secret(TOKEN), f"{service.url}/v1")


def test_projects_are_listed_and_paused_ones_told_apart(api: ManagementApi) -> None:
    shop, blog = api.projects()
    assert (shop.ref, shop.name, shop.region, shop.is_paused) == (REF, "Shop", "eu-central-1", False)
    assert shop.database.host == f"db.{REF}.supabase.co"
    assert (blog.ref, blog.is_paused) == (PAUSED_REF, True)
    assert api.project(REF) == shop
    assert api.organisations() == {"org-1": "Acme"}


def test_of_several_poolers_the_primarys_is_taken_in_session_mode_where_there_is_one(
    api: ManagementApi, service: Api
) -> None:
    found = api.session_pooler(REF)
    assert found is not None
    assert (found.db_host, found.db_user) == ("aws-1-eu-central-1.pooler.supabase.com", f"postgres.{REF}")
    service.poolers.append(pooler("session"))
    found = api.session_pooler(REF)
    assert found is not None
    assert found.pool_mode == "session"
    service.poolers.clear()
    assert api.session_pooler(REF) is None


def test_keys_functions_settings_and_secrets_are_read(api: ManagementApi) -> None:
    keys = {key.name: key.api_key for key in api.api_keys(REF)}
    assert keys == {"anon": Secret("anon-key"), "service_role": Secret("service-role-key"), "default": None}
    (function,) = api.functions(REF)
    assert (function.slug, function.verify_jwt) == ("hello", False)
    assert api.function_body(REF, "hello") == b"EZBR\x00\xff"
    assert api.config(REF, "auth") == {"kind": "auth"}
    assert api.config(REF, "ssl-enforcement") == {"kind": "ssl-enforcement"}
    assert [one.name for one in api.secrets(REF)] == ["STRIPE_KEY"]


def test_a_function_is_made_or_replaced(api: ManagementApi, service: Api) -> None:
    api.deploy_function(REF, {"slug": "new", "name": "New", "verify_jwt": True}, b"one")
    api.deploy_function(REF, {"slug": "hello", "name": "Hello", "import_map": None}, b"two")
    made = service.deployed[f"/v1/projects/{REF}/functions"]
    assert made == ({"slug": ["new"], "name": ["New"], "verify_jwt": ["true"]}, b"one")
    assert service.deployed[f"/v1/projects/{REF}/functions/hello"][1] == b"two"


def test_trouble_that_passes_is_waited_for(
    api: ManagementApi, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(management_api, "pause_before", lambda *_: 0.01)
    service.answers[:] = [429, 503, 500]
    assert len(api.projects()) == 2
    service.answers[:] = [500] * 4
    with pytest.raises(AppError, match="has trouble") as caught:
        api.projects()
    assert caught.value.code is ErrorCode.API_ERROR


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, ErrorCode.TOKEN_REFUSED, "refused the access token"),
        (403, ErrorCode.TOKEN_REFUSED, "may not do this"),
        (404, ErrorCode.API_ERROR, "knows nothing"),
        (418, ErrorCode.API_ERROR, "refused it"),
    ],
)
def test_refusals_have_names_and_remedies(
    api: ManagementApi, service: Api, status: int, code: ErrorCode, words: str
) -> None:
    service.answers[:] = [status]
    with pytest.raises(AppError, match=words) as caught:
        api.projects()
    assert caught.value.code is code
    assert f"HTTP {status}, “status {status}”" in caught.value.detail
    assert caught.value.hint
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("drops", ErrorCode.API_UNREACHABLE),
        ("hangs", ErrorCode.API_UNREACHABLE),
        ("garbage", ErrorCode.API_ERROR),
        ("page", ErrorCode.API_ERROR),
    ],
)
def test_a_line_that_does_not_serve_is_told(
    api: ManagementApi, service: Api, fault: str, code: ErrorCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(management_api, "call", partial(call, seconds=1.0))
    service.fault = fault
    with pytest.raises(AppError) as caught:
        api.projects()
    assert caught.value.code is code
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "sbp_short", "eyJhbGciOiJIUzI1NiJ9.e30.x", f"{TOKEN}0", "sbp_" + "g" * 40]
)
def test_what_is_no_token_is_sent_nowhere(service: Api, text: str) -> None:
    with pytest.raises(AppError) as caught:
        ManagementApi(Secret(text), f"{service.url}/v1")
    assert caught.value.code is ErrorCode.TOKEN_MALFORMED
    assert not text or text not in str(caught.value)


def test_a_token_may_have_spaces_around_it() -> None:
    assert checked_token(Secret(f" {TOKEN}\n")).reveal() == TOKEN
    assert checked_token(Secret(TOKEN.replace("sbp_", "sbp_oauth_"))).reveal().startswith("sbp_oauth_")


@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.project("../organizations"),
        lambda api: api.function_body(REF, "../../secrets"),
        lambda api: api.config(REF.upper(), "auth"),
    ],
)
def test_what_becomes_part_of_an_address_is_checked(
    api: ManagementApi, service: Api, ask: Callable[[ManagementApi], object]
) -> None:
    with pytest.raises(AppError) as caught:
        ask(api)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert service.asked == []
