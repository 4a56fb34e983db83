"""A 5 MB file from a real nginx, by name through a real DNS server, with AT commands only."""

import os
import subprocess
import unittest

import harness
import servers

NAME = "files.espat.test"
FILE_BYTES = 5_000_000


def receive_stream(port):
    """Collects +IPD payloads (single connection) until the peer has closed."""
    parts = []
    while True:
        port.need(2)
        if not port.pending.startswith(b"\r\n"):
            port.expect(b"CLOSED\r\n")
            return b"".join(parts)
        header = port.take_until(b":")
        if not header.startswith(b"\r\n+IPD,"):
            raise AssertionError(f"not a +IPD header: {header!r}")
        parts.append(port.take(int(header[len(b"\r\n+IPD,"):-1])))
        port.expect(b"\r\n")


def fetch(port, family, name, tcp_port, path):
    """An HTTP/1.0 GET as a driver would do it. Returns header and body."""
    kind = {4: "TCP", 6: "TCPv6"}[family]
    port.command(f'AT+CIPSTART="{kind}","{name}",{tcp_port}', b"CONNECT\r\n\r\nOK\r\n")
    request = f"GET /{path} HTTP/1.0\r\nHost: {name}\r\n\r\n".encode()
    port.command(f"AT+CIPSEND={len(request)}", b"\r\nOK\r\n\r\n>")
    port.write(request)
    port.expect(b"\r\nRecv %d bytes\r\n\r\nSEND OK\r\n" % len(request))
    header, _, body = receive_stream(port).partition(b"\r\n\r\n")
    return header, body


@harness.needs("nginx", "dnsmasq")
class Download(harness.Case):
    def setUp(self):
        super().setUp()
        self.dns = servers.Dnsmasq(self, NAME, ["127.0.0.1", "::1"])
        self.web = servers.Nginx(self, NAME)
        self.file = os.urandom(FILE_BYTES)
        self.web.put("random.bin", self.file)

    def download_twice(self, port):
        port.synchronize()
        harness.join(port)
        port.command(f'AT+CIPDNS=1,"{self.dns.address}"')
        harness.prepare(port, "AT+CIPV6=1")
        for family in (4, 6):
            with self.subTest(family=family):
                header, body = fetch(port, family, NAME, self.web.port, "random.bin")
                self.assertIn(b" 200 OK", header.splitlines()[0])
                self.assertEqual(len(body), FILE_BYTES)
                self.assertTrue(body == self.file, "the bytes differ")
        queries = self.dns.queries()
        self.assertTrue(any(f"query[A] {NAME}" in line for line in queries), queries)
        self.assertTrue(any(f"query[AAAA] {NAME}" in line for line in queries), queries)
        port.command("AT")

    def test_over_tcp(self):
        tcp_port = harness.free_port()
        self.espat("--listen", f"127.0.0.1:{tcp_port}")
        self.download_twice(self.opened(harness.AtPort.tcp("127.0.0.1", tcp_port)))

    def test_over_pty(self):
        link = self.folder / "at"
        self.espat("--pty", link, stdout=subprocess.DEVNULL)
        self.download_twice(self.opened(harness.AtPort.tty(link)))

    def test_over_unix(self):
        path = self.folder / "at.sock"
        self.espat("--unix", path)
        self.download_twice(self.opened(harness.AtPort.unix(path)))


if __name__ == "__main__":
    unittest.main()
