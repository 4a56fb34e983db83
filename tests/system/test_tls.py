"""SSL links against nginx and openssl s_server: data, passthrough, bad peers, back-pressure."""

import random
import socket
import subprocess
import time
import unittest

import harness
import servers
import tls_servers
from test_download import receive_stream
from test_passthrough import PAUSE_S, leave, resume
from tls_servers import connect, is_refused

FILE_BYTES = 5_000_000
MEGABYTE = 1_000_000


def ask_for(port, path, link=None):
    request = f"GET /{path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
    port.send(request, link)


@harness.needs("nginx", "openssl")
class Download(tls_servers.TlsCase):
    def download(self, versions, receive, before=(), kind="SSL", host=tls_servers.HOST):
        data = tls_servers.random_bytes(FILE_BYTES)
        web = tls_servers.nginx(self, versions=versions)
        web.put("random.bin", data)
        _, port = self.joined("--tls-max", versions.removeprefix("TLSv"), before=before)
        connect(port, web.port, kind=kind, host=host)
        ask_for(port, "random.bin")
        header, _, body = receive(port).partition(b"\r\n\r\n")
        self.assertIn(b" 200 OK", header.splitlines()[0])
        self.assertEqual(len(body), FILE_BYTES)
        self.assertTrue(body == data, "the bytes differ")
        port.command("AT")

    def passive(self, port):
        """Reads once for each notice, until CLOSED. A notice counts bytes that are encrypted."""
        parts, source = [], random.Random(3)
        while True:
            port.need(2)
            if port.pending.startswith(b"CL"):
                port.expect(b"CLOSED\r\n")
                return b"".join(parts)
            port.expect(b"\r\n+IPD,")
            told, wanted = int(port.take_until(b"\r\n")[:-2]), source.randint(1, 10_000)
            port.write(b"AT+CIPRECVDATA=%d\r\n" % wanted)
            port.expect(b"+CIPRECVDATA:")
            size = int(port.take_until(b",")[:-1])
            self.assertTrue(0 < size <= wanted, (size, told, wanted))
            parts.append(port.take(size))
            port.expect(b"\r\nOK\r\n")

    def test_tls_1_2(self):
        self.download("TLSv1.2", receive_stream)

    def test_tls_1_3(self):
        self.download("TLSv1.3", receive_stream)

    def test_passive_tls_1_2(self):
        self.download("TLSv1.2", self.passive, ["AT+CIPRECVMODE=1"])

    def test_passive_tls_1_3(self):
        self.download("TLSv1.3", self.passive, ["AT+CIPRECVMODE=1"])

    def test_ipv6(self):
        self.download("TLSv1.2", receive_stream, ["AT+CIPV6=1"], "SSLv6", "::1")

    def test_by_name(self):
        self.download("TLSv1.3", receive_stream, host="localhost")

    def test_five_at_once(self):
        web = tls_servers.nginx(self)
        _, port = self.joined(before=["AT+CIPMUX=1"])
        for link in range(5):
            web.put(f"file{link}", tls_servers.random_bytes(100_000, link))
            connect(port, web.port, link)
        got, ended = {link: b"" for link in range(5)}, set()
        for link in got:
            request = f"GET /file{link} HTTP/1.0\r\n\r\n".encode()
            port.write(f"AT+CIPSEND={link},{len(request)}\r\n".encode())
            self.gather(port, got, ended, b"\r\nOK\r\n\r\n>")
            port.write(request)
            self.gather(port, got, ended, b"\r\nRecv %d bytes\r\n" % len(request))
            self.gather(port, got, ended, b"\r\nSEND OK\r\n")
        self.gather(port, got, ended, None)
        for link, answer in got.items():
            self.assertTrue(answer.endswith(b"\r\n\r\n" + tls_servers.random_bytes(100_000, link)))

    def gather(self, port, got, ended, until):
        """Takes +IPD and CLOSED of any link, until this comes or all have ended."""
        while until or len(ended) < len(got):
            port.need(3)
            if port.pending.startswith(b"\r\n+"):
                port.expect(b"\r\n+IPD,")
                link, size = map(int, port.take_until(b":")[:-1].split(b","))
                got[link] += port.take(size)
                port.expect(b"\r\n")
            elif port.pending[:1].isdigit():
                ended.add(int(port.take_until(b",CLOSED\r\n")[:1]))
            else:
                return port.expect(until)


