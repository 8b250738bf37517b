"""Serves a folder on loopback, in several bad ways: /WAY/NAME. Prints its port.

good: with ranges; plain: without them; missing: 404; cut: two thirds of what was asked for, then the
connection is broken; once: as cut, and without ranges; wrong: one byte differs; endless: more and
more. Every request is a line in the log: WAY NAME and where it begins.
"""
import http.server
import os
import sys

folder, log = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        way, name = self.path.strip("/").split("/")
        path = os.path.join(folder, name)
        if way == "missing" or not os.path.exists(path):
            self.send_error(404)
            return
        content = open(path, "rb").read()
        begin = 0
        if way in ("good", "cut") and self.headers.get("Range"):
            begin = int(self.headers["Range"].split("=")[1].split("-")[0])
        with open(log, "a") as file:
            print(way, name, begin, file=file)
        if way == "wrong":
            content = content[:-1] + bytes([content[-1] ^ 1])
        rest = content[begin:]
        if begin:
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, len(content) - 1, len(content)))
        else:
            self.send_response(200)
        if way != "endless":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        try:
            if way in ("cut", "once"):
                rest = rest[: len(rest) * 2 // 3 + 1]
            self.wfile.write(rest)
            for _ in range(1000 if way == "endless" else 0):
                self.wfile.write(content)
        except OSError:
            pass  # the other side has had enough
        self.close_connection = True


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
