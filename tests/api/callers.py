"""Tokens of every kind for a run of generated requests.

Generated requests end sessions, revoke plugins and rotate keys. A token that has died is replaced;
a Core that no longer lets its own administrator in is replaced too, as a new installation. Many
plugins share the load, so that the limits per plugin are met as they are meant: by one plugin that
asks too often, not by many that ask at all.
"""

import itertools
import pathlib
import random
import shutil
import threading
import time

from cores import DEVELOPMENT_USER, STUB_HOST, Core, manifest

PLUGINS = 24
# Operations that end the token they are called with: each call gets a token of its own.
ENDING = {"logout", "deregister_plugin"}


class Callers:
    def __init__(self, folder: pathlib.Path, stub: str, rng: random.Random) -> None:
        self.stub, self.rng = stub, rng
        self.core = Core(folder, stub=stub)
        self.lock = threading.RLock()
        self.numbers = itertools.count(1)
        self.plugins: list[str] = []
        self.enrolments: list[str] = []
        self.owners: dict[str, str] = {}
        self.restarts = 0
        self.core.start()
        self.core.sign_in()
        self.furnish()

    def furnish(self) -> None:
        """What generated requests can hit: a callee, a subscription, a value, a setting."""
        self.core.register("callee", base_url=f"http://{self.stub}")
        self.core.enroll("candidate", approve=False)
        token = self.plugin()
        for method, path, body in [
            ("PUT", "/events/subscriptions/mail", {"event_types": ["EmailQueued"]}),
            ("PUT", "/config/greeting", {"value": "hello"}),
            ("PUT", "/storage/greeting", {"value": "hello"}),
        ]:
            answer = self.core.send(method, path, body=body, token=token)
            assert answer.status == 200, answer

    def token(self, operation: str, schemes: list[str]) -> str | None:
        with self.lock:
            for attempt in range(3):
                try:
                    return self.find(operation, self.rng.choice(schemes)) if schemes else None
                except AssertionError:
                    if attempt == 2:
                        raise
                    self.recover()
        return None

    def find(self, operation: str, scheme: str) -> str:
        if scheme == "enrollmentToken":
            if not self.enrolments or self.rng.random() < 0.2:
                plugin_id = f"new{next(self.numbers)}"
                self.enrolments.append(self.core.enroll(plugin_id))
                self.owners[self.enrolments[-1]] = plugin_id
            return self.enrolments[-1]
        if scheme == "pluginToken":
            return self.new_plugin() if operation in ENDING else self.plugin()
        return self.core.sign_in() if operation in ENDING else self.core.admin_token

    def plugin(self) -> str:
        if len(self.plugins) < PLUGINS:
            self.plugins.append(self.new_plugin())
            return self.plugins[-1]
        return self.rng.choice(self.plugins)

    def new_plugin(self) -> str:
        plugin_id = f"caller{next(self.numbers)}"
        token = self.core.register(plugin_id, base_url=f"http://{self.stub}")
        self.owners[token] = plugin_id
        return token

    def good_body(self, operation: str, token: str) -> object:
        """A body that can succeed where generated text hardly would."""
        if operation == "login":
            return {"username": DEVELOPMENT_USER, "password": DEVELOPMENT_USER, "mfa_code": "000000"}
        if operation == "call_external":
            return {"url": f"https://{STUB_HOST}/v1/status", "method": "GET"}
        if operation == "register_plugin" and token in self.owners:
            return manifest(self.owners[token], base_url=f"http://{self.stub}")
        return None

    def dead(self, token: str, code: str) -> None:
        """Core has said that this token is good no more."""
        with self.lock:
            if token in self.plugins:
                self.plugins.remove(token)
            elif token in self.enrolments:
                self.enrolments.remove(token)
            elif token == self.core.admin_token:
                self.recover()

    def recover(self) -> None:
        """Signs in again; when that is refused, begins with an empty installation."""
        try:
            self.core.sign_in()
            assert self.core.send("GET", "/admin/plugins", token=self.core.admin_token).status == 200
        except AssertionError:
            self.restarts += 1
            self.core.stop()
            shutil.rmtree(self.core.data)
            self.plugins.clear()
            self.enrolments.clear()
            time.sleep(0.1)
            self.core.start()
            self.core.sign_in()
            self.furnish()
