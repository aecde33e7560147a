"""Says what can be done about a connection that failed, by the kind of project that it leads to."""

from __future__ import annotations

from app.domain.errors import AppError, ErrorCode
from app.domain.project_types import ProjectType
from app.domain.project_types.project_type import ANY_AUTHORITY
from app.domain.remedy import Remedy
from app.postgres.connection import Connection

_NOT_REACHED = (ErrorCode.UNREACHABLE, ErrorCode.HOST_NOT_FOUND, ErrorCode.TIMED_OUT)
_TRANSACTION_POOLER_PORT = "6543"


def with_remedy(error: AppError, connection: Connection) -> AppError:
    """The failure with what can be done about it with this connection."""
    words, kind = connection.keywords, connection.type
    actions: tuple[str, ...] = error.actions
    hint = error.hint
    if error.code in _NOT_REACHED:
        hint = kind.unreachable or hint
        actions = (Remedy.USE_SESSION_POOLER,) if kind.has_session_pooler(words) else actions
    elif error.code is ErrorCode.REFUSED and kind.unreachable and not kind.sslmode:
        hint = kind.unreachable  # a server of the user's own, which may not run
    elif error.code is ErrorCode.CERTIFICATE_NOT_TRUSTED and kind.authority != ANY_AUTHORITY:
        hint = kind.authority
    elif error.code is ErrorCode.TLS_REFUSED:
        wants = words.get("sslmode", "prefer")
        actions = (Remedy.REQUIRE_TLS,) if wants in ("disable", "allow") else (Remedy.ALLOW_NO_TLS,)
    if actions == error.actions and hint == error.hint:
        return error
    return AppError(error.code, error.title, detail=error.detail, hint=hint, actions=actions)


def named_pooler(connection: Connection) -> AppError | None:
    """Why a transaction pooler does not do, if the string leads to one and no rule knows the way around."""
    if _TRANSACTION_POOLER_PORT not in connection.keywords.get("port", "").split(","):
        return None
    return transaction_pooler("Port 6543 is a transaction pooler", connection.type)


def transaction_pooler(title: str, kind: ProjectType) -> AppError:
    """The failure of a connection that leads to a transaction pooler."""
    return AppError(
        ErrorCode.TRANSACTION_POOLER,
        title,
        detail="Session settings leak to other clients through it, and a snapshot does not hold.",
        hint=kind.direct,
        actions=(Remedy.USE_SESSION_POOLER,),
    )
