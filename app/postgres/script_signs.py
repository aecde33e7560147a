"""Tells SQL for PostgreSQL from SQL for other databases and from text that is no SQL, by its first part."""

from __future__ import annotations

import re

_SERVER = re.compile(rb"^-- Dumped from database version ([^\r\n]{1,200})", re.MULTILINE)
_TOOL = re.compile(rb"^-- Dumped by pg_dump(?:all)? version ([^\r\n]{1,200})", re.MULTILINE)
_HEADERS = re.compile(
    rb"^(?:(?P<cluster>-- PostgreSQL database cluster dump[ \t]*\r?$)"
    rb"|(?P<postgres>-- PostgreSQL database dump[ \t]*\r?$)"
    rb"|(?P<mysql>-- (?:MySQL|MariaDB) dump |/\*M?!\d{5,6}|-- phpMyAdmin SQL Dump"
    rb"|-- Server version[ \t]+\d[^\n]*M(?:ySQL|ariaDB))"
    rb"|(?P<sqlite>PRAGMA \w+ ?=))",
    re.MULTILINE,
)
_OTHERS = {
    "mysql": rb"`[^`\n]+`|\)\s*ENGINE ?= ?\w|\bAUTO_INCREMENT\b|^SET NAMES utf8mb4|\bFOREIGN_KEY_CHECKS\b"
    rb"|^LOCK TABLES\b|^[ \t]*DELIMITER\b|^[ \t]*USE \w+;",
    "sqlite": rb"^PRAGMA\b|\bAUTOINCREMENT\b|\bsqlite_sequence\b|\bINSERT OR (?:REPLACE|IGNORE)\b",
    "mssql": rb"^GO\s*$|\[dbo\]\.|\bNVARCHAR ?\(|^[ \t]*USE \[|^SET (?:ANSI_NULLS|IDENTITY_INSERT|NOCOUNT)\b",
    "oracle": rb"\bVARCHAR2 ?\(|^SET DEFINE OFF|^REM INSERTING|\bNUMBER ?\(\d+(?:, ?\d+)?\)|^/\s*$",
}
_OTHER_SIGNS = {name: re.compile(signs, re.IGNORECASE | re.MULTILINE) for name, signs in _OTHERS.items()}
_QUIET = re.compile(
    rb"--[^\n]*+"
    rb"|/\*(?!M?!).*?(?:\*/|\Z)"
    rb"|\b[eE]'(?:[^'\\]++|\\.|'')*+(?:'|\Z)"
    rb"|'[^']*+(?:'|\Z)"
    rb'|"[^"]*+(?:"|\Z)'
    rb"|\$([A-Za-z_]\w{0,62})?\$.*?(?:\$\1\$|\Z)"
    rb"|^COPY [^;\n]{1,5000}\bFROM stdin\b[^;\n]{0,200};[ \t]*\r?\n.*?(?:^\\\.\r?$|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_GAP = re.compile(rb"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?(?:\*/|\Z)|;)*", re.DOTALL)
