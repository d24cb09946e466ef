"""Synthetic people, and every shape in which one of their values could leak.

No value is of a real person, and each is new in every run, so that a find cannot be of another one.
"""

import base64
import json
import random
import string
import urllib.parse

PEOPLE = 40
# The shortest text that is searched: shorter ones would be found by chance.
SHORTEST = 9


def person(rng: random.Random) -> dict[str, str]:
    def word(length: int = 10) -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=length))

    def digits(length: int) -> str:
        return "".join(rng.choices(string.digits, k=length))

    secret = base64.b32encode(rng.randbytes(20)).decode()
    return {
        "name": f"{word().title()} {word().title()}",
        "record_number": f"MRN{digits(11)}",
        "birth_date": f"born {rng.randrange(1900, 2020)}-{digits(9)}",
        "social_number": f"9{digits(2)}-{digits(2)}-{digits(4)}",
        "email": f"{word()}@{word()}.example",
        "phone": f"+999{digits(11)}",
        "address": f"{digits(3)} {word().title()} Street, {word().title()}",
        "note": f"complains of {word(14)} 'since' <{word(8)}>",
        "token": f"tok_{word(12)}.{word(12).upper()}",
        "password": f"{word(12)}-{digits(6)}!",
        "totp_secret": secret,
    }


def shapes(value: str) -> set[bytes]:
    """The value raw and as logs, encodings and careless code would show it."""
    raw = value.encode()
    found = {raw, raw.lower(), raw.upper(), raw.hex().encode(), raw.hex().upper().encode()}
    found |= {urllib.parse.quote(value, safe="").encode(), urllib.parse.quote_plus(value).encode()}
    found |= {json.dumps(value)[1:-1].encode(), repr(value)[1:-1].encode()}
    for offset in range(3):
        # Only the octets that do not depend on what stands around the value.
        encoded = base64.b64encode(b"\0" * offset + raw)
        start, end = (offset * 8 + 5) // 6, (offset + len(raw)) * 8 // 6
        found |= {encoded[start:end], encoded[start:end].replace(b"+", b"-").replace(b"/", b"_")}
    half = len(raw) // 2
    found.add(raw[half:] + raw[:half])
    return {shape for shape in found if len(shape) >= SHORTEST}


class Scanner:
    def __init__(self, people: list[dict[str, str]]) -> None:
        self.shapes = {shape: f"{field} of {number}" for number, one in enumerate(people) for field, value in one.items() for shape in shapes(value)}

    def find(self, data: bytes) -> list[str]:
        return sorted({name for shape, name in self.shapes.items() if shape in data})
