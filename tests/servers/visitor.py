"""Somebody at this machine, who signs in with the code that a start printed, and asks as a program."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any

_CODE = re.compile(r'(?:#code=|"code": ")([\w-]{16})(?![\w-])')
API = "api/v1"


def has_code(text: str) -> bool:
    """Has a process printed a sign-in code?"""
    return _CODE.search(text) is not None


def newest_code(text: str) -> str:
    """The code that what a process printed ends with; raises AssertionError where there is none."""
    codes = _CODE.findall(text)
    assert codes, f"no sign-in code in: {text[-500:]}"
    return str(codes[-1])


class Visitor:
    """Signs in when it has to: at first, and when a gateway began anew."""

    def __init__(self, url: str, printed: Callable[[], str], timeout_s: float = 60) -> None:
        """`printed` gives what the process has printed so far."""
        self._timeout_s = timeout_s
        self.url = url.partition("#")[0]
        self._printed = printed
        self.headers: dict[str, str] = {}
        """Of a program that is signed in."""

    def sign_in(self) -> None:
        """Take a token with the newest code."""
        origin = self.url.rstrip("/")
        code = {"code": newest_code(self._printed())}
        _, answer = self._send("POST", f"{API}/session", code, {})
        cookie = answer["set-cookie"].partition(";")[0]
        page = {"Cookie": cookie, "Origin": origin}
        found, _ = self._send("POST", f"{API}/session/token", {}, page)
        self.headers = {"Authorization": f"Bearer {found['token']}"}

    def get(self, path: str) -> Any:
        """The JSON of a path."""
        return self.ask("GET", path)[0]

    def post(self, path: str, **body: Any) -> Any:
        """The JSON of the answer to a command."""
        return self.ask("POST", path, body)[0]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[Any, Message]:
        """JSON and headers of an answer; raises urllib.error.HTTPError where it is none."""
        try:
            return self._send(method, path, body, self.headers)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            self.sign_in()
            return self._send(method, path, body, self.headers)

    def open(self, path: str, timeout_s: float) -> Any:
        """An answer that goes on: a stream."""
        if not self.headers:
            self.sign_in()
        request = urllib.request.Request(self.url + path, headers=self.headers)
        return urllib.request.urlopen(request, timeout=timeout_s)

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[Any, Message]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.url + path.lstrip("/"), data, sent, method=method)
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
            content = answer.read()
            return json.loads(content) if content else None, answer.headers
