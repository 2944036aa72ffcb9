"""The addresses of the service and what stands behind each."""

from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from minicnn.web.body import read_body
from minicnn.web.description import description
from minicnn.web.documentation import documentation
from minicnn.web.errors import error_response, failed, refused
from minicnn.web.guard import Guard
from minicnn.web.log import RequestLog, log
from minicnn.web.pool import LostError
from minicnn.web.settings import Settings
from minicnn.web.worker import Answer, Job

STATIC = Path(__file__).parent / "static"


class Asked(Protocol):
    """What the service asks: a `Pool`, or anything that answers like one."""

    @property
    def alive(self) -> int: ...

    async def ask(self, job: Job) -> Answer: ...


class Service:
    """The model behind the addresses, and how many requests wait for it now."""

    def __init__(self, pool: Asked, facts: dict[str, Any], settings: Settings):
        self.pool, self.facts, self.settings = pool, facts, settings
        self.waiting = 0

    async def predict(self, request: Request) -> Response:
        return await self._answer("predict", request)

    async def read(self, request: Request) -> Response:
        return await self._answer("read", request)

    async def model(self, _: Request) -> Response:
        return JSONResponse(self.facts)

    async def health(self, _: Request) -> Response:
        """503 if there is no process left that answers."""
        alive = self.pool.alive
        facts = {"status": "ok" if alive else "starting", "workers": alive, "waiting": self.waiting}
        return JSONResponse(facts, 200 if alive else 503)

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(description(self.settings))

    async def docs(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return Response(documentation(base, self.settings), media_type="text/html")

    async def page(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def _answer(self, what: str, request: Request) -> Response:
        if self.waiting >= self.settings.clients:
            message = f"{self.waiting} requests are waiting already; try again in a second"
            raise HTTPException(503, message, {"Retry-After": "1"})
        self.waiting += 1
        try:
            content_type, body = await read_body(request, self.settings)
            answer = await self.pool.ask(Job(what, content_type, body, self.settings.pixels))
        except LostError as error:
            log.error("a request was given up", extra={"reason": str(error)})
            raise HTTPException(500, f"the picture could not be read: {error}") from error
        except ClientDisconnect:
            return error_response(400, "the request was cut off")  # nobody is there to read it
        finally:
            self.waiting -= 1
        if answer.trace:
            log.error("a mistake in a worker", extra={"reason": answer.trace})
        if answer.status == 200:
            return JSONResponse(answer.value)
        raise HTTPException(answer.status, answer.value)


def build_app(pool: Asked, facts: dict[str, Any], settings: Settings) -> Starlette:
    """The service as an ASGI application.

    - `pool`: what answers; it is started, and stopped, by whoever calls.
    - `facts`: of the model, see `facts.model_facts`.
    """
    service = Service(pool, facts, settings)
    app = Starlette(
        routes=[
            Route("/", service.page),
            Route("/predict", service.predict, methods=["POST"]),
            Route("/read", service.read, methods=["POST"]),
            Route("/model", service.model),
            Route("/health", service.health),
            Route("/openapi.json", service.openapi),
            Route("/docs", service.docs),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(RequestLog), Middleware(Guard, settings=settings)],
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    app.router.redirect_slashes = False  # what is not there is 404, and nothing else
    return app
