#!/usr/bin/env python3
"""An object store for the tests on loopback, whose objects are replaced while they are read; it checks no signatures.

    swapping.py FOLDER      prints a line of JSON: port

The bucket `marked` gives ETags, `dated` only times of change, `bare` neither. FOLDER has the objects of all of them. Behind as many
answers with content as the file `swap` says, KEY.next stands for KEY; `/count` tells how many there were.
"""
import hashlib
import http.server
import json
import pathlib
import re
import sys
import threading
import urllib.parse

root, given, lock = pathlib.Path(sys.argv[1]), [0], threading.Lock()
DAYS = ["Mon, 30 Nov 2026 00:00:00 GMT", "Mon, 30 Nov 2026 00:00:01 GMT"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def version(self, key):
        number = int(given[0] >= int((root / "swap").read_text()) and (root / f"{key}.next").exists())
        data = (root / (f"{key}.next" if number else key)).read_bytes()
        return number, data, '"' + hashlib.md5(data).hexdigest() + '"'

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(address.path).lstrip("/").partition("/")
        if address.path == "/count":
            return self.answer(200, str(given[0]).encode())
        if not key:
            return self.list(bucket, urllib.parse.parse_qs(address.query))
        if key.endswith(".next") or not (root / key).is_file():
            return self.answer(404, b"")
        with lock:
            number, data, mark = self.version(key)
            if self.command == "GET":
                given[0] += 1
        fields = {"Accept-Ranges": "bytes"}
        if bucket == "marked":
            fields["ETag"] = mark
            if self.headers.get("If-Match", mark) != mark:
                return self.answer(412, b"")
        if bucket != "bare":
            fields["Last-Modified"] = DAYS[number]
        part = re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not part:
            return self.answer(200, data, **fields)
        first = int(part[1]) if part[1] else len(data) - int(part[2])
        last = min(int(part[2]), len(data) - 1) if part[1] and part[2] else len(data) - 1
        fields["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self.answer(206, data[first : last + 1], **fields)

    def list(self, bucket, query):
        prefix, entries = query.get("prefix", [""])[0], []
        for path in sorted(root.rglob("*")):
            key = str(path.relative_to(root))
            if path.is_dir() or key == "swap" or key.endswith(".next") or not key.startswith(prefix):
                continue
            number, data, mark = self.version(key)
            entry = f"<Key>{urllib.parse.quote(key)}</Key><Size>{len(data)}</Size>"
            if bucket == "marked":
                entry += f"<ETag>{mark.replace(chr(34), '&quot;')}</ETag>"
            if bucket != "bare":
                entry += f"<LastModified>2026-11-30T00:00:0{number}.000Z</LastModified>"
            entries.append(f"<Contents>{entry}</Contents>")
        text = (
            f"<ListBucketResult><EncodingType>url</EncodingType><KeyCount>{len(entries)}</KeyCount>"
            f"<IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>"
        )
        self.answer(200, text.encode(), **{"Content-Type": "application/xml"})

    def answer(self, status, body, **fields):
        self.send_response(status)
        for field, value in fields.items():
            self.send_header(field, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
