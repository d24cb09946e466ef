"""Tokens of every kind for a run of generated requests.

Generated requests end sessions, revoke plugins and rotate keys. A token that has died is replaced;
a Core that no longer lets its own administrator in is replaced too, as a new installation. Several
plugins share the load, because a generated request may take one of them out of service.
"""

import itertools
import pathlib
import random
import shutil
import threading
from collections.abc import Callable
from typing import TypeVar

from contract import Operation
from cores import Core
from made import Made, Maker

Wanted = TypeVar("Wanted")
# Operations that end the token they are called with: each call gets a token of its own.
ENDING = {"logout", "refresh_session", "deregister_plugin"}
# How often is the matter of other tests: here every request is answered for what it is.
RATES = ["address", "strangers", "login", "public", "admin", "control", "egress", "lane"]
UNLIMITED = {f"VIVIFIED_RATES_{name.upper()}_{end}": "1000000" for name in RATES for end in ("PER_SECOND", "BURST")}


class Callers:
    def __init__(self, folder: pathlib.Path, stub: str, rng: random.Random, plugins: int) -> None:
        self.stub, self.rng, self.most_plugins = stub, rng, plugins
        self.core = Core(folder, stub=stub, environment=UNLIMITED)
        self.maker = Maker(self.core, stub)
        self.lock = threading.RLock()
        self.numbers = itertools.count(1)
        self.plugins: list[str] = []
        self.enrolments: list[str] = []
        self.restarts = 0
        self.core.start()
        self.core.sign_in()
        self.furnish()

    def furnish(self) -> None:
        """What generated requests can hit: the plugin of the examples, a candidate, something kept of each kind."""
        self.core.register("hello_py", base_url=f"http://{self.stub}")
        self.core.enroll("candidate", approve=False)
        token = self.plugin()
        for path, body in [
            ("/events/subscriptions/mail", {"event_types": ["EmailQueued"]}),
            ("/config/greeting", {"value": "hello"}),
            ("/storage/greeting", {"value": "hello"}),
        ]:
            answer = self.core.send("PUT", path, body=body, token=token)
            assert answer.status == 200, answer
        self.maker.new_user()
        self.maker.for_get_dead_letter()
        self.maker.for_release_audit_hold()

    def token(self, operation: str, schemes: list[str]) -> str:
        return self.surely(lambda: self.find(operation, self.rng.choice(schemes)))

    def made(self, operation: Operation) -> Made:
        """A request that Core must grant, with its token."""

        def make() -> Made:
            kind = operation.schemes[0] if operation.schemes else ""
            token = self.living(kind) if operation.schemes else ""
            made = self.maker.make(operation, token)
            made.token = (made.token or token) if kind else ""
            return made

        return self.surely(make)

    def living(self, kind: str) -> str:
        """A token that Core takes at this moment."""
        token = self.find("", kind)
        path = "/plugins" if kind == "pluginToken" else "/auth/me"
        if kind != "enrollmentToken" and self.core.send("GET", path, token=token).status != 200:
            self.dead(token)
            token = self.find("", kind)
        return token

    def surely(self, act: Callable[[], Wanted]) -> Wanted:
        """What has to succeed; after a failure with a new session, and then with a new installation."""
        with self.lock:
            for mend in (self.recover, self.reinstall):
                try:
                    return act()
                except AssertionError:
                    mend()
            return act()

    def find(self, operation: str, scheme: str) -> str:
        if scheme == "enrollmentToken":
            if not self.enrolments or self.rng.random() < 0.2:
                self.enrolments.append(self.core.enroll(f"new{next(self.numbers)}"))
            return self.enrolments[-1]
        if scheme == "pluginToken":
            return self.new_plugin() if operation in ENDING else self.plugin()
        return self.maker.other_session() if operation in ENDING else self.core.admin_token

    def plugin(self) -> str:
        if len(self.plugins) < self.most_plugins:
            self.plugins.append(self.new_plugin())
            return self.plugins[-1]
        return self.rng.choice(self.plugins)

    def new_plugin(self) -> str:
        return self.core.register(f"caller{next(self.numbers)}", base_url=f"http://{self.stub}")

    def dead(self, token: str) -> None:
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
            self.reinstall()

    def reinstall(self) -> None:
        with self.lock:
            self.restarts += 1
            self.core.stop()
            shutil.rmtree(self.core.data)
            self.plugins.clear()
            self.enrolments.clear()
            self.core.start()
            self.core.sign_in()
            self.furnish()
