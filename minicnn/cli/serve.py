"""``minicnn serve``."""

from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import app


@app.command()
def serve(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The folders of runs, or models' files: .npz, .keras or .h5; if not given, the "
            "trained model that comes with minicnn."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 lets the whole network in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name by which the service is asked for; may be repeated."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; one for each core if not given.")
    ] = None,
    log: Annotated[str, typer.Option(help="json or plain.")] = "json",
    browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the web browser.")
    ] = False,
) -> None:
    """Serve a model, or two side by side: a page to draw on, and REST for programs (see /docs)."""
    from minicnn.bridge.extras import required

    for package in ("fastapi", "uvicorn", "python_multipart"):
        required(package, "web")
    from minicnn.experiments.opening import SHIPPED
    from minicnn.web.server import serve as serve_model
    from minicnn.web.settings import ServiceSettings, default_workers

    run = run or [SHIPPED]
    names = f"{' and '.join(map(str, run))} {'is' if len(run) == 1 else 'are'}"

    def ready(address: str) -> None:
        print(f"{names} served at {address}  (Ctrl-C stops)", flush=True)
        if browser:
            typer.launch(address)

    settings = ServiceSettings(
        host=host,
        port=port,
        names=tuple(name or ()),
        workers=workers or default_workers(),
        log=log,
    )
    serve_model(*run, settings=settings, ready=ready)
