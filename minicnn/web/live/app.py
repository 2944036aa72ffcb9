"""The addresses of the page that shows a training."""

import json
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from minicnn.web.app import STATIC
from minicnn.web.errors import failed, refused
from minicnn.web.guard import Guard
from minicnn.web.live.view import LiveView
from minicnn.web.settings import Settings


class LivePage:
    """The page and what it asks for; `asked` is the moment when one did so last."""

    def __init__(self, view: LiveView):
        self.view, self.asked = view, float("-inf")
        self._tag, self._body = "", b""

    async def page(self, _: Request) -> Response:
        return FileResponse(STATIC / "live" / "index.html")

    async def training(self, request: Request) -> Response:
        """The newest note; 204 if its tag is the one that the page has already (`after`)."""
        self.asked = time.monotonic()
        note = self.view.note
        if request.query_params.get("after") == note["tag"]:
            return Response(status_code=204)
        if self._tag != note["tag"]:  # once for all pages
            self._tag, self._body = note["tag"], json.dumps(note, allow_nan=False).encode()
        return Response(self._body, media_type="application/json")


def build_app(page: LivePage, settings: Settings) -> Starlette:
    """The page as an ASGI application."""
    app = Starlette(
        routes=[
            Route("/", page.page),
            Route("/training", page.training),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    app.router.redirect_slashes = False  # what is not there is 404, and nothing else
    return app
