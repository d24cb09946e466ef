"""One request is one request: the table of ambiguous messages against the real Core.

Refused means: at most one answer, of class 4xx or 5xx, and then the end of the connection, so that
octets left over cannot become a request.
"""

import concurrent.futures
from collections.abc import Iterator

import pytest
import raw
from cores import Core, running_core
from smuggling import ATTACKS, HIDDEN, Attack, get


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    with running_core() as process:
        yield process


def verdict(attack: Attack, outcome: raw.Outcome) -> str:
    """Empty when the answer is as it must be."""
    if outcome.rest:
        return "what came back is no answer"
    if len(outcome.statuses) > max(attack.requests, 1):
        return "a second answer"
    if attack.requests:
        return ""
    if any(status < 400 for status in outcome.statuses):
        return "accepted"
    return "" if outcome.closed else "refused but left open"


def test_a_well_formed_pair_gives_exactly_two_answers(core: Core) -> None:
    outcome = raw.send(core.port, get() + HIDDEN)
    assert outcome.statuses == [200, 200], f"control: {outcome}"
    fooled = Attack("control", b"")
    assert verdict(fooled, outcome) == "a second answer", "control: the judge sees a second answer"
    assert verdict(fooled, raw.Outcome([200], True, b"")) == "accepted", "control"
    assert verdict(fooled, raw.Outcome([400], False, b"")) == "refused but left open", "control"


def test_no_ambiguous_message_is_accepted_and_none_gives_a_second_answer(core: Core) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda attack: raw.send(core.port, attack.octets), ATTACKS))
    judged = [(attack, outcome, verdict(attack, outcome)) for attack, outcome in zip(ATTACKS, outcomes, strict=True)]
    wrong = [f"{attack.name}: {fault} ({outcome})" for attack, outcome, fault in judged if fault]
    odd = [attack for attack in ATTACKS if attack.requests]
    print(f"{len(ATTACKS) - len(odd)} ambiguous messages and {len(odd)} odd ones with one meaning, {len(wrong)} taken wrongly")
    assert not wrong, "\n".join(wrong)
    assert len(ATTACKS) > 100
    assert core.send("GET", "/health").status == 200, "the healthy are served afterwards"
