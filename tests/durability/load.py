"""What was asked, what was answered, what came out, and whether the three agree."""

import dataclasses
import threading
import time

from core import Client, Core, Gone

PUBLISHERS = 8
KEYS = 4
TYPE = "EmailQueued"


@dataclasses.dataclass
class Publisher:
    """Publishes one event after the other. An event whose answer was lost is published again
    first, with the same id, as a careful client does."""

    name: str
    token: str
    number: int = 0
    unknown: bool = False
    acked: dict[str, int] = dataclasses.field(default_factory=dict)
    repeated: int = 0
    refused: list[str] = dataclasses.field(default_factory=list)

    def run(self, core: Core) -> None:
        client = core.client(self.token)
        try:
            while True:
                if not self.unknown:
                    self.number += 1
                    self.unknown = True
                self.publish(client)
                self.unknown = False
        except Gone:
            pass

    def publish(self, client: Client) -> None:
        event_id = f"{self.name}-{self.number}"
        payload = {
            "message_id": event_id,
            "recipient_ref": f"usr-{self.number}",
            "template": "welcome",
            "queued_at": "2026-11-22T17:00:00Z",
        }
        key = f"{self.name}-{self.number % KEYS}"
        body = {"event_type": TYPE, "payload": payload, "id": event_id, "partition_key": key}
        while (answered := client.ask("POST", "/events/publish", body))[0] in (429, 503):
            time.sleep(0.02)
        status, answer = answered
        if status == 202:
            self.acked[event_id] = answer["sequence"]
            self.repeated += answer["duplicate"]
        else:
            self.refused.append(f"{status} {answer.get('code')}")


@dataclasses.dataclass
class Reader:
    """Takes everything out of one subscription and settles it."""

    token: str
    subscription: str
    seen: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)
    settled: set[str] = dataclasses.field(default_factory=set)
    owed: list[dict] = dataclasses.field(default_factory=list)
    returned: int = 0

    def drain(self, core: Core, wait_ms: int = 0) -> None:
        """Pulls until nothing comes. What could not be settled before is settled first."""
        client = core.client(self.token)
        path = f"/events/subscriptions/{self.subscription}"
        while True:
            if self.owed:
                outcomes = [{"delivery_id": one["delivery_id"], "outcome": "ack"} for one in self.owed]
                unknown = client.must("POST", f"{path}/settle", {"outcomes": outcomes})["unknown"]
                self.settled |= {one["event"]["id"] for one in self.owed if one["delivery_id"] not in unknown}
                self.owed = []
            deliveries = client.must("POST", f"{path}/pull", {"max": 256, "wait_ms": wait_ms})["deliveries"]
            if not deliveries:
                return
            for delivery in deliveries:
                event = delivery["event"]
                self.returned += event["id"] in self.settled
                self.seen.append((event["id"], event["partitionkey"], int(event["sequence"])))
            self.owed = deliveries

    def run(self, core: Core) -> None:
        """Reads while others publish, until the process is gone."""
        try:
            while True:
                self.drain(core, wait_ms=50)
        except (Gone, AssertionError):
            pass


@dataclasses.dataclass
class World:
    """The plugins of one data folder."""

    core: Core
    publishers: list[Publisher]
    checker: Reader
    live: Reader

    @classmethod
    def make(cls, core: Core) -> "World":
        core.start()
        admin = core.admin()
        names = [f"writer{number}" for number in range(PUBLISHERS)]
        publishers = [Publisher(name, core.plugin(admin, name, ["event_publisher"])) for name in names]
        readers = []
        for name in ("checker", "live"):
            token = core.plugin(admin, name, ["event_subscriber"])
            core.client(token).must("PUT", f"/events/subscriptions/{name}", {"event_types": [TYPE]})
            readers.append(Reader(token, name))
        return cls(core, publishers, *readers)

    def load(self, seconds: float, end: "callable") -> None:
        """Everybody works until `end` has made the process go away."""
        work = [threading.Thread(target=one.run, args=(self.core,)) for one in [*self.publishers, self.live]]
        for thread in work:
            thread.start()
        time.sleep(seconds)
        end()
        for thread in work:
            thread.join()

    def renew(self) -> None:
        """Keeps the leases."""
        for holder in [*self.publishers, self.checker, self.live]:
            answer = self.core.client(holder.token).must("POST", "/plugins/heartbeat", {"status": "healthy"})
            holder.token = answer["token"]

    def acked(self) -> dict[str, int]:
        return {event: sequence for one in self.publishers for event, sequence in one.acked.items()}


def faults(acked: dict[str, int], seen: list[tuple[str, str, int]]) -> dict[str, int]:
    """Lost, doubled and disordered events, of what one reader saw in order."""
    sequences: dict[str, set[int]] = {}
    last: dict[str, int] = {}
    disorder = 0
    for event, key, sequence in seen:
        if sequence in sequences.setdefault(event, set()):
            continue
        sequences[event].add(sequence)
        number = int(event.rsplit("-", 1)[1])
        disorder += number <= last.get(key, 0)
        last[key] = max(number, last.get(key, 0))
    moved = sum(1 for event, sequence in acked.items() if event in sequences and sequence not in sequences[event])
    return {
        "lost": sum(event not in sequences for event in acked),
        "doubled": sum(len(known) > 1 for known in sequences.values()),
        "moved": moved,
        "out of order": disorder,
    }


def tail(admin: Client) -> dict[int, dict]:
    """Facts of all events by sequence."""
    events: dict[int, dict] = {}
    while page := admin.must("GET", f"/admin/events?after={max(events, default=0)}&limit=1000")["events"]:
        events |= {event["sequence"]: event for event in page}
    return events


def disagreements(core: Core, acked: dict[str, int], forget: str = "") -> dict[str, int]:
    """Events without an intent on record, outcomes without their event, answers without outcome.
    `forget` leaves the intents of one trace out, to show that the count sees it."""
    admin = core.admin()
    events = tail(admin)
    intents, outcomes = set(), set()
    cursor = ""
    while True:
        page = admin.must("GET", f"/admin/audit?action=event.publish&limit=1000{cursor}")
        for record in page["records"]:
            if record["phase"] == "intent" and record["trace_id"] != forget:
                intents.add(record["trace_id"])
            elif record["phase"] == "outcome" and record["outcome"] == "ok":
                outcomes.add(int(record["detail"]["sequence"]))
        if not page["cursor"]:
            break
        cursor = f"&cursor={page['cursor']}"
        time.sleep(0.1)
    return {
        "events": len(events),
        "effect without intent": sum(event["trace_id"] not in intents for event in events.values()),
        "outcome without effect": sum(sequence not in events for sequence in outcomes),
        "answer without outcome": sum(sequence not in outcomes for sequence in acked.values()),
        "some trace": next(iter(events.values()))["trace_id"] if events else "",
    }
