"""``minicnn teach``: the teacher's commands, a file for each."""

from minicnn.cli.teach import grade, verify

__all__ = ["grade", "verify"]
