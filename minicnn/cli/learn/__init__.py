"""``minicnn learn``: the student's commands."""

from minicnn.cli.learn import app, check, sabotage, show

__all__ = ["app", "check", "sabotage", "show"]
