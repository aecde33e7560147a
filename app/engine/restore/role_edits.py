"""Takes roles that a target lacks out of privileges and policies, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from app.engine.restore.entry_graph import NAME, unquoted

STATEMENT = re.compile(r"(?:[^;'\"]|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")+;\s*")
_GRANTEES = re.compile(
    rf"\b(?:TO|FROM) ((?:GROUP )?{NAME}(?:, *(?:GROUP )?{NAME})*)"
    rf"(?: WITH [A-Z ,]+)?(?: GRANTED BY ({NAME}))?(?: CASCADE| RESTRICT)?\s*;\s*$"
)
_FOR_ROLE = re.compile(rf"\s*ALTER DEFAULT PRIVILEGES FOR (?:ROLE|USER) ({NAME})")
_BECOME = re.compile(rf"\s*SET SESSION AUTHORIZATION ({NAME})\s*;")
_RETURN = re.compile(r"\s*RESET SESSION AUTHORIZATION\s*;")
_POLICY = re.compile(
    rf"(\s*CREATE POLICY {NAME} ON (?:{NAME}\.)?{NAME}(?: AS \w+)?(?: FOR \w+)? TO )"
    rf"({NAME}(?:, *{NAME})*)"
)
_PSEUDO = frozenset({"public", "current_user", "current_role", "session_user"})
_MAPPING = re.compile(rf"\s*CREATE USER MAPPING (?:IF NOT EXISTS )?FOR ({NAME})")


@dataclass(frozen=True, slots=True)
class Edited:
    """A definition without what cannot be; `missing` are the roles that were taken out."""

    definition: str
    missing: tuple[str, ...]


def privileges_for(definition: str, roles: Container[str], given_to: Container[str]) -> Edited:
    """The statements of an ACL or DEFAULT ACL entry that a target with these roles can take.

    Args:
        definition: GRANT, REVOKE and ALTER DEFAULT PRIVILEGES, and SET SESSION AUTHORIZATION around them.
        roles: those of the server.
        given_to: those for which, or as which, the restoring role may act.
    """
    kept: list[str] = []
    missing: list[str] = []
    is_other = False
    for match in STATEMENT.finditer(definition):
        statement = match[0]
        lacking: list[str] = []
        if become := _BECOME.match(statement):
            lacking = _lacking([become[1]], given_to)
            is_other = bool(lacking)
        elif _RETURN.match(statement):
            if is_other:
                is_other = False
                continue
        elif not is_other:
            if grantees := _GRANTEES.search(statement):
                lacking = _lacking(re.findall(NAME, re.sub(r"\bGROUP ", "", grantees[1])), roles)
                lacking += _lacking([grantees[2]] if grantees[2] else [], given_to)
            if owner := _FOR_ROLE.match(statement):
                lacking += _lacking([owner[1]], given_to)
        missing += lacking
        if not lacking and not is_other:
            kept.append(statement)
    return Edited("".join(kept), tuple(dict.fromkeys(missing)))


def as_one_role(definition: str) -> str:
    """The same privileges without SET SESSION AUTHORIZATION, which only a superuser may use."""
    statements = STATEMENT.findall(definition)
    return "".join(one for one in statements if not (_BECOME.match(one) or _RETURN.match(one)))


def policy_for(definition: str, roles: Container[str]) -> Edited:
    """A policy for those of its roles that are there; empty when none is."""
    match = _POLICY.match(definition)
    if match is None:
        return Edited(definition, ())
    named = re.findall(NAME, match[2])
    lacking = _lacking(named, roles)
    there = [name for name in named if not _lacking([name], roles)]
    if not lacking:
        return Edited(definition, ())
    rest = f"{match[1]}{', '.join(there)}{definition[match.end() :]}" if there else ""
    return Edited(rest, tuple(lacking))


def mapped_role(definition: str, roles: Container[str]) -> tuple[str, ...]:
    """The role of a user mapping if the target lacks it."""
    match = _MAPPING.match(definition)
    return tuple(_lacking([match[1]], roles)) if match else ()


def _lacking(names: list[str], roles: Container[str]) -> list[str]:
    return [
        unquoted(name)
        for name in names
        if unquoted(name) not in roles and not (name[0] != '"' and name.lower() in _PSEUDO)
    ]
