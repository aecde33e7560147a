"""What a sandbox is given of an archive, decided from names and SQL alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.backup import Extension, ExtensionType
from app.domain.proof import Outcome
from app.engine.restore_list import plan_restore, qualified_name, without_version_options
from app.engine.sandbox_database import SandboxDatabase
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection

NOWHERE = Connection("host=nowhere")
PLAIN = SandboxDatabase(NOWHERE, NOWHERE, (), frozenset({"public"}), (), has_icu=False)


def entry(kind: str, tag: str, definition: str = "", schema: str = "public", dump_id: int = 1) -> Entry:
    return Entry(
        dump_id=dump_id,
        catalog_oid=0,
        oid=0,
        tag=tag,
        kind=kind,
        section="pre-data",
        definition=definition,
        drop="",
        copy_statement="",
        schema=schema,
        tablespace="",
        access_method="",
        relkind="",
        owner="",
        dependencies=(),
        has_data=False,
    )


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=41161032);\n", ""),
        (
            "ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=41161032, n_distinct=3);\n",
            "ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=3);\n",
        ),
        (
            "ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=3, pg_attver='1', x=-1);\n",
            "ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=3, x=-1);\n",
        ),
        ('ALTER TABLE ONLY public."a;b" ALTER COLUMN "c;d" SET (pg_attver=1);\n', ""),
        ("ALTER FOREIGN TABLE ONLY public.f ALTER COLUMN a SET (pg_attver=1);\n", ""),
        ("ALTER TABLE ONLY public.t ALTER COLUMN pg_attver SET STATISTICS 7;\n",) * 2,
        ("ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=3);\n",) * 2,
    ],
)
def test_the_version_that_debian_stores_in_columns_is_taken_out_alone(written: str, left: str) -> None:
    create = "CREATE TABLE public.t (\n    a integer\n);\n"
    other = "ALTER TABLE ONLY public.t ALTER COLUMN b SET STATISTICS 100;\n"
    assert without_version_options(create + other + written + other) == create + other + left + other


@pytest.mark.parametrize(
    ("definition", "sorts_alike"),
    [
        (
            "CREATE DATABASE d WITH ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';",
            True,
        ),
        ("CREATE DATABASE d WITH ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';", True),
        ("CREATE DATABASE d WITH ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'en_US.UTF-8';", False),
        ("CREATE DATABASE d WITH ENCODING = 'UTF8' LC_COLLATE = 'C' LC_CTYPE = 'de_DE.utf8';", True),
        ("CREATE DATABASE d WITH LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'en-US';", False),
        (
            "CREATE DATABASE d WITH LOCALE_PROVIDER = builtin LOCALE = 'en_US' BUILTIN_LOCALE = 'C.UTF-8';",
            True,
        ),
    ],
)
def test_the_databases_own_collation_decides_whether_text_sorts_alike(
    definition: str, sorts_alike: bool
) -> None:
    plan = plan_restore([entry("DATABASE", "d", definition)], PLAIN, locale="")
    assert plan.sorts_like_source is sorts_alike


def test_a_collation_that_was_stood_in_for_means_another_order() -> None:
    database = replace(PLAIN, collations=("de-x-icu",))
    assert not plan_restore([], database, locale="C").sorts_like_source
    assert plan_restore([], PLAIN, locale="C").sorts_like_source


def test_own_collations_of_icu_get_a_stand_in_that_is_not_taken_for_them() -> None:
    own = entry(
        "COLLATION",
        "ci",
        "CREATE COLLATION public.ci (provider = icu, deterministic = false, locale = 'x');\n",
    )
    plan = plan_restore([own], PLAIN, locale="C")
    assert plan.entries[0].definition == "CREATE COLLATION public.ci (provider = libc, locale = 'C');\n"
    assert (set(plan.stood_in), plan.tells_apart, plan.is_edited) == ({1}, True, True)
    untouched = plan_restore([own], replace(PLAIN, has_icu=True), locale="C")
    assert (untouched.entries, untouched.stood_in) == ((own,), {})


def test_a_table_that_lost_its_types_modifiers_does_not_count_as_identical() -> None:
    postgis = Extension("postgis", "3.4", "gis", types=(ExtensionType("gis", "geometry", has_modifier=True),))
    table = entry("TABLE", "t", "CREATE TABLE public.t (\n    g gis.geometry(Point,4326)\n);\n")
    plan = plan_restore([table], replace(PLAIN, missing=(postgis,)), locale="C")
    assert plan.entries[0].definition == "CREATE TABLE public.t (\n    g gis.geometry\n);\n"
    assert set(plan.stood_in) == {1}


@pytest.mark.parametrize(
    ("kind", "tag", "outcome"),
    [
        ("ACL", "TABLE t", Outcome.NOT_CHECKED),
        ("EVENT TRIGGER", "e", Outcome.NOT_CHECKED),
        ("SUBSCRIPTION", "s", Outcome.NOT_CHECKED),
        ("PUBLICATION", "p", Outcome.NOT_CHECKED),
        ("COMMENT", "PUBLICATION p", Outcome.NOT_CHECKED),
        ("COMMENT", "EVENT TRIGGER e", Outcome.NOT_CHECKED),
        ("EXTENSION", "hstore", Outcome.IDENTICAL),
        ("COMMENT", "EXTENSION hstore", Outcome.IDENTICAL),
        ("TABLE", "t", None),
        ("COMMENT", "TABLE t", None),
    ],
)
def test_what_a_sandbox_is_spared_has_its_outcome_at_once(
    kind: str, tag: str, outcome: Outcome | None
) -> None:
    plan = plan_restore([entry(kind, tag)], PLAIN, locale="C")
    assert [item.outcome for item in plan.left_out.values()] == ([outcome] if outcome else [])
    assert len(plan.entries) == (0 if outcome else 1)


@pytest.mark.parametrize(
    ("kind", "tag", "schema", "name"),
    [
        ("TABLE", "t", "public", "public.t"),
        ("TABLE", "Odd", "A b", '"A b"."Odd"'),
        ("FUNCTION", "f(integer, text[])", "public", "public.f(integer, text[])"),
        ("FUNCTION", "my f(integer)", "shop internal", '"shop internal"."my f"(integer)'),
        ("PROCEDURE", 'odd(a(public."my (type")', "public", 'public."odd(a"(public."my (type")'),
        ("TABLE", "my table", "public", 'public."my table"'),
        ("COMMENT", "COLUMN t.a", "public", "COLUMN public.t.a"),
        ("COMMENT", "LARGE OBJECT 12", "", "LARGE OBJECT 12"),
        ("ACL", "TABLE t", "public", "TABLE public.t"),
        ("COMMENT", 'SCHEMA "a b"', "", 'SCHEMA "a b"'),
        ("COMMENT", 'COLLATION "by point"', "a b", 'COLLATION "a b"."by point"'),
        ("CONSTRAINT", "t t_pkey", "a b", '"a b".t t_pkey'),
        ("PUBLICATION", "p", "-", "p"),
    ],
)
def test_names_read_as_sql_writes_them(kind: str, tag: str, schema: str, name: str) -> None:
    assert qualified_name(entry(kind, tag, schema=schema)) == name
