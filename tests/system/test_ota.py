"""AT+CIUPDATE against a real nginx, `espat ota-server`, and servers that do it wrong."""

import contextlib
import os
import resource
import socket
import ssl
import struct
import subprocess
import unittest
import urllib.request

import harness
import servers

SLOT_BYTES = 0x180000
OLD, NEW = "2.2.0.0", "2.3.0.0"
ROOT = "/v1/device/rom/?"
HEADERS = (
    "Host: 127.0.0.1:{port}\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/30.0.1599.101 Safari/537.36 \r\nAccept: */*\r\nAuthorization: token {token}\r\n"
    "Accept-Encoding: gzip,deflate,sdch\r\nAccept-Language: zh-CN,zh;q=0.8\r\n\r\n")
STATES = b"+CIPUPDATE:%d\r\n"
READY = b"\r\nready\r\n"

NGINX_UPDATES = """
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {folder}/server.crt;
    ssl_certificate_key {folder}/server.key;
    location = /v1/device/rom/ {{
      default_type application/json;
      if ($arg_action = download_rom) {{ rewrite ^ /rom/$arg_version/$arg_filename? last; }}
      return 200 '{{"rom_version": "v{latest}", "status": 200}}';
    }}
    location /rom/ {{ internal; alias {folder}/www/; }}
"""


def states(*numbers):
    return b"".join(STATES % number for number in numbers)


def image(version, size=200_000):
    """A firmware image: header, segment header, description, then anything."""
    description = struct.pack("<I4x8x32s32s16s16s32s", 0xABCD5432, f"v{version}".encode(),
                              b"esp-at", b"10:00:00", b"Aug  1 2021", b"v4.2.2")
    head = b"\xe9" + bytes(31) + description
    return head + os.urandom(size - len(head))


def reply(body, headers="", status="200 OK", length=None):
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


VERSION_REPLY = reply(f'{{"rom_version": "v{NEW}", "status": 200}}'.encode())


def connected(address):
    """A client of host:port whose receive buffer is small."""
    client = socket.socket()
    client.settimeout(harness.GIVE_UP_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = address.rpartition(":")
    client.connect((host, int(port)))
    return client


def whole_reply(client):
    return b"".join(iter(lambda: client.recv(65536), b""))


def more_than_buffers_hold():
    """So many bytes cannot be sent to a client of connected() that does not read them."""
    with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as limits:
        return 2 * int(limits.read().split()[2]) + 1_000_000


class Nginx:
    def __init__(self, case):
        self.folder = case.folder / "nginx"
        self.http, self.https = harness.free_port(), harness.free_port()
        self.folder.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                        "-subj", "/CN=nobody", "-keyout", self.folder / "server.key", "-out",
                        self.folder / "server.crt"], check=True, capture_output=True)
        servers.start_nginx(case, self.folder,
                            NGINX_UPDATES.format(folder=self.folder, http=self.http,
                                                 https=self.https, latest=NEW), self.https)

    def put(self, version, name, data):
        folder = self.folder / "www" / version
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


class Ota(harness.Case):
    def setUp(self):
        super().setUp()
        self.flash = self.folder / "flash"

    def module(self, *options):
        """A module on its flash, in step, whose station has joined."""
        module, port = self.espat_listening("--flash", self.flash, "--join", "lab", *options)
        self.await_address(port)
        return module, port

    def await_address(self, port):
        harness.wait_until(lambda: b"+CWSTATE:2" in port.query("AT+CWSTATE?"), "an address")

    def expect_restart(self, port):
        port.expect(b"WIFI DISCONNECT\r\n" + READY)
        port.take_until(b"WIFI GOT IP\r\n")
        port.synchronize()

    def assert_version(self, port, version):
        self.assertIn(f"AT version:{version}(".encode(), port.query("AT+GMR"))
        short = ".".join(version.split(".")[:3])
        self.assertIn(f"Bin version:{short}(".encode(), port.query("AT+GMR"))

    def assert_slot(self, number, content):
        file = self.flash / f"ota_{number}.bin"
        held = file.read_bytes() if file.exists() else None
        self.assertTrue(held == content, f"{file}: {held and len(held)} bytes")

    def assert_tidy(self):
        """Nothing half written stays; the writer removes it when it comes to it."""
        harness.wait_until(lambda: not list(self.flash.rglob("*.part")), "no partial file is left")


