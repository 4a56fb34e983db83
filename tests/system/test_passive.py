"""Passive receive with real peers: notices, reads, a late CLOSED, a sender that really stops."""

import random
import socket
import unittest

import harness
import servers
from test_flow import Sender

WINDOW = 5744  # ESP32
SILENCE_S = 0.1
TAKEN_MAX = 100_000  # bytes under way when nobody reads, with the buffers of both hosts
RESET = b"\x01\0\0\0\0\0\0\0"  # struct linger: on, 0 s


class PassiveCase(harness.Case):
    def passive(self, *peers, before=()):
        """A module in passive receive, linked to each peer. Returns the MCU and the peers' ends."""
        _, port = self.espat_listening()
        harness.join(port)
        for line in ("AT+CIPRECVMODE=1", *before):
            port.command(line)
        if len(peers) > 1:
            port.command("AT+CIPMUX=1")
        connections = []
        for link, peer in enumerate(peers):
            head, told = (f"{link},", b"%d," % link) if len(peers) > 1 else ("", b"")
            port.command(f'AT+CIPSTART={head}"TCP","127.0.0.1",{peer.port}',
                         told + b"CONNECT\r\n\r\nOK\r\n")
            connections.append(peer.accept())
        return port, *connections

    def single(self, *before):
        return self.passive(servers.Peer(self), before=before)


def level(port, link=0):
    """How many bytes of a link have arrived and are unread."""
    line = port.query("AT+CIPRECVLEN?").strip()
    return int(line.removeprefix(b"+CIPRECVLEN:").split(b",")[link])


def filled(port, size, link=0):
    harness.wait_until(lambda: level(port, link) == size, f"{size} unread bytes on link {link}")


def read(port, data, link=""):
    """Reads exactly this."""
    port.command(f"AT+CIPRECVDATA={link}{len(data)}",
                 b"+CIPRECVDATA:%d,%s\r\nOK\r\n" % (len(data), data))


class Notices(PassiveCase):
    def test_one_notice_until_it_is_read(self):
        port, peer = self.single()
        port.command("AT+CIPRECVLEN?", b"+CIPRECVLEN:0,-1,-1,-1,-1\r\n\r\nOK\r\n")
        port.command("AT+CIPRECVDATA=10", b"\r\nERROR\r\n")
        peer.sendall(b"hello")
        port.expect(b"\r\n+IPD,5\r\n")
        peer.sendall(b"again")
        filled(port, 10)
        port.stays_silent(SILENCE_S)
        port.command("AT+CIPRECVDATA=3", b"+CIPRECVDATA:3,hel\r\nOK\r\n")
        port.expect(b"\r\n+IPD,7\r\n")
        read(port, b"loagain")
        port.stays_silent(SILENCE_S)
        port.command("AT+CIPRECVDATA=10", b"\r\nERROR\r\n")

    def test_more_than_there_is(self):
        port, peer = self.single()
        peer.sendall(b"hello")
        port.expect(b"\r\n+IPD,5\r\n")
        port.command("AT+CIPRECVDATA=2147483647", b"+CIPRECVDATA:5,hello\r\nOK\r\n")

    def test_peer_is_shown(self):
        port, peer = self.single("AT+CIPDINFO=1")
        peer.sendall(b"hello")
        port.expect(b"\r\n+IPD,5\r\n")
        port.command("AT+CIPRECVDATA=5", b'+CIPRECVDATA:5,"127.0.0.1",%d,hello\r\nOK\r\n'
                     % peer.getsockname()[1])

    def test_lengths_of_several_links(self):
        port, one, two = self.passive(servers.Peer(self), servers.Peer(self))
        two.sendall(b"hello")
        port.expect(b"\r\n+IPD,1,5\r\n")
        one.sendall(b"you")
        port.expect(b"\r\n+IPD,0,3\r\n")
        port.command("AT+CIPRECVLEN?", b"+CIPRECVLEN:3,5,-1,-1,-1\r\n\r\nOK\r\n")
        port.command("AT+CIPRECVDATA=2,5", b"\r\nERROR\r\n")
        read(port, b"hello", "1,")
        read(port, b"you", "0,")

    def test_any_byte_is_data(self):
        port, peer = self.single()
        data = bytes(range(256)) + b"\r\nOK\r\n+IPD,5:+++"
        peer.sendall(data)
        port.take_until(b"\r\n+IPD,")
        port.take_until(b"\r\n")
        filled(port, len(data))
        read(port, data)

    def test_active_again(self):
        port, peer = self.single()
        data = random.Random(5).randbytes(2000)
        peer.sendall(data)
        port.take_until(b"\r\n+IPD,")
        port.take_until(b"\r\n")
        filled(port, 2000)
        port.command("AT+CIPRECVMODE=0")
        port.expect_ipd(data[:1460])
        port.expect_ipd(data[1460:])
        peer.sendall(b"from now on")
        port.expect_ipd(b"from now on")


