"""The text of stand-ins; what they are good for is tested with the sandbox."""

from __future__ import annotations

import pytest

from app.domain.backup import Extension, ExtensionType
from app.postgres.stand_ins import routine_statements, schema_and_type_statements, without_modifiers

POSTGIS = Extension(
    "postgis",
    "3.5",
    "public",
    types=(
        ExtensionType("public", "geometry", has_modifier=True),
        ExtensionType("My types", "Vector", has_modifier=True),
        ExtensionType("public", "box3d"),
    ),
)


@pytest.mark.parametrize(
    ("definition", "edited"),
    [
        ("shape public.geometry(Point,4326) NOT NULL", "shape public.geometry NOT NULL"),
        ("shapes public.geometry(MultiPolygonZM,3857)[]", "shapes public.geometry[]"),
        ('"public"."geometry"(Point)', '"public"."geometry"'),
        ('"My types"."Vector"(4,a)', '"My types"."Vector"'),
        ('"My types"."Vector"(3)', '"My types"."Vector"(3)'),
        ("public.geometry(3)", "public.geometry(3)"),
        ("'POINT(1 2)'::public.geometry(Point,4326)", "'POINT(1 2)'::public.geometry"),
        ("public.geometry_in(cstring)", "public.geometry_in(cstring)"),
        ("other.geometry(Point,4326)", "other.geometry(Point,4326)"),
        ("public.box3d(Point,4326)", "public.box3d(Point,4326)"),
        ("numeric(10,2)", "numeric(10,2)"),
        (
            "a public.geometry(Point,4326), b public.geometry(Line,4326)",
            "a public.geometry, b public.geometry",
        ),
    ],
)
def test_modifiers_that_a_stand_in_cannot_keep_are_taken_out(definition: str, edited: str) -> None:
    assert without_modifiers(definition, [POSTGIS]) == edited


def test_nothing_is_made_where_nothing_is_missing() -> None:
    assert list(schema_and_type_statements([])) == list(routine_statements([])) == []


def test_names_and_labels_are_quoted() -> None:
    mood = ExtensionType('sch"ema', 'mo"od', kind="e", labels=("it's", "b\\c"))
    statements = list(schema_and_type_statements([Extension("e", "1", 'sch"ema', types=(mood,))]))
    assert 'CREATE SCHEMA IF NOT EXISTS "sch""ema"' in statements
    assert 'CREATE TYPE "sch""ema"."mo""od" AS ENUM (\'it\'\'s\', E\'b\\\\c\')' in statements
