"""Requests of HTTP/2 that would be two requests, or another one, if they were written down as HTTP/1.

Each is what RFC 9113 calls malformed (8.1.1, 8.2, 8.3) or says more than one thing of its length,
and must be refused before anybody behind Core hears of it.
"""

from frames import DATA, END_HEADERS, END_STREAM, HEADERS, Client, Fields, block, frame, headers

PATH = b"/gateway/callee/echo"
BODY = b'{"text": "clean"}'
HIDDEN = b"GET /rpc/ping HTTP/1.1\r\nhost: smuggled\r\n\r\n"
JSON = (b"content-type", b"application/json")


def request(token: bytes, *more: tuple[bytes, bytes], **pseudo: bytes | None) -> list[tuple[bytes, bytes]]:
    """A clean call with fields added to it and pseudo fields exchanged or, by None, left out."""
    start = {"method": b"POST", "scheme": b"http", "path": PATH, "authority": b"core"} | pseudo
    named = [(b":" + name.encode(), value) for name, value in start.items() if value is not None]
    return [*named, JSON, (b"authorization", b"Bearer " + token), *more]


def whole(fields: Fields, body: bytes = BODY) -> bytes:
    return headers(1, fields, END_HEADERS) + frame(DATA, END_STREAM, 1, body)


def clean(token: bytes) -> dict[str, bytes]:
    """With one meaning; all but the body stays on this side."""
    length = (b"content-length", b"%d" % len(BODY))
    return {
        "nothing said of the length": whole(request(token)),
        "the length said": whole(request(token, length)),
        "the host said twice in agreement": whole(request(token, (b"host", b"core"))),
        "te: trailers": whole(request(token, (b"te", b"trailers"))),
        "a body in pieces": headers(1, request(token), END_HEADERS)
        + b"".join(frame(DATA, 0, 1, BODY[at : at + 5]) for at in range(0, len(BODY), 5))
        + frame(DATA, END_STREAM, 1),
        "a fragment, which belongs to no target and is dropped": whole(request(token, path=PATH + b"#/rpc/ping")),
        "trailers, which are dropped": headers(1, request(token), END_HEADERS)
        + frame(DATA, 0, 1, BODY)
        + headers(1, [(b"x-note", b"a"), (b"content-length", b"3")]),
        "a hidden request inside the body": whole(request(token), b'{"text": "' + HIDDEN.hex().encode() + b'"}'),
    }


def malformed(token: bytes) -> dict[str, bytes]:
    def extra(name: bytes, value: bytes) -> bytes:
        return whole(request(token, (name, value)))

    ends = {"CR LF": b"\r\n", "a bare LF": b"\n", "a bare CR": b"\r", "a NUL": b"\0"}
    values = {
        f"{name} in a value": extra(b"x-note", b"a" + octets + b"transfer-encoding: chunked")
        for name, octets in ends.items()
    }
    names = {f"{name} in a name": extra(b"x-note" + octets + b"a", b"b") for name, octets in ends.items()}
    paths = {
        f"{name} in the path": whole(request(token, path=PATH + octets + b"HTTP/1.1"))
        for name, octets in {**ends, "a space": b" ", "a tab": b"\t", "an octet above 0x7f": b"\xff"}.items()
    }
    return (
        values
        | names
        | paths
        | {
            "CR LF and a request in a value": extra(b"x-note", b"a\r\n\r\n" + HIDDEN),
            "CR LF and a request in the path": whole(request(token, path=PATH + b" HTTP/1.1\r\n\r\n" + HIDDEN)),
            "CR LF in the method": whole(request(token, method=b"POST / HTTP/1.1\r\nx: ")),
            "a space in the method": whole(request(token, method=b"POST /rpc/ping")),
            "CR LF in the host": whole(request(token, authority=b"core\r\nx: y")),
            "a user in the host": whole(request(token, authority=b"a@core")),
            "a path in the host": whole(request(token, authority=b"core/rpc/ping")),
            "no host": whole(request(token, authority=None)),
            "two host fields": whole(request(token, (b"host", b"core"), (b"host", b"core"))),
            "another host beside :authority": extra(b"host", b"other"),
            "a scheme with a colon": whole(request(token, scheme=b"http://core/ x")),
            "transfer-encoding: chunked": whole(
                request(token, (b"transfer-encoding", b"chunked")), b"0\r\n\r\n" + HIDDEN
            ),
            "connection: close": extra(b"connection", b"close"),
            "connection: content-length": extra(b"connection", b"content-length"),
            "keep-alive": extra(b"keep-alive", b"timeout=5"),
            "proxy-connection": extra(b"proxy-connection", b"keep-alive"),
            "upgrade": extra(b"upgrade", b"h2c"),
            "te: chunked": extra(b"te", b"chunked"),
            "a length too short": extra(b"content-length", b"3"),
            "a length too long": extra(b"content-length", b"300"),
            "a length of 0": extra(b"content-length", b"0"),
            "a length with a sign": extra(b"content-length", b"+17"),
            "a list of lengths": extra(b"content-length", b"17, 17"),
            "two lengths": whole(request(token, (b"content-length", b"17"), (b"content-length", b"18"))),
            "a length and no body": headers(1, request(token, (b"content-length", b"17"))),
            "a name in capitals": extra(b"X-Note", b"a"),
            "transfer-encoding in capitals": extra(b"Transfer-Encoding", b"chunked"),
            "a name with a colon": extra(b"transfer-encoding:", b"chunked"),
            "a name with a space": extra(b"transfer-encoding ", b"chunked"),
            "an empty name": extra(b"", b"a"),
            "two paths": whole([*request(token)[:4], (b":path", b"/rpc/ping"), *request(token)[4:]]),
            "two methods": whole([(b":method", b"GET"), *request(token)]),
            "two hosts": whole([(b":authority", b"other"), *request(token)]),
            "a pseudo field after the others": whole([*request(token), (b":path", PATH)]),
            "an unknown pseudo field": whole([(b":note", b"a"), *request(token)]),
            "a pseudo field of answers": whole([(b":status", b"200"), *request(token)]),
            "no method": whole(request(token, method=None)),
            "no path": whole(request(token, path=None)),
            "no scheme": whole(request(token, scheme=None)),
            "an empty path": whole(request(token, path=b"")),
            "a path without a slash": whole(request(token, path=b"gateway/callee/echo")),
            "an absolute path with another host": whole(request(token, path=b"http://other" + PATH)),
            "transfer-encoding in trailers": headers(1, request(token), END_HEADERS)
            + frame(DATA, 0, 1, BODY)
            + headers(1, [(b"transfer-encoding", b"chunked")]),
            "trailers that do not end the stream": headers(1, request(token), END_HEADERS)
            + frame(DATA, 0, 1, BODY)
            + frame(HEADERS, END_HEADERS, 1, block([(b"x-note", b"a")])),
            "CONNECT": whole(request(token, method=b"CONNECT")),
        }
    )


def exchange(port: int, octets: bytes) -> Client:
    """Sends them on a connection of their own and hears the outcome."""
    client = Client(port)
    client.send(octets)
    client.read(3, until=1)
    client.close()
    return client
