"""UDP links against real sockets: who is the peer, where a datagram ends, what is lost."""

import random
import socket
import unittest

import harness
import servers

WINDOW = 5744  # of passive receive, ESP32
SILENCE_S = 0.1  # in which a datagram that must not arrive would have
SIZES = (1, 1472, 2048)


class UdpCase(harness.Case):
    def joined(self, *options):
        module, port = self.espat_listening(*options)
        harness.join(port)
        return module, port

    def linked(self, *options, extra=""):
        """A module with a UDP link to a peer. Returns the MCU, the peer and the local port."""
        _, port = self.joined(*options)
        peer = servers.UdpPeer(self)
        local = free_udp_port()
        port.command(f'AT+CIPSTART="UDP","127.0.0.1",{peer.port},{local}{extra}',
                     b"CONNECT\r\n\r\nOK\r\n")
        return port, peer, local


def free_udp_port(family=socket.AF_INET):
    return harness.free_port(family, socket.SOCK_DGRAM)


def refused(address, port):
    """True if nobody has this UDP port: the host says so by ICMP."""
    with socket.socket(servers.family_of(address), socket.SOCK_DGRAM) as probe:
        probe.settimeout(SILENCE_S)
        probe.connect((address, port))
        probe.send(b"is anybody there?")
        try:
            probe.recv(1)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    return False


