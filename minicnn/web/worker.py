"""What runs in a process of its own: the models, and the pictures that they are asked about.

A decoder that crashes on a stranger's file takes this process along and nothing else. The module
imports nothing heavy: the process first says how many threads it wants, one, for the processes
share the cores among them.
"""

import logging
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from minicnn.nn import Sequential


class Job(NamedTuple):
    """A question.

    - `what`: one of `WHAT`.
    - `content_type`, `body`: as the client has sent them; of "mistakes" the path of the run.
    - `most_pixels`: that the picture may have.
    - `run`: which of the models is asked.
    """

    what: str
    content_type: str
    body: bytes
    most_pixels: int
    run: int = 0


class Answer(NamedTuple):
    """The status of the response; what the answer is, or a message if the status is an error.

    The traceback of a mistake of ours comes along in `trace`, for the log.
    """

    status: int
    value: Any
    trace: str = ""


def main(connection: Connection) -> None:
    """Receive the models, say that it is ready with None, then give an `Answer` to every `Job`.

    Ends when the service closes its end of the connection, or is no more. Signals that go to the
    whole group are left to the service, which lets its workers finish.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.disable()  # what libraries say of a stranger's picture; the answer says it too
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        models = connection.recv()
        for model in models:
            warm_up(model)
        connection.send(None)
        while True:
            job = connection.recv()
            connection.send(answer(models, job))
    except (EOFError, OSError):
        return


def warm_up(model: "Sequential") -> None:
    """Compile, or load, what the first picture would have to wait for."""
    import numpy as np

    from minicnn.reader import strings
    from minicnn.reader.recognise import classify, frame_shape

    assert strings  # imported now
    classify(model, np.zeros((1, *frame_shape(model)), np.float32))


def answer(models: Sequence["Sequential"], job: Job) -> Answer:
    """What the model says; 400 or 422 for what cannot be read, 500 for a mistake of ours."""
    from minicnn.errors import PictureError, ShapeError, UnknownNameError
    from minicnn.web.pictures import MalformedError

    try:
        return Answer(200, WHAT[job.what](models[job.run], job))
    except MalformedError as error:
        return Answer(400, str(error))
    except PictureError as error:
        return Answer(422, f"the picture {error}")
    except (ShapeError, UnknownNameError) as error:  # no such layer, or no such place in it
        return Answer(422, str(error))
    except Exception:
        return Answer(500, "the service has made a mistake", traceback.format_exc())


def _predict(model: "Sequential", job: Job) -> Any:
    from minicnn.reader.recognise import predict
    from minicnn.web import answers, pictures

    picture = pictures.picture(job.content_type, job.body, job.most_pixels)
    return answers.of_prediction(predict(model, picture))


def _read(model: "Sequential", job: Job) -> Any:
    from minicnn.reader.strings import read_digits
    from minicnn.web import answers, pictures

    picture = pictures.picture(job.content_type, job.body, job.most_pixels)
    return answers.of_reading(read_digits(model, picture))


def _layers(model: "Sequential", job: Job) -> Any:
    from minicnn.web import inside, questions

    return inside.layers(model, questions.seen(model, job.body))


def _saliency(model: "Sequential", job: Job) -> Any:
    from minicnn.web import inside, questions

    return inside.saliency(model, questions.seen(model, job.body))


def _trace(model: "Sequential", job: Job) -> Any:
    from minicnn.web import inside, questions

    return inside.trace(model, questions.seen(model, job.body), *questions.number(job.body))


def _mistakes(model: "Sequential", job: Job) -> Any:
    from minicnn.web.gallery import mistakes

    return mistakes(model, job.body.decode())


WHAT: dict[str, Callable[["Sequential", Job], Any]] = {
    "predict": _predict,
    "read": _read,
    "layers": _layers,
    "saliency": _saliency,
    "trace": _trace,
    "mistakes": _mistakes,
}
"""What can be asked, and what answers it with plain data for JSON."""
