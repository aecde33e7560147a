"""Each kind of project knows its own strings, goes around its poolers, and asks for TLS."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.conninfo import conninfo_keywords
from app.domain.project_types import PROJECT_TYPES, settled, type_of
from app.domain.project_types.supabase_hosted import is_supabase_host

REF = "abcdefghijklmnopqrst"
EXAMPLES = {
    "supabase": (
        f"postgresql://postgres@db.{REF}.supabase.co:5432/postgres",
        f"postgresql://postgres.{REF}@aws-0-eu-central-1.pooler.supabase.com:5432/postgres",
        f"postgresql://postgres.{REF}@aws-1-us-east-1.pooler.supabase.com:6543/postgres",
        f"host=DB.{REF}.SUPABASE.CO user=postgres",
    ),
    "supabase-local": (
        "postgresql://postgres@127.0.0.1:54322/postgres",
        "postgresql://postgres@localhost:54322/postgres",
        "postgresql://postgres.pooler-dev@127.0.0.1:54329/postgres",
    ),
    "supabase-self-hosted": (
        "postgresql://postgres.my-tenant@db.example.com:5432/postgres",
        "postgresql://supabase_admin@10.0.0.7:5432/postgres",
    ),
    "amazon": (
        "postgresql://postgres@shop.c1a2b3.eu-central-1.rds.amazonaws.com:5432/shop",
        "host=shop.cluster-ro-c1a2b3.cn-north-1.rds.amazonaws.com.cn user=ada dbname=shop",
    ),
    "neon": ("postgresql://ada@ep-cool-darkness-123456.us-east-2.aws.neon.tech/shop",),
    "heroku": (
        "postgresql://abcdefghijklmn@ec2-1-2-3-4.eu-west-1.compute.amazonaws.com:5432/d1a2b3c4d5e6f7",
        "postgresql://u1a2b3c4d5e6f7@c1a2b3.cluster-czr.us-east-1.rds.amazonaws.com:5432/d1a2b3c4d5e6f7",
    ),
    "azure": ("postgresql://ada@shop.postgres.database.azure.com:5432/shop",),
    "postgresql": (
        "postgresql://ada@db.example.com/shop",
        "postgresql://postgres@127.0.0.1:5432/postgres",
        "postgresql://ada@supabase.com.example.org/shop",
        "postgresql://ada@mysupabase.co/shop",
        "postgresql://ada@one.neon.tech,db.example.com/shop",
        "host=/var/run/postgresql user=supabase",
        "service=shop",
        "",
    ),
}
STRINGS = [(name, text) for name, texts in EXAMPLES.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), STRINGS)
def test_a_kind_is_known_by_its_strings(name: str, text: str) -> None:
    assert type_of(conninfo_keywords(text)).name == name


def test_every_kind_has_an_example_and_a_name_of_its_own() -> None:
    assert [one.name for one in PROJECT_TYPES] == list(dict.fromkeys(one.name for one in PROJECT_TYPES))
    assert {one.name for one in PROJECT_TYPES} == set(EXAMPLES)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            f"postgresql://postgres.{REF}@aws-0-eu.pooler.supabase.com:6543/postgres",
            {"port": "5432"},
        ),
        (f"postgresql://postgres@db.{REF}.supabase.co:6543/postgres", {"port": "5432"}),
        ("postgresql://postgres.tenant@db.example.com:6543/postgres", {"port": "5432"}),
        (
            "postgresql://postgres.pooler-dev@127.0.0.1:54329/postgres",
            {"port": "54322", "user": "postgres"},
        ),
        (
            "postgresql://ada@ep-cool-1-pooler.us-east-2.aws.neon.tech/shop",
            {"host": "ep-cool-1.us-east-2.aws.neon.tech"},
        ),
        ("postgresql://ada@shop.postgres.database.azure.com:6432/shop", {"port": "5432"}),
    ],
)
def test_a_known_transaction_pooler_is_gone_around_and_said_so(text: str, changed: dict[str, str]) -> None:
    given_ = conninfo_keywords(text)
    words, notes = settled(given_, "prefer")
    assert words == given_ | changed
    (note,) = notes
    assert "instead" in note
    assert settled(words, "prefer") == (words, ())


@pytest.mark.parametrize(("name", "text"), STRINGS)
def test_tls_is_asked_for_where_the_kind_has_it_and_the_string_says_nothing(name: str, text: str) -> None:
    words = conninfo_keywords(text)
    hosted = name not in ("supabase-local", "supabase-self-hosted", "postgresql")
    assert settled(words)[0].get("sslmode", "") == ("require" if hosted else "")
    checked = settled(words | {"sslrootcert": "ca.pem"})[0].get("sslmode", "")
    assert checked == ("verify-full" if hosted else "")
    assert settled(words | {"sslmode": "disable"})[0]["sslmode"] == "disable"
    assert "sslmode" not in settled(words, "verify-ca")[0]


@pytest.mark.parametrize("kind", PROJECT_TYPES, ids=lambda kind: kind.name)
def test_hints_name_the_role_or_its_stand_in_and_end(kind: object) -> None:
    assert kind in PROJECT_TYPES
    for one in PROJECT_TYPES:
        for hint in (one.to_read_all, one.to_see_all_rows):
            shown = hint.format(user="ada{0}")
            assert shown.rstrip()[-1] in ".;"
            assert "{user}" not in shown


@given(
    st.dictionaries(
        st.sampled_from(["host", "port", "user", "dbname", "sslmode", "sslrootcert", "hostaddr"]),
        st.one_of(
            st.text(string.printable, max_size=30),
            st.sampled_from([value for _, text in STRINGS for value in conninfo_keywords(text).values()]),
        ),
    )
)
def test_any_string_is_of_some_kind_and_settles_once(words: dict[str, str]) -> None:
    once, _ = settled(words)
    assert settled(once) == (once, ()) or type_of(once) is not type_of(words)
    assert {
        name: once[name] for name in words if name not in ("host", "port", "user")
    }.items() <= words.items()


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        (f"db.{REF}.supabase.co", True),
        ("aws-0-eu-central-1.pooler.supabase.com", True),
        ("supabase.com.example.org", False),
        ("mysupabase.co", False),
    ],
)
def test_supabase_is_known_by_its_hosts(host: str, is_one: bool) -> None:
    assert is_supabase_host(host) is is_one
