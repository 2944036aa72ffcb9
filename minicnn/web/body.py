"""The body of a request, read within the limits of size and time."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

from minicnn.web.pictures import FORM, JSON, kind_of
from minicnn.web.settings import ServiceSettings

UNKNOWN = "application/octet-stream"
ACCEPTED = (
    'a picture (Content-Type: image/png and the like), a form with a file, or {"pixels": [[…], …]} '
    f"as {JSON}"
)


async def read_body(
    request: Request, settings: ServiceSettings, is_picture: bool = True
) -> tuple[str, bytes]:
    """Return the content type and the bytes of the body; what is no picture must be JSON.

    Raises `HTTPException`: 408 if the client takes too long, 413 for too many bytes, 415 for
    another content type.
    """
    content_type = request.headers.get("content-type", UNKNOWN)
    kind = kind_of(content_type)
    if not (
        kind == JSON or (is_picture and (kind.startswith("image/") or kind in (FORM, UNKNOWN)))
    ):
        wanted = ACCEPTED if is_picture else f'{{"seen": [[…], …]}} as {JSON}'
        raise HTTPException(415, f"the content type is {kind[:100]}; send {wanted}")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "the body is compressed; send it as it is")
    try:
        async with asyncio.timeout(settings.patience):
            body = await _limited(request, settings.body)
    except TimeoutError as error:
        message = f"the request was not complete after {settings.patience:g} seconds"
        raise HTTPException(408, message, {"Connection": "close"}) from error
    return content_type, body


async def _limited(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    too_large = HTTPException(413, f"the request is larger than {most:,} bytes")
    if declared.isdecimal() and int(declared) > most:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)
