"""The Supabase CLI's three scripts are told apart by what they hold."""

from __future__ import annotations

from itertools import permutations

import pytest

from app.domain.errors import AppError
from app.postgres.script_outline import outline_script
from app.postgres.script_trio import TrioRole, trio_order, trio_role

ROLES = b"""SET default_transaction_read_only = off;
CREATE ROLE "app_user";
ALTER ROLE "app_user" WITH INHERIT NOCREATEROLE NOCREATEDB LOGIN;
ALTER ROLE "anon" SET "statement_timeout" TO '3s';
GRANT "app_user" TO "postgres";
COMMENT ON ROLE "app_user" IS 'The app';
RESET ALL;
"""
SCHEMA = b"""SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE EXTENSION IF NOT EXISTS "pg_net" WITH SCHEMA "extensions";
CREATE TABLE IF NOT EXISTS "public"."t" ("i" integer);
ALTER TABLE "public"."t" OWNER TO "postgres";
GRANT ALL ON TABLE "public"."t" TO "anon";
RESET ALL;
"""
DATA = b"""SET session_replication_role = replica;
SET client_encoding = 'UTF8';
INSERT INTO "public"."t" ("i") VALUES
\t(1),
\t(2);
SELECT pg_catalog.setval('"public"."s"', 1, false);
RESET ALL;
"""


@pytest.mark.parametrize(("script", "role"), [(ROLES, "roles"), (SCHEMA, "schema"), (DATA, "data")])
def test_each_part_is_known_by_what_it_holds(script: bytes, role: str) -> None:
    assert trio_role(outline_script([script])) == role


def test_an_empty_data_part_is_known_by_its_setting() -> None:
    assert (
        trio_role(outline_script([b"SET session_replication_role = replica;\nRESET ALL;\n"])) is TrioRole.DATA
    )


def test_they_run_in_order_however_they_are_given() -> None:
    for scripts in permutations((ROLES, SCHEMA, DATA)):
        order = trio_order([outline_script([script]) for script in scripts])
        assert [scripts[place] for place in order] == [ROLES, SCHEMA, DATA]


def test_the_data_part_says_that_triggers_are_off_and_counts_its_rows() -> None:
    found = outline_script([DATA])
    assert found.sets_replication_role
    assert [stream.rows for stream in found.streams.values()] == [2]


@pytest.mark.parametrize("scripts", [(ROLES, ROLES), (SCHEMA, SCHEMA + DATA), (DATA, SCHEMA, DATA)])
def test_scripts_that_do_not_belong_together_are_refused(scripts: tuple[bytes, ...]) -> None:
    with pytest.raises(AppError, match="do not belong together"):
        trio_order([outline_script([script]) for script in scripts])