class LateClosed(PassiveCase):
    def test_closed_waits_for_the_last_byte(self):
        port, peer = self.single()
        peer.sendall(b"last words")
        peer.close()
        port.expect(b"\r\n+IPD,10\r\n")
        port.stays_silent(SILENCE_S)
        port.command("AT+CIPSEND=1", b"\r\nERROR\r\n")
        port.command("AT+CIPRECVDATA=4", b"+CIPRECVDATA:4,last\r\nOK\r\n")
        port.expect(b"\r\n+IPD,6\r\n")
        port.command("AT+CIPRECVDATA=10", b"+CIPRECVDATA:6, words\r\nOK\r\nCLOSED\r\n")
        port.command("AT+CIPRECVDATA=10", b"\r\nERROR\r\n")

    def test_nothing_unread(self):
        port, peer = self.single()
        peer.sendall(b"x")
        port.expect(b"\r\n+IPD,1\r\n")
        read(port, b"x")
        peer.close()
        port.expect(b"CLOSED\r\n")

    def test_more_than_a_window_before_the_end(self):
        port, peer = self.single()
        data = random.Random(6).randbytes(20_000)
        Sender(peer, data)
        received, told = read_to_the_end(port, random.Random(7))
        self.assertTrue(received == data, f"{len(received)} bytes of {len(data)}, or others")
        self.assertGreater(told, 3)

    def test_peer_that_resets(self):
        port, peer = self.single()
        peer.sendall(b"last words")
        port.expect(b"\r\n+IPD,10\r\n")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        peer.close()
        port.stays_silent(SILENCE_S)
        port.command("AT+CIPSEND=1", b"\r\nERROR\r\n")
        port.command("AT+CIPRECVDATA=10", b"+CIPRECVDATA:10,last words\r\nOK\r\nCLOSED\r\n")

    def test_cipclose_gives_up_what_is_unread(self):
        port, peer = self.single()
        peer.sendall(b"never read")
        port.expect(b"\r\n+IPD,10\r\n")
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        port.command("AT+CIPRECVLEN?", b"+CIPRECVLEN:-1,-1,-1,-1,-1\r\n\r\nOK\r\n")
        port.stays_silent(SILENCE_S)

    def test_two_links_end_on_their_own(self):
        port, one, two = self.passive(servers.Peer(self), servers.Peer(self))
        one.sendall(b"unread")
        one.close()
        port.expect(b"\r\n+IPD,0,6\r\n")
        two.close()
        port.expect(b"1,CLOSED\r\n")
        port.command("AT+CIPRECVDATA=0,6", b"+CIPRECVDATA:6,unread\r\nOK\r\n0,CLOSED\r\n")


