"""A reader in a process of its own: this project, another version of it, or RapidOCR; see everyday_worker.py."""

import json
import subprocess
from pathlib import Path


class Contestant:
    """A process that reads files, named one a line, and answers with boxes, texts and both kinds of seconds."""

    def __init__(self, name: str, python: str, root: Path, threads: int):
        worker = Path(__file__).with_name("everyday_worker.py")
        command = [python, str(worker), "rapidocr" if name == "rapidocr" else str(root), str(threads)]
        self.name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def read(self, path: str) -> dict:
        self._process.stdin.write(path + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name}: ended while it read {path}")
        return json.loads(answer)

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
