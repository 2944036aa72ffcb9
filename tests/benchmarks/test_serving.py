"""The load benchmark: its arithmetic, and that a wrong answer is never counted as served."""

import doctest
import http.server
import json
import threading

import numpy as np
import pytest

from benchmarks import serving
from benchmarks.engines import EngineError
from benchmarks.serving import Service, ask, percentile, tables_of

PICTURES = [["aGVsbG8=", "7", 0.75], ["d29ybGQ=", "7", 0.75]]


@pytest.fixture
def answering():
    """A server that gives whatever its `answer` is, and counts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(self.server.answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.bodies, server.answer = [], {"label": "7", "probability": 0.7501}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def service_of(server) -> Service:
    return Service(f"http://127.0.0.1:{server.server_port}/predict", 0)


def test_so_many_requests_are_sent_as_were_asked_for(answering):
    found = ask(service_of(answering), 3, PICTURES, requests=20)
    assert (len(answering.bodies), len(found["milliseconds"])) == (20, 20)
    assert {*answering.bodies} == {b"hello", b"world"}
    assert min(found["milliseconds"]) > 0
    assert sum(found["milliseconds"]) <= 3 * 1000 * found["seconds"]


@pytest.mark.parametrize(
    "answer", [{"label": "1", "probability": 0.75}, {"label": "7", "probability": 0.7}]
)
def test_a_wrong_answer_is_an_error(answering, answer):
    answering.answer = answer
    with pytest.raises(EngineError, match="wrong answers"):
        ask(service_of(answering), 1, PICTURES, requests=2)


def test_clients_that_reach_nobody_are_an_error(answering):
    gone = Service("http://127.0.0.1:9/predict", 0)
    with pytest.raises(EngineError, match="the clients failed"):
        ask(gone, 1, PICTURES, requests=1)


def test_percentiles_are_those_of_numpy():
    assert doctest.testmod(serving).attempted > 0
    values = np.random.default_rng(0).random(997).tolist()
    for share in (0.01, 0.5, 0.99, 1.0):
        expected = np.quantile(values, share, method="inverted_cdf")
        assert percentile(values, share) == expected


def test_the_tables():
    def one(count: int, seconds: float, ms: float) -> dict:
        return {"seconds": seconds, "milliseconds": [ms] * count}

    rounds = [
        {"minicnn": one(400, 2.0, 5.0), "keras": one(20, 2.0, 90.0)},
        {"minicnn": one(100, 1.0, 7.0), "keras": one(10, 1.0, 80.0)},
    ]
    load, memory = tables_of({"load": {"16": rounds}, "memory": {"0": 4e8, "1000": 5e8}})
    assert load.rows == [
        ["16", "minicnn", "150", "5.0", "7.0", "500", "15.0×"],
        ["16", "keras", "10", "90.0", "90.0", "30", ""],
    ]
    assert memory.rows == [["0", "400 MB"], ["1,000", "500 MB"]]


@pytest.mark.slow
def test_the_whole_benchmark_without_a_peer(tmp_path):
    serving.main(against="none", seconds=0.5, rounds=1, requests=50, out=tmp_path)
    kept = json.loads((tmp_path / "serving.json").read_text())
    assert [*kept["data"]["load"]] == ["1", "16", "64"]
    assert [*kept["data"]["memory"]] == ["0", "5", "50"]
    assert "### Memory of the service" in (tmp_path / "serving.md").read_text()
