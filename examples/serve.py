"""Read images over HTTP, and in a browser.

    python -m pip install -r examples/requirements-serve.txt
    python examples/serve.py [--host 127.0.0.1] [--port 8000] [--workers 2] [--engine auto]

Then open http://127.0.0.1:8000 and drop an image on the page, or

    curl --data-binary @photo.jpg http://127.0.0.1:8000/read
    curl --form file=@photo.jpg http://127.0.0.1:8000/read

`/docs` describes the interface. Nothing is kept: an image lives in memory while it is read. There is no access
control: behind anything but a trusted network, put a server in front of it that has one.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from examples.reading_queue import ClientGoneError, Limits, QueueFullError, ReadingQueue
from src.common.errors import UserError
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, filled, positive, whole_number
from src.model_utils.job_signals import StoppedError
from src.reader import ReadResult, TextReader

PAGE = Path(__file__).with_name("serve.html")
# Everything is in the page itself; it talks to this service alone.
PAGE_POLICY = "default-src 'self'; img-src blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
RETRY_SECONDS = 2
CLIENT_CLOSED_REQUEST = 499  # nobody receives it; it stands in the log of a server in front
MULTIPART_BYTES = 2**16  # around the file in a form


class Word(BaseModel):
    text: str
    box: tuple[float, float, float, float]
    polygon: list[tuple[float, float]]
    score: float


class Line(BaseModel):
    box: tuple[float, float, float, float]
    polygon: list[tuple[float, float]]
    score: float
    text: str | None = None
    text_score: float | None = None
    words: list[Word] = []


class Document(BaseModel, extra="allow"):
    """What predict.py writes for an image, see docs/reading.md."""

    version: int
    image: str
    width: int
    height: int
    lines: list[Line]
    notes: list[str]
    time_ms: dict[str, float]


class BadPage(BaseModel):
    image: str
    error: str


class Pages(BaseModel):
    results: list[Document | BadPage]


class Health(BaseModel):
    status: str
    engine: str
    device: str
    unfinished: int


class _FormInMemory(MultiPartParser):
    """Keeps uploads off the disk, whatever their size up to the limit of the service."""

    spool_max_size = 2**31


def create_app(reader: TextReader, limits: Limits) -> FastAPI:
    """The service around one reader."""
    queue = ReadingQueue(reader, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()

    app = FastAPI(title="Text in images", version="1", lifespan=lifespan)
    refused: dict[int | str, dict[str, Any]] = {
        400: {"description": "no file, or no form that can be understood"},
        413: {"description": f"larger than {limits.max_bytes} bytes"},
        422: {"description": "not an image, damaged, or too large; `detail` says why"},
        503: {"description": "too many images are waiting; Retry-After says when to come again"},
        504: {"description": f"not read within {limits.seconds:g} seconds"},
    }
    body = {
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
            },
        }
    }
    MinScore = Annotated[float, Query(ge=0, le=1, description="leaves out lines whose text is less sure")]

    async def results_of(request: Request, *, every_page: bool) -> list[Any]:
        data, name = await file_of(request, limits.max_bytes)
        try:
            return await queue.read(data, name, request.is_disconnected, every_page=every_page)
        except QueueFullError:
            retry = {"Retry-After": str(RETRY_SECONDS)}
            raise HTTPException(503, "too many images are waiting", headers=retry) from None
        except ClientGoneError:
            raise HTTPException(CLIENT_CLOSED_REQUEST, "the client has gone") from None
        except TimeoutError:
            raise HTTPException(504, f"not read within {limits.seconds:g} seconds") from None
        except UserError as error:
            raise HTTPException(422, str(error)) from None

    @app.post("/read", responses=refused, openapi_extra=body)
    async def read(request: Request, min_score: MinScore = 0.0) -> Document:
        """Read an image; of a file with several pages the first. The file is the body, or a form's `file`."""
        (result,) = await results_of(request, every_page=False)
        return document(result, min_score)

    @app.post("/read_pages", responses=refused, openapi_extra=body)
    async def read_pages(request: Request, min_score: MinScore = 0.0) -> Pages:
        """Read every page of a TIFF, PDF or animation."""
        results = await results_of(request, every_page=True)
        return Pages(
            results=[
                document(result, min_score)
                if isinstance(result, ReadResult)
                else BadPage(image=result.image, error=str(result.error))
                for result in results
            ]
        )

    @app.get("/health")
    async def health() -> Health:
        """Whether images are read, by what, and how many are waiting or being read."""
        return Health(status="ok", engine=reader.engine, device=reader.device, unfinished=queue.unfinished)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers={"Content-Security-Policy": PAGE_POLICY})

    return app


