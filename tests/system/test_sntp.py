"""SNTP against chrony, and against servers whose every answer the test decides."""

import calendar
import contextlib
import selectors
import socket
import struct
import time
import unittest

import harness
import servers
import tls_servers

NTP_EPOCH = 2208988800  # 1970, in seconds since 1900
PATIENCE_S = 60  # a server that says nothing costs 15 s


def clock(port):
    """The module's clock in Unix seconds."""
    return int(port.query("AT+SYSTIMESTAMP?").removeprefix(b"+SYSTIMESTAMP:").strip())


class Pump:
    """Counterparts that live in the test's own thread: they work whenever the test waits."""

    def __init__(self, case):
        self.selector = selectors.DefaultSelector()
        case.addCleanup(self.selector.close)

    def add(self, sock, work):
        sock.setblocking(False)
        self.selector.register(sock, selectors.EVENT_READ, work)

    def run(self):
        for key, _ in self.selector.select(0):
            key.data()


class Server:
    """An NTP server with a time of its own. It notes who asked."""

    def __init__(self, case, pump, network, unix_time=0, first=0x24, stratum=2, code=b"TEST"):
        self.address = servers.own_address(case, 123, network)
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind((self.address, 123))
        self.unix_time = unix_time
        self.head = struct.pack("!BBbb8x4s8x", first, stratum, 0, 0, code)
        self.asked = []
        pump.add(self.socket, self.answer)

    def answer(self):
        request, sender = self.socket.recvfrom(100)
        self.asked.append((request, sender))
        now = struct.pack("!II", self.unix_time + NTP_EPOCH & 0xffffffff, 0)
        self.socket.sendto(self.head + request[40:48] + now + now, sender)


class Relay:
    """Between the module and an NTP server; the first `lost` requests do not arrive."""

    def __init__(self, case, pump, network, server, lost):
        self.address = servers.own_address(case, 123, network)
        self.lost, self.requests, self.asker = lost, 0, None
        self.front, self.back = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        for sock in (self.front, self.back):
            case.addCleanup(sock.close)
        self.front.bind((self.address, 123))
        self.back.connect((server, 123))
        pump.add(self.front, self.forth)
        pump.add(self.back, self.and_back)

    def forth(self):
        request, self.asker = self.front.recvfrom(100)
        self.requests += 1
        if self.requests > self.lost:
            self.back.send(request)

    def and_back(self):
        with contextlib.suppress(ConnectionRefusedError):
            self.front.sendto(self.back.recv(100), self.asker)


class SntpCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.pump = Pump(self)

    def joined(self, *options):
        module, port = self.espat_listening(*options)
        harness.join(port)
        return module, port

    def wait_for_time(self, port):
        def synchronised():
            self.pump.run()
            return clock(port) > 10**6
        harness.wait_until(synchronised, "the module to know the time", PATIENCE_S)

    def assert_hosts_time(self, port):
        self.wait_for_time(port)
        before = int(time.time())
        shown = clock(port)
        self.assertIn(shown, range(before - 1, int(time.time()) + 2))


@harness.needs("chronyd")
class Chrony(SntpCase):
    def setUp(self):
        super().setUp()
        self.chrony = servers.Chrony(self, 123)

    def test_time(self):
        _, port = self.joined()
        port.command(f'AT+CIPSNTPCFG=1,0,"{self.chrony.address}"')
        self.assert_hosts_time(port)
        text = port.query("AT+CIPSNTPTIME?").removeprefix(b"+CIPSNTPTIME:").decode()
        self.assertLess(abs(calendar.timegm(time.strptime(text)) - time.time()), 3)

    @harness.needs("dnsmasq")
    def test_name(self):
        dns = servers.Dnsmasq(self, "ntp.espat.test", [self.chrony.address])
        _, port = self.joined("--dns", dns.address)
        port.command('AT+CIPSNTPCFG=1,0,"unknown.espat.test","ntp.espat.test"')
        self.assert_hosts_time(port)

    def test_first_server_is_gone(self):
        gone = servers.own_address(self, 123, 124)
        module, port = self.joined()
        port.command(f'AT+CIPSNTPCFG=1,0,"{gone}","{self.chrony.address}"')
        self.assert_hosts_time(port)
        self.assertIn(f"SNTP: {gone}: no answer", module.log_text())

    def test_first_server_is_lost_itself(self):
        lost = servers.Chrony(self, 124, synchronised=False)
        module, port = self.joined()
        port.command(f'AT+CIPSNTPCFG=1,0,"{lost.address}","{self.chrony.address}"')
        self.assert_hosts_time(port)
        self.assertIn(f"SNTP: {lost.address}: it does not know the time", module.log_text())

    def test_request_is_lost(self):
        relay = Relay(self, self.pump, 124, self.chrony.address, lost=1)
        _, port = self.joined()
        port.command(f'AT+CIPSNTPCFG=1,0,"{relay.address}","{relay.address}"')
        self.assert_hosts_time(port)
        self.assertEqual(relay.requests, 2)

    def test_two_modules_in_two_zones(self):
        ports = []
        for zone in ("-5", "1245"):
            _, port = self.joined()
            port.command(f'AT+CIPSNTPCFG=1,{zone},"{self.chrony.address}"')
            ports.append(port)
        for port in ports:
            self.assert_hosts_time(port)
        west, east = (calendar.timegm(time.strptime(
            port.query("AT+CIPSNTPTIME?").removeprefix(b"+CIPSNTPTIME:").decode()))
            for port in ports)
        self.assertAlmostEqual(east - west, (17 * 60 + 45) * 60, delta=5)