_WORD = rb"(?:\"[^\"]+\"|[\w$\x80-\xff]+)"
_NAME = _WORD + rb"(?:\s*\.\s*" + _WORD + rb")*"
_MODIFIERS = (
    rb"(?:OR\s+REPLACE\s+)?(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED|UNIQUE|RECURSIVE|MATERIALIZED|FOREIGN"
    rb"|EVENT|CONSTRAINT|TRUSTED|PROCEDURAL|DEFAULT)\s+)*"
)
_OBJECTS = (
    rb"(?:ACCESS\s+METHOD|AGGREGATE|CAST|COLLATION|CONVERSION|DATABASE|DATA\s+WRAPPER|DOMAIN|EXTENSION|FUNCTION"
    rb"|GROUP|INDEX|LANGUAGE|LARGE\s+OBJECT|OPERATOR|OWNED\s+BY|POLICY|PRIVILEGES|PROCEDURE|PUBLICATION|ROLE"
    rb"|ROUTINE|RULE|SCHEMA|SEQUENCE|SERVER|STATISTICS|SUBSCRIPTION|SYSTEM|TABLE|TABLESPACE|TEXT\s+SEARCH"
    rb"|TRANSFORM|TRIGGER|TYPE|USER|VIEW)\b"
)
_PSQL = (
    rb"(?:un)?restrict|c|connect|set|unset|encoding|echo|i|ir|include|pset|timing|x|o|q|gset|if|endif|copy|t|a"
    rb"|prompt|qecho|warn|cd|gexec|lo_\w+|password|d\w*"
)
_STATEMENTS = (
    rb"(?:CREATE|ALTER|DROP)\s+" + _MODIFIERS + _OBJECTS,
    rb"COMMENT\s+ON\s+\w",
    rb"SECURITY\s+LABEL\b",
    rb"IMPORT\s+FOREIGN\s+SCHEMA\b",
    rb"SET\s+(?:(?:SESSION|LOCAL)\s+)?" + _NAME + rb"\s*(?:=|TO\b)\s*[^\s;]",
    rb"SET\s+(?:SESSION\s+AUTHORIZATION|ROLE|CONSTRAINTS|TRANSACTION)\b",
    rb"(?:RESET|DISCARD)\s+\w+\s*(?:;|\Z)",
    rb"(?:BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|ABORT|END)\b[^;\n]{0,80};",
    rb"INSERT\s+INTO\s+" + _NAME + rb"(?:\s+AS\s+\w+)?\s*"
    rb"(?:\(|(?:VALUES|SELECT|DEFAULT|OVERRIDING|WITH|TABLE)\b)",
    rb"UPDATE\s+(?:ONLY\s+)?" + _NAME + rb"\s+(?:(?:AS\s+)?\w+\s+)?SET\s",
    rb"DELETE\s+FROM\s+" + _NAME,
    rb"TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?" + _NAME + rb"\s*[,;*\w]",
    rb"COPY\s+" + _NAME + rb"\s*(?:\([^)]{0,60000}\)\s*)?(?:FROM|TO)\b",
    rb"COPY\s*\(",
    rb"SELECT\s+(?:[\d'(*\"$-]|(?:DISTINCT|ALL|NULL)\b|"
    + _NAME
    + rb"\s*(?:[(,;:]|AS\s|FROM\s+"
    + _NAME
    + rb"\s*(?:[;,]|\w+\s)))",
    rb"WITH\s+(?:RECURSIVE\s+)?"
    + _NAME
    + rb"\s*(?:\([^)]{0,2000}\)\s*)?AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(",
    rb"(?:GRANT|REVOKE)\s+[^;]{1,2000}?\b(?:TO|FROM)\s+" + _NAME,
    rb"REASSIGN\s+OWNED\s+BY\b",
    rb"DO\s+(?:LANGUAGE\s+\w+\s+)?[$']",
    rb"CALL\s+" + _NAME + rb"\s*\(",
    rb"VALUES\s*\(",
    rb"LOCK\s+(?:TABLE\s+)?" + _NAME + rb"\s*(?:;|IN\s)",
    rb"(?:VACUUM|ANALYZE|ANALYSE|REINDEX|CLUSTER|CHECKPOINT|REFRESH\s+MATERIALIZED\s+VIEW)\b[^;\n]{0,200};",
    rb"(?:PREPARE|EXECUTE|EXPLAIN|LISTEN|NOTIFY|LOAD|SHOW|DECLARE|FETCH|DEALLOCATE)\s+[^\n;]{1,500};",
    rb"\\(?:" + _PSQL + rb")(?:\s|\Z)",
    rb"\\!",
)
_OPENING = re.compile(b"|".join(b"(?:" + one + b")" for one in _STATEMENTS), re.IGNORECASE)
_LOOKED_AT = 1 << 16


def pg_dump_header(head: bytes) -> str:
    """Whose dump the first header line names: `cluster`, `postgres`, `mysql`, `sqlite`; empty without one."""
    match = _HEADERS.search(head)
    return match.lastgroup or "" if match else ""


def versions(head: bytes) -> tuple[str, str]:
    """Versions of the server and of pg_dump that a script's header names, in its own words."""
    return _first(_SERVER, head), _first(_TOOL, head)


def other_dialect(head: bytes) -> str:
    """`mysql`, `sqlite`, `mssql` or `oracle`, when the statements show it outside quotes and comments."""
    bare = _QUIET.sub(b"''", head[:_LOOKED_AT])
    return next((name for name, signs in _OTHER_SIGNS.items() if signs.search(bare)), "")


def begins_with_sql(head: bytes) -> bool:
    """Whether the first thing after comments is a statement of PostgreSQL, or a command of psql."""
    gap = _GAP.match(head)
    return bool(gap and _OPENING.match(head, gap.end()))


def holds_only_comments(head: bytes) -> bool:
    """Whether there is nothing but comments."""
    gap = _GAP.match(head)
    return bool(head.strip() and gap and gap.end() == len(head))


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return match[1].decode("utf-8", "replace").strip() if match else ""
