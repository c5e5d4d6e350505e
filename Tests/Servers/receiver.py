#!/usr/bin/env python3
"""Receives notifications for the tests: an HTTP server and a mail server on loopback, with nothing but Python.

    receiver.py http LOG [--port N]
    receiver.py smtp LOG [--port N] [--tls CERTIFICATE KEY] [--starttls CERTIFICATE KEY] [--user NAME --password TEXT]

It prints its port, then writes a line of JSON into LOG for each request or mail before it answers. What it answers follows
from the path: `500x2` fails twice for each path, `drop`, `late` and `429` are as they sound; see `answer`.
Secrets of the test (RECEIVER_SECRETS, one on each line) are looked for in the arguments of all processes and in files that
others may read (below RECEIVER_FOLDER), or that lie in an outbox, while a request is served; RECEIVER_HMAC is the key of signatures.
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import stat
import sys
import threading
import time

SECRETS = [text for text in os.environ.get("RECEIVER_SECRETS", "").split("\n") if text]
FOLDER = os.environ.get("RECEIVER_FOLDER", "")
KEY = os.environ.get("RECEIVER_HMAC", "").encode()
lock = threading.Lock()
counts = {}


def leaks():
    """Where secrets of the test can be seen by others, right now."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read().decode(errors="replace")
        except OSError:
            continue
        found += [f"arguments of {words[:80]!r}" for secret in SECRETS if secret in words]
    for folder, _, files in os.walk(FOLDER) if FOLDER else []:
        for name in files:
            path = os.path.join(folder, name)
            try:
                # What is sent lies in no file with a name at all.
                isOpen = os.stat(path).st_mode & (stat.S_IRGRP | stat.S_IROTH)
                if not isOpen and "/.caudal/outbox/" not in path:
                    continue
                text = open(path, "rb").read().decode(errors="replace")
            except OSError:
                continue
            found += [f"file {path}" for secret in SECRETS if secret in text]
    return found


def log(entry):
    entry["leaks"] = leaks()
    entry["at"] = time.time()
    with lock, open(sys.argv[2], "a") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()


def signature(headers, body):
    """Whether a signed body is signed right and now; None where it is not signed."""
    text = headers.get("X-Caudal-Signature")
    if text is None:
        return None
    parts = dict(part.split("=", 1) for part in text.split(","))
    code = hmac.new(KEY, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(code, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with lock:
            counts[self.path] = count = counts.get(self.path, 0) + 1
        status = self.answer(count)
        log({
            "path": self.path, "method": self.command, "headers": dict(self.headers), "body": body.decode(), "status": status,
            "signature": signature(self.headers, body),
        })
        if status == 0:
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        text = b"no" if status >= 300 else b"ok"
        try:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            pass

    def answer(self, count):
        """The status of the answer to the `count`th request of a path; 0 for none at all."""
        failing = re.search(r"/(\d{3}|drop)x(\d+)", self.path)
        if failing and count <= int(failing[2]):
            return 0 if failing[1] == "drop" else int(failing[1])
        late = re.search(r"/late(\d+)x(\d+)", self.path)
        if late and count <= int(late[2]):
            log({"path": self.path, "status": -1, "headers": dict(self.headers)})
            time.sleep(int(late[1]))
        always = re.search(r"/(\d{3})$", self.path)
        return int(always[1]) if always else 200


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write((text + "\r\n").encode())
        self.wfile.flush()

    def setup(self):
        self.is_encrypted = bool(option("--tls"))
        if self.is_encrypted:
            self.request = context("--tls").wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        sender, receivers, user = None, [], None
        self.say("220 test")
        while line := self.rfile.readline():
            words = line.decode(errors="replace").strip()
            verb = words.upper()
            if verb.startswith(("EHLO", "HELO")):
                extra = ["STARTTLS"] if option("--starttls") and not self.is_encrypted else []
                extra += ["AUTH PLAIN LOGIN"] if option("--user") and (self.is_encrypted or not extra) else []
                lines = ["test"] + extra
                for index, text in enumerate(lines):
                    self.say(f"250{' ' if index == len(lines) - 1 else '-'}{text}")
            elif verb == "STARTTLS":
                self.say("220 go on")
                self.request = context("--starttls").wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
                self.is_encrypted = True
            elif verb.startswith("AUTH PLAIN"):
                text = words[11:]
                if not text:
                    self.say("334 ")
                    text = self.rfile.readline().decode().strip()
                _, user, password = base64.b64decode(text).decode().split("\0")
                good = user == option("--user") and password == option("--password")
                self.say("235 welcome" if good else "535 no")
                user = user if good else None
            elif verb.startswith("MAIL FROM"):
                sender = words[10:]
                self.say("250 ok" if user or not option("--user") else "530 log in first")
            elif verb.startswith("RCPT TO"):
                if "nobody@" in words:
                    self.say("550 there is no such person")
                elif "busy@" in words and self.is_first(words):
                    self.say("450 try later")
                else:
                    receivers.append(words[8:])
                    self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                text = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    if not line:
                        return
                    text += line[1:] if line.startswith(b"..") else line
                log({
                    "from": sender, "to": receivers, "user": user, "encrypted": self.is_encrypted, "mail": text.decode(),
                    "bare": bool(re.search(rb"(?<!\r)\n", text)),
                })
                self.say("250 taken")
                receivers = []
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def is_first(self, words):
        with lock:
            counts[words] = counts.get(words, 0) + 1
            return counts[words] == 1


def option(name, more=1):
    place = sys.argv.index(name) if name in sys.argv else 0
    return sys.argv[place + more] if place else None


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(option(name), option(name, 2))
    return made


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def end_with(parent):
    """Ends this process when the one that started it has ended, however that was."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
server = Server(("127.0.0.1", int(option("--port") or 0)), Web if sys.argv[1] == "http" else Mail)
print(server.server_address[1], flush=True)
server.serve_forever()
