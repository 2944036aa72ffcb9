"""``minicnn learn doctor``."""

import json
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from minicnn.cli.app import JsonOption
from minicnn.cli.app import show as show_table
from minicnn.cli.learn.app import learn

_STYLES = {"fine": "green", "doubt": "yellow", "problem": "bold red"}


@learn.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look whether everything is there that the lessons need, and say what to do.

    The exit code is 1 if there is a problem.
    """
    from minicnn.learn.environment import examine

    found = examine()
    if as_json:
        print(json.dumps({"healthy": found.healthy, **asdict(found)}, indent=2))
    else:
        table = Table(box=None, show_header=False)
        for finding in found.findings:
            state = Text(finding.state, _STYLES[finding.state])
            table.add_row(state, finding.about, finding.says)
        show_table(table)
    if not found.healthy:
        raise SystemExit(1)
