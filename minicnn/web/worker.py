"""What runs in a process of its own: the models, and the pictures that they are asked about.

A decoder that crashes on a stranger's file takes this process along and nothing else. The module
imports nothing heavy: the process first says how many threads it wants, one, for the processes
share the cores among them.
"""

import logging
import os
import signal
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from minicnn.nn import Sequential


class Served(NamedTuple):
    """A model, and where it lies: a run's folder or a file, which no client is told."""

    path: str
    model: "Sequential"


class Job(NamedTuple):
    """A question.

    - `what`: the address that was asked, without its slash.
    - `content_type`, `body`: as the client has sent them.
    - `most_pixels`: that the picture may have.
    - `run`: which of the models is asked.
    """

    what: str
    content_type: str = ""
    body: bytes = b""
    most_pixels: int = 0
    run: int = 0


class Answer(NamedTuple):
    """The status of the response; its JSON, or a message if the status is an error.

    The traceback of a mistake of ours comes along in `trace`, for the log.
    """

    status: int
    text: str
    trace: str = ""


def main(connection: Connection) -> None:
    """Receive what is `Served`, say that it is ready with None, then give each `Job` an `Answer`.

    Ends when the service closes its end of the connection, or is no more. Signals that go to the
    whole group are left to the service, which lets its workers finish.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.disable()  # what libraries say of a stranger's picture; the answer says it too
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        served = connection.recv()
        for each in served:
            warm_up(each.model)
        connection.send(None)
        while True:
            connection.send(answer(served, connection.recv()))
    except (EOFError, OSError):
        return


def warm_up(model: "Sequential") -> None:
    """Compile, or load, what the first picture would have to wait for."""
    import numpy as np

    from minicnn.reader import strings
    from minicnn.reader.recognise import classify, frame_shape
    from minicnn.web import pictures

    assert strings
    assert pictures  # imported now
    classify(model, np.zeros((1, *frame_shape(model)), np.float32))


def answer(served: Sequence[Served], job: Job) -> Answer:
    """Answer with what the model says; 400 or 422 for bad input, 500 for a mistake of ours."""
    from starlette.exceptions import HTTPException

    from minicnn.errors import PictureError, ShapeError, UnknownNameError

    try:
        return Answer(200, found(served[job.run], job).model_dump_json())
    except HTTPException as error:
        return Answer(error.status_code, error.detail)
    except PictureError as error:
        return Answer(422, f"the picture {error}")
    except (ShapeError, UnknownNameError) as error:  # no such layer, or no such place in it
        return Answer(422, str(error))
    except Exception:
        return Answer(500, "the service has made a mistake", traceback.format_exc())


def found(served: Served, job: Job) -> "BaseModel":
    """Return the answer to a job, one of `schemas`."""
    from minicnn.reader.recognise import predict
    from minicnn.reader.strings import read_digits
    from minicnn.web import gallery, inside, pictures, schemas

    path, model = served
    match job.what:
        case "predict":
            prediction = predict(model, pictures.picture(*job[1:4]))
            return schemas.PredictionAnswer(**prediction.to_dict(), seen=_levels(prediction.seen))
        case "read":
            reading = read_digits(model, pictures.picture(*job[1:4]))
            facts: dict[str, Any] = reading.to_dict()
            for digit, seen in zip(facts["digits"], reading.seen, strict=True):
                digit["seen"] = _levels(seen)
            return schemas.ReadingAnswer(**facts)
        case "layers":
            asked = pictures.question(schemas.Seen, job.body)
            return inside.layers(model, pictures.seen(model, asked))
        case "saliency":
            asked = pictures.question(schemas.Seen, job.body)
            return inside.saliency(model, pictures.seen(model, asked))
        case "trace":
            place = pictures.question(schemas.Place, job.body)
            return inside.trace(model, pictures.seen(model, place), place)
        case _:
            return gallery.mistakes(model, path)


def _levels(image: "NDArray[np.float32]") -> list[list[int]]:
    """0 (paper) to 255 (ink), which a picture in MNIST's frame has anyway."""
    levels: list[list[int]] = (255 * image).round().astype(int).tolist()
    return levels
