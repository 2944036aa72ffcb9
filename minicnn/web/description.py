"""The service described for programs: OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0."""

from importlib.metadata import version
from typing import Any

from minicnn.web.settings import Settings

Schema = dict[str, Any]

PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1.000001}
NOTES: Schema = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What else there is to know, such as that the picture was animated.",
}


def record(description: str, /, **properties: Schema) -> Schema:
    """An object that has exactly these properties."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


CANDIDATE = record(
    "A class with its probability.", label={"type": "string"}, probability=PROBABILITY
)

PREDICTION = record(
    "What one digit is.",
    label={"type": "string", "description": "The most probable class."},
    probability=PROBABILITY,
    sure={"type": "boolean", "description": "Whether the probability is at least 0.9."},
    candidates={
        "type": "array",
        "items": {"$ref": "#/components/schemas/Candidate"},
        "description": "All classes, the most probable first.",
    },
    seen={
        "type": "array",
        "items": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 255},
        },
        "description": "The picture that the network was given, row by row; 255 is ink.",
    },
    notes=NOTES,
)

READING = record(
    "A row of digits, from left to right.",
    text={"type": "string"},
    confidence={**PROBABILITY, "description": "The product of the digits' probabilities."},
    digits={
        "type": "array",
        "items": record(
            "One of them.",
            label={"type": "string"},
            probability=PROBABILITY,
            box={
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 4,
                "maxItems": 4,
                "description": "Left, top, right and bottom, in pixels of `width` and `height`.",
            },
        ),
    },
    width={"type": "integer", "description": "Of the picture, which is reduced if it is large."},
    height={"type": "integer"},
    notes=NOTES,
)

MODEL = record(
    "The model.",
    name={"type": "string"},
    parameters={"type": "integer"},
    input_shape={"type": "array", "items": {"type": "integer"}},
    classes={"type": "array", "items": {"type": "string"}},
    layers={
        "type": "array",
        "items": record(
            "A layer.",
            name={"type": "string"},
            kind={"type": "string"},
            output_shape={"type": "array", "items": {"type": "integer"}},
            parameters={"type": "integer"},
        ),
    },
    test_accuracy={"type": ["number", "null"], "description": "null if it was not measured."},
    minicnn={"type": "string", "description": "The version of the program."},
)

HEALTH = record(
    "How the service is.",
    status={"type": "string", "enum": ["ok", "starting"]},
    workers={"type": "integer", "description": "Processes that are up."},
    waiting={"type": "integer", "description": "Requests that are being answered."},
)

ERROR = record(
    "Why there is no answer.",
    error=record("The reason.", status={"type": "integer"}, message={"type": "string"}),
)

PICTURE: Schema = {
    "description": "The picture.",
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"picture": {"type": "string", "format": "binary"}},
            }
        },
        "application/json": {
            "schema": record(
                "Rows of numbers: grey levels, or [red, green, blue]; white is 1, 255 or 65535.",
                pixels={"type": "array", "items": {"type": "array"}},
            ),
            "example": {"pixels": [[255, 0, 255]] * 5},
        },
    },
}


def errors(settings: Settings) -> dict[int, str]:
    """What each status says."""
    return {
        400: "The body is not what its content type says, or the host is not of this service.",
        408: f"The request was not complete after {settings.patience:g} seconds.",
        413: f"The request is larger than {settings.body:,} bytes.",
        415: "The content type is not that of a picture, of a form or of JSON.",
        422: f"The picture is blank, damaged, none, or larger than {settings.pixels:,} pixels.",
        500: "The picture could not be read in time, or the service has made a mistake.",
        503: f"{settings.clients} requests are waiting already; try again later.",
    }


def description(settings: Settings) -> dict[str, Any]:
    """The whole description, as plain data for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "minicnn",
            "version": version("minicnn"),
            "description": "Reads handwritten digits.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/predict": {"post": _reads("predict", "What digit is it?", "Prediction", settings)},
            "/read": {"post": _reads("read", "What is the row of digits?", "Reading", settings)},
            "/model": {"get": _tells("model", "The model behind the service", "Model")},
            "/health": {"get": _tells("health", "Is the service up?", "Health", 503)},
        },
        "components": {
            "schemas": {
                "Candidate": CANDIDATE,
                "Prediction": PREDICTION,
                "Reading": READING,
                "Model": MODEL,
                "Health": HEALTH,
                "Error": ERROR,
            }
        },
    }


def _reads(name: str, summary: str, schema: str, settings: Settings) -> dict[str, Any]:
    responses = {"200": _response("The answer.", schema)}
    for status, meaning in errors(settings).items():
        responses[str(status)] = _response(meaning, "Error")
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": PICTURE,
        "responses": responses,
    }


def _tells(name: str, summary: str, schema: str, *others: int) -> dict[str, Any]:
    statuses = {str(status): _response("Not now.", schema) for status in others}
    responses = {"200": _response("The answer.", schema), **statuses}
    return {"operationId": name, "summary": summary, "responses": responses}


def _response(meaning: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": meaning, "content": content}
