"""Serves the page from a thread, as long as the training goes on."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from minicnn.errors import MinicnnError, ServiceError, one_line
from minicnn.web.listener import Listener, address, listen, server
from minicnn.web.live.app import LivePage, build_app
from minicnn.web.live.view import LiveView
from minicnn.web.settings import ServiceSettings

PORT = 8001
"""Not that of ``minicnn serve``, so that both may run."""

START = 30
"""Seconds until the server must be up."""

FAREWELL = 2.5
"""Seconds in which a page that is open asks for the last state: it asks every two."""


@contextlib.contextmanager
def watch(
    title: str = "training", port: int = PORT, ready: Callable[[str], None] = print
) -> Iterator[LiveView]:
    """Show a training in the browser, on this machine alone; gives the callback for it.

    - `title`: what is trained, as the page calls it.
    - `port`: where; 0 takes a free one.
    - `ready`: called with the address once the page can be opened.

    The address is there until the end of the block, which comes a moment later if a page is open,
    so that it can show how the training ended. Raises `ServiceError` if the port is taken.

        with watch() as view:
            mc.fit(model, train, callbacks=[view])
    """
    settings = ServiceSettings(port=port, seconds=1)
    with contextlib.closing(listen(settings, "--port, 0 for any that is free")) as listener:
        view = LiveView(title)
        page = LivePage(view)
        with _served(page, settings, listener, ready):
            try:
                yield view
            except BaseException as error:
                _tell_failure(view, error)
                raise
            else:
                if view.note["state"] != "interrupted":
                    view.end("ended")
            finally:
                if time.monotonic() - page.asked < 2 * FAREWELL:
                    time.sleep(FAREWELL)


def _tell_failure(view: LiveView, error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        view.end("interrupted")
    else:
        reason = one_line(error) if isinstance(error, MinicnnError) else type(error).__name__
        view.end("failed", reason=reason)


@contextlib.contextmanager
def _served(
    page: LivePage, settings: ServiceSettings, listener: Listener, ready: Callable[[str], None]
) -> Iterator[None]:
    """Serve in a thread of its own; it is up when the block begins, and gone at its end."""
    logger = logging.getLogger("uvicorn.error")  # a terminal in which training has its bar
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    up = threading.Event()
    serving = server(build_app(page, settings, up.set), settings, listener)

    def serve() -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(serving.serve([listener]))

    thread = threading.Thread(target=serve, name="minicnn-live", daemon=True)
    thread.start()
    if not up.wait(START):
        raise ServiceError(f"the page for the training is not up after {START} seconds")
    ready(address(settings.host, listener.getsockname()[1]))
    try:
        yield
    finally:
        serving.should_exit = True
        thread.join(settings.seconds + 5)
