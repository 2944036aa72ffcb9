"""What a client is told when there is no answer: a status, and JSON that says why."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from minicnn.web.schemas import Error, Reason, misfit


def error_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error as the client gets it.

    >>> error_response(404, "there is no such page").body
    b'{"error":{"status":404,"message":"there is no such page"}}'
    """
    body = Error(error=Reason(status=status, message=message))
    return JSONResponse(body.model_dump(), status, headers)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Answer an `HTTPException`, of ours or of Starlette's."""
    assert isinstance(error, HTTPException)
    says = {
        404: f"there is nothing at {request.url.path[:200]}; see /docs",
        405: f"{request.method} is not for {request.url.path[:200]}; see /docs",
    }
    is_ours = error.detail != HTTPStatus(error.status_code).phrase
    message = error.detail if is_ours else says.get(error.status_code, error.detail)
    return error_response(error.status_code, message, dict(error.headers or {}))


async def unfit(_: Request, error: Exception) -> JSONResponse:
    """Return the answer to a query that is not as described."""
    assert isinstance(error, RequestValidationError)
    return error_response(422, misfit(error.errors()))


async def failed(_: Request, error: Exception) -> JSONResponse:
    """Answer what nobody has foreseen; the log has the traceback, the client has not."""
    return error_response(500, "the service has made a mistake; its log says more")


HANDLERS = {HTTPException: refused, RequestValidationError: unfit, Exception: failed}
"""What answers each kind of error."""
