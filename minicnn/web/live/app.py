"""The addresses of the page that shows a training."""

import json
import time
from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from minicnn.web.app import STATIC, bare_app
from minicnn.web.live.view import LiveView
from minicnn.web.settings import ServiceSettings


class LivePage:
    """What the page asks for; `asked` is the moment when one did so last."""

    def __init__(self, view: LiveView):
        self.view, self.asked = view, float("-inf")
        self._tag, self._body = "", b""

    async def training(self, request: Request) -> Response:
        """Return the newest note; 204 if its tag is the one that the page has already (`after`)."""
        self.asked = time.monotonic()
        note = self.view.note
        if request.query_params.get("after") == note["tag"]:
            return Response(status_code=204)
        if self._tag != note["tag"]:  # once for all pages
            self._tag, self._body = note["tag"], json.dumps(note, allow_nan=False).encode()
        return Response(self._body, media_type="application/json")


def build_app(page: LivePage, settings: ServiceSettings, started: Callable[[], None]) -> FastAPI:
    """Return the page as an ASGI application; `started` is called when it begins to answer."""
    app = bare_app(settings, STATIC / "live" / "index.html", started, openapi_url=None)
    app.add_route("/training", page.training)
    return app
