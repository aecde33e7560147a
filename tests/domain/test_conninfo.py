"""What the window reads of a connection string is what libpq reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.domain.conninfo import conninfo_keywords

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(host=_TEXT, dbname=_TEXT, user=_TEXT, port=st.integers(1, 65_535))
def test_what_libpq_wrote_is_read_back(host: str, dbname: str, user: str, port: int) -> None:
    written = make_conninfo("", host=host, dbname=dbname, user=user, port=port)
    assert conninfo_keywords(written) == {"host": host, "dbname": dbname, "user": user, "port": str(port)}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://postgres.abc@aws-0-eu.pooler.supabase.com:5432/postgres?sslmode=require",
        "postgres://shop@[2001:db8::1]:5433/shop",
        "postgresql:///shop?host=/var/run/postgresql",
        "postgresql://a%40b@one:1,two:2/with%20space",
        "host = 'my host'  dbname=shop",
        "service=shop",
        "",
    ],
)
def test_a_string_is_read_as_libpq_reads_it(text: str) -> None:
    assert conninfo_keywords(text) == {
        name: str(value) for name, value in conninfo_to_dict(text).items() if value
    }
