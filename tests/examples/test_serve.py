"""The service: the same text as the reader's, limits that hold, and nothing that stays when a client goes."""

import asyncio
import json
import resource
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from reader_weights import encoded, text_image, write_weights

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
uvicorn = pytest.importorskip("uvicorn")

from fastapi.testclient import TestClient

from examples.reading_queue import ClientGoneError, Limits, QueueFullError, ReadingQueue
from examples.serve import create_app, options_of, parse_arguments
from src.reader import ReaderOptions, TextReader

IMAGE = encoded(text_image())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("weights")
    write_weights(place)
    return place


def weights_in(place):
    return {f"{name}_weights": place / f"{name}.ckpt" for name in ("ctpn", "crnn", "crnn_lines")}


@pytest.fixture(scope="module")
def reader(place):
    easy = {"text_proposals_min_scores": 0.0, "line_min_score": 0.0, "min_num_proposals": 1}  # the weights are random
    return TextReader(
        **weights_in(place), **easy, engine="onnxruntime", cache_dir=place / "cache", threads=1, text_min_score=0.0
    )


@pytest.fixture(scope="module")
def client(reader):
    with TestClient(create_app(reader, Limits(max_bytes=200_000))) as client:
        yield client


def test_the_command_line_gives_options_that_the_reader_knows():
    arguments = parse_arguments(["--max_image_pixels", "1000", "--workers", "3", "--threads", "1"])
    reader_options, limits = options_of(arguments)
    assert ReaderOptions(**reader_options).max_image_pixels == 1000 and limits.workers == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "99999"), "'99999' is not a whole number from 0 to 65535"),
        (("--port=-5",), "'-5' is not a whole number from 0"),
        (("--host", ""), "--host: is empty"),  # which would be every address of this machine
        (("--workers", "0"), "'0' is not a whole number of at least 1"),
        (("--seconds", "nan"), "'nan' is not a number above 0"),
        (("--seconds", "x"), "'x' is not a number above 0"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        parse_arguments(list(arguments))
    error = capsys.readouterr().err
    assert end.value.code == 2 and words in error and error.count("\n") == 1


def without_times(document):
    return {key: value for key, value in document.items() if key != "time_ms"}


def test_body_and_form_give_what_the_reader_gives(client, reader):
    expected = without_times(json.loads(reader.read(IMAGE, "photo.png").to_json()))
    assert expected["lines"]
    form = client.post("/read", files={"file": ("a/../photo.png", IMAGE, "image/png")})
    assert (form.status_code, without_times(form.json())) == (200, expected)
    body = client.post("/read", content=IMAGE)
    assert without_times(body.json()) == {**expected, "image": "image"}
    assert client.post("/read?min_score=1", content=IMAGE).json()["lines"] == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ({"content": b""}, 400, "no file"),
        ({"data": {"other": "x"}, "files": {"wrong": b"x"}}, 400, "no file"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "form"),
        ({"content": b"no image at all" * 10}, 422, "not an image"),
        ({"content": IMAGE[: len(IMAGE) // 2]}, 422, "truncated"),
        ({"content": bytes(200_001)}, 413, "200000 bytes"),
        ({"files": {"file": bytes(200_001)}}, 413, "200000 bytes"),
        ({"files": {"file": bytes(400_001)}}, 413, "200000 bytes"),
        ({"content": IMAGE, "params": {"min_score": 2}}, 422, "min_score"),
    ],
)
def test_bad_input_is_told_in_one_line(client, arguments, status, words):
    answer = client.post("/read", **arguments)
    assert answer.status_code == status
    assert words in json.dumps(answer.json()["detail"]) and "\n" not in str(answer.json()["detail"])


def test_pages_health_and_description(client):
    answer = client.post("/read_pages", content=IMAGE).json()
    assert len(answer["results"]) == 1 and answer["results"][0]["lines"]
    broken = client.post("/read_pages", content=b"no image at all" * 10).json()
    assert "not an image" in broken["results"][0]["error"]
    assert client.get("/health").json()["status"] == "ok"
    described = client.get("/openapi.json").json()["paths"]
    assert {"200", "413", "422", "503"} <= set(described["/read"]["post"]["responses"])
    page = client.get("/")
    assert page.status_code == 200 and "Content-Security-Policy" in page.headers


class SlowReader:
    """Reads nothing until it may."""

    engine = device = "none"

    def __init__(self):
        self.may, self.read_names = threading.Event(), []

    def read(self, data, name):
        self.read_names.append(name)
        assert self.may.wait(30)
        return SimpleNamespace(name=name)


async def nobody_is_gone():
    return False


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within ten seconds")


def test_a_full_queue_refuses_and_recovers():
    async def run():
        slow = SlowReader()
        queue = ReadingQueue(slow, Limits(workers=1, max_waiting=1))
        waiting = [asyncio.create_task(queue.read(b"x", name, nobody_is_gone)) for name in "ab"]
        await until(lambda: slow.read_names == ["a"])
        with pytest.raises(QueueFullError):
            await queue.read(b"x", "c", nobody_is_gone)
        slow.may.set()
        assert [result.name for (result,) in await asyncio.gather(*waiting)] == ["a", "b"]
        await until(lambda: queue.unfinished == 0)
        assert len(await queue.read(b"x", "d", nobody_is_gone)) == 1
        queue.close()

    asyncio.run(run())


def test_who_has_gone_or_waited_too_long_leaves_the_queue():
    async def run():
        slow, gone = SlowReader(), threading.Event()

        async def is_gone():
            return gone.is_set()

        queue = ReadingQueue(slow, Limits(workers=1, max_waiting=5, seconds=0.6))
        first = asyncio.create_task(queue.read(b"x", "first", nobody_is_gone))
        await until(lambda: slow.read_names == ["first"])
        leaver = asyncio.create_task(queue.read(b"x", "leaver", is_gone))
        gone.set()
        with pytest.raises(ClientGoneError):
            await leaver
        with pytest.raises(TimeoutError):
            await first
        assert queue.unfinished == 1  # the thread still has the first one
        slow.may.set()
        await until(lambda: queue.unfinished == 0)
        assert slow.read_names == ["first"]  # nothing was done for who had left
        queue.close()

    asyncio.run(run())


def test_a_full_service_says_when_to_come_again():
    slow = SlowReader()
    app = create_app(slow, Limits(workers=1, max_waiting=0, seconds=20))
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/read", content=IMAGE)
        while not slow.read_names:
            time.sleep(0.01)
        refused = client.post("/read", content=IMAGE)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
        assert client.get("/health").json()["unfinished"] == 1
        slow.may.set()
        with pytest.raises(AttributeError):  # the stand-in has no document to give
            first.result()


@contextmanager
def served(app):
    """The address of a real server on this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def memory_in_use():
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_fifty_at_once_and_a_client_that_breaks_off(place):
    options = {"engine": "onnxruntime", "cache_dir": place / "cache", "threads": 1, "text_min_score": 0.0}
    reader = TextReader(**weights_in(place), **options, detect=False)
    expected = without_times(json.loads(reader.read(IMAGE, "image").to_json()))

    def ask(address):
        request = urllib.request.Request(f"{address}/read", data=IMAGE)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return without_times(json.load(answer))

    with served(create_app(reader, Limits(max_waiting=60))) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as breaking_off:
            breaking_off.sendall(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        with ThreadPoolExecutor(50) as pool:
            assert all(answer == expected for answer in pool.map(ask, [address] * 50))
            before = memory_in_use()
            assert all(answer == expected for answer in pool.map(ask, [address] * 150))
            assert memory_in_use() - before < 20e6
        for _ in range(100):
            with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
                if json.load(answer)["unfinished"] == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("something is still being read")
