"""``minicnn teach``: the teacher's commands, a file for each."""

from minicnn.cli.teach import verify

__all__ = ["verify"]