def document(result: ReadResult, min_score: float) -> Document:
    content = result.to_dict()
    content["lines"] = [line for line in content["lines"] if line.get("text_score", 1.0) >= min_score]
    return Document(**content)


async def file_of(request: Request, max_bytes: int) -> tuple[bytes, str]:
    """The file of a request and its name. Raises HTTPException for one that is missing or too large."""
    is_form = request.headers.get("content-type", "").startswith("multipart/form-data")
    most = max_bytes + MULTIPART_BYTES * is_form
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"larger than {max_bytes} bytes")
    if not is_form:
        data, name = bytes(body), "image"
    else:
        data, name = await _file_of_form(request, bytes(body))
    if not data:
        raise HTTPException(400, "no file: send an image as the body, or as `file` of a form")
    if len(data) > max_bytes:
        raise HTTPException(413, f"larger than {max_bytes} bytes")
    return data, name


async def _file_of_form(request: Request, body: bytes) -> tuple[bytes, str]:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        form = await _FormInMemory(request.headers, stream(), max_files=1, max_fields=10).parse()
    except (MultiPartException, KeyError) as error:
        raise HTTPException(400, f"the form cannot be understood: {error}") from None
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        return b"", ""
    return await upload.read(), Path(upload.filename or "image").name or "image"


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--host", type=filled, default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine)"
    )
    parser.add_argument("--port", type=whole_number(0, 65535), default=8000, help="0 takes a free one (default 8000)")
    parser.add_argument(
        "--workers", type=whole_number(1), default=Limits.workers, help="images that are read at once"
    )
    parser.add_argument(
        "--max_waiting", type=whole_number(0), default=Limits.max_waiting, help="images that may wait"
    )
    parser.add_argument("--max_bytes", type=whole_number(1), default=Limits.max_bytes, help="largest file")
    parser.add_argument("--max_image_pixels", type=whole_number(1), default=64_000_000, help="largest image")
    parser.add_argument("--seconds", type=positive, default=Limits.seconds, help="longest request")
    parser.add_argument("--engine", default="auto", help="auto, openvino or onnxruntime")
    parser.add_argument("--threads", type=whole_number(0), default=0, help="of an engine; 0 leaves it to the engine")
    return parser.parse_args(argv)


def options_of(arguments: argparse.Namespace) -> tuple[dict[str, Any], Limits]:
    """Of the reader, and of the service."""
    limits = Limits(arguments.max_bytes, arguments.workers, arguments.max_waiting, arguments.seconds)
    return {key: getattr(arguments, key) for key in ("engine", "threads", "max_image_pixels")}, limits


def main() -> int:
    arguments = parse_arguments()
    reader_options, limits = options_of(arguments)
    reader = TextReader(**reader_options)
    server = uvicorn.Server(
        uvicorn.Config(create_app(reader, limits), host=arguments.host, port=arguments.port, log_level="info")
    )
    try:
        asyncio.run(server.serve())
    except StoppedError:  # it has closed its connections, and passes on the signal that ended it
        raise
    except SystemExit:  # its log says why
        raise UserError(f"cannot listen on {arguments.host}, port {arguments.port}") from None
    return 0 if server.started else 1


if __name__ == "__main__":
    run_command(main)
