"""Where a client may connect to, and the floor of its TLS."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .playground import READ, TREE, LostError
from .subject import AsyncClient, Client, credentials, exchange, settings, transport


@pytest.mark.parametrize(
    "url",
    [
        "https://core.example",
        "https://core.example:8443/base/",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:8000",
        "http://127.9.9.9",
    ],
)
def test_base_urls_that_are_fine(url: str) -> None:
    assert settings.check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://core.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://core.example",
        "core.example",
        "https://",
        "https://user:pass@core.example",
        "https://core.example?x=1",
        "https://core.example#x",
    ],
)
def test_base_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        Client(url)
    assert "pass@" not in str(caught.value)


def test_the_environment_is_read_after_the_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_BASE_URL", "https://from.environment")
    find = settings.find_base_url
    assert find("https://given", "SOME_BASE_URL", None) == "https://given"
    assert find(None, "SOME_BASE_URL", "https://other") == "https://from.environment"
    monkeypatch.delenv("SOME_BASE_URL")
    assert find(None, "SOME_BASE_URL", "https://other") == "https://other"
    with pytest.raises(ValueError, match="SOME_BASE_URL"):
        find(None, "SOME_BASE_URL", None)


def test_a_client_prints_no_secret() -> None:
    for client in (Client("http://127.0.0.1:1"), AsyncClient("http://127.0.0.1:1")):
        assert repr(client).endswith("Client('http://127.0.0.1:1')")
    known = credentials.Credentials(schemes={}, secrets={"key": "4711"}, has_token=True)
    assert "4711" not in repr(known)


def test_tls_verifies_and_starts_at_1_3() -> None:
    for base_url in ("https://core.example", "http://127.0.0.1"):
        context = settings.tls_context(base_url)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_server_with_a_known_authority_is_reached(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (port, authority):
        assert call(f"https://127.0.0.1:{port}", authority) == {"ok": True}


def test_tls_1_2_is_refused(tmp_path: Path) -> None:
    with tls_server(tmp_path, highest=ssl.TLSVersion.TLSv1_2) as (port, authority):
        with pytest.raises(LostError):
            call(f"https://127.0.0.1:{port}", authority)


def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (port, _):
        with pytest.raises(LostError):
            call(f"https://127.0.0.1:{port}", None)


def test_another_name_is_refused(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (port, authority):
        with pytest.raises(LostError):
            call(f"https://localhost:{port}", authority)


def call(base_url: str, ca_bundle: str | None) -> Any:
    facts = exchange.Facts(
        settings=settings.Settings(base_url=base_url, user_agent="x", max_retries=0),
        credentials=credentials.Credentials(schemes={}),
        errors=TREE,
    )
    target = transport.Transport(facts, token=None, ca_bundle=ca_bundle)
    try:
        return target.call(READ, path={"id": 1}, options={})
    finally:
        target.close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "12")
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def tls_server(
    folder: Path, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[tuple[int, str]]:
    """A server for 127.0.0.1 with its own authority; gives its port and the authority's file."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = highest
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, certificate
    finally:
        server.shutdown()
        server.server_close()


class QuietServer(http.server.ThreadingHTTPServer):
    """Says nothing about handshakes that fail: that is what the tests are about."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def make_certificate(folder: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(minutes=5))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = (folder / "certificate.pem", folder / "key.pem")
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])
