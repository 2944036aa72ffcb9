"""``minicnn learn``: the student's commands, a file for each."""

from minicnn.cli.learn import (
    check,
    diff,
    doctor,
    export,
    hint,
    init,
    lessons,
    reset,
    resume,
    sabotage,
    show,
    solution,
    start,
)

__all__ = [
    "check",
    "diff",
    "doctor",
    "export",
    "hint",
    "init",
    "lessons",
    "reset",
    "resume",
    "sabotage",
    "show",
    "solution",
    "start",
]
