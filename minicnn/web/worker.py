"""What runs in a process of its own: the model, and the pictures that it is asked about.

A decoder that crashes on a stranger's file takes this process along and nothing else. The module
imports nothing heavy: the process first says how many threads it wants, one, for the processes
share the cores among them.
"""

import logging
import os
import signal
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from minicnn.nn import Sequential


class Job(NamedTuple):
    """A question.

    - `what`: "predict" or "read".
    - `content_type`, `body`: as the client has sent them.
    - `most_pixels`: that the picture may have.
    """

    what: str
    content_type: str
    body: bytes
    most_pixels: int


class Answer(NamedTuple):
    """The status of the response; what the answer is, or a message if the status is an error.

    The traceback of a mistake of ours comes along in `trace`, for the log.
    """

    status: int
    value: Any
    trace: str = ""


def main(connection: Connection) -> None:
    """Receive the model, say that it is ready with None, then give an `Answer` to every `Job`.

    Ends when the service closes its end of the connection, or is no more. Signals that go to the
    whole group are left to the service, which lets its workers finish.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.disable()  # what libraries say of a stranger's picture; the answer says it too
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        model = connection.recv()
        warm_up(model)
        connection.send(None)
        while True:
            job = connection.recv()
            connection.send(answer(model, job))
    except (EOFError, OSError):
        return


def warm_up(model: "Sequential") -> None:
    """Compile, or load, what the first picture would have to wait for."""
    import numpy as np

    from minicnn.reader import strings
    from minicnn.reader.recognise import classify, frame_shape

    assert strings  # imported now
    classify(model, np.zeros((1, *frame_shape(model)), np.float32))


def answer(model: "Sequential", job: Job) -> Answer:
    """What the model says; 400 or 422 for what cannot be read, 500 for a mistake of ours."""
    from minicnn.errors import PictureError
    from minicnn.reader.recognise import predict
    from minicnn.reader.strings import read_digits
    from minicnn.web import answers, pictures

    try:
        picture = pictures.picture(job.content_type, job.body, job.most_pixels)
        if job.what == "read":
            return Answer(200, answers.of_reading(read_digits(model, picture)))
        return Answer(200, answers.of_prediction(predict(model, picture)))
    except pictures.MalformedError as error:
        return Answer(400, str(error))
    except PictureError as error:
        return Answer(422, f"the picture {error}")
    except Exception:
        return Answer(500, "the service has made a mistake", traceback.format_exc())
