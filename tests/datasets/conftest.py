"""A small local web server for the tests of downloads."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Server:
    """Serves ``pages`` (path -> bytes) on a loopback port; other paths are answered with 404."""

    url: str
    pages: dict[str, bytes] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)  # send half of these, then hang up
    hold: set[str] = field(default_factory=set)  # send half of these, then nothing until the client is gone
    halfway: threading.Event = field(default_factory=threading.Event)  # set when half of a held page is sent
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            if self.path in site.cut | site.hold:
                self.wfile.write(page[: len(page) // 2])
                self.wfile.flush()
                if self.path in site.hold:
                    site.halfway.set()
                    with suppress(ConnectionError):
                        self.rfile.read(1)  # returns when the client's end is closed
                return
            with suppress(ConnectionError):  # the client's disk may be full
                self.wfile.write(page)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        site = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        http.shutdown()
        thread.join()


def visible_files(folder: Path) -> set[str]:
    """Relative paths of all files below ``folder``, except locks, which are empty and stay."""
    found = {os.path.relpath(path, folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.endswith(".lock")}


@pytest.fixture(name="visible_files")
def visible_files_fixture():
    return visible_files