@harness.needs("nginx", "openssl", "dnsmasq")
class WithNginx(Ota):
    def setUp(self):
        super().setUp()
        self.nginx = Nginx(self)
        self.new = image(NEW)
        self.nginx.put(f"v{NEW}", "ota.bin", self.new)

    def nginx_module(self, *more):
        return self.module("--ota-http", f"127.0.0.1:{self.nginx.http}",
                           "--ota-https", f"127.0.0.1:{self.nginx.https}", *more)

    def test_update_restart_and_back(self):
        for mode, command in enumerate(("AT+CIUPDATE", "AT+CIUPDATE=1")):
            with self.subTest(command):
                self.flash = self.folder / f"flash{mode}"
                module, port = self.nginx_module()
                port.command("AT+SYSROLLBACK", b"\r\nERROR\r\n")
                self.assert_version(port, OLD)
                port.command(command, states(1, 2, 3, 4) + b"\r\nOK\r\n")
                self.expect_restart(port)
                self.assert_version(port, NEW)
                self.assert_slot(1, self.new)
                self.assert_slot(0, None)
                port.command("AT+SYSROLLBACK")
                self.expect_restart(port)
                self.assert_version(port, OLD)
                self.assertEqual(module.stop(), 0)
                module, port = self.nginx_module()
                self.assert_version(port, OLD)
                port.command("AT+SYSROLLBACK")
                self.expect_restart(port)
                port.command("AT+RESTORE")
                port.take_until(READY)
                port.synchronize()
                self.assert_version(port, NEW)
                self.assertEqual(module.stop(), 0)
                self.assert_tidy()

    def test_given_version_and_partition(self):
        older = image("2.1.0.0")
        self.nginx.put("v2.1.0.0", "ota.bin", older)
        self.nginx.put("v2.1.0.0", "mqtt_ca.bin", b"a certificate")
        _, port = self.nginx_module()
        port.command('AT+CIUPDATE=1,"v2.1.0.0","mqtt_ca"', states(1, 4) + b"\r\nOK\r\n")
        self.assertEqual((self.flash / "partition/mqtt_ca.bin").read_bytes(), b"a certificate")
        port.command("AT+CIUPDATE?", b"+CIUPDATE:4\r\n\r\nOK\r\n")
        port.command('AT+CIUPDATE=0,"v2.1.0.0"', states(1, 4) + b"\r\nOK\r\n")
        self.expect_restart(port)
        self.assert_version(port, "2.1.0.0")
        self.assert_slot(1, older)

    def test_nonblocking(self):
        module, port = self.nginx_module()
        port.write(f'AT+CIUPDATE=1,"v{NEW}","ota",1\r\nAT+CIUPDATE=1\r\n'.encode())
        port.expect(b"\r\nOK\r\n\r\nERROR\r\n" + states(1, 4))
        self.assert_version(port, OLD)
        port.command("AT+RST")
        self.expect_restart(port)
        self.assert_version(port, NEW)
        self.assertEqual(module.stop(), 0)

    def test_by_name_from_the_stations_address(self):
        name = "ota.espat.test"
        dns = servers.Dnsmasq(self, name, ["127.0.0.1"])
        _, port = self.module("--ota-http", f"{name}:{self.nginx.http}", "--dns", dns.address,
                              "--station-ip", "127.0.1.7")
        port.command("AT+CIUPDATE", states(1, 2, 3, 4) + b"\r\nOK\r\n")
        self.assertTrue(any(name in line for line in dns.queries()), dns.queries())
        log = (self.nginx.folder / "access.log").read_text().splitlines()
        self.assertEqual(len(log), 2)
        self.assertTrue(all(line.startswith("127.0.1.7 ") for line in log), log)

    def test_the_environments_proxy_has_no_say(self):
        nobody = f"http://127.0.0.1:{harness.free_port()}"
        os.environ.update(http_proxy=nobody, https_proxy=nobody, all_proxy=nobody)
        self.addCleanup(lambda: [os.environ.pop(f"{kind}_proxy")
                                 for kind in ("http", "https", "all")])
        _, port = self.nginx_module()
        port.command(f'AT+CIUPDATE=1,"v{NEW}"', states(1, 4) + b"\r\nOK\r\n")

    def test_no_such_version(self):
        _, port = self.nginx_module()
        port.command('AT+CIUPDATE=0,"v9"', states(1) + b"\r\nERROR\r\n")
        port.command("AT")