class Unicast(UdpCase):
    def test_both_ways(self):
        port, peer, local = self.linked()
        port.send(b"question")
        self.assertEqual(peer.expect(b"question"), ("127.0.0.1", local))
        peer.send(b"answer", local)
        port.expect_ipd(b"answer")
        port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"UDP","127.0.0.1",%d,%d,0\r\n\r\nOK\r\n'
                     % (peer.port, local))
        port.command("AT+CIPSTATUS", b'STATUS:3\r\n+CIPSTATUS:0,"UDP","127.0.0.1",%d,%d,0\r\n'
                     b"\r\nOK\r\n" % (peer.port, local))

    def test_sender_is_shown(self):
        port, _, local = self.linked()
        other = servers.UdpPeer(self, "127.0.0.9")
        port.command("AT+CIPDINFO=1")
        other.send(b"hello", local, "127.0.0.1")
        port.expect(b'\r\n+IPD,5,"127.0.0.9",%d:hello\r\n' % other.port)

    def test_local_port_is_the_hosts_choice(self):
        _, port = self.joined()
        peer = servers.UdpPeer(self)
        port.command(f'AT+CIPSTART="UDP","127.0.0.1",{peer.port}', b"CONNECT\r\n\r\nOK\r\n")
        port.send(b"x")
        _, local = peer.expect(b"x")
        port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"UDP","127.0.0.1",%d,%d,0\r\n\r\nOK\r\n'
                     % (peer.port, local))

    def test_local_ip(self):
        """What AT+CIFSR reports means the interface, whatever address of the host it has."""
        _, port = self.joined("--station-ip", "127.0.2.9")
        port.command('AT+CIPSTA="192.168.1.50"')
        peer = servers.UdpPeer(self)
        local = free_udp_port()
        line = f'AT+CIPSTART="UDP","127.0.0.1",{peer.port},{local},0'
        for not_its_own in ("127.0.2.9", "127.0.0.1", "0.0.0.0"):
            port.write(f'{line},"{not_its_own}"\r\n'.encode())
            port.expect(b"\r\nERROR\r\n")
        port.command(f'{line},"192.168.1.50"', b"CONNECT\r\n\r\nOK\r\n")
        port.send(b"x")
        self.assertEqual(peer.expect(b"x"), ("127.0.2.9", local))
        self.assertTrue(refused("127.0.0.1", local), "it listens on other addresses, too")
        peer.send(b"here", local, "127.0.2.9")
        port.expect_ipd(b"here")

    def test_station_ip(self):
        port, peer, local = self.linked("--station-ip", "127.0.1.7")
        port.send(b"x")
        self.assertEqual(peer.expect(b"x"), ("127.0.1.7", local))
        self.assertTrue(refused("127.0.0.1", local), "it listens on other addresses, too")
        peer.send(b"here", local, "127.0.1.7")
        port.expect_ipd(b"here")

    def test_local_port_is_taken(self):
        _, port = self.joined()
        holder = servers.UdpPeer(self)
        line = f'AT+CIPSTART="UDP","127.0.0.1",9,{holder.port},0,"127.0.0.1"'
        port.write(line.encode() + b"\r\n")
        port.expect(b"\r\nERROR\r\n")
        holder.socket.close()
        harness.wait_until(lambda: refused("127.0.0.1", holder.port), "the port to be free")
        port.command(line, b"CONNECT\r\n\r\nOK\r\n")

    def test_closed_link_hears_nothing(self):
        port, peer, local = self.linked()
        self.assertFalse(refused("127.0.0.1", local))
        port.take_until(b"there?\r\n")
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        self.assertTrue(refused("127.0.0.1", local), "the socket is still open")
        peer.send(b"too late", local)
        port.stays_silent(SILENCE_S)

    def test_restart_closes_the_socket(self):
        port, _, local = self.linked()
        port.command("AT+RST", b"\r\nOK\r\nCLOSED\r\nWIFI DISCONNECT\r\n\r\nready\r\n")
        self.assertTrue(refused("127.0.0.1", local), "the socket is still open")

    def test_nobody_there_is_no_failure(self):
        _, port = self.joined()
        nobody, local = free_udp_port(), free_udp_port()
        port.command(f'AT+CIPSTART="UDP","127.0.0.1",{nobody},{local}', b"CONNECT\r\n\r\nOK\r\n")
        for _ in range(3):  # the host answers each with an ICMP error
            port.send(b"anybody?")
        peer = servers.UdpPeer(self, port=nobody)
        port.send(b"now?")
        peer.expect(b"now?")
        peer.send(b"yes", local)
        port.expect_ipd(b"yes")

    def test_ipv6(self):
        _, port = self.joined()
        peer = servers.UdpPeer(self, "::1")
        local = free_udp_port(socket.AF_INET6)
        line = f'AT+CIPSTART="UDPv6","::1",{peer.port},{local},2'
        port.command(line, b"\r\nERROR\r\n")
        harness.prepare(port, "AT+CIPV6=1")
        port.command(line, b"CONNECT\r\n\r\nOK\r\n")
        port.send(b"six")
        self.assertEqual(peer.expect(b"six"), ("::1", local))
        port.command("AT+CIPDINFO=1")
        other = servers.UdpPeer(self, "::1")
        other.send(b"hello", local)
        port.expect(b'\r\n+IPD,5,"::1",%d:hello\r\n' % other.port)
        port.send(b"to you")
        other.expect(b"to you")
        peer.silent()

    def test_same_port_of_both_families(self):
        _, port = self.joined()
        harness.prepare(port, "AT+CIPV6=1")
        port.command("AT+CIPMUX=1")
        local = free_udp_port()
        port.command(f'AT+CIPSTART=0,"UDP","127.0.0.1",9,{local},0', b"0,CONNECT\r\n\r\nOK\r\n")
        port.command(f'AT+CIPSTART=1,"UDPv6","::1",9,{local},0', b"1,CONNECT\r\n\r\nOK\r\n")
        servers.UdpPeer(self).send(b"four", local)
        port.expect_ipd(b"four", 0)
        servers.UdpPeer(self, "::1").send(b"six", local)
        port.expect_ipd(b"six", 1)


