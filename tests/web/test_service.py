"""The service in a process of its own: load, bad clients, workers that die, and the end."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import minicnn as mc
from minicnn.web.pool import Pool, WorkerLostError
from minicnn.web.worker import Job, Served

from .conftest import started
from .test_app import BODIES, PNG, check, refusal

LINUX = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")


def address(service) -> tuple[str, int]:
    url = httpx.URL(service.url)
    return url.host, url.port


def connection(service) -> socket.socket:
    return socket.create_connection(address(service), timeout=20)


def head(service, length: int, where: str = "/predict") -> bytes:
    return (
        f"POST {where} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def trickle(opened: socket.socket, data: bytes) -> None:
    for letter in data:
        opened.sendall(bytes([letter]))
        time.sleep(0.02)


def response_of(opened: socket.socket) -> tuple[int, dict]:
    """The status and the JSON; of what is no HTTP the text that uvicorn answers with, as ours."""
    with contextlib.closing(http.client.HTTPResponse(opened)) as response:
        response.begin()
        body = response.read()
        if response.headers["content-type"].startswith("text/plain"):
            assert response.headers["connection"] == "close"
            return response.status, {"error": {"status": response.status, "message": body.decode()}}
        return response.status, json.loads(body)


def children(service) -> list[int]:
    """The processes that run the model."""
    threads = Path(f"/proc/{service.process.pid}/task").glob("*/children")
    found = [int(each) for file in threads for each in file.read_text().split()]
    return [each for each in found if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text()]


def memory(service) -> float:
    """Resident megabytes of the service and its workers."""
    total = 0
    for pid in (service.process.pid, *children(service)):
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(status.partition("VmRSS:")[2].split()[0])
    return total / 1024


async def ask_from(service, clients: int, each: int, digits) -> list[tuple[int, httpx.Response]]:
    """The number of the digit and the response, for `clients` that ask `each` times in turn."""

    async def ask(client: int) -> list[tuple[int, httpx.Response]]:
        async with httpx.AsyncClient(base_url=service.url, timeout=120) as asking:
            found = []
            for turn in range(each):
                number = (client + turn) % len(digits)
                request = asking.post("predict", content=digits[number], headers=PNG)
                found.append((number, await request))
            return found

    return [pair for found in await asyncio.gather(*map(ask, range(clients))) for pair in found]


@pytest.mark.slow
def test_64_clients_at_once_are_all_answered_right(service, model, digits):
    expected = [mc.predict(model, digit) for digit in digits]
    answers = asyncio.run(ask_from(service, 64, 2, digits))
    assert len(answers) == 128
    for number, response in answers:
        assert response.status_code == 200
        answer = response.json()
        assert answer["label"] == expected[number].label
        assert answer["probability"] == pytest.approx(expected[number].probability, abs=1e-5)


@pytest.mark.slow
def test_beyond_the_limit_the_answer_is_503_and_the_rest_are_answered(run, digits):
    with started(run, clients=4) as service:
        answers = asyncio.run(ask_from(service, 32, 3, digits))
        statuses = [response.status_code for _, response in answers]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 4
        refused = next(response for _, response in answers if response.status_code == 503)
        assert refusal(refused)[1] == "4 requests are waiting already; try again in a second"
        assert refused.headers["retry-after"] == "1"
        assert service.get("health").json() == {"status": "ok", "workers": 1, "waiting": 0}


@LINUX
@pytest.mark.slow
def test_memory_after_10_000_requests_is_that_after_1000(run, digits):
    with started(run, workers=2) as service:
        asyncio.run(ask_from(service, 4, 250, digits))
        before = memory(service)
        asyncio.run(ask_from(service, 4, 2250, digits))
        assert memory(service) < before + 10


@pytest.mark.slow
@LINUX
def test_memory_stays_level_under_bad_input(service):
    def send_all() -> None:
        for body, headers, status, _ in BODIES.values():
            response = service.post("predict", content=body, headers=headers)
            check(response, "/predict")
            assert response.status_code == status

    for _ in range(2):
        send_all()
    before = memory(service)
    for _ in range(3):
        send_all()
    assert memory(service) < before + 15
    assert service.get("health").json()["waiting"] == 0


def test_what_is_no_http_is_refused(service):
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 99):
        with connection(service) as opened:
            opened.sendall(noise + b"\r\n\r\n")
            status, answer = response_of(opened)
        assert (status, answer["error"]["status"]) == (400, 400)
    with connection(service) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 200_000)
        assert opened.recv(12) == b"HTTP/1.1 400"  # the rest may be lost with what was not read


def test_a_request_without_a_host_or_with_two_is_refused(service):
    for hosts in (b"", b"Host: localhost\r\nHost: example.com\r\n"):
        with connection(service) as opened:
            opened.sendall(b"GET /model HTTP/1.1\r\n" + hosts + b"\r\n")
            assert response_of(opened)[0] == 400


def test_a_body_without_a_length_is_limited_too(service):
    def chunks():
        for _ in range(40):
            yield bytes(2**16)

    try:
        response = service.post("predict", content=chunks(), headers=PNG)
    except httpx.WriteError:  # refused before all of it was sent
        return
    assert refusal(response)[0] == 413


@pytest.mark.slow
def test_slow_clients_are_not_waited_for(run, digits):
    with started(run, patience=0.5) as service:
        began = time.perf_counter()
        with connection(service) as opened:
            opened.sendall(head(service, 1000) + b"half")
            status, answer = response_of(opened)
            assert (status, answer["error"]["status"]) == (408, 408)
            assert "not complete after 0.5 seconds" in answer["error"]["message"]
            assert opened.recv(1) == b""
        with connection(service) as opened, pytest.raises(ConnectionError):
            trickle(opened, head(service, 1000) * 9)  # a head that never ends
        with connection(service) as opened:  # nothing at all
            assert opened.recv(1) == b""
        assert time.perf_counter() - began < 15
        assert service.post("predict", content=digits[0], headers=PNG).status_code == 200


def test_clients_that_leave_do_no_harm(service, digits):
    for sent in (b"", b"POST", head(service, 1000), head(service, 1000) + b"half"):
        connection(service).close()
        with connection(service) as opened:
            opened.sendall(sent)
    for _ in range(20):  # and do not wait for the answer
        with connection(service) as opened:
            opened.sendall(head(service, len(digits[0])) + digits[0])
    assert service.post("predict", content=digits[0], headers=PNG).json()["label"] == "7"
    for _ in range(50):
        if service.get("health").json()["waiting"] == 0:
            break
        time.sleep(0.1)
    assert service.get("health").json() == {"status": "ok", "workers": 1, "waiting": 0}


@LINUX
def test_a_worker_that_dies_is_replaced_and_nobody_notices(run, digits):
    with started(run) as service:
        (old,) = children(service)
        os.kill(old, signal.SIGKILL)
        assert service.post("predict", content=digits[0], headers=PNG).json()["label"] == "7"
        (new,) = children(service)
        assert new != old
        log = service.log()
        events = [line["event"] for line in log]
    # The process may be known to be gone before it is asked, and then nothing was lost.
    assert events[-1] == "request" or "a worker was lost and is replaced" in events


POISON = """
import os, time
from minicnn import nn