@harness.needs("chronyd", "openssl")
class TlsClock(SntpCase, tls_servers.TlsCase):
    """By what SNTP says the dates of certificates are checked."""

    def test_certificate_is_valid_once_the_time_is_known(self):
        chrony = servers.Chrony(self, 123)
        self.put(client_ca_00=tls_servers.authority().certificate)
        module, port = tls_servers.TlsCase.joined(self, before=["AT+CIPSSLCCONF=2"])
        server = tls_servers.SServer(self)
        tls_servers.is_refused(port, server.port)
        self.logged(module, "not valid before")
        port.command(f'AT+CIPSNTPCFG=1,0,"{chrony.address}"')
        self.wait_for_time(port)
        tls_servers.connect(port, server.port)


class OwnServers(SntpCase):
    def ask(self, port, *addresses):
        names = ",".join(f'"{address}"' for address in addresses)
        port.command(f"AT+CIPSNTPCFG=1,0,{names}")

    def test_clock_is_the_modules_own(self):
        server = Server(self, self.pump, 123, unix_time=1_000_000_000)
        _, port = self.joined("--station-ip", "127.0.7.7")
        self.ask(port, server.address)
        self.wait_for_time(port)
        self.assertIn(clock(port), range(1_000_000_000, 1_000_000_000 + PATIENCE_S))
        self.assertRegex(port.query("AT+CIPSNTPTIME?"),
                         rb"^\+CIPSNTPTIME:Sun Sep  9 01:4\d:\d\d 2001$")
        (request, (sender, _)), = server.asked
        self.assertEqual(sender, "127.0.7.7")
        self.assertEqual(request[:40], b"\x23" + bytes(39))
        self.assertGreater(time.time(), 1_500_000_000)
        # A restart forgets all of it; an answer is not asked for again.
        port.command("AT+RST")
        port.take_until(b"ready\r\n")
        port.command("ATE0", b"ATE0\r\n\r\nOK\r\n")
        self.assertLess(clock(port), PATIENCE_S)
        port.command("AT+CIPSNTPCFG?", b"+CIPSNTPCFG:0\r\n\r\nOK\r\n")

    def test_beyond_2036(self):
        server = Server(self, self.pump, 123, unix_time=2_100_000_000)
        _, port = self.joined()
        self.ask(port, server.address)
        self.wait_for_time(port)
        self.assertRegex(port.query("AT+CIPSNTPTIME?"),
                         rb"^\+CIPSNTPTIME:... Jul 18 13:2\d:\d\d 2036$")

    def test_kiss_of_death(self):
        angry = Server(self, self.pump, 123, first=0xe4, stratum=0, code=b"DENY")
        kind = Server(self, self.pump, 124, unix_time=1_000_000_000)
        module, port = self.joined()
        self.ask(port, angry.address, kind.address)
        self.wait_for_time(port)
        self.assertEqual((len(angry.asked), len(kind.asked)), (1, 1))
        self.assertIn("it sends us away: DENY", module.log_text())

    def test_each_request_is_new(self):
        server = Server(self, self.pump, 123, unix_time=1_000_000_000)
        _, port = self.joined()
        for count in (1, 2):
            self.ask(port, server.address)
            harness.wait_until(lambda: self.pump.run() or len(server.asked) == count, "a request")
        (first, _), (second, _) = server.asked
        self.assertNotEqual(first[40:], second[40:])


if __name__ == "__main__":
    unittest.main()