class Modes(UdpCase):
    """ESP-AT manual, CIPSTART <mode>: who becomes the peer, and when."""

    def setUp(self):
        super().setUp()
        _, self.port = self.joined()
        self.first, self.second, self.third = (servers.UdpPeer(self) for _ in range(3))

    def link(self, mode):
        local = free_udp_port()
        self.port.command(f'AT+CIPSTART="UDP","127.0.0.1",{self.first.port},{local},{mode}',
                          b"CONNECT\r\n\r\nOK\r\n")
        return local

    def hears(self, sender, local):
        sender.send(b"it is me", local)
        self.port.expect_ipd(b"it is me")

    def answers(self, peer, local):
        self.port.send(b"to the peer")
        self.assertEqual(peer.expect(b"to the peer"), ("127.0.0.1", local))
        self.port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"UDP","127.0.0.1",%d,%d,0\r\n\r\nOK\r\n'
                          % (peer.port, local))

    def tearDown(self):
        for peer in (self.first, self.second, self.third):
            peer.silent()
        super().tearDown()

    def test_mode_0_keeps_the_peer(self):
        local = self.link(0)
        self.hears(self.second, local)
        self.answers(self.first, local)
        self.hears(self.third, local)
        self.answers(self.first, local)

    def test_mode_1_changes_it_once(self):
        local = self.link(1)
        self.hears(self.first, local)  # which is no change
        self.answers(self.first, local)
        self.hears(self.second, local)
        self.answers(self.second, local)
        self.hears(self.third, local)
        self.hears(self.first, local)
        self.answers(self.second, local)

    def test_mode_2_changes_it_always(self):
        local = self.link(2)
        for sender in (self.second, self.third, self.first, self.second):
            self.hears(sender, local)
            self.answers(sender, local)

    def test_nobody_to_send_to_yet(self):
        local = free_udp_port()
        self.port.command(f'AT+CIPSTART="UDP","0.0.0.0",0,{local},2', b"CONNECT\r\n\r\nOK\r\n")
        self.port.command("AT+CIPSEND=2", b"\r\nOK\r\n\r\n>")
        self.port.write(b"hi")
        self.port.expect(b"\r\nRecv 2 bytes\r\n\r\nSEND FAIL\r\n")
        self.hears(self.second, local)
        self.answers(self.second, local)


class SendTo(UdpCase):
    """CIPSEND names the peer of one datagram."""

    def test_address_and_name(self):
        port, peer, local = self.linked(extra=",0")
        other = servers.UdpPeer(self)
        port.send(b"by address", to=("127.0.0.1", other.port))
        self.assertEqual(other.expect(b"by address"), ("127.0.0.1", local))
        port.send(b"by name", to=("localhost", other.port))
        self.assertEqual(other.expect(b"by name"), ("127.0.0.1", local))
        port.send(b"to the peer")
        peer.expect(b"to the peer")
        peer.silent()
        other.silent()

    def test_peer_of_the_link_stays(self):
        port, peer, local = self.linked(extra=",2")
        other = servers.UdpPeer(self)
        port.send(b"once", to=("127.0.0.1", other.port))
        other.expect(b"once")
        port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"UDP","127.0.0.1",%d,%d,0\r\n\r\nOK\r\n'
                     % (peer.port, local))
        other.send(b"now it is me", local)
        port.expect_ipd(b"now it is me")
        port.send(b"again")
        other.expect(b"again")

    def test_link_opened_by_name(self):
        _, port = self.joined()
        peer = servers.UdpPeer(self)
        port.command(f'AT+CIPSTART="UDP","localhost",{peer.port}', b"CONNECT\r\n\r\nOK\r\n")
        port.send(b"by name")
        peer.expect(b"by name")

    def test_mux_and_wrong_family(self):
        _, port = self.joined()
        peer = servers.UdpPeer(self)
        port.command("AT+CIPMUX=1")
        port.command('AT+CIPSTART=3,"UDP","127.0.0.1",9', b"3,CONNECT\r\n\r\nOK\r\n")
        port.send(b"third", link=3, to=("127.0.0.1", peer.port))
        peer.expect(b"third")
        port.command(f'AT+CIPSEND=3,5,"::1",{peer.port}', b"\r\nERROR\r\n")
        port.command(f'AT+CIPSEND=2,5,"127.0.0.1",{peer.port}', b"\r\nERROR\r\n")
        peer.silent()


class Boundaries(UdpCase):
    def test_one_cipsend_is_one_datagram(self):
        port, peer, _ = self.linked()
        for size in SIZES:
            payload = random.Random(size).randbytes(size)
            port.send(payload)
            peer.expect(payload)
        peer.silent()

    def test_one_cipsendex_is_one_datagram(self):
        port, peer, _ = self.linked()
        port.command("AT+CIPSENDEX=2048", b"\r\nOK\r\n\r\n>")
        port.write(b"a\\\\b\\0")
        port.expect(b"\r\nRecv 3 bytes\r\n\r\nSEND OK\r\n")
        port.send(b"next")
        peer.expect(b"a\\b", b"next")

    def test_one_datagram_is_one_ipd(self):
        port, peer, local = self.linked()
        for size in (*SIZES, 4000):
            payload = random.Random(size).randbytes(size)
            peer.send(payload, local)
            port.expect_ipd(payload)

    def test_burst_of_datagrams(self):
        port, peer, local = self.linked()
        source = random.Random(1)
        burst = [source.randbytes(source.randint(1, 4000)) for _ in range(20)]
        for datagram in burst:
            peer.send(datagram, local)
        for datagram in burst:
            port.expect_ipd(datagram)
        port.silent()

    def test_slow_mcu_gets_every_datagram_whole(self):
        port, peer, local = self.linked()
        source = random.Random(2)
        burst = [source.randbytes(2048) for _ in range(16)]
        port.command("AT+CIPSEND=1", b"\r\nOK\r\n\r\n>")  # holds back what is received
        for datagram in burst:
            peer.send(datagram, local)
        port.stays_silent(SILENCE_S)
        port.write(b"x")
        port.expect(b"\r\nRecv 1 bytes\r\n\r\nSEND OK\r\n")
        for datagram in burst:
            port.expect_ipd(datagram)


