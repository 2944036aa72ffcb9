"""The errors that minicnn raises for what a user can mend.

Each says what it got and what it needs. The command line prints the message alone and exits with
code 2; from Python they are ordinary exceptions, and `ShapeError` is also a `ValueError`, as NumPy
users expect.
"""

import difflib
from collections.abc import Iterable


class MinicnnError(Exception):
    """Base of every error that the user of minicnn can mend."""


class ShapeError(MinicnnError, ValueError):
    """An array has a shape, dtype or content that the operation cannot take."""


class SettingError(MinicnnError, ValueError):
    """A setting is out of its range, or does not fit the others."""


class DataError(MinicnnError, ValueError):
    """A data set is missing, damaged, or does not fit together."""


class PictureError(MinicnnError, ValueError):
    """A picture cannot be read, or there is no writing on it."""


class GradientError(MinicnnError, RuntimeError):
    """The tape cannot give the gradient that was asked for, or a gradient check failed."""


class GradientShapeError(GradientError, ShapeError):
    """A rule gives a gradient of another shape than that of its input."""


class OpError(MinicnnError, TypeError):
    """What should be an op does not give ``(value, rule, ...)``, or a rule of it no array."""


class FileError(MinicnnError, ValueError):
    """A file or a run folder is missing, damaged, in the way, or of another model."""


class TrainingError(MinicnnError, RuntimeError):
    """Training cannot go on, for example because the loss is no longer a number."""


class WriteError(MinicnnError, OSError):
    """A file cannot be written: the disk is full, the folder is missing or not ours."""


class ExportError(MinicnnError, RuntimeError):
    """An exported file does not predict as the model that it was made from."""


class MissingPackageError(MinicnnError, ImportError):
    """A package is needed that is not installed; the message says which command installs it."""


class ServiceError(MinicnnError, RuntimeError):
    """The web service cannot be started."""


class LessonError(MinicnnError, ValueError):
    """A lesson, or what a student has written for it, is missing or cannot be read."""


class Notice(UserWarning):
    """Something that the user should know and need not mend; the command line prints it once.

    Give one with ``warnings.warn(text, Notice, stacklevel=2)``.
    """


class UnknownNameError(MinicnnError, LookupError):
    """A name that minicnn does not know; the message gives the nearest one that it knows.

    >>> raise UnknownNameError("model", "cnn_clasic", ["mlp", "cnn_classic"])
    Traceback (most recent call last):
    minicnn.errors.UnknownNameError: unknown model 'cnn_clasic'; did you mean 'cnn_classic'? \
Known: mlp, cnn_classic
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        known = list(known)
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        super().__init__(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}")


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or its kind if there is no message.

    >>> one_line(ValueError("first\\n  second")), one_line(KeyError())
    ('first second', 'KeyError')
    """
    return " ".join(f"{error}".split()) or type(error).__name__


def printable(text: str) -> str:
    """Replace each character that cannot be printed by a question mark.

    >>> printable("a\\nb")
    'a?b'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