@harness.needs("openssl")
class Links(tls_servers.TlsCase):
    def both_ways_and_shown(self, version):
        _, port = self.joined("--tls-max", "1.3")
        server = tls_servers.SServer(self, version)
        connect(port, server.port)
        self.talk(port, server)
        tail = rb'"SSL","127\.0\.0\.1",%d,\d+,0\r\n' % server.port
        self.assertRegex(port.query("AT+CIPSTATUS"), rb"^STATUS:3\r\n\+CIPSTATUS:0," + tail)
        self.assertRegex(port.query("AT+CIPSTATE?"), rb"^\+CIPSTATE:0," + tail)
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")

    def test_tls_1_2(self):
        self.both_ways_and_shown("-tls1_2")

    def test_tls_1_3(self):
        self.both_ways_and_shown("-tls1_3")

    def test_tls_1_2_is_the_newest_that_firmware_has(self):
        _, port = self.joined()
        server = tls_servers.SServer(self, "-tls1_3")
        port.write(f'AT+CIPSTART="SSL","127.0.0.1",{server.port}\r\n'.encode())
        port.expect(b"\r\nERROR\r\nCLOSED\r\n")

    def talk(self, port, server, link=None):
        port.send(b"from the module", link)
        server.expect(b"from the module")
        server.send(b"from the server")
        port.expect_ipd(b"from the server", link)

    def test_five_servers(self):
        _, port = self.joined(before=["AT+CIPMUX=1"])
        peers = [tls_servers.SServer(self) for _ in range(5)]
        for link, peer in enumerate(peers):
            connect(port, peer.port, link)
        for link, peer in enumerate(peers):
            self.talk(port, peer, link)
        port.command("AT+CIPCLOSE=5",
                     b"".join(b"%d,CLOSED\r\n" % link for link in range(5)) + b"\r\nOK\r\n")

    def test_keep_alive_and_local_address(self):
        module, port = self.joined("--station-ip", "127.0.1.7")
        server = tls_servers.SServer(self)
        connect(port, server.port, extra=',60,"127.0.1.7"')

        def shown():
            return subprocess.run(["ss", "-tnoH", "dport", "=", f":{server.port}"], check=True,
                                  capture_output=True, text=True, timeout=harness.GIVE_UP_S).stdout
        self.assertIn("127.0.1.7:", shown())
        # The kernel shows one timer: until the peer has acknowledged everything, that of sending.
        harness.wait_until(lambda: "timer:(keepalive" in shown(), "the timer of keep-alive")
        self.talk(port, server)

    def test_cipstartex(self):
        _, port = self.joined(before=["AT+CIPMUX=1"])
        peers = [tls_servers.SServer(self) for _ in range(2)]
        for link, peer in enumerate(peers):
            port.command(f'AT+CIPSTARTEX="SSL","127.0.0.1",{peer.port}',
                         b"%d,CONNECT\r\n\r\nOK\r\n" % link)
        self.talk(port, peers[1], 1)

    def test_link_conn(self):
        _, port = self.joined(before=["AT+SYSMSG=2"])
        server = tls_servers.SServer(self)
        port.write(f'AT+CIPSTART="SSL","127.0.0.1",{server.port}\r\n'.encode())
        self.assertRegex(port.take_until(b"\r\nOK\r\n"),
                         rb'^\+LINK_CONN:0,0,"SSL",0,"127\.0\.0\.1",%d,\d+\r\n\r\nOK' % server.port)

    def test_esp8266_has_room_for_one(self):
        _, port = self.joined("--chip", "esp8266", before=["AT+CIPMUX=1"])
        one, other = tls_servers.SServer(self), tls_servers.SServer(self)
        connect(port, one.port, 0)
        port.command(f'AT+CIPSTART=1,"SSL","127.0.0.1",{other.port}', b"\r\nERROR\r\n")
        self.talk(port, one, 0)
        port.command("AT+CIPCLOSE=0", b"0,CLOSED\r\n\r\nOK\r\n")
        connect(port, other.port, 1)

    def test_new_keys_in_the_middle(self):
        _, port = self.joined("--tls-max", "1.3")
        server = tls_servers.SServer(self, "-tls1_3", quiet=False)
        connect(port, server.port)
        server.shows("CIPHER is ")
        for _ in range(3):
            server.send(b"K\n")
            server.shows("SSL_do_handshake -> 1\n")
            server.send(b"hello\n")
            port.expect_ipd(b"hello\n")
            port.send(b"answer\n")
            server.shows("answer\n")

    def test_new_handshake_is_survived(self):
        _, port = self.joined()
        server = tls_servers.SServer(self, "-tls1_2", quiet=False)
        connect(port, server.port)
        server.shows("Renegotiation IS supported")
        server.send(b"r\n")
        server.shows("SSL_do_handshake -> ")
        if not port.query("AT"):  # else it has ended the link
            server.send(b"hello\n")
            port.need(2)
            if port.pending.startswith(b"\r\n"):
                port.expect_ipd(b"hello\n")
                server.send(b"q\n")
            port.expect(b"CLOSED\r\n")
        connect(port, tls_servers.SServer(self).port)

    def test_restart_closes(self):
        module, port = self.joined()
        server = tls_servers.SServer(self)
        connect(port, server.port)
        self.talk(port, server)
        port.command("AT+RST", b"\r\nOK\r\nCLOSED\r\nWIFI DISCONNECT\r\n\r\nready\r\n")
        harness.wait_until(lambda: not connected(server.port), "the link to be gone")
        self.assertTrue(module.running())


