#!/usr/bin/env python3
"""Nothing that was acknowledged is lost: not by a kill, not by a power cut, not by a failing disk.

Eight publishers load the real binary; it is killed after 5 to 300 random milliseconds and started
again. After each start everything is read back and compared with what was acknowledged. For power
cuts a preloaded library keeps an image of the folder that holds only what was synced, and for torn
writes a random half of the rest. ROUNDS sets the count of each; PROVE takes the full counts.
"""

import contextlib
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from core import ROOT, Core, Gone
from load import TYPE, World, disagreements, faults, tail

PROVE = bool(os.environ.get("PROVE"))
ROUNDS = int(os.environ.get("ROUNDS", "200" if PROVE else "25"))
FAILURES = max(ROUNDS // 8, 3)
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(1 << 32))))
SECTOR = 512
EVENT = {
    "event_type": TYPE,
    "payload": {"message_id": "m", "recipient_ref": "r", "template": "t", "queued_at": "2026-11-22T17:00:00Z"},
}
chance = random.Random(SEED)


def main() -> int:
    print(f"seed {SEED}, {ROUNDS} rounds of each kind")
    library = build_disk()
    good = check_the_checks()
    with tempfile.TemporaryDirectory(prefix="durability-") as place:
        base = pathlib.Path(place)
        good &= kills(base / "kill")
        good &= power_cuts(base / "cut", library, torn=False)
        good &= power_cuts(base / "torn", library, torn=True)
        good &= control(base / "control", library)
        good &= failing_disk(base / "fail", library)
        good &= full_disk(base / "full", library)
    return 0 if good else 1


def build_disk() -> pathlib.Path:
    library = ROOT / "target" / "durability" / "disk.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(__file__).with_name("disk.c")
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wno-format-truncation"]
    subprocess.run(["cc", *flags, "-o", str(library), str(source), "-ldl", "-lpthread"], check=True)
    return library


def check_the_checks() -> bool:
    """Each count sees a fault that is planted for it."""
    acked = {"a-1": 1, "a-2": 2, "a-5": 5}
    seen = [("a-1", "k", 1), ("a-5", "k", 5), ("a-2", "k", 2)]
    planted = [
        (faults(acked, seen[:2])["lost"], 1),
        (faults(acked, seen)["out of order"], 1),
        (faults(acked, [*seen, ("a-1", "k", 9)])["doubled"], 1),
        (faults({"a-1": 7}, seen)["moved"], 1),
        (sum(faults(acked, sorted(seen, key=lambda one: one[2])).values()), 0),
    ]
    return verdict("planted faults are counted", planted, all(count == wanted for count, wanted in planted))


def kills(base: pathlib.Path) -> bool:
    """SIGKILL: the process dies, the page cache stays."""
    world = World.make(fresh(base))
    starts = rounds(world, lambda: None)
    good = report("SIGKILL", world, starts)
    good &= audit_agrees(world)
    good &= live_reader_loses_nothing(world)
    world.core.kill()
    return good


def power_cuts(base: pathlib.Path, library: pathlib.Path, torn: bool) -> bool:
    """The process dies and with it everything that was not synced, or a random part of it."""
    core, image = imaged(base, library)
    world = World.make(core)
    starts = rounds(world, lambda: cut(core.folder, image, torn))
    good = report("power cut, torn writes" if torn else "power cut", world, starts)
    good &= audit_agrees(world)
    world.core.kill()
    return good


def control(base: pathlib.Path, library: pathlib.Path) -> bool:
    """A disk that only pretends to sync must lose acknowledged events, or the image proves nothing."""
    core, image = imaged(base, library)
    world = World.make(core)
    (image / ".ignore").touch()
    world.load(0.5, core.kill)
    cut(core.folder, image, torn=False)
    core.start()
    world.checker.drain(core)
    core.kill()
    lost = faults(world.acked(), world.checker.seen)["lost"]
    acked = len(world.acked())
    return verdict("control: a disk that ignores syncs", {"acked": acked, "lost": lost}, lost > 0)


def failing_disk(base: pathlib.Path, library: pathlib.Path) -> bool:
    """The k-th sync fails: nothing is acknowledged on it and the process ends with 74."""
    core, image = imaged(base, library)
    world = World.make(core)
    codes, slowest = [], 0.0
    for _ in range(FAILURES):
        (image / ".fail").write_text(str(chance.randrange(1, 60)))

        def ends() -> None:
            nonlocal slowest
            assert core.process and core.process.stdout
            codes.append(core.process.wait(timeout=60))
            core.process.stdout.close()

        began = time.monotonic()
        world.load(0.0, ends)
        slowest = max(slowest, time.monotonic() - began)
        (image / ".fail").unlink()
        cut(core.folder, image, torn=False)
        core.start()
        world.checker.drain(core)
    core.kill()
    found = faults(world.acked(), world.checker.seen)
    facts = {"failures": FAILURES, "exit codes": sorted(set(codes)), "acked": len(world.acked())} | found
    return verdict("a sync that fails", facts, set(codes) == {74} and not any(found.values()))


