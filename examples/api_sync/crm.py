"""A CRM to try the example with: 87 customers, 10 a page, behind a token and a limit of 10 requests a second.

usage: python crm.py [PORT]
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "let-me-in"
PER_PAGE = 10
PER_SECOND = 10
CITIES = ("Kraków", "Lyon", "Porto", "Graz", "Turku")
FIRST_CHANGE = datetime(2026, 3, 2, 6, tzinfo=UTC)
CUSTOMERS = [
    {
        "id": number,
        "name": f"Customer {number}",
        "city": CITIES[number % len(CITIES)],
        "changed": (FIRST_CHANGE + timedelta(minutes=number)).isoformat(),
    }
    for number in range(1, 88)
]


class Crm(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self._lock = threading.Lock()
        self._lately: deque[float] = deque()

    def admits(self) -> bool:
        """Whether one more request is within the limit."""
        now = time.monotonic()
        with self._lock:
            while self._lately and self._lately[0] <= now - 1:
                self._lately.popleft()
            self._lately.append(now)
            return len(self._lately) <= PER_SECOND


class Handler(BaseHTTPRequestHandler):
    server: Crm

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer(401, {})
        elif not self.server.admits():
            self.answer(429, {})
        elif place.path != "/customers":
            self.answer(404, {})
        else:
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            since = query.get("since")
            after = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
            found = [each for each in CUSTOMERS if datetime.fromisoformat(str(each["changed"])) > after]
            first = (int(query.get("page", "1")) - 1) * PER_PAGE
            pages = -(-len(found) // PER_PAGE)
            self.answer(200, {"customers": found[first : first + PER_PAGE], "pages": pages})

    def answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    with Crm(int(sys.argv[1]) if len(sys.argv) > 1 else 8800) as crm:
        print(f"the CRM answers at http://127.0.0.1:{crm.server_address[1]}", flush=True)
        crm.serve_forever()
