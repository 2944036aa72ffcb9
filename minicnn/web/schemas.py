"""The forms of questions and answers, as JSON Schema: https://json-schema.org/draft/2020-12."""

from typing import Any

MOST_CHANNELS = 64
"""Feature maps of a layer that are given."""

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

PIXELS: Schema = {
    "type": "array",
    "items": {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 255},
    },
    "description": "The picture that the network was given, row by row; 255 is ink.",
}

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
    seen=PIXELS,
    notes=NOTES,
)

READING = record(
    "A row of digits, from left to right.",
    text={"type": "string"},
    confidence={**PROBABILITY, "description": "That all of it is right."},
    digits={
        "type": "array",
        "items": record(
            "One of them.",
            label={"type": "string"},
            probability=PROBABILITY,
            whole={**PROBABILITY, "description": "That it is one whole digit."},
            line={"type": "integer", "minimum": 0, "description": "The line that it is on."},
            box={
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 4,
                "maxItems": 4,
                "description": "Left, top, right and bottom, in pixels of `width` and `height`.",
            },
            seen=PIXELS,
        ),
    },
    width={"type": "integer", "description": "Of the picture, which is reduced if it is large."},
    height={"type": "integer"},
    notes=NOTES,
)

NUMBERS: Schema = {
    "type": "array",
    "description": "Numbers, or lists of lists of them, one level for each axis.",
}
SHAPE: Schema = {"type": "array", "items": {"type": "integer"}}

LAYERS = record(
    "What each layer has made of the picture.",
    layers={
        "type": "array",
        "items": record(
            "A layer; dropout and flattening, which change nothing, are left out.",
            name={"type": "string"},
            kind={"type": "string"},
            activation={"type": ["string", "null"]},
            shape={**SHAPE, "description": "Of the output: rows, columns, channels; or numbers."},
            values={**NUMBERS, "description": f"In this shape, up to {MOST_CHANNELS} channels."},
        ),
    },
)

SALIENCY = record(
    "What the answer hangs on.",
    saliency={**NUMBERS, "description": "How the winning output moves with each pixel."},
)

TRACE = record(
    "Where a number comes from: value = activation(before), before = sum + rest.",
    layer={"type": "string"},
    index=SHAPE,
    value={"type": "number"},
    activation={"type": ["string", "null"]},
    before={"type": "number"},
    source={"type": "string", "description": "The layer that the window lies in, or `picture`."},
    shape={**SHAPE, "description": "Of the output of that layer."},
    box={
        "type": "array",
        "items": SHAPE,
        "description": "The window there: first and one after the last, for each axis.",
    },
    values={**NUMBERS, "description": "What stands in the window."},
    slopes={**NUMBERS, "description": "How the number moves with each: the weights."},
    products={**NUMBERS, "description": "Both multiplied."},
    sum={"type": "number", "description": "Of the products."},
    rest={"type": "number", "description": "What is added: the bias."},
)

MISTAKES = record(
    "What the model was wrong about in its test set, the surest first.",
    mistakes={
        "type": "array",
        "items": record(
            "A picture.",
            number={"type": "integer", "description": "Its place in the test set, from 0."},
            label={"type": "string", "description": "What it is."},
            answer={"type": "string", "description": "What the model takes it for."},
            probability=PROBABILITY,
            pixels={**NUMBERS, "description": "Row by row; 255 is ink."},
        ),
    },
    wrong={"type": "integer", "description": "How many there are."},
    pictures={"type": "integer", "description": "How many the test set has."},
    note={"type": "string", "description": "Why there are none, if the test set is not there."},
)

MODEL = record(
    "A model.",
    run={"type": "string", "description": "The run's folder, or the file."},
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

MODELS = record(
    "All models that are served.",
    models={"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
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

RUN: Schema = {
    "name": "run",
    "in": "query",
    "description": "Which of the models is asked, in the order of /models.",
    "schema": {"type": "integer", "minimum": 1, "default": 1},
}

SEEN: Schema = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 255}},
    "description": "The picture as the network was given it, as /predict gives it.",
}


def question(**properties: Schema) -> Schema:
    """A body of JSON with these properties; others are passed over."""
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


INSIDE = question(seen=SEEN)
NUMBER = question(
    seen=SEEN,
    layer={"type": "string", "description": "The layer's name, as of /layers."},
    index={**SHAPE, "description": "A place in its output: row, column, channel."},
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