class Passive(UdpCase):
    def setUp(self):
        super().setUp()
        self.module, self.port = self.joined()
        self.peer = servers.UdpPeer(self)
        self.local = free_udp_port()
        self.port.command("AT+CIPRECVMODE=1")
        self.port.command(f'AT+CIPSTART="UDP","127.0.0.1",{self.peer.port},{self.local},0',
                          b"CONNECT\r\n\r\nOK\r\n")

    def fill_level(self):
        level = self.port.query("AT+CIPRECVLEN?")
        self.assertRegex(level, rb"^\+CIPRECVLEN:\d+,-1,-1,-1,-1\r\n$")
        return int(level[len(b"+CIPRECVLEN:"):].split(b",")[0])

    def filled(self, size):
        harness.wait_until(lambda: self.fill_level() == size, f"{size} unread bytes")

    def lost(self, count):
        harness.wait_until(lambda: f"datagrams lost: {count}\n" in self.module.log_text(),
                           f"{count} lost datagrams on the log")

    def read(self, data):
        self.port.command("AT+CIPRECVDATA=10000",
                          b"+CIPRECVDATA:%d,%s\r\nOK\r\n" % (len(data), data))

    def test_full_window_loses_datagrams(self):
        source = random.Random(3)
        first, last = source.randbytes(3000), source.randbytes(WINDOW - 3000)
        self.peer.send(first, self.local)
        self.port.expect(b"\r\n+IPD,3000\r\n")
        self.peer.send(source.randbytes(WINDOW - 3000 + 1), self.local)  # one byte too many
        self.lost(1)
        self.peer.send(last, self.local)  # which fits
        self.filled(WINDOW)
        self.peer.send(b"x", self.local)
        self.lost(2)
        self.read(first + last)
        self.peer.send(b"room again", self.local)
        self.port.expect(b"\r\n+IPD,10\r\n")
        self.read(b"room again")
        self.assertEqual(self.module.log_text().count("datagrams lost"), 2)

    def test_nothing_is_lost_below_the_window(self):
        source = random.Random(4)
        for _ in range(50):
            burst = [source.randbytes(source.randint(1, WINDOW // 4)) for _ in range(4)]
            for datagram in burst:
                self.peer.send(datagram, self.local)
            size = sum(map(len, burst))
            self.port.take_until(b"\r\n+IPD,")
            self.port.take_until(b"\r\n")
            self.filled(size)
            self.read(b"".join(burst))
        self.assertNotIn("datagrams lost", self.module.log_text())

    def test_short_read_loses_the_rest_of_a_datagram(self):
        self.peer.send(b"first", self.local)
        self.port.expect(b"\r\n+IPD,5\r\n")
        self.peer.send(b"second", self.local)
        self.filled(11)
        self.port.command("AT+CIPRECVDATA=3", b"+CIPRECVDATA:3,fir\r\nOK\r\n")
        self.port.expect(b"\r\n+IPD,6\r\n")
        self.read(b"second")

    def test_last_sender_is_shown(self):
        other = servers.UdpPeer(self, "127.0.0.9")
        self.port.command("AT+CIPDINFO=1")
        self.peer.send(b"one", self.local)
        self.port.expect(b"\r\n+IPD,3\r\n")
        other.send(b"two", self.local, "127.0.0.1")
        self.filled(6)
        self.port.command("AT+CIPRECVDATA=10", b'+CIPRECVDATA:6,"127.0.0.9",%d,onetwo\r\nOK\r\n'
                          % other.port)


if __name__ == "__main__":
    unittest.main()
