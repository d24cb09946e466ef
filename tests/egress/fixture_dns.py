"""A name server whose answers are those of the vector under test.

Records are those of the vectors: A, AAAA, CNAME, CNAMES (a chain of so many), RCODE, and THEN for
the answer of the next look-up. Nothing may be remembered: every answer has a life of 0 seconds.
"""

import ipaddress
import socket
import struct
import threading

PUBLIC = "93.184.215.14"
A, CNAME, AAAA = 1, 5, 28
NXDOMAIN, SERVFAIL = 3, 2


class FixtureDns:
    """Answers on UDP until the process ends."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.lock = threading.Lock()
        self.answers: list[list[list[str]]] = [[["A", PUBLIC]]]
        self.asked: dict[tuple[str, int], int] = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def script(self, records: list[list[str]] | None) -> None:
        """Sets the answers of the next vector."""
        answers: list[list[list[str]]] = [[]]
        for record in records or [["A", PUBLIC]]:
            if record[0] == "THEN":
                answers.append([])
                record = record[1:]
            answers[-1].append(record)
        with self.lock:
            self.answers = answers
            self.asked = {}

    def lookups(self) -> int:
        """How often the most asked name was looked up since the script was set."""
        with self.lock:
            return max(self.asked.values(), default=0)

    def addresses(self) -> list[str]:
        """Every address of the script, for a client that looks up without a check."""
        with self.lock:
            records = [record for answer in self.answers for record in answer]
        return [record[1] for record in records if record[0] in ("A", "AAAA")]

    def _serve(self) -> None:
        while True:
            query, peer = self.socket.recvfrom(4096)
            reply = self._reply(query)
            if reply is not None:
                self.socket.sendto(reply, peer)

    def _reply(self, query: bytes) -> bytes | None:
        name, end = _read_name(query, 12)
        kind = struct.unpack("!H", query[end : end + 2])[0]
        with self.lock:
            hop = name.startswith("alias-") or self._is_target(name)
            count = 0 if hop else self.asked.get((name, kind), 0)
            if not hop:
                self.asked[(name, kind)] = count + 1
            records = self.answers[min(count, len(self.answers) - 1)]
        codes = {record[1] for record in records if record[0] == "RCODE"}
        if "TIMEOUT" in codes:
            return None
        code = NXDOMAIN if "NXDOMAIN" in codes else SERVFAIL if codes else 0
        answers = [] if code or hop else _answers(name, kind, records)
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        return head + query[12 : end + 4] + b"".join(answers)

    def _is_target(self, name: str) -> bool:
        return any(record[:2] == ["CNAME", name] for answer in self.answers for record in answer)


def _answers(name: str, kind: int, records: list[list[str]]) -> list[bytes]:
    owner, built = name, []
    for record in records:
        if record[0] == "CNAME":
            built.append(_record(owner, CNAME, _write_name(record[1])))
            owner = record[1]
        elif record[0] == "CNAMES":
            for number in range(int(record[1])):
                target = f"alias-{number}.test"
                built.append(_record(owner, CNAME, _write_name(target)))
                owner = target
            if kind == A:
                built.append(_record(owner, A, ipaddress.ip_address(PUBLIC).packed))
        elif (record[0], kind) in (("A", A), ("AAAA", AAAA)):
            built.append(_record(owner, kind, ipaddress.ip_address(record[1]).packed))
    return built


def _record(owner: str, kind: int, data: bytes) -> bytes:
    return _write_name(owner) + struct.pack("!HHIH", kind, 1, 0, len(data)) + data


def _write_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _read_name(message: bytes, at: int) -> tuple[str, int]:
    labels = []
    while message[at]:
        length = message[at]
        labels.append(message[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1
