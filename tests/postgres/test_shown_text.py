"""What is kept of statements and errors names the place, and holds no values."""

from __future__ import annotations

import pytest

from app.postgres.shown_text import shortened, without_values


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t (a) VALUES ('joe@example.org')",
        "INSERT INTO t SELECT 'joe@example.org'",
        "UPDATE t SET a = E'it\\'s joe@example.org' WHERE b = $q$joe@example.org$q$",
        "SELECT lowrite(0, 'joe@example.org')",
        "WITH a AS (SELECT 'joe@example.org') DELETE FROM t",
        "CALL f('joe@example.org",
    ],
)
def test_values_of_rows_are_left_out_of_statements(statement: str) -> None:
    assert "joe" not in shortened(statement.encode())
    assert shortened(statement.encode()).startswith(statement[:4])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a text DEFAULT 'new')",
        "SELECT pg_catalog.setval('public.orders_id_seq', 5, true)",
        "ALTER TYPE mood ADD VALUE 'calm'",
    ],
)
def test_definitions_are_shown_as_they_are(statement: str) -> None:
    assert shortened(statement.encode()) == statement


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ('invalid input syntax for type integer: "joe "x" y"', 'invalid input syntax for type integer: "…"'),
        ('invalid input syntax for type json: "two\nlines', 'invalid input syntax for type json: "…"'),
        ('value "9" is out of range for type smallint', 'value "…" is out of range for type smallint'),
        ('time zone "joe" not recognized', 'time zone "…" not recognized'),
        ('invalid input value for enum mood: "joe"', 'invalid input value for enum mood: "…"'),
        ('COPY failed for table "t": ERROR:  value "9', 'COPY failed for table "t": ERROR:  value "…"'),
    ],
)
def test_values_are_left_out_of_messages(message: str, shown: str) -> None:
    assert without_values(message) == shown


@pytest.mark.parametrize(
    "message",
    [
        'duplicate key value violates unique constraint "t_pkey"',
        'null value in column "a" of relation "t" violates not-null constraint',
        'missing data for column "b"',
        'invalid byte sequence for encoding "UTF8": 0xff',
        'relation "public.t" does not exist',
        'value for domain d violates check constraint "d_check"',
    ],
)
def test_names_in_messages_stay(message: str) -> None:
    assert without_values(message) == message
