"""Clients that lie, forge, crowd or hang up, over real sockets: each is answered or let go."""

import asyncio
import contextlib
import os
import signal
import time

import httpx
import pytest

from .conftest import started
from .test_app import BODIES, PNG, check, refusal
from .test_service import LINUX, children, connection, head, response_of


def raw(service, request: bytes) -> tuple[int, dict]:
    """Status and JSON of the answer to these bytes, as they are."""
    with connection(service) as opened:
        opened.sendall(request)
        return response_of(opened)


def get(target: str, host: str = "localhost", *headers: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def is_well(service, digit: bytes) -> None:
    """A digit is read, and nothing is left over."""
    answer = service.post("predict", content=digit, headers=PNG)
    assert (answer.status_code, answer.json()["label"]) == (200, "7")
    for _ in range(100):
        health = service.get("health").json()
        if health["waiting"] == 0:
            break
        time.sleep(0.1)
    assert health == {"status": "ok", "workers": 1, "waiting": 0}


@pytest.mark.parametrize(
    "target",
    [
        "/static/../app.py",  # a client of the better sort would not even send it
        "/static/../../errors.py",
        "/static/draw/../../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2ferrors.py",
        "/static/..\\app.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "//etc/passwd",
        "/../../etc/passwd",
        "/static/style.css%00.js",
        "/static/live/../../live/watch.py",
    ],
)
def test_no_path_leads_out_of_the_pages(service, target):
    status, answer = raw(service, get(target))
    assert (status, answer["error"]["status"]) == (404, 404)


@pytest.mark.parametrize(
    "request_",
    [
        get("/model", "example.com"),
        get("/model", "localhost:8000@example.com"),
        get("/model", "localhost.example.com"),
        get("/model", "127.0.0.1, example.com"),
        get("http://localhost/model", "example.com"),
        get("/model", "example.com", "X-Forwarded-Host: localhost"),
        get("/static/style.css", "example.com"),
    ],
)
def test_a_forged_host_is_refused(service, request_):
    status, answer = raw(service, request_)
    assert status == 400
    assert "does not go by the host" in answer["error"]["message"]


def test_what_a_proxy_would_say_is_not_believed(service):
    headers = {"X-Forwarded-Host": "example.com", "X-Forwarded-Proto": "https", "Forwarded": "a=b"}
    page = service.get("docs", headers=headers).text
    assert "example.com" not in page
    assert service.url.rstrip("/") in page


@pytest.mark.parametrize(
    "head_",
    [
        b"Content-Length: -5\r\n",
        b"Content-Length: five\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"Header\x00: a\r\nContent-Length: 0\r\n",
    ],
)
def test_a_body_of_an_impossible_length_is_refused(service, head_):
    start = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    status, answer = raw(service, start + head_ + b"\r\n\r\n")
    assert status in (400, 413, 501)
    assert answer["error"]["status"] == status


def test_too_large_a_body_is_refused_before_it_is_sent(service, digits):
    status, answer = raw(service, head(service, 10**9))
    assert (status, answer["error"]["status"]) == (413, 413)
    is_well(service, digits[0])


def test_who_asks_first_is_told_to_go_on(service, digits):
    """As curl does with a large body."""
    start = head(service, len(digits[0])).removesuffix(b"\r\n") + b"Expect: 100-continue\r\n\r\n"
    with connection(service) as opened:
        opened.sendall(start)
        assert opened.recv(100).startswith(b"HTTP/1.1 100 ")
        opened.sendall(digits[0])
        assert response_of(opened)[1]["label"] == "7"


def test_who_never_reads_and_who_never_ends_keep_nobody_waiting(service, digits):
    with contextlib.ExitStack() as stack:
        for number in range(150):
            opened = stack.enter_context(connection(service))
            opened.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                opened.sendall((get("/static/style.css"), head(service, 1000))[number % 2] * 30)
        began = time.perf_counter()
        answer = service.post("predict", content=digits[0], headers=PNG)
        assert (answer.status_code, answer.json()["label"]) == (200, "7")
        assert time.perf_counter() - began < 10
    is_well(service, digits[0])


@pytest.mark.slow
def test_64_clients_with_good_and_bad_bodies_get_each_their_own_answer(service, digits):
    names = [*BODIES]

    async def ask(client: int) -> None:
        async with httpx.AsyncClient(base_url=service.url, timeout=120) as asking:
            for turn in range(2):
                if (client + turn) % 2:
                    body, headers, status, _ = BODIES[names[client % len(names)]]
                else:
                    body, headers, status = digits[client % len(digits)], PNG, 200
                response = await asking.post("predict", content=body, headers=headers)
                check(response, "/predict")
                assert response.status_code == status
                if status != 200:
                    refusal(response)

    async def ask_all() -> None:
        await asyncio.gather(*map(ask, range(64)))

    asyncio.run(ask_all())
    is_well(service, digits[0])


@LINUX
def test_a_worker_killed_in_the_middle_of_a_request_costs_nobody_the_answer(run, digits):
    with started(run) as service:
        (worker,) = children(service)
        os.kill(worker, signal.SIGSTOP)  # it has the picture, and does not answer yet
        with connection(service) as opened:
            opened.sendall(head(service, len(digits[0])) + digits[0])
            for _ in range(100):
                if service.get("health").json()["waiting"]:
                    break
                time.sleep(0.05)
            time.sleep(0.3)
            os.kill(worker, signal.SIGKILL)
            status, answer = response_of(opened)
        assert (status, answer["label"]) == (200, "7")
        is_well(service, digits[0])
        assert "a worker was lost and is replaced" in [line["event"] for line in service.log()]
