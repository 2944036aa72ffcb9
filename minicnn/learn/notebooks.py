"""Executes a lesson as a notebook, and looks at what came out."""

import base64
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.bridge.extras import required
from minicnn.errors import LessonError, one_line
from minicnn.learn.script import as_notebook

PATIENCE = 300
"""Seconds for a cell."""


@dataclass(frozen=True)
class Executed:
    """A notebook with what its cells gave."""

    notebook: Any

    @property
    def errors(self) -> list[str]:
        """In order, as ``ValueError: what it says``."""
        return [f"{o.ename}: {o.evalue}" for o in self._outputs if o.output_type == "error"]

    @property
    def figures(self) -> list[bytes]:
        """Its pictures as PNG."""
        data = [o.get("data", {}) for o in self._outputs]
        return [base64.b64decode(each["image/png"]) for each in data if "image/png" in each]

    @property
    def _outputs(self) -> list[Any]:
        return [output for cell in self.notebook.cells for output in cell.get("outputs", ())]


def execute(text: str) -> Executed:
    """Run a percent script as a notebook, to its end whatever fails on the way.

    Raises `MissingPackageError` without nbclient and ipykernel.
    """
    notebook = as_notebook(text)
    required("ipykernel", "lessons")  # runs the notebook's code
    nbclient = required("nbclient", "lessons")
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter's own parts among themselves
        client = nbclient.NotebookClient(
            notebook,
            timeout=PATIENCE,
            kernel_name="python3",
            allow_errors=True,
            extra_arguments=["--log-level=ERROR"],  # its connection is this machine's own
            resources={"metadata": {"path": place}},
        )
        # A backend that draws into files would leave the notebook without pictures.
        environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
        try:
            client.execute(env=environment)
        except (nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError) as error:
            raise LessonError(f"the notebook did not come to its end: {one_line(error)}") from error
    return Executed(notebook)


def is_empty(image: bytes) -> bool:
    """Is the picture of one colour, up to two thousandths of it?"""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("L"))
    return bool(np.bincount(pixels.ravel()).max() > 0.998 * pixels.size)
