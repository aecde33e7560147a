"""Stands in for extensions that a sandbox does not have, so that tables which use them can be restored.

A missing type becomes a base type over the server's own text functions, which gives back what it was
given; a function becomes a stub that returns NULL. What they compute cannot be checked, and the proof
says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.domain.backup import Extension, ExtensionRoutine, ExtensionType
from app.postgres.quoting import quote_identifier, quote_literal

_SCHEMA = "holdfast_stand_ins"
_LANGUAGE_LIMITS = re.compile(
    r"\b(internal|cstring|language_handler|fdw_handler|index_am_handler|table_am_handler|tsm_handler"
    r"|event_trigger|pg_ddl_command)\b"
)
_CAST_CONTEXT = {"e": "", "a": " AS ASSIGNMENT", "i": " AS IMPLICIT"}


def schema_and_type_statements(missing: Iterable[Extension]) -> Iterator[str]:
    """What only a superuser can make: schemas and base types, from names alone, which are quoted.

    One statement that fails leaves out that object alone; the same holds for the other function.
    """
    missing = tuple(missing)
    if missing:
        yield f"CREATE SCHEMA {_SCHEMA}"
    schemas = {extension.schema for extension in missing}
    schemas |= {type_.schema for extension in missing for type_ in extension.types}
    schemas |= {routine.schema for extension in missing for routine in extension.routines}
    for schema in sorted(schemas - {"pg_catalog"}):
        yield f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema)}"
    for number, type_ in enumerate(type_ for extension in missing for type_ in extension.types):
        yield from _type(type_, f"{_SCHEMA}.type_{number}")


def routine_statements(missing: Iterable[Extension]) -> Iterator[str]:
    """Functions, operators and casts, whose SQL comes from the manifest as it stands there.

    A manifest can be forged: they are for a role that may do no harm, and that owns the types.
    """
    missing = tuple(missing)
    for extension in missing:
        for number, routine in enumerate(extension.routines):
            yield from _routine(routine, f"{_SCHEMA}.{quote_identifier(f'{extension.name} {number}')}")
    for extension in missing:
        for operator in extension.operators:
            sides = ""
            for side, name in (("LEFTARG", operator.left), ("RIGHTARG", operator.right)):
                sides += f"{side} = {name}, " if name else ""
            yield (
                f"CREATE OPERATOR {quote_identifier(operator.schema)}.{operator.name} "
                f"({sides}FUNCTION = {operator.routine})"
            )
        for cast in extension.casts:
            if cast.source == cast.target:  # it would apply the modifier, which a stand-in only keeps
                continue
            context = _CAST_CONTEXT.get(cast.context, "")
            yield f"CREATE CAST ({cast.source} AS {cast.target}) WITH INOUT{context}"


def owner_statements(missing: Iterable[Extension], role: str) -> Iterator[str]:
    """Give the stand-ins' schemas and types to a role, which must own a type to make casts for it."""
    missing = tuple(missing)
    owner = quote_identifier(role)
    if missing:
        yield f"GRANT ALL ON SCHEMA {_SCHEMA} TO {owner}"
    for extension in missing:
        for type_ in extension.types:
            name = f"{quote_identifier(type_.schema)}.{quote_identifier(type_.name)}"
            yield f"ALTER TYPE {name} OWNER TO {owner}"


def _type(type_: ExtensionType, stub: str) -> Iterator[str]:
    name = f"{quote_identifier(type_.schema)}.{quote_identifier(type_.name)}"
    if type_.kind == "e":
        yield f"CREATE TYPE {name} AS ENUM ({', '.join(map(quote_literal, type_.labels))})"
        return
    internal = "LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS"
    yield f"CREATE TYPE {name}"
    yield f"CREATE FUNCTION {stub}_in(cstring) RETURNS {name} {internal} 'textin'"
    yield f"CREATE FUNCTION {stub}_out({name}) RETURNS cstring {internal} 'textout'"
    modifier = ""
    if type_.has_modifier:
        modifier = ", TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout"
    yield (
        f"CREATE TYPE {name} (INPUT = {stub}_in, OUTPUT = {stub}_out, STORAGE = extended, "
        f"CATEGORY = {quote_literal(type_.category)}{modifier})"
    )


def _routine(routine: ExtensionRoutine, stub: str) -> Iterator[str]:
    if _LANGUAGE_LIMITS.search(f"{routine.arguments} {routine.result}"):
        return
    name = f"{quote_identifier(routine.schema)}.{quote_identifier(routine.name)}"
    if routine.kind == "p":
        yield f"CREATE PROCEDURE {name}({routine.arguments}) LANGUAGE plpgsql AS 'BEGIN END'"
    elif routine.kind == "f":
        volatility = {"i": "IMMUTABLE", "s": "STABLE"}.get(routine.volatility, "VOLATILE")
        strict = " STRICT" if routine.strict else ""
        yield (
            f"CREATE FUNCTION {name}({routine.arguments}) RETURNS {routine.result} "
            f"LANGUAGE plpgsql {volatility}{strict} AS '{_body(routine)}'"
        )
    elif routine.kind == "a":
        arguments = f"{routine.result}, {routine.arguments}" if routine.arguments else routine.result
        yield (
            f"CREATE FUNCTION {stub}({arguments}) RETURNS {routine.result} "
            "LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN NULL; END'"
        )
        inputs = routine.arguments or "*"
        yield f"CREATE AGGREGATE {name}({inputs}) (SFUNC = {stub}, STYPE = {routine.result})"


def _body(routine: ExtensionRoutine) -> str:
    if routine.result == "trigger":
        return "BEGIN RETURN NEW; END"
    has_columns = re.search(r"\b(OUT|INOUT)\b", routine.arguments) is not None
    if routine.returns_set or routine.result == "void" or has_columns:
        return "BEGIN RETURN; END"
    return "BEGIN RETURN NULL; END"


def without_modifiers(definition: str, missing: Iterable[Extension]) -> str:
    """DDL without the type modifiers that a stand-in does not understand.

    One integer, as in `vector(3)`, is kept; `geometry(Point,4326)` becomes `geometry`.
    """
    types = [type_ for extension in missing for type_ in extension.types if type_.has_modifier]
    for type_ in types:
        name = rf"(?:{re.escape(type_.schema)}|{re.escape(quote_identifier(type_.schema))})\."
        name += rf"(?:{re.escape(type_.name)}|{re.escape(quote_identifier(type_.name))})"
        definition = re.sub(rf"({name})\((?!\d+\))[^()']*\)", r"\1", definition)
    return definition
