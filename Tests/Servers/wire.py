#!/usr/bin/env python3
"""A network between the tests and a server of theirs, on loopback, that can be cut.

    wire.py PORT      forwards connections to 127.0.0.1:PORT, and prints the port on which it takes them

SIGUSR1 cuts it: what is connected stays so and hears nothing any more, and nothing new can be connected. SIGUSR2 lets new
connections through again; those that were cut stay as they are. Each prints a line when it is done.
"""
import queue
import signal
import socket
import sys
import threading

server_port = int(sys.argv[1])
words = queue.SimpleQueue()
cuts = 0
listener = None


def listen(port=0):
    global listener
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    return listener.getsockname()[1]


def accept(own):
    while True:
        try:
            client, _ = own.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", server_port))
        except OSError:
            client.close()
            continue
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair + (cuts,), daemon=True).start()


def pump(source, target, born):
    try:
        while True:
            data = source.recv(65536)
            if born != cuts:
                kept.append((source, target))
                return
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
    except OSError:
        if born == cuts:
            for side in (source, target):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


kept = []
signal.signal(signal.SIGUSR1, lambda *_: words.put("cut"))
signal.signal(signal.SIGUSR2, lambda *_: words.put("mended"))
port = listen()
print(port, flush=True)
while True:
    word = words.get()
    if word == "cut":
        cuts += 1
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    else:
        listen(port)
    print(word, flush=True)
