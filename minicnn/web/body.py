"""The body of a request, read within the limits of size and time."""

import asyncio

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from minicnn.web.pictures import JSON
from minicnn.web.settings import Settings

FORM = "multipart/form-data"
UNKNOWN = "application/octet-stream"
ACCEPTED = (
    'a picture (Content-Type: image/png and the like), a form with a file, or {"pixels": [[…], …]} '
    f"as {JSON}"
)


async def picture_of(request: Request, settings: Settings) -> tuple[str, bytes]:
    """The content type and the bytes of the picture, or of JSON.

    Raises `HTTPException`: 400 for a form without a picture, 408 if the client takes too long, 413
    for too many bytes, 415 for another content type.
    """
    kind = request.headers.get("content-type", UNKNOWN).partition(";")[0].strip().lower()
    if not (kind.startswith("image/") or kind in (JSON, FORM, UNKNOWN)):
        raise HTTPException(415, f"the content type is {kind[:100]}; send {ACCEPTED}")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "the body is compressed; send it as it is")
    try:
        async with asyncio.timeout(settings.patience):
            body = await _limited(request, settings.body)
    except TimeoutError as error:
        message = f"the request was not complete after {settings.patience:g} seconds"
        raise HTTPException(408, message, {"Connection": "close"}) from error
    if kind == FORM:
        return await _file_of(request, body)
    return kind, body


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


async def _file_of(request: Request, body: bytes) -> tuple[str, bytes]:
    """The first file of a form."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    form_request = Request(request.scope, receive)
    try:
        async with form_request.form(max_files=1, max_fields=10) as form:
            for value in form.values():
                if isinstance(value, UploadFile):
                    return UNKNOWN, await value.read()
    except HTTPException as error:
        raise HTTPException(400, f"the form cannot be read: {error.detail}") from error
    raise HTTPException(400, "there is no file in the form; send one, as curl -F picture=@FILE")