def read_to_the_end(port, source, chunk_max=2 * WINDOW):
    """Reads in chunks of random size until CLOSED. Returns the bytes and how many notices came."""
    parts, notices, told = [], 0, False
    while True:
        port.need(2)
        if port.pending.startswith(b"CL"):
            port.expect(b"CLOSED\r\n")
            return b"".join(parts), notices
        port.expect(b"\r\n+IPD,")
        told = int(port.take_until(b"\r\n")[:-2])
        notices += 1
        while told > 0:  # what was announced is there to be read; more may be
            wanted = source.randint(1, chunk_max)
            port.write(b"AT+CIPRECVDATA=%d\r\n" % wanted)
            skip_notice(port)
            port.expect(b"+CIPRECVDATA:")
            size = int(port.take_until(b",")[:-1])
            if not min(told, wanted) <= size <= wanted:
                raise AssertionError(f"{told} were announced and {wanted} wanted, got {size}")
            parts.append(port.take(size))
            port.expect(b"\r\nOK\r\n")
            told -= size


def skip_notice(port):
    """A notice of what the last read left may come before the answer to the next."""
    port.need(2)
    while port.pending.startswith(b"\r\n"):
        port.expect(b"\r\n+IPD,")
        port.take_until(b"\r\n")
        port.need(2)


class Window(PassiveCase):
    def test_sender_stops_and_goes_on(self):
        peer = servers.Peer(self, send_buffer=16384)
        port, connection = self.passive(peer)
        data = random.Random(8).randbytes(2_000_000)
        sender = Sender(connection, data)
        self.assertTrue(sender.stopped.wait(harness.GIVE_UP_S), "the peer was never stopped")
        stopped_at = sender.sent
        self.assertGreaterEqual(stopped_at, WINDOW)
        self.assertLess(stopped_at, TAKEN_MAX)
        port.take_until(b"\r\n+IPD,")
        port.take_until(b"\r\n")
        filled(port, WINDOW)
        port.stays_silent(SILENCE_S)
        self.assertEqual(sender.sent, stopped_at)
        port.command("AT+CIPRECVDATA=1", b"+CIPRECVDATA:1,%s\r\nOK\r\n" % data[:1])
        received, _ = read_to_the_end(port, random.Random(9))
        self.assertEqual(len(received), len(data) - 1)
        self.assertTrue(received == data[1:], "the bytes differ")

    def test_client_of_the_server_stops_too(self):
        _, port = self.espat_listening()
        harness.join(port)
        number = harness.free_port()
        for line in ("AT+CIPMUX=1", "AT+CIPRECVMODE=1", f"AT+CIPSERVER=1,{number}"):
            port.command(line)
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        client.connect(("127.0.0.1", number))
        port.expect(b"0,CONNECT\r\n")
        sent = servers.send_until_stopped(client, random.Random(10).randbytes(1_000_000))
        self.assertLess(sent, TAKEN_MAX, "the client was never stopped")
        port.take_until(b"\r\n+IPD,0,")
        port.take_until(b"\r\n")
        filled(port, WINDOW)
        port.command("AT+CIPCLOSE=0", b"0,CLOSED\r\n\r\nOK\r\n")

    def test_sending_while_the_window_is_full(self):
        port, connection = self.passive(servers.Peer(self, send_buffer=16384))
        self.assertLess(servers.send_until_stopped(connection, bytes(500_000)), TAKEN_MAX)
        port.take_until(b"\r\n+IPD,")
        port.take_until(b"\r\n")
        sent = [random.Random(12 + i).randbytes(2048) for i in range(50)]
        for packet in sent:
            port.send(packet)
        received = servers.receive(connection, 50 * 2048)
        self.assertTrue(received == b"".join(sent), "the bytes differ")

    def test_two_megabytes_in_random_chunks(self):
        port, connection = self.single()
        data = random.Random(13).randbytes(2_000_000)
        Sender(connection, data)
        received, _ = read_to_the_end(port, random.Random(14))
        self.assertEqual(len(received), len(data))
        self.assertTrue(received == data, "the bytes differ")


if __name__ == "__main__":
    unittest.main()
