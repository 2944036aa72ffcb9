"""``minicnn learn``: the student's commands, a file for each."""

from minicnn.cli.learn import check, export, hint, init, lessons, start

__all__ = ["check", "export", "hint", "init", "lessons", "start"]
