"""Messages that two parsers may read differently, as raw octets.

Each attack carries a second request inside, so that a parser which takes the wrong reading answers
twice. `REFUSED` attacks must get one answer of class 4xx (or none) and the end of the connection.
`ONE_MEANING` messages look odd but have exactly one reading in RFC 9112 (optional white space
around a field value, a leading zero, an absolute form that agrees with Host): they may be accepted
in that reading or refused, and must never give an answer more than they hold requests.
"""

import dataclasses

HIDDEN = b"GET /health HTTP/1.1\r\nhost: smuggled\r\n\r\n"
TARGET = b"POST /events/publish HTTP/1.1\r\n"
HOST = b"host: core\r\n"
# TOKEN is replaced by that of a plugin, so that bodies are read and not only heads.
JSON = b"content-type: application/json\r\nauthorization: Bearer TOKEN\r\n"


@dataclasses.dataclass
class Attack:
    name: str
    octets: bytes
    requests: int = 0
    """How many requests it holds in its one reading; 0 when it must be refused."""


def post(*fields: bytes, body: bytes = b"", start: bytes = TARGET, host: bytes = HOST) -> bytes:
    return start + host + JSON + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def get(*fields: bytes, start: bytes = b"GET /health HTTP/1.1", host: bytes = HOST) -> bytes:
    return start + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


CHUNKED = b"transfer-encoding: chunked"
EMPTY_CHUNKS = b"0\r\n\r\n"
HIDDEN_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)


def lengths() -> list[Attack]:
    values = {
        "signed": b"+5",
        "listed": b"5,5",
        "listed with different values": b"5, 6",
        "hexadecimal": b"0x5",
        "negative": b"-1",
        "empty": b"",
        "2^64+5": b"18446744073709551621",
        "2^63": b"9223372036854775808",
        "with a point": b"5.0",
        "with an exponent": b"5e0",
        "with a letter after it": b"5a",
        "with a space inside": b"1 5",
        "in full-width digits": "５".encode(),
    }
    attacks = [
        Attack(f"length {name}", post(b"content-length: " + value, body=b"{   }" + HIDDEN))
        for name, value in values.items()
    ]
    return attacks + [
        Attack(
            "length then chunked", post(b"content-length: %d" % len(EMPTY_CHUNKS), CHUNKED, body=EMPTY_CHUNKS + HIDDEN)
        ),
        Attack("chunked then length", post(CHUNKED, b"content-length: 5", body=EMPTY_CHUNKS + HIDDEN)),
        Attack(
            "length of the hidden request and chunked",
            post(b"content-length: %d" % (len(EMPTY_CHUNKS) + len(HIDDEN)), CHUNKED, body=EMPTY_CHUNKS + HIDDEN),
        ),
        Attack(
            "length on both sides of chunked",
            post(b"content-length: 5", CHUNKED, b"content-length: 5", body=EMPTY_CHUNKS + HIDDEN),
        ),
        Attack("two different lengths", post(b"content-length: 5", b"content-length: 6", body=b"{   }" + HIDDEN)),
        Attack(
            "two different lengths, the short one last",
            post(b"content-length: 6", b"content-length: 5", body=b"{   }" + HIDDEN),
        ),
        Attack("two equal lengths", post(b"content-length: 5", b"content-length: 5", body=b"{   }" + HIDDEN), 2),
        Attack("length with a leading zero", post(b"content-length: 05", body=b"{   }" + HIDDEN), 2),
        Attack("length with white space around it", post(b"content-length:   5\t", body=b"{   }" + HIDDEN), 2),
        Attack("length with a space before the colon", post(b"content-length : 5", body=b"{   }" + HIDDEN)),
        Attack("length with a vertical tab", post(b"content-length: \x0b5", body=b"{   }" + HIDDEN)),
    ]


