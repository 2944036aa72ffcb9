"""The addresses: what they answer, what they refuse, and that all of it is as described."""

import json
import re
import shlex
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from PIL import Image

import minicnn as mc
from minicnn.errors import ServiceError, UnknownNameError
from minicnn.examples import labelled
from minicnn.insight.inspection import layer_outputs, saliency
from minicnn.web.app import STATIC, build_app
from minicnn.web.log import JsonFormatter, PlainFormatter
from minicnn.web.settings import ServiceSettings

from .conftest import Inline, asking, file_of

API = build_app(Inline(), [None], ServiceSettings()).openapi()
PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}
BAR = [[1] * 9] + [[1, 1, 1, 1, 0, 1, 1, 1, 1]] * 7 + [[1] * 9]


def check(response, where: str, method: str = "post") -> None:
    """The status is one that the description knows, and the body has the form that it says."""
    said = API["paths"][where][method]["responses"]
    assert str(response.status_code) in said, response.text
    schema = said[str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(
        response.json(),
        {**schema, "components": API["components"]},
        cls=jsonschema.Draft202012Validator,
    )


def refusal(response) -> tuple[int, str]:
    """Status and message of an error."""
    error = response.json()["error"]
    assert response.headers["content-type"] == "application/json"
    assert error.keys() == {"status", "message"}
    assert error["status"] == response.status_code
    assert "\n" not in error["message"]
    return error["status"], error["message"]


def test_the_description_is_valid_openapi_and_knows_every_address(ask):
    served = ask("GET", "/openapi.json").json()
    validate(served)
    assert served == json.loads(json.dumps(API))
    for where, methods in API["paths"].items():
        for method in methods:
            assert ask(method.upper(), where).status_code not in (404, 405)


@pytest.mark.parametrize("path", labelled(), ids=lambda path: path.name)
def test_every_kind_of_picture_is_answered_as_python_answers(ask, model, path):
    response = ask("POST", "/predict", content=path.read_bytes(), headers=PNG)
    check(response, "/predict")
    expected = mc.predict(model, path)
    answer = response.json()
    assert answer["label"] == expected.label
    assert answer["probability"] == pytest.approx(expected.probability)
    assert answer["sure"] == expected.sure
    assert [each["label"] for each in answer["candidates"]] == [
        each.label for each in expected.candidates
    ]
    assert np.abs(np.array(answer["seen"]) / 255 - expected.seen).max() <= 0.5 / 255 + 1e-6


def test_a_picture_may_come_as_it_is_in_a_form_or_as_numbers(ask):
    pixels = np.kron(np.array(BAR), np.ones((4, 4))).astype(np.uint8)
    png = file_of(255 * pixels)
    answers = [
        ask("POST", "/predict", content=png, headers=PNG),
        ask("POST", "/predict", content=png),  # of no type
        ask("POST", "/predict", files={"picture": ("one.png", png, "image/png")}),
        ask("POST", "/predict", json={"pixels": pixels.tolist()}),
        ask("POST", "/predict", json={"pixels": (0.5 * pixels + 0.5).tolist()}),
        ask("POST", "/predict", json={"pixels": np.stack([pixels] * 3, -1).tolist()}),
    ]
    for each in answers:
        check(each, "/predict")
        assert each.json()["seen"] == answers[0].json()["seen"]
        assert each.json()["label"] == answers[0].json()["label"]


def test_a_row_of_digits_is_read_with_a_box_for_each(ask, model):
    test = mc.data.mnist()[1]
    sheet = np.full((60, 150), 255, np.uint8)
    for place, image in enumerate(test.images[:3]):
        sheet[12:40, 10 + 45 * place : 38 + 45 * place] = 255 - image[..., 0]
    response = ask("POST", "/read", content=file_of(sheet), headers=PNG)
    check(response, "/read")
    answer = response.json()
    expected = mc.read_digits(model, sheet)
    assert answer["text"] == expected.text == "721"
    assert answer["confidence"] == pytest.approx(expected.confidence)
    assert (answer["width"], answer["height"]) == (150, 60)
    for place, digit in enumerate(answer["digits"]):
        left, top, right, bottom = digit["box"]
        # The ink of the digit that was put there, to the pixel.
        rows, columns = np.nonzero(test.images[place, ..., 0] > 127)
        assert abs(left - (10 + 45 * place + columns.min())) <= 1
        assert abs(right - (11 + 45 * place + columns.max())) <= 1
        assert abs(top - (12 + rows.min())) <= 1
        assert abs(bottom - (13 + rows.max())) <= 1


def test_the_model_and_its_health(ask, model):
    response = ask("GET", "/model")
    check(response, "/model", "get")
    facts = response.json()
    assert (facts["name"], facts["parameters"]) == ("mlp", 623_290)
    assert (facts["classes"], facts["input_shape"]) == ([*"0123456789"], [28, 28, 1])
    assert facts["test_accuracy"] == 0.9
    assert [layer["output_shape"] for layer in facts["layers"]][-1] == [10]
    health = ask("GET", "/health")
    check(health, "/health", "get")
    assert health.json() == {"status": "ok", "workers": 1, "waiting": 0}


def test_two_models_are_asked_by_their_number(model, run, conv):
    nets = [model, mc.open_model(conv)]
    ask = asking(**{str(run): nets[0], str(conv): nets[1]})
    models = ask("GET", "/models")
    check(models, "/models", "get")
    assert [each["run"] for each in models.json()["models"]] == ["mlp-1", "conv.keras"]
    assert str(run.parent) not in models.text  # where they lie is nobody's business
    assert ask("GET", "/model?run=2").json() == models.json()["models"][1]
    digit = file_of(mc.data.mnist()[1].images[0, ..., 0])
    for number, net in enumerate(nets, 1):
        answer = ask("POST", f"/predict?run={number}", content=digit).json()
        assert answer["probability"] == pytest.approx(mc.predict(net, digit).probability)
    for asked in ("0", "3", "-1", "1.5", "first", "", "9" * 5000):
        for method, where in (("GET", "/model"), ("POST", "/predict"), ("GET", "/mistakes")):
            response = ask(method, where, params={"run": asked})
            check(response, where, method.lower())
            status, message = refusal(response)
            assert status == 422
            assert message.startswith("query.run: ")
            assert message.endswith(f"got {asked!r:.50}")


@pytest.fixture(scope="module")
def inner(conv):
    """Ask about what goes on inside the small convolutional net."""
    net = mc.open_model(conv)
    ask = asking(**{str(conv): net})
    return net, lambda where, body: ask("POST", where, json=body)


def test_the_layers_and_what_the_answer_hangs_on(inner):
    net, ask = inner
    image = mc.data.mnist()[1].images[0]
    picture = (image / 255).astype(np.float32)
    response = ask("/layers", {"seen": image[..., 0].tolist(), "label": "of /predict"})
    check(response, "/layers")
    outputs = {each.name: each.values for each in layer_outputs(net, picture)}
    layers = response.json()["layers"]
    assert [each["name"] for each in layers] == [
        name for name in outputs if name not in ("dropout", "flatten")
    ]
    for each in layers:
        expected = outputs[each["name"]]
        assert tuple(each["shape"]) == expected.shape
        np.testing.assert_allclose(each["values"], expected, atol=2e-5 * np.abs(expected).max())
    response = ask("/saliency", {"seen": image[..., 0].tolist()})
    check(response, "/saliency")
    expected = saliency(net, picture[np.newaxis])[0, ..., 0]
    np.testing.assert_allclose(
        response.json()["saliency"], expected, atol=2e-5 * np.abs(expected).max()
    )


def test_a_number_is_traced_to_its_window(inner):
    net, ask = inner
    image = mc.data.mnist()[1].images[0]
    body = {"seen": image[..., 0].tolist(), "layer": "conv2d_1", "index": [3, 4, 5]}
    response = ask("/trace", body)
    check(response, "/trace")
    found = response.json()
    outputs = {each.name: each.values for each in layer_outputs(net, (image / 255).astype("f4"))}
    assert found["value"] == pytest.approx(outputs["conv2d_1"][3, 4, 5], rel=1e-5)
    assert (found["source"], found["box"]) == ("max_pool2d", [[3, 6], [4, 7], [0, 6]])
    assert np.sum(found["products"]) == pytest.approx(found["sum"], abs=1e-3)
    assert found["rest"] == pytest.approx(net.layers[2].bias.data[5], abs=1e-4)


SEEN = [[0] * 28] * 28
INSIDE = {
    "no seen": ("/layers", {}, 422, "seen: Field required"),
    "another shape": ("/saliency", {"seen": [[0] * 27] * 28}, 422, "28 rows of 28 numbers"),
    "ragged": ("/layers", {"seen": [[0], [0, 0]]}, 422, "28 rows of 28 numbers"),
    "words": ("/layers", {"seen": [["1"] * 28] * 28}, 422, "seen.0.0: "),
    "too light": ("/layers", {"seen": [[-1] * 28] * 28}, 422, "equal to 0, got -1"),
    "too dark": ("/layers", {"seen": [[256] * 28] * 28}, 422, "equal to 255, got 256"),
    "no object": ("/trace", [SEEN], 422, "the JSON: "),
    "no layer": ("/trace", {"seen": SEEN}, 422, "layer: "),
    "no index": ("/trace", {"seen": SEEN, "layer": "dense"}, 422, "index: "),
    "truth": ("/trace", {"seen": SEEN, "layer": "dense", "index": [True]}, 422, "got True"),
    "other layer": ("/trace", {"seen": SEEN, "layer": "x", "index": [0]}, 422, "unknown layer 'x'"),
    "beyond": ("/trace", {"seen": SEEN, "layer": "dense", "index": [10]}, 422, "not one number"),
    "far": ("/trace", {"seen": SEEN, "layer": "dense", "index": [9**99]}, 422, "not one number"),
    "below": ("/trace", {"seen": SEEN, "layer": "dense", "index": [-1]}, 422, "not one number"),
    "flat": ("/trace", {"seen": SEEN, "layer": "conv2d", "index": [1]}, 422, "not one number"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_bad_question_is_refused_with_a_reason(inner, name):
    where, body, status, says = INSIDE[name]
    response = inner[1](where, body)
    check(response, where)
    got, message = refusal(response)
    assert (got, says in message) == (status, True), message


def test_questions_are_json_alone(ask):
    for kind in ("image/png", "multipart/form-data; boundary=a", "text/plain"):
        response = ask("POST", "/layers", content=b"{}", headers={"Content-Type": kind})
        check(response, "/layers")
        assert refusal(response)[0] == 415


def test_the_worst_mistakes_are_those_of_the_run(ask, model):
    response = ask("GET", "/mistakes")
    check(response, "/mistakes", "get")
    test = mc.data.mnist()[1]
    found = mc.evaluate(model, test)
    worst = mc.metrics.worst_mistakes(found.labels, found.probabilities)
    answer = response.json()
    assert (answer["wrong"], answer["pictures"], answer["note"]) == (len(worst), 10_000, "")
    assert [each["number"] for each in answer["mistakes"]] == worst[:30].tolist()
    first = answer["mistakes"][0]
    assert first["pixels"] == test.images[worst[0], ..., 0].tolist()
    assert first["label"] == str(test.labels[worst[0]]) != first["answer"]


def test_without_a_test_set_there_are_no_mistakes_but_a_reason(model, run, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(run, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "data": str(tmp_path / "gone")}))
    answer = asking(**{str(folder): model})("GET", "/mistakes")
    check(answer, "/mistakes", "get")
    assert answer.json()["mistakes"] == []
    assert answer.json()["note"] == "The test set of this run cannot be read any more."


def bomb() -> bytes:
    return file_of(Image.new("1", (5000, 5000)))


def enormous() -> bytes:
    """A PNG that claims 60,000 × 60,000 pixels."""
    data = bytearray(file_of(Image.new("1", (8, 8))))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


BODIES = {
    "empty": (b"", PNG, 422, "is empty: 0 bytes"),
    "text": (b"seven", PNG, 422, "is not a picture of a format that can be read"),
    "truncated": (file_of(np.eye(40) > 0)[:60], PNG, 422, "is damaged or cut off"),
    "bomb": (bomb(), PNG, 422, "is 5,000 × 5,000 pixels; up to 16,777,216 pixels are read here"),
    "enormous": (enormous(), PNG, 422, "is too large|60,000 × 60,000"),
    "blank": (file_of(np.full((30, 30), 200, np.uint8)), PNG, 422, "is blank"),
    "tiny": (file_of(np.zeros((2, 2), np.uint8)), PNG, 422, "is 2 × 2 pixels"),
    "program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", PNG, 422, "not a picture"),
    "too many bytes": (bytes(2**20 + 1), PNG, 413, "larger than 1,048,576 bytes"),
    "content type": (b"seven", {"Content-Type": "text/plain"}, 415, "type is text/plain; send"),
    "curl's own type": (b"x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "send"),
    "compressed": (b"x", {**PNG, "Content-Encoding": "gzip"}, 415, "compressed"),
    "no form": (b"x", {"Content-Type": "multipart/form-data"}, 400, "[Bb]oundary"),
    "half a form": (
        b'--a\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\nab',
        {"Content-Type": "multipart/form-data; boundary=a"},
        400,
        "form|file",
    ),
    "a form without a file": (
        b'--a\r\nContent-Disposition: form-data; name="picture"\r\n\r\nab\r\n--a--\r\n',
        {"Content-Type": "multipart/form-data; boundary=a"},
        400,
        "there is no file in the form",
    ),
    "no JSON": (b"{", JSON, 400, "the body is no JSON"),
    "no UTF-8": (b'{"pixels": "\xff"}', JSON, 400, "the body is no JSON"),
    "deep JSON": (b"[" * 500_000, JSON, 400, "no JSON"),
    "NaN": (b'{"pixels": [[NaN]]}', JSON, 400, "no JSON: .* column 14"),
    "infinity": (b'{"pixels": [[-Infinity]]}', JSON, 400, "no JSON: .* column 15"),
    "too large a number": (b'{"pixels": [[1e999, 0]]}', JSON, 422, "go from 0 to inf"),
    "a longer number": (b'{"pixels": [[%s]]}' % (b"9" * 400), JSON, 422, "no picture"),
    "the longest number": (b'{"pixels": [[%s]]}' % (b"9" * 5000), JSON, 400, "no JSON"),
    "a list": (b"[[0, 1]]", JSON, 422, "the JSON: "),
    "another key": (b'{"pixels": [[0]], "model": "x"}', JSON, 422, "model: "),
    "words": (b'{"pixels": [["a", "b"]]}', JSON, 422, "no picture"),
    "null": (b'{"pixels": null}', JSON, 422, "pixels: .* got None"),
    "no rows": (b'{"pixels": []}', JSON, 422, "no picture"),
    "ragged": (b'{"pixels": [[0, 1], [0]]}', JSON, 422, "rows of different lengths"),
    "one axis": (b'{"pixels": [0, 1, 0]}', JSON, 422, "pixels.0: .* got 0"),
    "five axes": (b'{"pixels": [[[[[0]]]]]}', JSON, 422, "is no picture"),
    "100 axes": (b'{"pixels": %s0%s}' % (b"[" * 100, b"]" * 100), JSON, 422, "the picture"),
    "negative": (b'{"pixels": [[-1, 0]]}', JSON, 422, "its numbers go from -1 to 0"),
}


@pytest.mark.parametrize("where", ["/predict", "/read"])
@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused_with_a_reason(ask, name, where):
    body, headers, status, says = BODIES[name]
    response = ask("POST", where, content=body, headers=headers)
    check(response, where)
    got, message = refusal(response)
    assert got == status, message
    assert re.search(says, message), message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("method", "where", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/predict", 405),
        ("DELETE", "/model", 405),
        ("POST", "/", 405),
        ("GET", "/static", 404),
        ("GET", "/static/", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/static/..%2fapp.py", 404),
        ("GET", "/static/%2fetc/passwd", 404),
        ("GET", "/static/..%5capp.py", 404),
        ("GET", "/static/style.css%00.js", 404),
        ("GET", "/static/" + "a" * 5000, 404),
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(ask, method, where, status):
    assert refusal(ask(method, where))[0] == status


@pytest.mark.parametrize(
    ("host", "names", "asked", "answered"),
    [
        ("127.0.0.1", (), "127.0.0.1:8000", True),
        ("127.0.0.1", (), "localhost", True),
        ("127.0.0.1", (), "LOCALHOST:80", True),
        ("127.0.0.1", (), "[::1]:8000", True),
        ("127.0.0.1", (), "example.com", False),
        ("127.0.0.1", (), "127.0.0.1.example.com", False),
        ("127.0.0.1", (), "localhost:8000@example.com", False),
        ("127.0.0.1", (), "192.168.1.7:8000", False),
        ("127.0.0.1", (), "", False),
        ("0.0.0.0", (), "192.168.1.7:8000", True),
        ("0.0.0.0", (), "example.com", False),
        ("0.0.0.0", ("digits.school",), "digits.school:8000", True),
    ],
)
def test_only_the_services_own_hosts_are_answered(ask, host, names, asked, answered):
    settings = ServiceSettings(host=host, names=names)
    response = ask("GET", "/model", settings, headers={"Host": asked})
    if answered:
        assert response.status_code == 200
    else:
        status, message = refusal(response)
        assert status == 400
        assert "does not go by the host" in message


def test_every_answer_has_the_headers_that_keep_a_browser_safe(ask):
    for response in (
        ask("GET", "/"),
        ask("GET", "/static/style.css"),
        ask("GET", "/nowhere"),
        ask("GET", "/model", headers={"Host": "example.com"}),
        ask("POST", "/predict", content=b""),
    ):
        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in response.headers


def test_the_pages_have_nothing_from_elsewhere_and_nothing_that_the_policy_forbids(ask):
    pages = [ask("GET", "/").text, ask("GET", "/docs").text]
    texts = [path.read_text() for path in STATIC.rglob("*.*")]
    for text in pages:
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text)
        for address in re.findall(r'(?:src|href)="([^"]*)"', text):
            assert ask("GET", address).status_code == 200, address
    for text in texts:
        assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    for path in STATIC.rglob("*.js"):
        for module in re.findall(r'from "(\.[^"]+)"', path.read_text()):
            assert (path.parent / module).exists(), (path, module)


def test_the_examples_with_curl_are_right(ask, tmp_path):
    page = ask("GET", "/docs", headers={"Host": "localhost:8765"}).text
    examples = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    commands = "\n\n".join(examples).replace("&#39;", "'").replace("&#34;", '"').split("\n\n")
    picture = next(path for path in labelled() if path.name == "mnist.png").read_bytes()
    seen = ask("POST", "/predict", content=picture).json()
    files = {"@digit.json": seen, "@number.json": {**seen, "layer": "dense", "index": [0]}}
    asked = set()
    for command in commands:
        words = [word for word in shlex.split(command) if word != "\n"]
        assert words[0] == "curl"
        url = words[-1]
        assert url.startswith("http://localhost:8765/")
        where = url.removeprefix("http://localhost:8765")
        asked.add(where.partition("?")[0])
        if "-F" in words:
            assert words[words.index("-F") + 1].startswith("picture=@")
            response = ask("POST", where, files={"picture": picture})
        elif "-d" in words or "--data-binary" in words:
            kind = words[words.index("-H") + 1].removeprefix("Content-Type: ")
            data = picture
            if "-d" in words:
                said = words[words.index("-d") + 1]
                data = json.dumps(files[said]).encode() if said in files else said.encode()
            response = ask("POST", where, content=data, headers={"Content-Type": kind})
        else:
            response = ask("GET", where)
        assert response.status_code == 200, (command, response.text)
    assert asked == set(API["paths"])


def test_what_is_sent_is_answered_or_refused_in_the_described_way(ask):
    """Whatever comes, the answer is of the described form, and a mistake of ours is none."""
    files = [path.read_bytes() for path in labelled() if path.stat().st_size < 5000]
    kinds = ["image/png", "application/octet-stream", "application/json", "multipart/form-data"]
    kinds += ["multipart/form-data; boundary=a", "text/html", "", "é"]
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=8),
        max_leaves=40,
    )
    numbers = values.map(lambda pixels: json.dumps({"pixels": pixels}).encode())
    forms = st.binary(max_size=200).map(
        lambda data: (
            b'--a\r\nContent-Disposition: form-data; name="p"; filename="a"\r\n\r\n'
            + data
            + b"\r\n--a--\r\n"
        )
    )

    @st.composite
    def damaged(draw):
        data = bytearray(draw(st.sampled_from(files)))
        for _ in range(draw(st.integers(0, 8))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        return bytes(data[: draw(st.integers(0, len(data)))])

    @given(
        where=st.sampled_from(["/predict", "/read"]),
        kind=st.sampled_from(kinds),
        body=st.binary(max_size=300) | numbers | forms | damaged(),
    )
    def answered(where, kind, body):
        headers = [(b"content-type", kind.encode("latin-1"))]
        response = ask("POST", where, content=body, headers=headers)
        check(response, where)
        assert response.status_code != 500, response.text

    answered()


def test_the_log_is_one_line_whatever_a_client_sends():
    import logging

    record = logging.LogRecord("minicnn.web", logging.INFO, "", 0, "request", None, None)
    record.path, record.status = '/a\n{"event": "forged"}\x1b[31m', 200
    line = JsonFormatter().format(record)
    assert json.loads(line)["path"] == record.path
    for text in (line, PlainFormatter().format(record)):
        assert text.isprintable()


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ServiceError, match="port must be from 0 to 65535, got 70000"):
        ServiceSettings(port=70_000)
    with pytest.raises(ServiceError, match="workers must be positive, got 0"):
        ServiceSettings(workers=0)
    with pytest.raises(UnknownNameError, match="did you mean 'plain'"):
        ServiceSettings(log="plane")


def test_all_files_of_the_page_are_small_enough_to_be_read():
    for path in Path(STATIC).rglob("*.js"):
        assert len(path.read_text().splitlines()) < 180, path.name