def full_disk(base: pathlib.Path, library: pathlib.Path) -> bool:
    """No room for a while: nothing is acknowledged meanwhile and Core says why, or it ends with 74.
    What was acknowledged before and after is all there. With room again Core rests for a minute and
    goes on by itself, which only the long form waits for; otherwise a new start goes on at once."""
    core, image = imaged(base, library)
    world = World.make(core)
    full = image / ".full"
    facts = {"times full": 0, "acked while full": 0, "still answers": 0, "ended with 74": 0, "went on": 0}
    refusals: set[int] = set()

    def fills_up() -> None:
        full.touch()
        facts["times full"] += 1
        time.sleep(0.3)
        before = len(world.acked())
        try:
            refusals.add(core.client(world.publishers[0].token).ask("POST", "/events/publish", EVENT)[0])
            refusals.add(core.client().ask("GET", "/ready")[0])
            core.client().must("GET", "/health")
            time.sleep(0.3)
            facts["acked while full"] += len(world.acked()) - before
            facts["still answers"] += 1
            full.unlink()
            if PROVE and facts["times full"] == 1:
                facts["went on"] += wait_for(lambda: len(world.acked()) > before)
            core.kill()
        except Gone:
            assert core.process and core.process.stdout
            facts["ended with 74"] += core.process.wait() == 74
            core.process.stdout.close()

    grows = True
    for _ in range(FAILURES):
        known = len(world.acked())
        world.load(0.2, fills_up)
        grows &= len(world.acked()) > known
        full.unlink(missing_ok=True)
        core.start()
        world.checker.drain(core)
    core.kill()
    found = faults(world.acked(), world.checker.seen)
    facts |= {"refused with": sorted(refusals), "acked": len(world.acked())} | found
    told = facts["still answers"] + facts["ended with 74"] == FAILURES and refusals <= {503}
    good = told and grows and not facts["acked while full"] and not any(found.values())
    good &= not PROVE or facts["went on"] == 1
    return verdict("a full disk", facts, good)


def wait_for(condition: "callable") -> bool:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def rounds(world: World, cut_power) -> list[float]:
    """Load, kill, start, read back; answers the seconds of each start."""
    starts = []
    for number in range(ROUNDS):
        world.load(chance.uniform(0.005, 0.3), world.core.kill)
        cut_power()
        starts.append(world.core.start())
        world.checker.drain(world.core)
        if number % 20 == 19:
            world.renew()
    return starts


def report(what: str, world: World, starts: list[float]) -> bool:
    acked, seen = world.acked(), world.checker.seen
    found = faults(acked, seen)
    refused = [code for one in world.publishers for code in one.refused]
    facts = {"acked": len(acked), "rounds": ROUNDS} | found
    facts["present but not acked"] = len({event for event, _, _ in seen} - acked.keys())
    facts["published again"] = sum(one.repeated for one in world.publishers)
    facts["refused"] = len(refused)
    ordered = sorted(starts)
    facts["recovery p50 ms"] = round(statistics.median(ordered) * 1000)
    facts["recovery p99 ms"] = round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000)
    good = len(acked) > ROUNDS and not any(found.values()) and not refused
    return verdict(what, facts, good)


def audit_agrees(world: World) -> bool:
    """Every event has its intent, every recorded success its event, every answer its outcome."""
    found = disagreements(world.core, world.acked())
    planted = disagreements(world.core, world.acked(), forget=found["some trace"])["effect without intent"]
    events, _ = found.pop("events"), found.pop("some trace")
    good = not any(found.values()) and planted == 1
    return verdict("audit and effect", {"events": events, "planted": planted} | found, good)


def live_reader_loses_nothing(world: World) -> bool:
    """A reader that was cut off with the rest has seen an event or it still waits for it, and
    nothing comes again that it has settled. An event whose delivery was lost on the way comes
    after its ack wait and delay, with those of its key behind it."""
    world.live.drain(world.core)
    events = tail(world.core.admin())
    seen = {event for event, _, _ in world.live.seen}
    missing = {sequence for event, sequence in world.acked().items() if event not in seen}
    waiting = {sequence for sequence in missing if events[sequence]["undelivered"]}
    facts = {
        "seen": len(seen),
        "waiting": len(waiting),
        "neither": len(missing - waiting),
        "settled but delivered again": world.live.returned,
    }
    good = bool(seen) and not facts["neither"] and not world.live.returned
    return verdict("a reader under the same kills", facts, good)


def fresh(base: pathlib.Path) -> Core:
    (base / "data").mkdir(parents=True)
    return Core(base / "data")


def imaged(base: pathlib.Path, library: pathlib.Path) -> tuple[Core, pathlib.Path]:
    core, image = fresh(base), base / "image"
    image.mkdir()
    core.preload = {"LD_PRELOAD": str(library), "DISK_FROM": str(core.folder), "DISK_TO": str(image)}
    return core, image


def cut(folder: pathlib.Path, image: pathlib.Path, torn: bool) -> None:
    """The folder becomes what was synced; torn, with a random half of the other sectors."""
    shutil.rmtree(image / ".unnamed", ignore_errors=True)
    for half in image.glob(".half.*"):
        half.unlink()
    for name in {path.name for path in folder.iterdir() if path.is_file()} | {path.name for path in image.iterdir()}:
        if name.startswith("."):
            continue
        synced, written = image / name, folder / name
        if not synced.exists():
            written.unlink(missing_ok=True)
            continue
        octets = bytearray(synced.read_bytes())
        if torn and written.exists() and name in ("core.db", "core.db-wal"):
            tear(octets, written.read_bytes())
            synced.write_bytes(octets)
        written.write_bytes(octets)


def tear(synced: bytearray, written: bytes) -> None:
    if len(written) > len(synced):
        synced.extend(bytes(chance.randrange(len(written) - len(synced) + 1)))
    for start in range(0, min(len(synced), len(written)), SECTOR):
        if chance.random() < 0.5:
            end = min(start + SECTOR, len(synced), len(written))
            synced[start:end] = written[start:end]


def verdict(what: str, facts: object, good: bool) -> bool:
    listed = facts
    if isinstance(facts, dict):
        listed = ", ".join(f"{name} {value}" for name, value in facts.items())
    print(f"{'ok    ' if good else 'FAILED'} {what}: {listed}", flush=True)
    return good


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
