"""The Internet of the test: every address there is, on a few ports, with a memory.

Runs in a network namespace of its own in which each address is local, so that a connection to any
address whatever is taken and written down. Ports of TLS serve what the vector asks for; the others
only take the connection.

    far_side.py CONTROL_SOCKET FOLDER_OF_CERTIFICATES
"""

import json
import pathlib
import socket
import socketserver
import ssl
import subprocess
import sys
import threading

TLS_PORTS = (443, 8443)
OTHER_PORTS = (22, 25, 80, 8080, 2375, 6379, 9200)
ARRIVAL = 10.0


class FarSide:
    """What arrived, and how the next arrival is answered."""

    def __init__(self, certificates: pathlib.Path) -> None:
        self.lock = threading.Lock()
        self.hits: list[dict] = []
        self.scene: dict = {}
        self.contexts = {}
        for name in ("good", "wrong-name", "self-signed"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
            self.contexts[name] = context

    def listen(self, port: int) -> None:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", port))
        listener.listen(256)
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            connection, _ = listener.accept()
            address = connection.getsockname()[0].removeprefix("::ffff:")
            hit = {"address": address, "port": port, "request": ""}
            with self.lock:
                self.hits.append(hit)
                scene = dict(self.scene)
            if port in TLS_PORTS:
                work = (connection, hit, scene)
                threading.Thread(target=self._serve, args=work, daemon=True).start()
            else:
                connection.close()

    def _serve(self, connection: socket.socket, hit: dict, scene: dict) -> None:
        try:
            connection.settimeout(ARRIVAL)
            context = self.contexts[scene.get("tls", "good")]
            with context.wrap_socket(connection, server_side=True) as stream:
                request = b""
                while b"\r\n\r\n" not in request and (read := stream.recv(4096)):
                    request += read
                hit["request"] = request.decode("latin-1")
                lines = [f"HTTP/1.1 {scene.get('status', 200)} Scripted", *scene.get("headers", [])]
                lines += ["Content-Length: 2", "", "ok"]
                stream.sendall("\r\n".join(lines).encode())
        except OSError:
            # A handshake that ends early is what some vectors are about; the hit is written down.
            connection.close()

    def command(self, order: dict) -> object:
        """`scene` sets the next answers, `hits` tells and forgets what arrived."""
        with self.lock:
            if "scene" in order:
                self.scene, self.hits = order["scene"], []
                return True
            told, self.hits = self.hits, []
            return told


def main() -> None:
    control, certificates = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.stdin.readline()  # the near side has moved the cable here
    for words in (
        "link set lo up",
        "addr add 10.99.0.2/30 dev far",
        "-6 addr add fd99::2/64 dev far nodad",
        "link set far up",
        "route add local default dev lo table main",
        "-6 route add local default dev lo table main",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    far = FarSide(certificates)
    for port in TLS_PORTS + OTHER_PORTS:
        far.listen(port)

    class Orders(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(json.dumps(far.command(json.loads(line))).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(control, Orders) as server:
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