class WithPeer(Ota):
    """A server of which the test decides every byte."""

    def setUp(self):
        super().setUp()
        self.server = servers.Peer(self)
        self.process, self.port = self.module("--ota-http", f"127.0.0.1:{self.server.port}",
                                              "--ota-token", "0123456789abcdef")

    def request(self, connection):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += connection.recv(4096)
        return data.decode()

    def serve(self, data, close=True):
        """Answers the next request, whatever it is."""
        connection = self.server.accept()
        asked = self.request(connection)
        connection.sendall(data)
        if close:
            connection.close()
            return asked
        return connection

    def expected(self, target, version):
        return (f"GET {ROOT}{target} HTTP/{version}\r\n" +
                HEADERS.format(port=self.server.port, token="0123456789abcdef"))

    def test_requests_byte_for_byte(self):
        self.port.write(b"AT+CIUPDATE\r\n")
        self.port.expect(states(1))
        asked = self.serve(VERSION_REPLY)
        self.assertEqual(asked, self.expected("is_format_simple=true", "1.0"))
        asked = self.serve(reply(image(NEW)))
        self.assertEqual(asked, self.expected(
            f"action=download_rom&version=v{NEW}&filename=ota.bin", "1.1"))
        self.port.expect(states(2, 3, 4) + b"\r\nOK\r\n")
        self.expect_restart(self.port)
        self.port.command('AT+CIUPDATE=0,"V%2e#?","mqtt_ca",1')
        asked = self.serve(reply(b"x"))
        self.assertEqual(asked, self.expected(
            "action=download_rom&version=V%2e#?&filename=mqtt_ca.bin", "1.1"))
        self.port.expect(states(1, 4))
        self.port.command("AT+CIUPDATE=0,,,1")
        asked = self.serve(reply(b"x"))
        self.assertEqual(asked, self.expected("action=download_rom&version=&filename=ota.bin",
                                              "1.1"))
        self.port.expect(states(1, -1))

    def test_version_document_that_is_none(self):
        for document in (b"", b"nonsense", reply(b'{"rom_version": "v1'), reply(b"{}"),
                         b"HTTP/1.1 500 Oops\r\n\r\n", reply(b"x" * 1024 + VERSION_REPLY)):
            with self.subTest(document[:40]):
                self.port.write(b"AT+CIUPDATE\r\n")
                self.serve(document)
                self.port.expect(states(1, 2) + b"\r\nERROR\r\n")
                self.port.command("AT+CIUPDATE?", b"+CIUPDATE:-1\r\n\r\nOK\r\n")

    def test_version_document_in_odd_forms(self):
        # The status does not matter, nor does it who says when the reply is over.
        body = f'{{"rom_version": "v{NEW}", "status": 200}}'.encode()
        for document in (b"HTTP/1.1 500 Oops\r\n\r\n" + body, body, reply(body, length=4000),
                         reply(body + b"x" * 5000), reply(body, "Content-Encoding: gzip\r\n")):
            with self.subTest(document[:40]):
                self.port.write(b"AT+CIUPDATE\r\n")
                self.serve(document)
                self.serve(b"")
                self.port.expect(states(1, 2, 3) + b"\r\nERROR\r\n")

    def test_image_that_is_none(self):
        new = image(NEW)
        for wrong in (reply(b"<html>", status="404 Not Found"), reply(b"\xe8" + new[1:]),
                      reply(new[:1000], length=len(new)), reply(new[:1000], length=0),
                      b"HTTP/1.1 200 OK\r\n\r\n" + new,
                      reply(new).replace(b"Content-Length", b"content-length"),
                      b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\xe9\r\n0\r\n\r\n",
                      b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
                      reply(b"\xe9" * (SLOT_BYTES + 1)),
                      reply(b"\xe9", "X: " + 1024 * "x" + "\r\n"), b"\0", b""):
            with self.subTest(wrong[:60]):
                self.port.write(f'AT+CIUPDATE=0,"v{NEW}"\r\n'.encode())
                connection = self.server.accept()
                self.request(connection)
                try:
                    connection.sendall(wrong)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the module had enough
                connection.close()
                self.port.expect(states(1) + b"\r\nERROR\r\n")
                self.port.command("AT")
        self.assert_slot(1, None)
        self.assert_version(self.port, OLD)
        self.assert_tidy()

    def test_image_that_fills_the_slot(self):
        new = image(NEW, SLOT_BYTES)
        self.port.write(f'AT+CIUPDATE=0,"v{NEW}"\r\n'.encode())
        # Its last byte ends it: the server need not close, and may say more.
        connection = self.serve(reply(new) + b"more", close=False)
        self.port.expect(states(1, 4) + b"\r\nOK\r\n")
        connection.close()
        self.expect_restart(self.port)
        self.assert_slot(1, new)

    def test_server_goes_away_in_the_middle(self):
        new = image(NEW)
        self.port.write(f'AT+CIUPDATE=0,"v{NEW}"\r\n'.encode())
        connection = self.serve(reply(new)[:100_000], close=False)
        self.port.expect(states(1))
        self.port.command("AT", b"\r\nbusy p...\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        self.port.expect(b"\r\nERROR\r\n")
        self.server.listener.close()
        self.port.command("AT+CIUPDATE", states(1) + b"\r\nERROR\r\n")
        self.port.command("AT+CIUPDATE=0,,,1", b"\r\nOK\r\n" + states(1, -1))
        self.port.command("AT")

    def test_https_that_is_none(self):
        _, port = self.espat_listening("--join", "lab", "--ota-https",
                                       f"127.0.0.1:{self.server.port}")
        self.await_address(port)
        port.write(b"AT+CIUPDATE=1\r\n")
        connection = self.server.accept()
        self.assertEqual(connection.recv(1), b"\x16", "a TLS handshake")
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        port.expect(states(1) + b"\r\nERROR\r\n")
        port.command("AT")

    def test_restart_while_busy(self):
        self.port.write(b"AT+CIUPDATE\r\n")
        connection = self.server.accept()
        self.request(connection)
        self.port.expect(states(1, 2))
        self.port.write(b"AT+RST\r\n")
        self.port.expect(b"\r\nWill force to restart!!!\r\nWIFI DISCONNECT\r\n" + READY)
        self.assertEqual(connection.recv(1), b"", "the module has let go of the server")

    def test_killed_in_the_middle(self):
        first = image(NEW)
        self.port.write(b"AT+CIUPDATE\r\n")
        self.serve(VERSION_REPLY)
        self.serve(reply(first))
        self.port.expect(states(1, 2, 3, 4) + b"\r\nOK\r\n")
        self.expect_restart(self.port)
        self.port.write(b'AT+CIUPDATE=0,"v3.0.0.0"\r\n')
        self.serve(reply(image("3.0.0.0"))[:100_000], close=False)
        self.port.expect(states(1))
        harness.wait_until(lambda: any(part.stat().st_size > 0
                                       for part in self.flash.glob("ota_0.bin.*.part")),
                           "a part of the image on the disk")
        self.process.kill()
        self.assert_slot(1, first)
        _, port = self.module()
        self.assert_version(port, NEW)
        self.assert_slot(1, first)
        self.assert_slot(0, None)
        self.assert_tidy()
        # The slot of the firmware before was erased for the one that did not come.
        port.command("AT+SYSROLLBACK", b"\r\nERROR\r\n")


class WithOtaServer(Ota):
    def setUp(self):
        super().setUp()
        self.releases = self.folder / "releases"
        self.releases.mkdir()

    def put(self, version, name, data):
        (self.releases / version).mkdir(exist_ok=True)
        (self.releases / version / name).write_bytes(data)

    def server(self):
        """Starts one. Returns it and its addresses, HTTP then HTTPS, as host:port."""
        program = self.espat("ota-server", self.releases, "--http", "127.0.0.1:0", "--https",
                             "127.0.0.1:0", stdout=subprocess.PIPE)
        return program, [program.process.stdout.readline().decode().strip().partition("://")[2]
                         for _ in range(2)]

    def test_rehearsal(self):
        new = image("2.10.0.0")
        self.put("v2.9.0.0", "ota.bin", image("2.9.0.0"))
        self.put("v2.10.0.0", "ota.bin", new)
        self.put("v2.10.0.0", "client_ca.bin", b"a certificate")
        _, (http, https) = self.server()
        module, port = self.module("--ota-http", http, "--ota-https", https)
        port.command("AT+CIUPDATE", states(1, 2, 3, 4) + b"\r\nOK\r\n")
        self.expect_restart(port)
        self.assert_version(port, "2.10.0.0")
        self.assert_slot(1, new)
        port.command('AT+CIUPDATE=1,"V2.9.0.0"', states(1, 4) + b"\r\nOK\r\n")
        self.expect_restart(port)
        port.command('AT+CIUPDATE=1,,"client_ca",1', b"\r\nOK\r\n" + states(1, 4))
        self.assertEqual((self.flash / "partition/client_ca.bin").read_bytes(), b"a certificate")
        self.assertFalse((self.flash / "pki" / "client_ca.bin").exists())
        (self.releases / "latest").write_text("v2.9.0.0\n")
        port.command("AT+CIUPDATE=1", states(1, 2, 3, 4) + b"\r\nOK\r\n")
        self.expect_restart(port)
        self.assertEqual(module.stop(), 0)

    def test_nothing_to_serve(self):
        _, (http, https) = self.server()
        _, port = self.module("--ota-http", http, "--ota-https", https)
        port.command("AT+CIUPDATE", states(1, 2) + b"\r\nERROR\r\n")
        port.command("AT+CIUPDATE=1", states(1, 2) + b"\r\nERROR\r\n")

    def test_what_it_answers(self):
        self.put("v1.0.0.0", "ota.bin", b"firmware")
        (self.folder / "secret.bin").write_text("secret")
        _, (http, https) = self.server()

        def ask(target, scheme="http", method="GET"):
            address = http if scheme == "http" else https
            context = ssl._create_unverified_context() if scheme == "https" else None
            asked = urllib.request.Request(f"{scheme}://{address}{target}", method=method)
            try:
                with urllib.request.urlopen(asked, timeout=harness.GIVE_UP_S,
                                            context=context) as answer:
                    return answer.status, answer.read(), answer.headers["Content-Length"]
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read(), error.headers["Content-Length"]

        download = ROOT + "action=download_rom&version={}&filename={}"
        for scheme in ("http", "https"):
            self.assertEqual(ask(ROOT + "is_format_simple=true", scheme)[:2],
                             (200, b'{"rom_version": "v1.0.0.0", "status": 200}\n'))
            self.assertEqual(ask(download.format("v1.0.0.0", "ota.bin"), scheme),
                             (200, b"firmware", "8"))
        self.assertEqual(ask(download.format("", "ota.bin"))[1], b"firmware")
        self.assertEqual(ask(download.format("v1.0.0.0", "ota.bin"), method="HEAD"),
                         (200, b"", "8"))
        for version, name in (("v2", "ota.bin"), ("v1.0.0.0", "no.bin"), ("v1.0.0.0", ""),
                              ("..", "secret.bin"), ("v1.0.0.0", "../../secret.bin"), (".", "latest")):
            self.assertEqual(ask(download.format(version, name))[0], 404, (version, name))
        self.assertEqual(ask("/secret.bin")[0], 404)
        self.assertEqual(ask(ROOT, method="POST")[0], 400)

    def get(self, address, version, name):
        return self.converse(address, f"GET {ROOT}action=download_rom&version={version}&filename={name}"
                                      " HTTP/1.1\r\n\r\n".encode())

    def test_nothing_but_what_is_in_the_folder(self):
        outside = self.folder / "outside"
        outside.mkdir()
        for folder in (outside, self.releases / ".git", self.releases / "v1"):
            folder.mkdir(exist_ok=True)
            (folder / "ota.bin").write_text("secret")
        inside = self.releases / "v1"
        (inside / ".hidden").write_text("secret")
        (inside / "sub").mkdir()
        os.mkfifo(inside / "pipe")
        for link, target in (("out", outside / "ota.bin"), ("up", "../../outside/ota.bin"),
                             ("dotted", ".hidden"), ("round", "round"), ("zero", "/dev/zero"),
                             ("twice", "up"), ("in", self.releases / "v1/ota.bin")):
            (inside / link).symlink_to(target)
        for link, target in (("v9", outside), ("v8", ".git"), ("current", "v1"),
                             ("latest", outside / "ota.bin")):
            (self.releases / link).symlink_to(target)
        _, (http, _) = self.server()
        for version, name in (
                ("v1", "out"), ("v1", "up"), ("v1", "twice"), ("v1", "dotted"), ("v1", "round"),
                ("v1", "zero"), ("v1", "pipe"), ("v1", "sub"), ("v1", ".hidden"), ("v1", "."),
                ("v1", ".."), ("v1", "sub/../ota.bin"), ("v1", "//ota.bin"), ("v1", "%2e%2e"),
                ("v1", "..%2fv1%2fota.bin"), ("v1", "x" * 5000), ("v1/", "ota.bin"),
                ("x" * 5000, "ota.bin"), ("v9", "ota.bin"), ("v8", "ota.bin"), (".git", "ota.bin"),
                ("v.git", "ota.bin"), ("..", "outside"), ("../outside", "ota.bin"),
                ("%2egit", "ota.bin"), (".", "latest"), ("latest", "ota.bin")):
            with self.subTest(version=version[:20], name=name[:20]):
                self.assertTrue(self.get(http, version, name).startswith(b"HTTP/1.1 404 "))
        self.assertTrue(self.get(http, "v1", "a\0b").startswith(b"HTTP/1.1 400 "))
        for version, name in (("v1", "in"), ("current", "ota.bin"), ("", "ota.bin")):
            self.assertTrue(self.get(http, version, name).endswith(b"\r\n\r\nsecret"), name)
        self.assertTrue(self.converse(http, f"GET {ROOT} HTTP/1.1\r\n\r\n".encode()).endswith(
            b'{"rom_version": "v1", "status": 200}\n'))

    def test_files_of_any_size(self):
        # Nothing of it is kept in memory, and what it becomes meanwhile is not sent.
        self.put("v1", "empty.bin", b"")
        self.put("v1", "odd.bin", os.urandom(3 * 65536 + 1))
        self.put("v1", "huge.bin", b"")
        os.truncate(self.releases / "v1/huge.bin", 3_000_000_000)
        program, (http, https) = self.server()
        self.assertIn(b"\r\nContent-Length: 0\r\n", self.get(http, "v1", "empty.bin"))
        odd = (self.releases / "v1/odd.bin").read_bytes()
        self.assertTrue(self.get(http, "v1", "odd.bin").endswith(b"\r\n\r\n" + odd))
        ask = f"GET {ROOT}action=download_rom&version=v1&filename=huge.bin HTTP/1.1\r\n\r\n".encode()
        before = program.memory_kb()
        readers = []
        for address in (http, https):
            client = self.enterContext(connected(address))
            if address == https:
                client = self.enterContext(ssl._create_unverified_context().wrap_socket(client))
            client.sendall(ask)
            self.assertEqual(servers.receive(client, 15), b"HTTP/1.1 200 OK")
            readers.append(client)
        os.truncate(self.releases / "v1/huge.bin", 1_000_000)
        for client in readers:
            with contextlib.suppress(ssl.SSLEOFError):
                self.assertLess(len(whole_reply(client)), 10_000_000)
        self.assertLess(program.memory_kb() - before, 20_000)
        self.assertIn("the file cannot be read to the end that it had", program.log_text())

    def converse(self, address, request):
        """Sends a request, then the end of the stream. Returns the whole reply."""
        with connected(address) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return whole_reply(client)

    def test_requests_that_browsers_do_not_make(self):
        self.put("v1.0.0.0", "ota.bin", b"firmware")
        program, (http, _) = self.server()
        get = b"GET /v1/device/rom/?action=download_rom&version=v1.0.0.0&filename=ota.bin HTTP/1.1"
        for request, status, body in (
                (b"GET /v1/device/rom/? HTTP/1.0\r\nAccept-Encoding: gzip,deflate,br", b"200 OK",
                 b'{"rom_version": "v1.0.0.0", "status": 200}\n'),
                (get + b"\r\nRange: bytes=2-3\r\nExpect: 100-continue", b"200 OK", b"firmware"),
                (get + b"\r\nX: " + b"x" * 8000, b"200 OK", b"firmware"),
                (b"GET /v1/device/rom/?version=V%2e#?&filename=ota.bin HTTP/1.1", b"200 OK",
                 b'{"rom_version": "v1.0.0.0", "status": 200}\n'),
                (b"GET /?\tx HTTP/1.1", b"404 Not Found", b"not found\n"),
                (b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000,
                 b"400 Bad Request", b"only GET and HEAD\n"),
                (b"FETCH / HTTP/1.1", b"400 Bad Request", b"only GET and HEAD\n"),
                (b"GET / HTTP/2.0", b"400 Bad Request", b"only GET and HEAD\n"),
                (b"no request", b"400 Bad Request", b"only GET and HEAD\n")):
            with self.subTest(request[:60]):
                reply = self.converse(http, request + b"\r\n\r\n")
                head, _, got = reply.partition(b"\r\n\r\n")
                first, *fields = head.split(b"\r\n")
                self.assertEqual((first, got), (b"HTTP/1.1 " + status, body))
                self.assertEqual(sorted(fields)[:2], [b"Connection: close",
                                                      b"Content-Length: %d" % len(body)])
                self.assertEqual(len(fields), 3, fields)
                line = request.split(b"\r\n")[0].decode().replace("\t", r"\t")
                self.assertIn(f'127.0.0.1: "{line}" {int(status[:3])}, {len(body)} bytes\n',
                              program.log_text())
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(self.converse(http, b"GET / HTTP/1.1\r\nX: " + b"x" * 9000), b"")
        harness.wait_until(lambda: "127.0.0.1: request: longer than 8192 bytes\n" in
                           program.log_text(), "the request in the log")

    def test_clients_that_stall(self):
        self.put("v1.0.0.0", "ota.bin", b"firmware")
        self.put("v2.0.0.0", "ota.bin", bytes(more_than_buffers_hold()))
        program, addresses = self.server()
        http, https = addresses
        hello = ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello,
                                                  server_hostname="espat").do_handshake()
        stalled = []
        for address, begun in ((http, b"GET " + ROOT.encode()), (https, hello.read(20)),
                               (http, b""), (https, b"")):
            for _ in range(8):
                stalled.append(self.enterContext(connected(address)))
                stalled[-1].sendall(begun)
        ask = "GET " + ROOT + "action=download_rom&version={}&filename=ota.bin HTTP/1.1\r\n\r\n"
        reader = self.enterContext(connected(http))
        reader.sendall(ask.format("v2.0.0.0").encode())
        self.assertEqual(servers.receive(reader, 15), b"HTTP/1.1 200 OK")
        over_tls = ssl._create_unverified_context().wrap_socket(connected(https))
        for client in (connected(http), over_tls):
            with client:
                client.sendall(ask.format("v1.0.0.0").encode())
                self.assertTrue(whole_reply(client).endswith(b"\r\n\r\nfirmware"))
        # All of that while they are still waited for.
        for client in stalled:
            client.setblocking(False)
            self.assertRaises(BlockingIOError, client.recv, 1)
        stalled[0].setblocking(True)
        stalled[0].sendall(b" HTTP/1.1\r\n\r\n")
        self.assertEqual(servers.receive(stalled[0], 15), b"HTTP/1.1 200 OK")
        # It would wait for `reader` for three minutes.
        self.assertEqual(program.stop(), 0)
        self.assertNotIn("warning", program.log_text())

    def test_more_clients_than_it_has_places(self):
        self.put("v1", "huge.bin", bytes(more_than_buffers_hold()))
        self.put("v1", "ota.bin", b"firmware")
        for descriptors, places in ((1024, 32), (32, 4)):
            with self.subTest(places=places):
                program = self.espat(
                    "ota-server", self.releases, "--http", "127.0.0.1:0", stdout=subprocess.PIPE,
                    preexec_fn=lambda n=descriptors: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                                        (n, n)))
                http = program.process.stdout.readline().decode().strip().partition("://")[2]
                for _ in range(places + 1):  # who take nothing any more
                    client = self.enterContext(connected(http))
                    client.sendall(f"GET {ROOT}action=download_rom&version=v1&filename=huge.bin "
                                   "HTTP/1.1\r\n\r\n".encode())
                self.assertTrue(self.get(http, "v1", "ota.bin").endswith(b"\r\n\r\nfirmware"))
                self.assertLess(len(os.listdir(f"/proc/{program.pid}/fd")), descriptors)
                self.assertLess(len(os.listdir(f"/proc/{program.pid}/task")), places + 3)
                self.assertEqual(program.stop(), 0)
                self.assertLess(len(program.log_text().splitlines()), 2 * places + 4)
                self.assertIn("127.0.0.1: reply: others were waiting\n", program.log_text())

    def test_one_server_a_port(self):
        _, (http, https) = self.server()
        for option, address in (("--http", http), ("--https", https)):
            status, output, log = self.run_espat("ota-server", self.releases, option, address)
            self.assertEqual((status, output), (2, b""), log)
            self.assertEqual(log, f"espat: ota-server: {option}: Address already in use\n")

    def test_bad_usage(self):
        taken = servers.Peer(self).port
        for options, named in (((), "DIR"), (("/nonexistent",), "/nonexistent"),
                               ((self.releases, "--http", "nowhere"), "--http"),
                               ((self.releases, "--http"), "--http"),
                               ((self.releases, "--https", f"127.0.0.1:{taken}"), "--https"),
                               ((self.releases, "--port=1"), "--port"),
                               ((self.releases, "second"), "second")):
            with self.subTest(options):
                status, output, log = self.run_espat("ota-server", *options)
                self.assertEqual((status, output), (2, b""), log)
                self.assertEqual(len(log.splitlines()), 1, log)
                self.assertIn(named, log)
        status, output, _ = self.run_espat("ota-server", "--help")
        self.assertEqual(status, 0)
        self.assertIn(b"--https ADDR:PORT", output)


class WithoutServer(Ota):
    def test_nobody_is_asked(self):
        module, port = self.module()
        for command in ("AT+CIUPDATE", "AT+CIUPDATE=0", "AT+CIUPDATE=1",
                        'AT+CIUPDATE=1,"v1.2.0.0"', "AT+CIUPDATE=1,,,1"):
            port.command(command, b"\r\nERROR\r\n")
        self.assertEqual(module.log_text().count("no update server is configured"), 5)


if __name__ == "__main__":
    unittest.main()
