"""The page of a training: what it is told, and that it disturbs nothing."""

import base64
import contextlib
import dataclasses
import json
import socket
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

import minicnn as mc
from minicnn import nn, zoo
from minicnn.data import mnist, write_idx
from minicnn.errors import ServiceError, TrainingError
from minicnn.experiments import runs
from minicnn.experiments.settings import Settings
from minicnn.training.callbacks import Callback
from minicnn.web.live import view as live_view
from minicnn.web.live.curve import Curve, Point
from minicnn.web.live.filters import filters
from minicnn.web.live.view import LiveView
from minicnn.web.live.watch import watch

MEASURED = ("seconds", "images_per_second")
"""The figures that no two runs share."""


@pytest.fixture(scope="module")
def digits_folder(tmp_path_factory) -> str:
    """A directory of IDX files: the first 600 and 100 digits."""
    folder = tmp_path_factory.mktemp("digits")
    for part, data, count in zip(("train", "t10k"), mnist(), (600, 100), strict=True):
        write_idx(folder / f"{part}-images-idx3-ubyte", data.images[:count, ..., 0])
        write_idx(folder / f"{part}-labels-idx1-ubyte", data.labels[:count].astype(np.uint8))
    return str(folder)


@pytest.fixture(scope="module")
def settings(digits_folder) -> Settings:
    return Settings.of("cnn_compact", data=digits_folder, epochs=3, batch_size=50, seed=3)


@pytest.fixture(scope="module")
def undisturbed(settings, tmp_path_factory) -> runs.Run:
    """The run that nobody has watched."""
    return runs.train(settings, tmp_path_factory.mktemp("runs") / "alone", progress=False)


def assert_same(run: runs.Run, other: runs.Run) -> None:
    """All weights, the optimizer's memory and the figures are those of the other, bit for bit."""
    for name in ("model.npz", "last.npz"):
        with np.load(run.folder / name) as ours, np.load(other.folder / name) as theirs:
            assert sorted(ours) == sorted(theirs)
            arrays = [key for key in ours if ours[key].dtype.kind == "f"]
            assert arrays
            for key in arrays:
                assert ours[key].tobytes() == theirs[key].tobytes(), key
    ours, theirs = run.history(), other.history()
    assert ours.keys() == theirs.keys()
    for figure in ours.keys() - {*MEASURED}:
        assert ours[figure] == theirs[figure]


class Losses(Callback):
    """What each step gave, noted from inside it."""

    def __init__(self, monkeypatch):
        self.losses, self.sizes = [], []
        from minicnn.training import fit as training

        def noted(t, images, loss, accuracy, count=training._count):
            self.losses.append(loss)
            self.sizes.append(images)
            count(t, images, loss, accuracy)

        monkeypatch.setattr(training, "_count", noted)


def fitted(view, count=700, validation=None, **settings):
    """A small net, trained on some digits while `view` looks on."""
    model = zoo.build("cnn_compact", rng=0)
    rest = {"epochs": 2, "batch_size": 60, "progress": False, **settings}
    mc.fit(model, mnist()[0][:count], validation=validation, callbacks=[view], **rest)
    return model


def test_the_curve_is_that_of_the_batches(monkeypatch):
    monkeypatch.setattr(live_view, "EVERY", 0.0)
    noted, view = Losses(monkeypatch), LiveView()
    fitted(view, count=310)
    points = np.array([point[:2] for point in view.note["curve"]], float)
    assert points[:, 0] == pytest.approx([(i + 1) / 6 for i in range(12)], rel=1e-5)
    assert points[:, 1] == pytest.approx(noted.losses, rel=1e-5)
    assert noted.sizes == [60, 60, 60, 60, 60, 10] * 2


