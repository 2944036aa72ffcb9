"""HTTP/1.1 as uvicorn speaks it, with a limit to how long a client may take to say something."""

import asyncio
from typing import Any

import h11
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from minicnn.web.errors import error_body


class PatientProtocol(H11Protocol):
    """Closes a connection on which no request is complete after `patience` seconds.

    uvicorn itself would wait forever for the end of a request's head. What is no HTTP is answered
    in JSON, like every other error.
    """

    def __init__(self, *args: Any, patience: float, **settings: Any):
        super().__init__(*args, **settings)
        self._patience = patience
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the clock when a request begins, and stop it when its head is complete.

        From then on the application waits for the body; the clock runs again if it has answered
        and the body still comes.
        """
        state = self.conn.their_state
        waits = state is h11.IDLE or (state is h11.SEND_BODY and self.cycle.response_complete)
        if not waits:
            self._unwatch()
        elif self._closing is None:
            self._closing = self.loop.call_later(self._patience, self.transport.abort)

    def _unwatch(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def send_400_response(self, msg: str) -> None:
        response = JSONResponse(error_body(400, msg), 400, {"Connection": "close"})
        head = h11.Response(status_code=400, headers=response.raw_headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
