"""What FastAPI cannot know of the addresses: bodies that we read ourselves, and each error."""

from typing import Any

from minicnn.web.pictures import FORM, JSON
from minicnn.web.schemas import Error, Numeric, Question
from minicnn.web.settings import ServiceSettings


def errors(settings: ServiceSettings, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what each status says; all of them, or just `statuses`."""
    meanings = {
        400: "The body is not what its content type says, or the host is not of this service.",
        408: f"The request was not complete after {settings.patience:g} seconds.",
        413: f"The request is larger than {settings.body:,} bytes.",
        415: "The content type is not that of a picture, of a form or of JSON.",
        422: (
            f"The picture is blank, damaged, none, or larger than {settings.pixels:,} pixels; the "
            "JSON is of another form; or there is no such run, layer or place in it."
        ),
        500: "The picture could not be read in time, or the service has made a mistake.",
        503: f"{settings.clients} requests are waiting already; try again later.",
    }
    return {
        status: {"model": Error, "description": meaning}
        for status, meaning in meanings.items()
        if not statuses or status in statuses
    }


def body_of(asked: type[Question]) -> dict[str, Any]:
    """Return the body of a request: this JSON, or a picture's file where its numbers will do."""
    file = {"type": "string", "format": "binary"}
    content: dict[str, Any] = {JSON: {"schema": asked.model_json_schema()}}
    if asked is Numeric:
        form = {"type": "object", "properties": {"picture": file}}
        content |= {kind: {"schema": file} for kind in ("image/*", "application/octet-stream")}
        content |= {FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}