def test_the_note_has_the_matrix_the_figures_and_the_filters():
    train = mnist()[0]
    view, held_out = LiveView("a net"), train[5000:5300]
    model = fitted(view, validation=held_out)
    note = view.note
    predicted = model.predict(held_out.scaled()).argmax(axis=1)
    assert note["confusion"] == confusion_matrix(held_out.labels, predicted).tolist()
    assert (note["title"], note["state"], note["share"]) == ("a net", "measuring", 1)
    assert note["parameters"] == 59_933
    assert note["classes"] == [*"0123456789"]
    accuracy = float((predicted == held_out.labels).mean())
    assert note["history"]["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-5)
    packed = note["filters"]
    assert (packed["layer"], packed["count"], packed["height"]) == ("conv2d", 30, 5)
    levels = np.frombuffer(base64.b64decode(packed["levels"]), np.int8).reshape(30, 5, 5)
    weight = model.layers[0].weight.data[:, :, 0]  # (5, 5, 30)
    assert np.abs(levels).max() == 127
    reach = float(np.abs(weight).max())
    assert np.abs(reach / 127 * levels - weight.transpose(2, 0, 1)).max() <= 1.01 * reach / 254
    json.dumps(note, allow_nan=False)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.floats(0, 9), st.floats(0, 1)), max_size=300),
    st.sampled_from([4, 10, 32]),
)
def test_a_long_curve_is_thinned_out_and_keeps_its_means(batches, most):
    curve = Curve(most)
    for i, (images, loss, accuracy) in enumerate(batches):
        curve.add(Point(i, images, 0.5, loss, accuracy))
    assert len(curve.points) < most
    assert sum(point.images for point in curve.points) == sum(images for images, *_ in batches)
    assert sum(point.seconds for point in curve.points) == pytest.approx(len(batches) / 2)
    for place, name in ((1, "loss"), (2, "accuracy")):
        expected = sum(batch[0] * batch[place] for batch in batches)
        got = sum(point.images * getattr(point, name) for point in curve.points)
        assert got == pytest.approx(expected)
    assert [point.epoch for point in curve.points] == sorted(p.epoch for p in curve.points)
    if batches:
        assert curve.points[-1].epoch == len(batches) - 1


