"""Projects at Supabase: listed, and reached by the way that works from here, at their own addresses alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.engine.supabase_projects import find_projects, find_way, has_route, if_paused, pooler_keywords
from app.supabase.access import SupabaseAccess
from app.supabase.management_api import ManagementApi
from tests.supabase.api_stand_in import PAUSED_REF, REF, TOKEN, Api, project, running_api

DIRECT = f"db.{REF}.supabase.co"
POOLER = "aws-1-eu-central-1.pooler.supabase.com"


@pytest.fixture
def service() -> Iterator[Api]:
    with running_api() as made:
        yield made


@pytest.fixture
def api(service: Api) -> ManagementApi:
    return ManagementApi(Secret(TOKEN), f"{service.url}/v1")


def test_those_that_run_come_first(api: ManagementApi, service: Api) -> None:
    service.projects.insert(0, project("b" * 20, "Zoo"))
    assert [(one.name, one.organisation, one.is_paused) for one in find_projects(api)] == [
        ("Shop", "Acme", False),
        ("Zoo", "Acme", False),
        ("Old blog", "Acme", True),
    ]
    service.projects.clear()
    assert find_projects(api) == ()


def test_with_a_route_the_direct_way_is_taken(api: ManagementApi) -> None:
    asked: list[tuple[str, int]] = []

    def can_reach(host: str, port: int) -> bool:
        asked.append((host, port))
        return True

    way = find_way(api, REF, can_reach=can_reach)
    assert asked == [(DIRECT, 5432)]
    assert way.keywords == {
        "host": DIRECT,
        "port": "5432",
        "dbname": "postgres",
        "user": "postgres",
        "sslmode": "require",
    }
    assert way.note == ""


def test_without_a_route_it_is_the_session_pooler_and_that_is_said(api: ManagementApi) -> None:
    way = find_way(api, REF, can_reach=lambda *_: False)
    assert (way.keywords["host"], way.keywords["port"]) == (POOLER, "5432")
    assert way.keywords["user"] == f"postgres.{REF}"
    assert "session pooler is used" in way.note


def test_through_the_pooler_role_database_and_tls_stay_what_they_are(api: ManagementApi) -> None:
    old = {
        "host": DIRECT,
        "port": "6543",
        "user": "backup",
        "dbname": "shop",
        "sslmode": "verify-full",
        "sslrootcert": "supabase.crt",
    }
    assert pooler_keywords(api, REF, old) == old | {"host": POOLER, "port": "5432", "user": f"backup.{REF}"}
    assert pooler_keywords(api, REF, {"host": DIRECT}) == {
        "host": POOLER,
        "port": "5432",
        "user": f"postgres.{REF}",
        "dbname": "postgres",
        "sslmode": "require",
    }
    with pytest.raises(AppError, match="is paused"):
        pooler_keywords(api, PAUSED_REF, {"host": DIRECT})


def test_a_paused_project_is_no_unreachable_one(api: ManagementApi) -> None:
    with pytest.raises(AppError, match="Old blog is paused") as caught:
        find_way(api, PAUSED_REF, can_reach=lambda *_: False)
    assert caught.value.code is ErrorCode.PROJECT_PAUSED


def test_without_a_pooler_the_reason_is_told(api: ManagementApi, service: Api) -> None:
    service.poolers.clear()
    with pytest.raises(AppError, match="no way") as caught:
        find_way(api, REF, can_reach=lambda *_: False)
    assert caught.value.code is ErrorCode.UNREACHABLE


@pytest.mark.parametrize("host", ["db.example.org", f"db.{PAUSED_REF}.supabase.co", f"{DIRECT}.example.org"])
def test_no_password_goes_to_a_host_that_is_not_the_projects(
    api: ManagementApi, service: Api, host: str
) -> None:
    service.projects[0]["database"]["host"] = host
    with pytest.raises(AppError, match="not the project's own"):
        find_way(api, REF, can_reach=lambda *_: True)


@pytest.mark.parametrize(
    ("host", "user"),
    [
        ("aws-1.pooler.supabase.com.example.org", f"postgres.{REF}"),
        ("pooler.example.org", f"postgres.{REF}"),
        (POOLER, f"postgres.{PAUSED_REF}"),
        (POOLER, "postgres"),
    ],
)
def test_nor_to_another_pooler_or_as_another_project(
    api: ManagementApi, service: Api, host: str, user: str
) -> None:
    service.poolers[1] |= {"db_host": host, "db_user": user}
    with pytest.raises(AppError, match="not the project's own"):
        find_way(api, REF, can_reach=lambda *_: False)


def test_a_route_is_looked_for_without_sending_anything() -> None:
    assert has_route("127.0.0.1", 9)
    assert not has_route("host.invalid", 9)


def test_what_cannot_be_reached_may_be_paused_and_is_asked_with_the_token(
    api: ManagementApi, service: Api
) -> None:
    lost = AppError(ErrorCode.HOST_NOT_FOUND, "There is no computer of that name")
    assert if_paused(lost, SupabaseAccess(PAUSED_REF, management=api)).code is ErrorCode.PROJECT_PAUSED
    assert if_paused(lost, SupabaseAccess(REF, management=api)) is lost  # it runs
    assert if_paused(lost, SupabaseAccess(PAUSED_REF)) is lost  # nobody can be asked
    assert if_paused(lost, None) is lost
    full = AppError(ErrorCode.DISK_FULL, "The disk is full")
    asked = len(service.asked)
    assert if_paused(full, SupabaseAccess(PAUSED_REF, management=api)) is full
    assert len(service.asked) == asked
    service.fault = "drops"
    assert if_paused(lost, SupabaseAccess(PAUSED_REF, management=api)) is lost