def connected(port):
    return subprocess.run(["ss", "-tnH", "state", "established", "dport", "=", f":{port}"],
                          check=True, capture_output=True, text=True,
                          timeout=harness.GIVE_UP_S).stdout != ""


@harness.needs("openssl")
class Passthrough(tls_servers.TlsCase):
    def test_both_ways_and_out(self):
        up, down = tls_servers.random_bytes(MEGABYTE, 1), tls_servers.random_bytes(MEGABYTE, 2)
        _, port = self.joined()
        server = tls_servers.SServer(self)
        connect(port, server.port)
        port.command("AT+CIPMODE=1")
        resume(port)
        pump(port, server.pipe, up, down)
        self.assertTrue(server.take(MEGABYTE) == up, "the server got other bytes")
        self.assertTrue(port.take(MEGABYTE) == down, "the MCU got other bytes")
        leave(port)
        resume(port)
        port.write(b"again")
        server.expect(b"again")
        leave(port)
        server.pipe.silent()
        port.command("AT+CIPMODE=0")
        server.send(b"with a head")
        port.expect_ipd(b"with a head")

    def test_server_comes_back(self):
        _, port = self.joined()
        server = tls_servers.SServer(self, quiet=False)
        connect(port, server.port)
        port.command("AT+CIPMODE=1")
        resume(port)
        for number in range(3):
            server.shows("CIPHER is ")
            port.write(b"round %d\n" % number)
            server.shows(f"round {number}\n")
            server.send(b"q\n")
        server.shows("CIPHER is ")
        leave(port)

    def test_from_power_on(self):
        server = tls_servers.SServer(self)
        module, port = self.joined()
        port.command(f'AT+SAVETRANSLINK=1,"localhost",{server.port},"SSL"')
        module.stop()
        number = harness.free_port()
        self.espat("--listen", f"127.0.0.1:{number}", "--flash", self.folder / "flash",
                   "--echo", "off")
        port = self.opened(harness.AtPort.tcp("127.0.0.1", number))
        port.write(b"from power-on")
        server.expect(b"from power-on")
        port.pending.clear()  # ready, if it was not yet printed
        server.send(b"answer")
        port.expect(b"answer")
        leave(port)
        port.command("AT+SAVETRANSLINK=0")


def pump(port, pipe, up, down):
    """Moves data both ways at once between the MCU and the pipe of a program."""
    up, down = memoryview(up), memoryview(down)
    wanted = (len(port.pending) + len(down), len(pipe.pending) + len(up))
    end = time.monotonic() + harness.GIVE_UP_S
    while (len(port.pending), len(pipe.pending)) != wanted:
        up = up[port.write_some(up[:65536]):] if up else up
        down = down[pipe.write_some(down[:65536]):] if down else down
        port.receive(0)
        if not pipe.receive(0):
            port.ready(harness.selectors.EVENT_READ, harness.POLL_S)
        if time.monotonic() > end:
            raise harness.TimedOut(f"{len(port.pending)}, {len(pipe.pending)} of {wanted}")