def codings() -> list[Attack]:
    refused = {
        "xchunked": b"transfer-encoding: xchunked",
        "chunked, identity": b"transfer-encoding: chunked, identity",
        "identity, chunked": b"transfer-encoding: identity, chunked",
        "chunked, chunked": b"transfer-encoding: chunked, chunked",
        "identity": b"transfer-encoding: identity",
        "gzip": b"transfer-encoding: gzip",
        "gzip, chunked": b"transfer-encoding: gzip, chunked",
        "chunked with a vertical tab": b"transfer-encoding: chunked\x0b",
        "a vertical tab before chunked": b"transfer-encoding: \x0bchunked",
        "chunked with a NUL": b"transfer-encoding: chunked\x00",
        "chunked with a parameter": b"transfer-encoding: chunked;q=1",
        "chunked in quotes": b'transfer-encoding: "chunked"',
        "empty": b"transfer-encoding:",
        "with a space before the colon": b"transfer-encoding : chunked",
        "folded": b"transfer-encoding:\r\n chunked",
        "two lines": b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "two lines, the second unknown": b"transfer-encoding: chunked\r\ntransfer-encoding: x",
        "two lines, the first unknown": b"transfer-encoding: x\r\ntransfer-encoding: chunked",
        "with an underscore and a length": b"transfer_encoding: chunked\r\ncontent-length: +5",
    }
    attacks = [Attack(f"coding {name}", post(field, body=HIDDEN_CHUNK + HIDDEN)) for name, field in refused.items()]
    old = b"POST /events/publish HTTP/1.0\r\n"
    return attacks + [
        Attack("coding on HTTP/1.0", post(CHUNKED, start=old, body=EMPTY_CHUNKS + HIDDEN)),
        Attack(
            "coding on HTTP/1.0 kept alive",
            post(CHUNKED, b"connection: keep-alive", start=old, body=EMPTY_CHUNKS + HIDDEN),
        ),
        Attack(
            "coding with white space around it", post(b"transfer-encoding: \tchunked ", body=EMPTY_CHUNKS + HIDDEN), 2
        ),
        Attack("coding in capitals", post(b"Transfer-Encoding: CHUNKED", body=EMPTY_CHUNKS + HIDDEN), 2),
    ]


def chunks() -> list[Attack]:
    sizes = {
        "hexadecimal prefix": b"0x5\r\n{   }\r\n0\r\n\r\n",
        "signed": b"+5\r\n{   }\r\n0\r\n\r\n",
        "negative": b"-1\r\n{   }\r\n0\r\n\r\n",
        "17 digits": b"00000000000000005\r\n{   }\r\n0\r\n\r\n",
        "2^64+5": b"10000000000000005\r\n{   }\r\n0\r\n\r\n",
        "empty": b"\r\n{   }\r\n0\r\n\r\n",
        "with a space before it": b" 5\r\n{   }\r\n0\r\n\r\n",
        "in full-width digits": "５\r\n{   }\r\n0\r\n\r\n".encode(),
        "with an extension that ends in a bare LF": b"5;ext=\n{   }\r\n0\r\n\r\n",
        "ended by a bare LF": b"5\n{   }\r\n0\r\n\r\n",
        "ended by a bare CR": b"5\r{   }\r\n0\r\n\r\n",
        "data not followed by CRLF": b"5\r\n{   }0\r\n\r\n",
        "data ended by a bare LF": b"5\r\n{   }\n0\r\n\r\n",
        "data longer than said": b"4\r\n{   }\r\n0\r\n\r\n",
        "last ended by a bare LF": b"5\r\n{   }\r\n0\n\n",
        "extension with a NUL": b"5;a=\x00\r\n{   }\r\n0\r\n\r\n",
        "extension of 64 KiB": b"5;" + b"a" * 65536 + b"\r\n{   }\r\n0\r\n\r\n",
        "trailer with a length": b"5\r\n{   }\r\n0\r\ncontent-length: 5\r\n\r\n",
        "trailer with a coding": b"5\r\n{   }\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
        "trailer without a name": b"5\r\n{   }\r\n0\r\n: x\r\n\r\n",
    }
    attacks = [Attack(f"chunk {name}", post(CHUNKED, body=body + HIDDEN)) for name, body in sizes.items()]
    return attacks + [Attack("chunk without its final CRLF", post(CHUNKED, body=b"5\r\n{   }\r\n0\r\n" + HIDDEN))]


def fields() -> list[Attack]:
    refused = {
        "folded": b"x-a: b\r\n c",
        "folded by a tab": b"x-a: b\r\n\tc",
        "space before the colon": b"x-a : b",
        "tab before the colon": b"x-a\t: b",
        "space before the name": b" x-a: b",
        "no colon": b"x-a",
        "no name": b": b",
        "bare CR in a value": b"x-a: b\rx-c: d",
        "bare CR and a hidden length": b"x-a: b\rcontent-length: 5",
        "NUL in a value": b"x-a: b\x00c",
        "NUL in a name": b"x\x00a: b",
        "octet 0x80 in a name": b"x\x80a: b",
        "DEL in a value": b"x-a: \x7f",
        "bell in a value": b"x-a: \x07",
        "parenthesis in a name": b"x(a): b",
    }
    attacks = [Attack(f"field {name}", get(field) + HIDDEN) for name, field in refused.items()]
    return attacks + [
        Attack("fields ended by bare LF", b"GET /health HTTP/1.1\nhost: core\n\n" + HIDDEN),
        Attack("a bare LF hides a field", get(b"x-a: b\nx-c: d") + HIDDEN),
        Attack("a bare LF ends the fields", b"GET /health HTTP/1.1\r\nhost: core\r\n\n" + HIDDEN),
        Attack("fields of 32 KiB", get(b"x-a: " + b"a" * 32768) + HIDDEN),
        Attack("200 fields", get(*[b"x-%d: a" % number for number in range(200)]) + HIDDEN),
        Attack("a request line of 32 KiB", get(start=b"GET /health?" + b"a" * 32768 + b" HTTP/1.1") + HIDDEN),
    ]


