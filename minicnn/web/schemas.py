"""What the service takes and gives, field by field; FastAPI describes it to programs from here."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1.000001)]
Level = Annotated[float, Field(ge=0, le=255)]
Pixels = list[list[Annotated[int, Field(ge=0, le=255)]]]
Numbers = list[Any]  # or lists of lists of them, one level for each axis
Shape = list[int]


class Question(BaseModel):
    """A body of JSON, in which "1" is no number; what else is in it is passed over."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


class Numeric(Question):
    """A picture as rows of numbers: grey levels, or [red, green, blue]."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"pixels": [[255, 0, 255]] * 5}}
    )

    pixels: list[list[Any]]
    """White is 1, 255 or 65535."""


class Seen(Question):
    """A picture as the network was given it; the answer of /predict will do as it came."""

    seen: list[list[Level]]
    """Row by row, from 0 (paper) to 255 (ink)."""


class Place(Seen):
    """A number in a layer's output, for the picture that was seen."""

    layer: str
    """The layer's name, as of /layers."""
    index: list[int]
    """A place in its output: row, column, channel."""


class Record(BaseModel):
    """An answer, which has exactly these fields."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CandidateAnswer(Record):
    """A class with its probability."""

    label: str
    probability: Probability


class PredictionAnswer(Record):
    """What one digit is."""

    label: str
    """The most probable class."""
    probability: Probability
    sure: bool
    """Whether the probability is at least 0.9."""
    candidates: list[CandidateAnswer]
    """All classes, the most probable first."""
    seen: Pixels
    """The picture that the network was given, row by row; 255 is ink."""
    notes: list[str]
    """What else there is to know, such as that the picture was animated."""


class DigitAnswer(Record):
    """One digit of a row."""

    label: str
    probability: Probability
    whole: Probability
    """That it is one whole digit."""
    line: Count
    """The line that it is on."""
    box: Annotated[list[Count], Field(min_length=4, max_length=4)]
    """Left, top, right and bottom, in pixels of `width` and `height`."""
    seen: Pixels
    """The picture that the network was given, row by row; 255 is ink."""


class ReadingAnswer(Record):
    """A row of digits, from left to right."""

    text: str
    confidence: Probability
    """That all of it is right."""
    digits: list[DigitAnswer]
    width: int
    """Of the picture, which is reduced if it is large."""
    height: int
    notes: list[str]
    """What else there is to know, such as that the picture was animated."""


class Layer(Record):
    """What a layer has made of the picture."""

    name: str
    kind: str
    activation: str | None
    shape: Shape
    """Of the output: rows, columns, channels; or numbers."""
    values: Numbers
    """In this shape, up to 64 channels."""


class Layers(Record):
    """What each layer has made of the picture; dropout and flattening change nothing."""

    layers: list[Layer]


class Saliency(Record):
    """What the answer hangs on."""

    saliency: Numbers
    """How the winning output moves with each pixel."""


class TraceAnswer(Record):
    """Where a number comes from: value = activation(before), before = sum + rest."""

    layer: str
    index: Shape
    value: float
    activation: str | None
    before: float
    source: str
    """The layer that the window lies in, or `picture`."""
    shape: Shape
    """Of the output of that layer."""
    box: list[Shape]
    """The window there: first and one after the last, for each axis."""
    values: Numbers
    """What stands in the window."""
    slopes: Numbers
    """How the number moves with each: the weights."""
    products: Numbers
    """Both multiplied."""
    sum: float
    """Of the products."""
    rest: float
    """What is added: the bias."""


class Mistake(Record):
    """A picture that the model takes for something else."""

    number: Count
    """Its place in the test set, from 0."""
    label: str
    """What it is."""
    answer: str
    """What the model takes it for."""
    probability: Probability
    pixels: Pixels
    """Row by row; 255 is ink."""


class Mistakes(Record):
    """What the model was wrong about in its test set, the surest first."""

    mistakes: list[Mistake] = []
    wrong: Count = 0
    """How many there are."""
    pictures: Count = 0
    """How many the test set has."""
    note: str = ""
    """Why there are none, if the test set is not there."""


class LayerInfo(Record):
    """A layer of a model."""

    name: str
    kind: str
    output_shape: Shape
    parameters: int


class ModelInfo(Record):
    """A model."""

    run: str
    """The name of the run's folder, or of the model's file."""
    name: str
    parameters: int
    input_shape: Shape
    classes: list[str]
    layers: list[LayerInfo]
    test_accuracy: float | None
    """null if it was not measured."""
    minicnn: str
    """The version of the program."""


class Models(Record):
    """All models that are served."""

    models: list[ModelInfo]


class Health(Record):
    """How the service is."""

    status: Literal["ok", "starting"]
    workers: Count
    """Processes that are up."""
    waiting: Count
    """Requests that are being answered."""


class Reason(Record):
    """The status of the response, and why it is no other."""

    status: int
    message: str


class Error(Record):
    """Why there is no answer."""

    error: Reason


def misfit(errors: Sequence[Mapping[str, Any]]) -> str:
    """Say what does not fit, of the errors that pydantic has found.

    >>> misfit([{"type": "", "loc": ("query", "run"), "msg": "Input should be 1", "input": 2}])
    'query.run: Input should be 1, got 2'
    """
    first = errors[0]
    where = ".".join(map(str, first["loc"])) or "the JSON"
    got = "" if first["type"] == "missing" else f", got {repr(first['input'])[:50]}"
    return f"{where}: {first['msg']}{got}"
