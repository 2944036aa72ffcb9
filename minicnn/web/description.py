"""The service described for programs: OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0."""

from typing import Any

from minicnn import __version__
from minicnn.web.schemas import (
    CANDIDATE,
    ERROR,
    HEALTH,
    INSIDE,
    LAYERS,
    MISTAKES,
    MODEL,
    MODELS,
    NUMBER,
    PICTURE,
    PREDICTION,
    READING,
    RUN,
    SALIENCY,
    TRACE,
    Schema,
)
from minicnn.web.settings import Settings


def errors(settings: Settings) -> dict[int, str]:
    """What each status says."""
    return {
        400: "The body is not what its content type says, or the host is not of this service.",
        408: f"The request was not complete after {settings.patience:g} seconds.",
        413: f"The request is larger than {settings.body:,} bytes.",
        415: "The content type is not that of a picture, of a form or of JSON.",
        422: (
            f"The picture is blank, damaged, none, or larger than {settings.pixels:,} pixels; or "
            "there is no such run, layer or place in it."
        ),
        500: "The picture could not be read in time, or the service has made a mistake.",
        503: f"{settings.clients} requests are waiting already; try again later.",
    }


def description(settings: Settings) -> dict[str, Any]:
    """The whole description, as plain data for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "minicnn",
            "version": __version__,
            "description": "Reads handwritten digits.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/predict": {
                "post": _reads("predict", "What digit is it?", PICTURE, "Prediction", settings)
            },
            "/read": {
                "post": _reads("read", "What is the row of digits?", PICTURE, "Reading", settings)
            },
            "/layers": {
                "post": _reads(
                    "layers", "What do the layers make of it?", INSIDE, "Layers", settings
                )
            },
            "/saliency": {
                "post": _reads("saliency", "What decides?", INSIDE, "Saliency", settings)
            },
            "/trace": {"post": _reads("trace", "Where is it from?", NUMBER, "Trace", settings)},
            "/mistakes": {
                "get": _of_run("mistakes", "What was the model wrong about?", "Mistakes", settings)
            },
            "/model": {"get": _of_run("model", "What is the model?", "Model", settings)},
            "/models": {"get": _tells("models", "The models behind the service", "Models")},
            "/health": {"get": _tells("health", "Is the service up?", "Health", 503)},
        },
        "components": {
            "schemas": {
                "Candidate": CANDIDATE,
                "Prediction": PREDICTION,
                "Reading": READING,
                "Layers": LAYERS,
                "Saliency": SALIENCY,
                "Trace": TRACE,
                "Mistakes": MISTAKES,
                "Model": MODEL,
                "Models": MODELS,
                "Health": HEALTH,
                "Error": ERROR,
            }
        },
    }


def _reads(
    name: str, summary: str, body: Schema, schema: str, settings: Settings
) -> dict[str, Any]:
    responses = {"200": _response("The answer.", schema)}
    for status, meaning in errors(settings).items():
        responses[str(status)] = _response(meaning, "Error")
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [RUN],
        "requestBody": body,
        "responses": responses,
    }


def _of_run(name: str, summary: str, schema: str, settings: Settings) -> dict[str, Any]:
    said = errors(settings)
    responses = {"200": _response("The answer.", schema)}
    for status in (400, 422, 500, 503):
        responses[str(status)] = _response(said[status], "Error")
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [RUN],
        "responses": responses,
    }


def _tells(name: str, summary: str, schema: str, *others: int) -> dict[str, Any]:
    statuses = {str(status): _response("Not now.", schema) for status in others}
    responses = {"200": _response("The answer.", schema), **statuses}
    return {"operationId": name, "summary": summary, "responses": responses}


def _response(meaning: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": meaning, "content": content}
