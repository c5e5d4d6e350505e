#!/usr/bin/env python3
"""A web server for the tests on loopback, which serves a folder in good and in bad ways.

    files.py FOLDER      prints a line of JSON: port

The first part of a path says how: `good` with a strong mark, `weak` without one, `flaky` answers 503 the first two times,
`down` always, `cut` closes in the middle, `chunks` in pieces, `torn` in pieces and closes in the middle, `open` does not say
how long it is, `page` sends a page, `packed` packs what nobody asked to be packed, `moved` sends elsewhere, `basic` and `token`
ask who it is. `log` tells of the requests so far.
"""
import base64
import gzip
import hashlib
import http.server
import json
import pathlib
import sys
import threading

root, log, seen, lock = pathlib.Path(sys.argv[1]), [], {}, threading.Lock()
BASIC = "Basic " + base64.b64encode(b"ann:open sesame").decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        how, _, name = self.path.lstrip("/").partition("/")
        name = name.partition("?")[0]
        if how == "log":
            return self.answer(200, "\n".join(log).encode())
        with lock:
            seen[self.path] = seen.get(self.path, 0) + 1
            count = seen[self.path]
        file = root / name
        status = self.send(how, name, file, count)
        with lock:
            log.append(f"{status} {self.path}")

    def send(self, how, name, file, count):
        wanted = {"basic": BASIC, "token": "Bearer let-me-in"}.get(how)
        if wanted and self.headers.get("Authorization") != wanted:
            return self.answer(401, b"who is it?")
        if how == "down" or how == "flaky" and count <= 2:
            return self.answer(503, b"id,n\n666,1\n")
        if how == "moved":
            return self.answer(302, b"", Location=f"/good/{name}")
        if not file.is_file():
            return self.answer(404, b"id,n\n404,1\n")
        data = file.read_bytes()
        mark = '"' + hashlib.sha256(data).hexdigest() + '"'
        if how == "page":
            return self.answer(200, b"<html>Please log in</html>", **{"Content-Type": "text/html; charset=utf-8"})
        if how == "packed":
            return self.answer(200, gzip.compress(data), **{"Content-Encoding": "gzip"})
        if how == "cut":
            return self.part(data, {"Content-Length": str(len(data))}, data[: data.rindex(b"\n", 0, len(data) // 2 + 1) + 1])
        if how == "open":
            return self.part(data, {"Connection": "close"}, data)
        if how in ("chunks", "torn"):
            half = data[: data.rindex(b"\n", 0, len(data) // 2 + 1) + 1]
            pieces = [half] if how == "torn" else [half, data[len(half):], b""]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            return self.part(data, {"Transfer-Encoding": "chunked"}, body)
        if how == "weak":
            return self.answer(200, data, ETag="W/" + mark)
        if self.headers.get("If-None-Match") == mark:
            return self.answer(304, b"", ETag=mark)
        return self.answer(200, data, ETag=mark)

    def part(self, data, fields, body):
        self.send_response(200)
        for field, value in fields.items():
            self.send_header(field, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
        return 200

    def answer(self, status, body, **fields):
        self.send_response(status)
        for field, value in fields.items():
            self.send_header(field, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)
        return status

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