def test_filters_of_dense_nets_are_what_a_unit_weighs_and_some_nets_have_none():
    model = zoo.build("mlp", rng=0)
    packed = filters(model)
    assert (packed["count"], packed["height"], packed["width"]) == (32, 28, 28)
    levels = np.frombuffer(base64.b64decode(packed["levels"]), np.int8).reshape(32, 28, 28)
    weight = model.layers[1].weight.data[:, 7].reshape(28, 28)
    assert np.corrcoef(levels[7].ravel(), weight.ravel())[0, 1] > 0.999
    pooled = nn.Sequential(nn.MaxPool2D(2), nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
    assert filters(pooled) is None
    assert filters(nn.Dense(3)) is None


def test_time_left_is_what_the_batches_so_far_say():
    notes = []

    class Noted(LiveView):
        def on_batch(self, training):
            super().on_batch(training)
            self._tell(training)
            notes.append(self.note)

    fitted(Noted(), epochs=2)
    for note in notes:
        total = note["seconds"] + note["seconds_left"]
        assert note["share"] == pytest.approx(note["seconds"] / total)
    assert notes[-1]["seconds_left"] == 0
    assert [note["epoch"] for note in notes] == [1] * 12 + [2] * 12


@pytest.fixture
def no_farewell(monkeypatch):
    """What asks here is no page that waits for the last state."""
    monkeypatch.setattr("minicnn.web.live.watch.FAREWELL", 0.0)


@pytest.fixture
def watched(no_farewell):
    """A view that is served, and its address."""
    addresses = []
    with watch("a net", 0, addresses.append) as view:
        yield view, addresses[0]


def test_the_page_asks_for_what_is_new(watched):
    view, url = watched
    first = httpx.get(f"{url}training").json()
    assert first["state"] == "starting"
    assert httpx.get(f"{url}training", params={"after": first["tag"]}).status_code == 204
    fitted(view, epochs=1)
    second = httpx.get(f"{url}training", params={"after": first["tag"]}).json()
    assert second == view.note
    assert second["tag"] != first["tag"]
    assert (httpx.get(url).status_code, "Waiting" in httpx.get(url).text) == (200, True)


def test_the_page_is_guarded_as_the_service_is(watched):
    _, url = watched
    for where in ("", "training", "static/live/main.js", "static/style.css", "nowhere"):
        policy = httpx.get(url + where).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        refused = httpx.get(url + where, headers={"Host": "example.com"})
        assert (refused.status_code, refused.json()["error"]["status"]) == (400, 400)
    assert httpx.get(f"{url}nowhere").json()["error"]["status"] == 404
    assert httpx.post(f"{url}training").json()["error"]["status"] == 405


@pytest.mark.slow
def test_rude_clients_do_not_disturb_a_training(settings, undisturbed, tmp_path, no_farewell):
    """Some ask without a pause, some hang up, some never read: the weights are the same bits."""
    stop, answers = threading.Event(), []

    def ask_without_pause(url):
        while not stop.is_set():
            answers.append(httpx.get(f"{url}training").status_code)

    with watch(port=0, ready=answers.append) as view:
        where = httpx.URL(url := answers.pop())
        asking = threading.Thread(target=ask_without_pause, args=(url,))
        asking.start()
        clients = [socket.create_connection((where.host, where.port)) for _ in range(20)]
        for client in clients[:10]:
            client.sendall(b"GET /training HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        for client in clients[10:]:
            client.sendall(b"GET /train")
        try:
            run = runs.train(settings, tmp_path / "run", progress=False, watchers=[view])
        finally:
            stop.set()
            asking.join()
    for client in clients:
        client.close()
    assert set(answers) == {200}
    assert_same(run, undisturbed)


def test_the_address_is_gone_after_the_training_even_with_slow_clients():
    addresses = []
    with watch(port=0, ready=addresses.append):
        where = httpx.URL(addresses[0])
        slow = socket.create_connection((where.host, where.port))
        slow.sendall(b"GET /training HTTP/1.1\r\nHost: local")
        began = time.perf_counter()
    assert time.perf_counter() - began < 2.5  # nobody has asked: no farewell either
    with pytest.raises(ConnectionError), socket.create_connection((where.host, where.port)):
        pass
    slow.close()
    assert not [each for each in threading.enumerate() if each.name == "minicnn-live"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (TrainingError("the loss became nan"), "failed", "the loss became nan"),
        (KeyboardInterrupt(), "interrupted", None),
        (ValueError("secret"), "failed", "ValueError"),
    ],
)
def test_the_page_says_how_it_ended(error, state, reason):
    watched = contextlib.ExitStack()
    view = watched.enter_context(watch(port=0, ready=lambda _: None))
    with pytest.raises(type(error)), watched:
        raise error
    assert (view.note["state"], view.note.get("reason")) == (state, reason)


def test_a_taken_port_is_known_before_anything_starts(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        out = tmp_path / "run"
        result = command("train", "mlp", "--live", "--port", port, "--out", out)
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
        assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in result.err
        assert "--port" in result.err
        assert not out.exists()
        with pytest.raises(ServiceError), watch(port=port):
            pass
    result = command("train", "mlp", "--port", 80, "--out", out)
    assert (result.code, "is for the page of --live" in result.err) == (2, True)
    assert not out.exists()


@pytest.mark.slow
def test_a_watched_run_is_resumed_bit_for_bit_and_shows_all_its_epochs(
    settings, undisturbed, tmp_path
):
    first = dataclasses.replace(settings, epochs=1)
    with watch(port=0, ready=lambda _: None) as view:
        runs.train(first, tmp_path / "run", progress=False, watchers=[view])
    view = LiveView()
    run = runs.train(settings, tmp_path / "run", resume=True, progress=False, watchers=[view])
    assert_same(run, undisturbed)
    assert view.note["history"]["loss"] == pytest.approx(run.history()["loss"], rel=1e-5)
    assert view.note["curve"][0][0] > 1


class InBrowser:
    """A training by the command, in a process of its own, and what the browser complained of."""

    def __init__(self, settings, out):
        command = ["train", settings.model, "--data", settings.data, "--out", out, "--json"]
        numbers = {"--epochs": settings.epochs, "--batch-size": settings.batch_size}
        numbers |= {"--seed": settings.seed, "--port": 0}
        words = [word for pair in numbers.items() for word in pair]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minicnn", *map(str, [*command, "--live", *words])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.complaints, said = [], []
        for line in self.process.stderr:  # a first line may be about the compiling of kernels
            said.append(line)
            if "The training is shown at http://127.0.0.1:" in line:
                self.url = line.split()[-4]
                return
        raise AssertionError(said)

    def open(self, browser, **look):
        page = browser.new_context(**look).new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._note(message.text))
        page.on("request", lambda asked: self._note_request(asked.url))
        page.goto(self.url)
        return page

    def _note(self, text):
        if "ERR_CONNECTION_REFUSED" not in text:  # the process has ended, as it should
            self.complaints.append(text)

    def _note_request(self, url):
        if not url.startswith(self.url):
            self.complaints.append(url)


@pytest.fixture
def started():
    """Ends the process of a training, whatever happens to the test."""
    found = []
    yield lambda training: found.append(training) or training
    for training in found:
        training.process.kill()
        training.process.communicate()


def line_of(page, chart: str, kind: str) -> np.ndarray:
    """A line as it is drawn, turned back into (epoch, value) by means of the axis's own labels."""
    drawn = page.evaluate(
        """([chart, kind]) => {
            const svg = document.getElementById(chart);
            const place = (label) => [
                Number(label.getAttribute("x")), Number(label.getAttribute("y")),
                parseFloat(label.textContent.replace(",", "")),
            ];
            return {
                points: [...svg.querySelector(`polyline.${kind}`).points].map((p) => [p.x, p.y]),
                values: [...svg.querySelectorAll("text.value")].map(place),
                epochs: [...svg.querySelectorAll("text.epoch")].map(place),
            };
        }""",
        [chart, kind],
    )
    points = np.array(drawn["points"]).reshape(-1, 2)
    (x0, _, epoch0), (x1, _, epoch1) = drawn["epochs"][0], drawn["epochs"][-1]
    (_, y0, low), (_, y1, high) = drawn["values"][0], drawn["values"][-1]
    epochs = epoch0 + (points[:, 0] - x0) * (epoch1 - epoch0) / (x1 - x0)
    values = low + (points[:, 1] + 4 - y0) * (high - low) / (y1 - y0)  # a label stands 4 lower
    return np.stack([epochs, values], axis=1)


@pytest.mark.slow
def test_a_browser_shows_the_curves_and_changes_nothing(browser, settings, started, tmp_path):
    long = dataclasses.replace(settings, epochs=12, batch_size=8)  # some seconds
    expected = runs.train(long, tmp_path / "expected", progress=False)
    training = started(InBrowser(long, tmp_path / "run"))
    first, second = training.open(browser), training.open(browser)
    first.locator("#epochs tbody tr:nth-child(2)").wait_for()
    assert first.locator("#epoch").inner_text().startswith("Epoch ")
    assert len(line_of(first, "losses", "running")) > 2
    first.context.close()  # in the middle of the training

    second.get_by_text("The training has ended").wait_for(timeout=60_000)
    out, err = training.process.communicate(timeout=60)
    assert training.process.returncode == 0, err
    history, metrics = expected.history(), json.loads(out)
    assert_same(runs.Run.opened(tmp_path / "run"), expected)

    accuracy = f"{100 * metrics['test_accuracy']:.2f}".rstrip("0").rstrip(".")
    assert second.locator("#left").inner_text() == f"{accuracy} % accuracy on the test set"
    table = second.locator("#epochs tbody tr").all_inner_texts()
    columns = ("loss", "accuracy", "val_loss", "val_accuracy")
    for row, epoch in zip(table, reversed(range(12)), strict=True):
        assert row.split() == [str(epoch + 1), *(f"{history[name][epoch]:.4f}" for name in columns)]
    for chart, figure, scale in (("losses", "val_loss", 1), ("accuracies", "val_accuracy", 100)):
        line = line_of(second, chart, "held")
        assert line[:, 0] == pytest.approx(range(1, 13), abs=0.01)
        reach = scale * (max(history[figure]) - min(history[figure]))
        assert line[:, 1] == pytest.approx(scale * np.array(history[figure]), abs=0.02 * reach)
    running = line_of(second, "losses", "running")
    for epoch in range(1, 13):  # the last point of an epoch stands at its end
        assert np.abs(running[:, 0] - epoch).min() < 0.01

    cells = second.locator("#matrix td").all_inner_texts()[1:]
    matrix = np.array([int(cell or 0) for cell in cells]).reshape(10, 10)
    assert matrix.sum() == 60
    assert np.trace(matrix) / 60 == pytest.approx(history["val_accuracy"][-1])
    shown = second.evaluate("[filters.width, filters.height]")
    assert shown == [8 * 6 - 1, 4 * 6 - 1]
    second.wait_for_timeout(4500)  # the address is gone: what was said last stays
    assert second.locator("#epoch").inner_text() == "The training has ended"
    second.context.close()
    assert training.complaints == []
