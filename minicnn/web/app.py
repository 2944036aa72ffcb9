"""The addresses of the service and what stands behind each."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
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

    async def ask_aside(self, job: Job) -> Answer: ...


class Service:
    """The models behind the addresses, and how many requests wait for them now."""

    def __init__(self, pool: Asked, facts: Sequence[dict[str, Any]], settings: Settings):
        self.pool, self.facts, self.settings = pool, facts, settings
        self.waiting = 0
        self.galleries = Galleries(pool, [each["path"] for each in facts])

    async def predict(self, request: Request) -> Response:
        return await self._answer("predict", request)

    async def read(self, request: Request) -> Response:
        return await self._answer("read", request)

    async def layers(self, request: Request) -> Response:
        return await self._answer("layers", request, is_picture=False)

    async def saliency(self, request: Request) -> Response:
        return await self._answer("saliency", request, is_picture=False)

    async def trace(self, request: Request) -> Response:
        return await self._answer("trace", request, is_picture=False)

    async def mistakes(self, request: Request) -> Response:
        run = self._run(request)
        with self._place():
            return _response(await self.galleries.of(run))

    async def model(self, request: Request) -> Response:
        return JSONResponse(_told(self.facts[self._run(request)]))

    async def models(self, _: Request) -> Response:
        return JSONResponse({"models": [_told(each) for each in self.facts]})

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

    def _run(self, request: Request) -> int:
        """The place of the model that is asked; the query counts them from 1."""
        asked = request.query_params.get("run", "1")
        count = len(self.facts)
        if asked not in map(str, range(1, count + 1)):
            runs = "1" if count == 1 else f"1 to {count}"
            raise HTTPException(422, f"run must be {runs}, got {asked[:100]!r}")
        return int(asked) - 1

    async def _answer(self, what: str, request: Request, is_picture: bool = True) -> Response:
        run = self._run(request)
        with self._place():
            try:
                content_type, body = await read_body(request, self.settings, is_picture)
                job = Job(what, content_type, body, self.settings.pixels, run)
                return _response(await self.pool.ask(job))
            except ClientDisconnect:
                return error_response(400, "the request was cut off")  # nobody is there to read it

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places of those who may wait; 503 if there is none, 500 if nobody answers."""
        if self.waiting >= self.settings.clients:
            message = f"{self.waiting} requests are waiting already; try again in a second"
            raise HTTPException(503, message, {"Retry-After": "1"})
        self.waiting += 1
        try:
            yield
        except LostError as error:
            log.error("a request was given up", extra={"reason": str(error)})
            raise HTTPException(500, f"the picture could not be read: {error}") from error
        finally:
            self.waiting -= 1


class Galleries:
    """The mistakes of each model on its test set, found once, when they are first asked for."""

    def __init__(self, pool: Asked, paths: Sequence[str]):
        self._pool, self._paths = pool, paths
        self._found: dict[int, Answer] = {}
        self._turn = asyncio.Lock()

    async def of(self, run: int) -> Answer:
        async with self._turn:
            if run not in self._found:
                job = Job("mistakes", "", self._paths[run].encode(), 0, run)
                answer = await self._pool.ask_aside(job)
                if answer.status != 200:
                    return answer
                self._found[run] = answer
            return self._found[run]


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    """What a client is told of a model: where it lies on the disk is nobody's business."""
    return {name: value for name, value in facts.items() if name != "path"}


def _response(answer: Answer) -> Response:
    if answer.trace:
        log.error("a mistake in a worker", extra={"reason": answer.trace})
    if answer.status == 200:
        return JSONResponse(answer.value)
    raise HTTPException(answer.status, answer.value)


def build_app(pool: Asked, facts: Sequence[dict[str, Any]], settings: Settings) -> Starlette:
    """The service as an ASGI application.

    - `pool`: what answers; it is started, and stopped, by whoever calls.
    - `facts`: of each model, see `facts.model_facts`.
    """
    service = Service(pool, facts, settings)
    app = Starlette(
        routes=[
            Route("/", service.page),
            Route("/predict", service.predict, methods=["POST"]),
            Route("/read", service.read, methods=["POST"]),
            Route("/layers", service.layers, methods=["POST"]),
            Route("/saliency", service.saliency, methods=["POST"]),
            Route("/trace", service.trace, methods=["POST"]),
            Route("/mistakes", service.mistakes),
            Route("/model", service.model),
            Route("/models", service.models),
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
