"""A server on this machine that serves a folder, and misbehaves where it is told to.

`server.faults[path]` is a list of what it does at the next requests of a file, in order; after these it
behaves. `server.always[path]` it does every time. What it holds of a body it sends
once `server.release` is set.
"""

import email.utils
import hashlib
import http.server
import socket
import struct
import threading
import time
from contextlib import contextmanager


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._serve(body=False)

    def do_GET(self):
        self._serve(body=True)

    def _serve(self, body):
        server, path = self.server, self.path.lstrip("/")
        with server.lock:
            server.requests.append((self.command, path, self.headers.get("Range")))
            queue = server.faults.get(path, [])
            fault = queue.pop(0) if body and queue else server.always.get(path, server.always.get("*"))
        kind, _, value = (fault or "").partition(":")
        file = server.folder / path
        if kind.isdigit():
            return self._plain(int(kind), {"Retry-After": value} if value else {})
        if not file.is_file():
            return self._plain(404, {})
        if kind == "silent":
            return time.sleep(float(value))
        data = b"<html>busy</html>" * 400 if kind == "garbage" else file.read_bytes()
        self._send(data, kind, value, body)

    def _plain(self, status, headers):
        self.send_response(status)
        for name, text in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, text)
        self.end_headers()

    def _send(self, data, kind, value, body):
        begin, etag = 0, f'"{hashlib.md5(data).hexdigest()}"'
        wanted, fresh = self.headers.get("Range"), self.headers.get("If-Range") in (None, etag)
        if wanted and fresh and kind != "norange":
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            if begin >= len(data):
                return self._plain(416, {})
            self.send_response(206)
            start = begin + 1 if kind == "wrongpart" else begin
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        length = len(data) - begin + {"long": 5000, "short": -5000}.get(kind, 0)
        if kind != "nolength":
            self.send_header("Content-Length", str(length))
        if kind != "novalidator":
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", email.utils.formatdate(1.6e9, usegmt=True))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if body:
            self._body(data[begin:][:length], kind, value)

    def _body(self, data, kind, value):
        if kind in ("cut", "reset", "novalidator", "norange"):
            data = data[: int(value or len(data))]
        for i in range(0, len(data), 8192):
            self.wfile.write(data[i : i + 8192])
            self.wfile.flush()
            if kind == "drip":
                time.sleep(float(value))
            if kind == "hold" and i + 8192 >= int(value):
                self.server.release.wait()
        if kind == "reset":
            time.sleep(0.05)  # what was sent should arrive before the connection breaks
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if kind == "stall":
            time.sleep(float(value))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients that leave are expected


@contextmanager
def serving(folder):
    """A server of a folder at `server.url`; `server.requests` is a list of (method, path, Range)."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.folder, server.lock = folder, threading.Lock()
    server.requests, server.faults, server.always = [], {}, {}
    server.release = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