class BadPeers(tls_servers.TlsCase):
    def dialing(self):
        """A module on its way to a peer. Returns it, the MCU and the peer's end."""
        module, port = self.joined()
        peer = servers.Peer(self)
        port.write(f'AT+CIPSTART="SSL","127.0.0.1",{peer.port}\r\n'.encode())
        connection = peer.accept()
        self.assertEqual(servers.receive(connection, 3)[:2], b"\x16\x03", "no handshake")
        return module, port, connection

    def failed(self, port, give_up_s=harness.GIVE_UP_S):
        port.expect(b"\r\nERROR\r\nCLOSED\r\n", give_up_s)
        port.command("AT")

    @harness.needs("nginx")
    def test_server_without_tls(self):
        web = servers.Nginx(self, "localhost")
        module, port = self.joined()
        is_refused(port, web.port)
        self.logged(module, "TLS")

    def test_garbage(self):
        _, port, connection = self.dialing()
        connection.sendall(tls_servers.random_bytes(5000))
        self.failed(port)

    def test_garbage_in_a_record(self):
        _, port, connection = self.dialing()
        connection.sendall(b"\x16\x03\x03\x40\x00" + tls_servers.random_bytes(0x4000))
        self.failed(port)

    def test_peer_that_leaves_in_the_handshake(self):
        module, port, connection = self.dialing()
        connection.close()
        self.failed(port)
        self.logged(module, "handshake")

    def test_peer_that_resets_in_the_handshake(self):
        _, port, connection = self.dialing()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()
        self.failed(port)

    def test_peer_that_says_nothing(self):
        _, port, _ = self.dialing()
        port.command("AT", b"\r\nbusy p...\r\n")
        self.failed(port, 2 * harness.GIVE_UP_S)

    def test_nobody_there(self):
        _, port = self.joined()
        is_refused(port, harness.free_port())

    @harness.needs("openssl")
    def test_no_common_version(self):
        server = tls_servers.SServer(self, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
        _, port = self.joined()
        is_refused(port, server.port)

    @harness.needs("openssl")
    def test_end_without_close_notify(self):
        module, port = self.joined()
        server = tls_servers.SServer(self)
        connect(port, server.port)
        server.send(b"last words")
        port.expect_ipd(b"last words")
        server.kill()
        port.expect(b"CLOSED\r\n")
        self.logged(module, "close_notify")
        port.command("AT")

    @harness.needs("openssl")
    def test_end_without_close_notify_unread(self):
        module, port = self.joined(before=["AT+CIPRECVMODE=1"])
        server = tls_servers.SServer(self)
        connect(port, server.port)
        server.send(b"last words")
        port.expect(b"\r\n+IPD,")
        self.assertGreaterEqual(int(port.take_until(b"\r\n")), 10)
        server.kill()
        port.stays_silent(PAUSE_S)
        port.command("AT+CIPRECVDATA=100", b"+CIPRECVDATA:10,last words\r\nOK\r\nCLOSED\r\n")


@harness.needs("openssl")
class Flow(tls_servers.TlsCase):
    """Back-pressure both ways: what nobody reads is not taken, and nothing is lost."""

    def flowing(self):
        module, port = self.joined()
        server = tls_servers.SServer(self)
        connect(port, server.port)
        port.command("AT")
        return module, port, server

    def test_mcu_that_stops_reading_stops_the_server(self):
        data = tls_servers.random_bytes(tls_servers.flow_bytes())
        module, port, server = self.flowing()
        before_kb = module.memory_kb()
        received = tls_servers.slow_mcu(self, port, server, data, b"\r\n+IPD,",
                                        lambda: self.assert_flat(module, before_kb))
        self.assertTrue(received == data, "the bytes differ")
        self.assert_flat(module, before_kb)

    def test_server_that_stops_reading_withholds_send_ok(self):
        data = tls_servers.random_bytes(tls_servers.flow_bytes())
        module, port, server = self.flowing()
        before_kb = module.memory_kb()
        received, sent = tls_servers.slow_peer(self, port, server, data, str(tls_servers.PACKET),
                                               lambda: self.assert_flat(module, before_kb))
        self.assertTrue(received == data[:sent], "the bytes differ")
        self.assert_flat(module, before_kb)


if __name__ == "__main__":
    unittest.main()