def hosts() -> list[Attack]:
    hosts = {
        "two": b"host: core\r\nhost: other\r\n",
        "two equal": b"host: core\r\nhost: core\r\n",
        "none": b"",
        "with user info": b"host: a@b\r\n",
        "listed": b"host: a,b\r\n",
        "with a path": b"host: core/health\r\n",
        "with a space": b"host: a b\r\n",
        "with a query": b"host: core?x\r\n",
        "with a fragment": b"host: core#x\r\n",
        "with a port of letters": b"host: core:http\r\n",
        "with an open bracket": b"host: [::1\r\n",
        "with a backslash": b"host: a\\b\r\n",
    }
    attacks = [Attack(f"host {name}", get(host=host) + HIDDEN) for name, host in hosts.items()]
    return attacks + [
        Attack("absolute form with another host", get(start=b"GET http://other/health HTTP/1.1") + HIDDEN),
        Attack("absolute form with user info", get(start=b"GET http://a@core/health HTTP/1.1") + HIDDEN),
        Attack("absolute form that agrees with the host", get(start=b"GET http://core/health HTTP/1.1") + HIDDEN, 2),
    ]


def request_lines() -> list[Attack]:
    lines = {
        "two spaces": b"GET  /health HTTP/1.1",
        "two spaces before the version": b"GET /health  HTTP/1.1",
        "a tab": b"GET\t/health HTTP/1.1",
        "a leading space": b" GET /health HTTP/1.1",
        "a trailing space": b"GET /health HTTP/1.1 ",
        "HTTP/1.2": b"GET /health HTTP/1.2",
        "HTTP/2.0 in text": b"GET /health HTTP/2.0",
        "HTTP/3": b"GET /health HTTP/3",
        "HTTP/01.1": b"GET /health HTTP/01.1",
        "http in small letters": b"GET /health http/1.1",
        "a fragment": b"GET /health#x HTTP/1.1",
        "a backslash": b"GET \\health HTTP/1.1",
        "no slash": b"GET health HTTP/1.1",
        "octets above 0x7f": b"GET /he\xc3\xa4lth HTTP/1.1",
        "a NUL": b"GET /hea\x00lth HTTP/1.1",
        "CONNECT": b"CONNECT core:443 HTTP/1.1",
        "a method with a colon": b"GE:T /health HTTP/1.1",
        "no version": b"GET /health",
    }
    attacks = [Attack(f"line with {name}", get(start=line) + HIDDEN) for name, line in lines.items()]
    return attacks + [
        Attack("HTTP/0.9", b"GET /health\r\n"),
        Attack("HTTP/0.9 and a hidden request", b"GET /health\r\n\r\n" + HIDDEN),
        Attack("the preface of HTTP/2 with a request in text", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN),
        Attack("TLS on the port of plain text", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + HIDDEN),
    ]


def turns() -> list[Attack]:
    """Bodies where none is expected, upgrades and Expect: the connection may not change its meaning."""
    body = b"content-length: %d" % len(HIDDEN)
    upgrade = [b"connection: upgrade", b"upgrade: websocket"]
    return [
        Attack("a GET with the hidden request as its body", get(body) + HIDDEN, 1),
        Attack("a GET with chunks", get(CHUNKED) + HIDDEN_CHUNK, 1),
        Attack("an upgrade and the hidden request", get(*upgrade) + HIDDEN, 2),
        Attack(
            "an upgrade to h2c and the hidden request",
            get(b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQAAP__") + HIDDEN,
            2,
        ),
        Attack("an upgrade with a length", post(*upgrade, body, body=HIDDEN), 1),
        Attack("an early answer and its body left over", post(body, body=HIDDEN), 1),
        Attack("Expect: 100-continue with the body at once", post(b"expect: 100-continue", body, body=HIDDEN), 1),
        Attack("Expect: 100-continue on a GET", get(b"expect: 100-continue") + HIDDEN, 2),
        Attack("another Expect", post(b"expect: 200-ok", body, body=HIDDEN), 1),
        Attack("Connection names Content-Length", post(b"connection: content-length", body, body=HIDDEN), 1),
        Attack(
            "Connection names Transfer-Encoding", post(b"connection: transfer-encoding", CHUNKED, body=HIDDEN_CHUNK), 1
        ),
        Attack("an answer to a GET that closes", get(b"connection: close") + HIDDEN, 1),
    ]


ATTACKS = lengths() + codings() + chunks() + fields() + hosts() + request_lines() + turns()
