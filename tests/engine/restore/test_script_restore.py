from __future__ import annotations

import pytest

from app.engine.restore.script_restore import _if_exists


@pytest.mark.parametrize(
    ("statement", "run"),
    [
        ("DROP TABLE public.a;", "DROP TABLE IF EXISTS public.a;"),
        ("drop table if exists a;", "drop table if exists a;"),
        ("DROP MATERIALIZED VIEW public.m;", "DROP MATERIALIZED VIEW IF EXISTS public.m;"),
        ("DROP MATERIALIZED VIEW IF EXISTS public.m;", "DROP MATERIALIZED VIEW IF EXISTS public.m;"),
        ("DROP FUNCTION public.f(integer);", "DROP FUNCTION IF EXISTS public.f(integer);"),
        ("DROP EVENT TRIGGER et;", "DROP EVENT TRIGGER IF EXISTS et;"),
        ("DROP CAST (text AS public.t);", "DROP CAST IF EXISTS (text AS public.t);"),
        ("DROP INDEX CONCURRENTLY i;", "DROP INDEX CONCURRENTLY i;"),
        ("DROP OWNED BY joe;", "DROP OWNED BY joe;"),
        (
            "ALTER TABLE ONLY public.a DROP CONSTRAINT a_pkey;",
            "ALTER TABLE IF EXISTS ONLY public.a DROP CONSTRAINT IF EXISTS a_pkey;",
        ),
        (
            "ALTER TABLE public.a ALTER COLUMN i DROP DEFAULT;",
            "ALTER TABLE IF EXISTS public.a ALTER COLUMN i DROP DEFAULT;",
        ),
        ("ALTER TABLE a ADD CHECK (x <> ' DROP CONSTRAINT y');",) * 2,
        ("CREATE TABLE drop (a int);",) * 2,
    ],
)
def test_drops_do_not_mind_when_there_is_nothing_to_drop(statement: str, run: str) -> None:
    assert _if_exists(statement.encode()).decode() == run
