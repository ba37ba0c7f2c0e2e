"""Where a key goes, for the documentation of a FastAPI app. FastAPI evaluates the annotations here, so they are no text."""

from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection


class _InHeader(APIKeyHeader):
    async def __call__(self, connection: HTTPConnection) -> None:
        """Reads nothing, so that WebSockets pass it, too."""


class _AsBearer(HTTPBearer):
    async def __call__(self, connection: HTTPConnection) -> None:
        """Reads nothing, so that WebSockets pass it, too."""


IN_HEADER = _InHeader(name="X-API-Key", scheme_name="API key", auto_error=False)
AS_BEARER = _AsBearer(scheme_name="API key as bearer token", auto_error=False)
