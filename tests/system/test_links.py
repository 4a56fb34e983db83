"""CIPTCPOPT on real sockets."""

import contextlib
import random
import socket
import time
import unittest

import harness
import servers
from test_flow import borrowed_socket

QUIET_S = 1.0


class Options(harness.Case):
    """CIPTCPOPT: what it does to the socket, and what the peer feels."""

    def setUp(self):
        super().setUp()
        self.module, self.port = self.espat_listening()
        harness.join(self.port)
        self.peer = servers.Peer(self, receive_buffer=4096)

    def connected(self, options=None):
        if options is not None:
            self.port.command(f"AT+CIPTCPOPT={options}")
        self.port.command(f'AT+CIPSTART="TCP","127.0.0.1",{self.peer.port}',
                          b"CONNECT\r\n\r\nOK\r\n")
        return self.peer.accept()

    def no_delay(self):
        with borrowed_socket(self, self.module.pid, self.peer.port) as link:
            return link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_no_delay_from_the_beginning(self):
        self.connected(",1")
        self.assertEqual(self.no_delay(), 1)

    def test_no_delay_of_an_open_link(self):
        self.connected()
        self.assertEqual(self.no_delay(), 0)
        self.port.command("AT+CIPTCPOPT=,1")
        self.assertEqual(self.no_delay(), 1)
        self.port.command("AT+CIPTCPOPT=5")  # says nothing of it
        self.assertEqual(self.no_delay(), 1)
        self.port.command("AT+CIPTCPOPT=,0")
        self.assertEqual(self.no_delay(), 0)

    def test_no_delay_of_one_link(self):
        self.port.command("AT+CIPMUX=1")
        peers = [servers.Peer(self) for _ in range(2)]
        for link, peer in enumerate(peers):
            self.port.command(f'AT+CIPSTART={link},"TCP","127.0.0.1",{peer.port}',
                              b"%d,CONNECT\r\n\r\nOK\r\n" % link)
            peer.accept()
        self.port.command("AT+CIPTCPOPT=1,,1")
        for peer, wanted in zip(peers, (0, 1)):
            self.peer = peer
            self.assertEqual(self.no_delay(), wanted)

    def close(self):
        self.port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")

    def test_close_is_orderly(self):
        connection = self.connected()
        self.port.send(b"last words")
        self.close()
        self.assertEqual(servers.receive(connection, 100), b"last words")

    def test_linger_0_resets(self):
        connection = self.connected("0")
        self.port.command("AT+CIPTCPOPT?", b"+CIPTCPOPT:0,0,0,0\r\n" + b"".join(
            b"+CIPTCPOPT:%d,0,0,0\r\n" % link for link in range(1, 5)) + b"\r\nOK\r\n")
        self.port.send(b"x")
        self.assertEqual(connection.recv(1), b"x")
        self.close()
        with self.assertRaises(ConnectionResetError):
            connection.recv(1)

    def test_linger_0_of_an_open_link(self):
        connection = self.connected()
        self.port.command("AT+CIPTCPOPT=0")
        self.close()
        with self.assertRaises(ConnectionResetError):
            connection.recv(1)

    def test_linger_waits_for_a_slow_peer(self):
        connection = self.connected("20")
        sent = [random.Random(i).randbytes(2048) for i in range(30)]
        for packet in sent:
            self.port.send(packet)
        self.close()
        self.assertTrue(servers.receive(connection, 100_000) == b"".join(sent),
                        "the bytes differ")

    def test_send_time_out(self):
        """Packets until the peer, who reads nothing, lets one fail. Then the link goes on."""
        connection = self.connected(",,500")
        source, sent = random.Random(1), []
        while True:
            self.assertLess(len(sent), 8192, "a peer that reads nothing took it all")
            sent.append(source.randbytes(2048))
            self.port.command("AT+CIPSEND=2048", b"\r\nOK\r\n\r\n>")
            self.port.write(sent[-1])
            self.port.expect(b"\r\nRecv 2048 bytes\r\n")
            began = time.monotonic()
            answer = self.port.take_until(b"SEND ") + self.port.take_until(b"\r\n")
            if answer != b"\r\nSEND OK\r\n":
                break
        self.assertEqual(answer, b"\r\nSEND FAIL\r\n")
        self.assertGreater(time.monotonic() - began, 0.45)
        self.assertLess(time.monotonic() - began, 5)
        self.assert_stream_goes_on(connection, sent)

    def assert_stream_goes_on(self, connection, sent):
        """All that was OK has come, of the last packet its beginning, and then what follows."""
        whole = b"".join(sent)
        received = bytearray(servers.receive(connection, len(whole) - 2048))
        connection.settimeout(QUIET_S)
        with contextlib.suppress(TimeoutError):
            while data := connection.recv(65536):
                received += data
        self.assertTrue(whole.startswith(received), "the bytes differ")
        self.assertLess(len(received), len(whole))
        connection.settimeout(harness.GIVE_UP_S)
        self.port.send(b"and on")
        self.assertEqual(servers.receive(connection, 6), b"and on")


if __name__ == "__main__":
    unittest.main()
