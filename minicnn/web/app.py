"""The addresses of the service and what stands behind each."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, Query
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from minicnn import __version__
from minicnn.web import openapi, schemas
from minicnn.web.body import read_body
from minicnn.web.errors import HANDLERS, error_response
from minicnn.web.log import log
from minicnn.web.middleware import Guard, RequestLog
from minicnn.web.pool import WorkerLostError
from minicnn.web.settings import ServiceSettings
from minicnn.web.worker import Answer, Job

STATIC = Path(__file__).parent / "static"
TEMPLATES = Jinja2Templates(Path(__file__).parent)

QUESTIONS: dict[str, tuple[str, type[schemas.Question], type[BaseModel]]] = {
    "predict": ("What digit is it?", schemas.Numeric, schemas.PredictionAnswer),
    "read": ("What is the row of digits?", schemas.Numeric, schemas.ReadingAnswer),
    "layers": ("What do the layers make of it?", schemas.Seen, schemas.Layers),
    "saliency": ("What decides?", schemas.Seen, schemas.Saliency),
    "trace": ("Where is a number from?", schemas.Place, schemas.TraceAnswer),
}
"""What can be asked about a picture: in words, the body as JSON, and the answer."""


class Backend(Protocol):
    """What the service asks: a `Pool`, or anything that answers like one."""

    @property
    def alive(self) -> int: ...

    async def ask(self, job: Job) -> Answer: ...

    async def ask_aside(self, job: Job) -> Answer: ...


class Service:
    """How many requests wait for the models now, and what was found once for all."""

    def __init__(self, backend: Backend, settings: ServiceSettings):
        self.backend, self.settings = backend, settings
        self.waiting = 0
        self._mistakes: dict[int, Answer] = {}
        self._turn = asyncio.Lock()

    async def answer(self, request: Request, run: int) -> Response:
        """Answer what is asked at one of the addresses of `QUESTIONS`."""
        what = request.scope["path"].removeprefix("/")
        is_picture = QUESTIONS[what][1] is schemas.Numeric
        with self._place():
            try:
                content_type, body = await read_body(request, self.settings, is_picture)
            except ClientDisconnect:
                return error_response(400, "the request was cut off")  # nobody is there to read it
            job = Job(what, content_type, body, self.settings.pixels, run - 1)
            return _response(await self.backend.ask(job))

    async def mistakes(self, run: int) -> Response:
        """Answer with the mistakes of a model, found when they are first asked for."""
        with self._place():
            async with self._turn:
                found = self._mistakes.get(run)
                if found is None:
                    found = await self.backend.ask_aside(Job("mistakes", run=run - 1))
                    if found.status == 200:
                        self._mistakes[run] = found
            return _response(found)

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places of those who may wait; 503 if there is none, 500 if nobody answers."""
        if self.waiting >= self.settings.clients:
            message = f"{self.waiting} requests are waiting already; try again in a second"
            raise HTTPException(503, message, {"Retry-After": "1"})
        self.waiting += 1
        try:
            yield
        except WorkerLostError as error:
            log.error("a request was given up", extra={"reason": str(error)})
            raise HTTPException(500, f"the picture could not be read: {error}") from error
        finally:
            self.waiting -= 1


def _response(answer: Answer) -> Response:
    if answer.trace:
        log.error("a mistake in a worker", extra={"reason": answer.trace})
    if answer.status != 200:
        raise HTTPException(answer.status, answer.text)
    return Response(answer.text, media_type="application/json")


def bare_app(
    settings: ServiceSettings,
    page: Path,
    started: Callable[[], None],
    *more: Middleware,
    **about: Any,
) -> FastAPI:
    """Return an application of one page and its files, guarded, that answers errors in JSON.

    - `started`: called when it begins to answer; `about`: what FastAPI describes.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started()
        yield

    async def show(_: Request) -> Response:
        return FileResponse(page)

    app = FastAPI(
        docs_url=None,  # FastAPI's own page asks another host for its scripts
        redoc_url=None,
        redirect_slashes=False,  # what is not there is 404, and nothing else
        lifespan=lifespan,
        middleware=[*more, Middleware(Guard, settings=settings)],
        exception_handlers=HANDLERS,  # type: ignore[arg-type]
        **about,
    )
    app.add_route("/", show)
    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def build_app(
    backend: Backend,
    models: Sequence[schemas.ModelInfo],
    settings: ServiceSettings,
    started: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the service as an ASGI application.

    - `backend`: what answers; it is started, and stopped, by whoever calls.
    - `models`: what is said of each.
    - `started`: called when it begins to answer.
    """
    service = Service(backend, settings)
    app = bare_app(
        settings,
        STATIC / "index.html",
        started,
        Middleware(RequestLog),
        title="minicnn",
        version=__version__,
        description="Reads handwritten digits.",
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": "/"}],
    )
    which = Query(1, ge=1, le=len(models), description="Of the models, in the order of /models.")

    async def ask(request: Request, run: int = which) -> Response:
        return await service.answer(request, run)

    for name, (summary, asked, answer) in QUESTIONS.items():
        app.add_api_route(
            f"/{name}",
            ask,
            methods=["POST"],
            summary=summary,
            operation_id=name,
            response_model=answer,
            responses=openapi.errors(settings),
            openapi_extra=openapi.body_of(asked),
        )

    @app.get(
        "/mistakes",
        summary="What was the model wrong about?",
        response_model=schemas.Mistakes,
        responses=openapi.errors(settings, 400, 422, 500, 503),
    )
    async def mistakes(run: int = which) -> Response:
        return await service.mistakes(run)

    @app.get("/model", summary="What is it?", responses=openapi.errors(settings, 400, 422))
    async def model(run: int = which) -> schemas.ModelInfo:
        return models[run - 1]

    @app.get("/models", summary="What is served?", responses=openapi.errors(settings, 400))
    async def all_models() -> schemas.Models:
        return schemas.Models(models=[*models])

    @app.get(
        "/health",
        summary="Is the service up?",
        response_model=schemas.Health,
        responses={503: {"model": schemas.Health, "description": "No process is up."}},
    )
    async def health() -> Response:
        alive = backend.alive
        status = "ok" if alive else "starting"
        said = {"status": status, "workers": alive, "waiting": service.waiting}
        return JSONResponse(said, 200 if alive else 503)

    async def docs(request: Request) -> Response:
        about = {"base": str(request.base_url).rstrip("/"), "api": app.openapi()}
        return TEMPLATES.TemplateResponse(request, "docs.html", about)

    app.add_route("/docs", docs)
    return app
