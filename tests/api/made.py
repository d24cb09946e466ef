"""Requests made to measure: one for each operation that Core must grant.

Generated text rarely names a dead letter that exists or the one-time password of somebody. What
such a request needs is made first, over the contract as well; everything else of it is the example
that the contract gives. So every operation is reached beyond its refusals, each time it is asked.
"""

import copy
import dataclasses
import itertools
import time

from contract import Operation, resolve
from cores import DEVELOPMENT_USER, PASSWORD, STUB_HOST, Core, manifest, totp

# What development mode never grants.
WITHOUT_SUCCESS = {
    "setup": "there is no set-up code; tests/harness sets installations up in production mode",
    "prune_audit": "nothing is pruned that is younger than six years",
}
EVENT = {"message_id": "msg-1", "recipient_ref": "usr-1", "template": "welcome", "queued_at": "2026-11-22T17:00:00Z"}
SIGN_IN = {"username": DEVELOPMENT_USER, "password": DEVELOPMENT_USER, "mfa_code": "000000"}


@dataclasses.dataclass
class Made:
    """What differs from the example of the contract; no token means one of the right kind."""

    path: dict[str, object] = dataclasses.field(default_factory=dict)
    body: object = None
    query: dict[str, object] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    token: str = ""


class Maker:
    def __init__(self, core: Core, stub: str) -> None:
        self.core, self.stub = core, stub
        self.numbers = itertools.count(1)

    def make(self, operation: Operation, token: str) -> Made:
        """The good request of an operation, called with this token unless it needs another."""
        self.token = token
        special = getattr(self, f"for_{operation.id}", None)
        made = special() if special else Made()
        if "{plugin_id}" in operation.path and "plugin_id" not in made.path:
            made.path["plugin_id"] = self.new_plugin()[0]
        for parameter in operation.parameters:
            if parameter["in"] == "path":
                made.path.setdefault(parameter["name"], resolve(operation.document, parameter).get("example"))
        if made.body is None:
            made.body = operation.body
        return made

    def done(self, method: str, path: str, body: object = None, token: str = "") -> dict:
        """Does something that has to succeed first."""
        answer = self.core.send(method, path, body=body, token=token or self.token)
        assert answer.status < 300, (method, path, answer)
        return answer.json

    def admin(self, method: str, path: str, body: object = None) -> dict:
        return self.done(method, path, body, self.core.admin_token)

    def name(self, kind: str) -> str:
        return f"{kind}{next(self.numbers)}"

    def new_plugin(self) -> tuple[str, str]:
        plugin_id = self.name("made")
        return plugin_id, self.core.register(plugin_id, base_url=f"http://{self.stub}")

    # People.

    def for_login(self) -> Made:
        return Made(body=SIGN_IN)

    def for_step_up(self) -> Made:
        return Made(body={key: SIGN_IN[key] for key in ("password", "mfa_code")})

    def new_user(self) -> dict:
        return self.admin("POST", "/admin/users", {"username": self.name("person"), "roles": ["operator"]})

    def session(self, user: dict, password: str) -> str:
        body = {"username": user["username"], "password": password}
        return str(self.done("POST", "/auth/login", body)["token"])

    def for_change_password(self) -> Made:
        user = self.new_user()
        body = {"current_password": user["initial_password"], "new_password": PASSWORD}
        return Made(body=body, token=self.session(user, user["initial_password"]))

    def for_enroll_mfa(self) -> Made:
        user = self.new_user()
        token = self.session(user, user["initial_password"])
        self.done("POST", "/auth/password", {"current_password": user["initial_password"], "new_password": PASSWORD}, token)
        return Made(token=self.session(user, PASSWORD))

    def for_confirm_mfa(self) -> Made:
        made = self.for_enroll_mfa()
        secret = self.done("POST", "/auth/mfa/enroll", token=made.token)["mfa_secret"]
        return Made(body={"mfa_code": totp(secret, int(time.time()) // 30)}, token=made.token)

    def for_regenerate_recovery_codes(self) -> Made:
        made = self.for_confirm_mfa()
        self.done("POST", "/auth/mfa/confirm", made.body, made.token)
        return Made(token=made.token)

    def for_end_session(self) -> Made:
        sessions = self.done("GET", "/auth/sessions", token=self.other_session())["sessions"]
        return Made({"session_id": next(one["session_id"] for one in sessions if one["current"])})

    def for_logout(self) -> Made:
        return Made(token=self.other_session())

    for_refresh_session = for_logout

    def other_session(self) -> str:
        return str(self.done("POST", "/auth/login", SIGN_IN)["token"])

    def for_create_user(self) -> Made:
        return Made(body={"username": self.name("person"), "roles": ["operator"]})

    def of_user(self) -> Made:
        return Made({"user_id": self.new_user()["user_id"]})

    for_get_user = for_set_user_roles = for_disable_user = for_reset_user_password = of_user
    for_reset_user_mfa = for_revoke_user_sessions = of_user

    def for_enable_user(self) -> Made:
        made = self.of_user()
        self.admin("POST", f"/admin/users/{made.path['user_id']}/disable")
        return made

    # Plugins.

    def for_register_plugin(self) -> Made:
        plugin_id = self.name("made")
        return Made(body=manifest(plugin_id, base_url=f"http://{self.stub}"), token=self.core.enroll(plugin_id))

    def for_deregister_plugin(self) -> Made:
        return Made(token=self.new_plugin()[1])

    def for_create_enrollment(self) -> Made:
        return Made(body={"plugin_id": self.name("made"), "approve": True, "expires_in": 3600})

    def for_revoke_enrollment(self) -> Made:
        body = {"plugin_id": self.name("made"), "approve": True}
        return Made({"enrollment_id": self.admin("POST", "/admin/enrollments", body)["enrollment_id"]})

    def for_approve_plugin(self) -> Made:
        plugin_id = self.name("made")
        enrolment = self.core.enroll(plugin_id, approve=False)
        self.done("POST", "/plugins/register", manifest(plugin_id), enrolment)
        return Made({"plugin_id": plugin_id})

    def of_plugin(self) -> Made:
        return Made({"plugin_id": self.new_plugin()[0]})

    for_suspend_plugin = for_drain_plugin = for_revoke_plugin = for_rotate_plugin_key = of_plugin

    def for_resume_plugin(self) -> Made:
        made = self.of_plugin()
        self.admin("POST", f"/admin/plugins/{made.path['plugin_id']}/suspend", {"reason": "looks odd"})
        return made

    # Lanes.

    def for_call_plugin(self) -> Made:
        return Made({"operation": "echo"})

    def for_call_external(self) -> Made:
        return Made(body={"url": f"https://{STUB_HOST}/v1/status", "method": "GET"})

    def for_check_egress(self) -> Made:
        return Made(body={"plugin_id": self.new_plugin()[0], "url": f"https://{STUB_HOST}/v1/status", "method": "GET"})

    def for_set_plugin_egress_mode(self) -> Made:
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
        return Made(body={"mode": "report", "host": STUB_HOST, "until": until, "reason": "roll-out"})

    def for_stream_events(self) -> Made:
        return Made(query={"event_types": "EmailQueued"})

    def subscription(self) -> tuple[str, str]:
        """A subscription of a new plugin with one event waiting; its name and the token."""
        _, token = self.new_plugin()
        self.done("PUT", "/events/subscriptions/mail", {"event_types": ["EmailQueued"]}, token)
        self.done("POST", "/events/publish", {"event_type": "EmailQueued", "payload": EVENT}, token)
        return "mail", token

    def of_subscription(self) -> Made:
        name, token = self.subscription()
        return Made({"name": name}, token=token)

    for_pull_events = for_delete_subscription = of_subscription

    def for_settle_events(self) -> Made:
        name, token = self.subscription()
        pulled = self.done("POST", f"/events/subscriptions/{name}/pull", {"max": 1, "wait_ms": 5_000}, token)
        outcomes = [{"delivery_id": one["delivery_id"], "outcome": "term", "reason": "smtp_550"} for one in pulled["deliveries"]]
        return Made({"name": name}, {"outcomes": outcomes}, token=token)

    def of_dead_letter(self) -> Made:
        made = self.for_settle_events()
        self.done("POST", f"/events/subscriptions/{made.path['name']}/settle", made.body, made.token)
        return Made({"dead_letter": self.admin("GET", "/admin/dead-letters?limit=1000")["dead_letters"][-1]["dead_letter"]})

    for_get_dead_letter = for_drop_dead_letter = for_redrive_dead_letter = of_dead_letter

    def for_replay_events(self) -> Made:
        plugin_id, token = self.new_plugin()
        self.done("PUT", "/events/subscriptions/mail", {"event_types": ["EmailQueued"]}, token)
        return Made(body={"plugin_id": plugin_id, "subscription": "mail", "from_sequence": 1})

    # What is kept.

    def of_setting(self) -> Made:
        key = self.name("setting")
        self.done("PUT", f"/config/{key}", {"value": "hello"})
        return Made({"key": key})

    for_get_config = for_list_config_history = for_roll_back_config = for_delete_config = of_setting

    def of_plugin_setting(self) -> Made:
        plugin_id, key = self.new_plugin()[0], self.name("setting")
        self.admin("PUT", f"/admin/plugins/{plugin_id}/config/{key}", {"value": "hello"})
        return Made({"plugin_id": plugin_id, "key": key})

    for_get_plugin_config = for_list_plugin_config_history = of_plugin_setting
    for_roll_back_plugin_config = for_delete_plugin_config = of_plugin_setting

    def for_delete_plugin_secret(self) -> Made:
        plugin_id, name = self.new_plugin()[0], self.name("secret")
        self.admin("PUT", f"/admin/plugins/{plugin_id}/secrets/{name}", {"value": "synthetic-partner-key"})
        return Made({"plugin_id": plugin_id, "name": name})

    def of_value(self) -> Made:
        key = self.name("value")
        self.done("PUT", f"/storage/{key}", {"value": "hello"})
        return Made({"key": key})

    for_get_value = for_delete_value = of_value

    # Policy, keys and the audit log.

    def for_put_policy(self) -> Made:
        policy = self.admin("GET", "/admin/policy")
        document = copy.deepcopy(policy["document"])
        return Made(body={"document": document, "reason": "as before"}, headers={"If-Match": str(policy["version"])})

    def for_get_policy_version(self) -> Made:
        return Made({"version": self.admin("GET", "/admin/policy")["version"]})

    def for_explain_decision(self) -> Made:
        token = self.core.register(self.name("made"), traits=["config_reader"])
        answer = self.core.send("GET", "/storage", token=token)
        return Made({"decision_id": answer.json["decision_id"]})

    def next_key(self) -> str:
        """The key that will sign next; empty when there is none yet."""
        keys = self.admin("GET", "/admin/keys")["keys"]
        return next((key["kid"] for key in keys if key["status"] == "next"), "")

    def for_rotate_keys(self) -> Made:
        if key := self.next_key():
            self.admin("POST", f"/admin/keys/{key}/retire", {"reason": "never used"})
        return Made()

    def for_retire_key(self) -> Made:
        if not self.next_key():
            self.admin("POST", "/admin/keys/rotate", {"reason": "to retire one"})
        return Made({"kid": self.next_key()})

    def for_get_audit_checkpoint(self) -> Made:
        self.admin("POST", "/admin/audit/checkpoints")
        return Made()

    def for_release_audit_hold(self) -> Made:
        body = {"reason": "case 2026-11", "since": "2026-01-01T00:00:00Z"}
        return Made({"hold_id": self.admin("POST", "/admin/audit/holds", body)["hold_id"]})