class Poison(nn.Sequential):
    deadly = False

    def predict(self, x):
        if x.sum() > 0 and self.deadly:
            if self.once is None or not os.path.exists(self.once):
                if self.once:
                    open(self.once, "w").close()
                if self.sleeps:
                    time.sleep(60)
                os._exit(3)
        return super().predict(x)
"""


@pytest.fixture
def poison(tmp_path, monkeypatch):
    """A model that ends its process at the first picture, or at each, or falls asleep."""
    (tmp_path / "poison.py").write_text(POISON)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "poison", raising=False)
    import poison

    model = poison.Poison(mc.nn.Flatten(), mc.nn.Dense(10), input_shape=(28, 28, 1))
    model.deadly, model.once, model.sleeps = True, None, False
    yield model
    sys.modules.pop("poison")


def asked(model, body: bytes, seconds: float = 30):
    """The answer of a pool of one worker, that is then stopped; and how many were alive."""
    pool = Pool([Served("poison", model)], 1, seconds)

    async def ask():
        await pool.start()
        return await pool.ask(Job("predict", "image/png", body, 2**24))

    try:
        return asyncio.run(ask())
    finally:
        pool.stop()
        assert pool.alive == 0


@pytest.mark.slow
def test_a_worker_that_dies_over_a_picture_is_asked_once_more(poison, digits, tmp_path):
    poison.once = str(tmp_path / "happened")
    answer = asked(poison, digits[0])
    assert Path(poison.once).exists()
    assert answer.status == 200


def test_a_picture_that_kills_twice_is_given_up(poison, digits):
    with pytest.raises(WorkerLostError, match="exit code 3"):
        asked(poison, digits[0])


@pytest.mark.slow
def test_a_picture_that_takes_too_long_is_given_up(poison, digits):
    poison.sleeps = True
    began = time.perf_counter()
    with pytest.raises(WorkerLostError, match=r"no answer within 0\.3 seconds"):
        asked(poison, digits[0], seconds=0.3)
    assert time.perf_counter() - began < 30


@pytest.mark.slow
@LINUX
@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_end_waits_for_what_has_begun(run, digits, how):
    with started(run, workers=2) as service:
        workers = children(service)
        assert len(workers) == 2
        with connection(service) as opened:
            opened.sendall(head(service, len(digits[0])) + digits[0][:50])
            time.sleep(0.3)
            for pid in (service.process.pid, *workers):  # the terminal tells the whole group
                os.kill(pid, how)
            time.sleep(0.3)
            with pytest.raises(ConnectionError):
                connection(service)
            opened.sendall(digits[0][50:])
            status, answer = response_of(opened)
        assert (status, answer["label"]) == (200, "7")
        code = service.process.wait(20)
        assert code == (0 if how == signal.SIGTERM else -signal.SIGINT)
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.slow
@LINUX
def test_the_workers_end_when_the_service_is_killed(run):
    with started(run) as service:
        (pid,) = children(service)
        service.process.kill()
        service.process.wait()
        for _ in range(100):
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.1)
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_the_log_has_a_line_for_each_request(run, digits):
    with started(run) as service:
        service.post("predict", content=digits[0], headers=PNG)
        service.get("nowhere", headers={"Host": "example.com"})
        log = service.log()
    seen = [(each["method"], each["path"], each["status"]) for each in log]
    assert seen == [("POST", "/predict", 200), ("GET", "/nowhere", 400)]
    assert all(each["client"] == "127.0.0.1" and each["milliseconds"] >= 0 for each in log)


def test_the_command_serves_and_stops(run):
    command = [sys.executable, "-m", "minicnn", "serve", run, "--port", "0", "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--log", "plain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        assert line.startswith(f"{run} is served at http://127.0.0.1:"), process.communicate()
        url = line.split()[-3]
        assert httpx.get(f"{url}health").json()["status"] == "ok"
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "request  127.0.0.1 GET /health 200" in err


def test_mistakes_of_the_command(command, run, tmp_path):
    missing = command("serve", tmp_path / "none")
    assert (missing.code, missing.out) == (2, "")
    assert "there is no such run folder" in missing.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = command("serve", run, "--port", port)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in result.err
    assert command("serve", run, "--host", "no.such.host.invalid").code == 2
    result = command("serve", run, "--log", "plane")
    assert (result.code, "did you mean 'plain'" in result.err) == (2, True)
