"""The kinds of projects: each knows its own strings, poolers, TLS and stand-in for a superuser.

Another kind is one module with one value, and a line here.
"""

from __future__ import annotations

from app.domain.project_types.amazon import AMAZON
from app.domain.project_types.azure import AZURE
from app.domain.project_types.heroku import HEROKU
from app.domain.project_types.neon import NEON
from app.domain.project_types.plain import PLAIN
from app.domain.project_types.project_type import Keywords, ProjectType, Rewrite
from app.domain.project_types.supabase_hosted import SUPABASE_HOSTED
from app.domain.project_types.supabase_local import SUPABASE_LOCAL
from app.domain.project_types.supabase_self_hosted import SUPABASE_SELF_HOSTED

__all__ = ["PROJECT_TYPES", "Keywords", "ProjectType", "Rewrite", "is_supabase", "settled", "type_of"]

PROJECT_TYPES: tuple[ProjectType, ...] = (
    SUPABASE_HOSTED,
    SUPABASE_LOCAL,
    HEROKU,  # before Amazon, on whose servers it is
    AMAZON,
    NEON,
    AZURE,
    SUPABASE_SELF_HOSTED,  # by user, so after all that are known by host
    PLAIN,
)


def type_of(keywords: Keywords) -> ProjectType:
    """The first kind that recognises a connection string; the last one recognises all."""
    return next(one for one in PROJECT_TYPES if one.recognises(keywords))


def is_supabase(keywords: Keywords) -> bool:
    """Whether a string leads to a Supabase project, which has more parts than its database."""
    return type_of(keywords) in (SUPABASE_HOSTED, SUPABASE_LOCAL, SUPABASE_SELF_HOSTED)


def settled(keywords: Keywords, sslmode: str = "") -> tuple[dict[str, str], tuple[str, ...]]:
    """The keywords that are to be used, and what of the string was changed, as sentences.

    TLS is asked for where nobody says anything and the kind of project is known to have it: checked in
    full where the string gives an authority's certificate.

    Args:
        keywords: of the string.
        sslmode: what counts elsewhere for strings that say nothing.
    """
    kind = type_of(keywords)
    rewrite = kind.around_pooler(keywords)
    words = dict(rewrite.keywords if rewrite else keywords)
    if kind.sslmode and not sslmode and "sslmode" not in words:
        words["sslmode"] = "verify-full" if words.get("sslrootcert") else kind.sslmode
    return words, (rewrite.reason,) if rewrite else ()
