"""Back-pressure both ways, on real sockets: what is not read is not taken, and nothing is lost."""

import contextlib
import ctypes
import os
import random
import re
import select
import socket
import subprocess
import threading
import unittest

import harness
import servers
from test_download import receive_stream

QUIET_S = 1.0  # how long nothing must move to be called stopped
GROWTH_MAX_KB = 4096
PIDFD_GETFD = 438  # the same on every architecture


class Sender:
    """Sends data to a connection as fast as it is taken, and counts it."""

    def __init__(self, connection, data):
        self.connection = connection
        self.data = memoryview(data)
        self.sent = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        connection.setblocking(False)
        self.thread.start()

    def run(self):
        while self.sent < len(self.data):
            _, writable, _ = select.select([], [self.connection], [], QUIET_S)
            if not writable:
                self.stopped.set()
                select.select([], [self.connection], [], harness.GIVE_UP_S)
            with contextlib.suppress(BlockingIOError):
                self.sent += self.connection.send(self.data[self.sent:self.sent + 65536])
        self.connection.shutdown(socket.SHUT_WR)


class Flow(harness.Case):
    def connected(self, peer, *extra):
        module, port = self.espat_listening()
        harness.join(port)
        arguments = "".join(f",{value}" for value in extra)
        port.command(f'AT+CIPSTART="TCP","127.0.0.1",{peer.port}{arguments}',
                     b"CONNECT\r\n\r\nOK\r\n")
        return module, port, peer.accept()

    def test_mcu_that_stops_reading_stops_the_server(self):
        data = random.Random(1).randbytes(32_000_000)
        module, port, connection = self.connected(servers.Peer(self))
        port.command("AT")
        before_kb = module.memory_kb()
        sender = Sender(connection, data)
        self.assertTrue(sender.stopped.wait(harness.GIVE_UP_S), "the server was never stopped")
        grown_kb = module.memory_kb() - before_kb
        self.assertLess(sender.sent, len(data) * 3 // 4, "the module took what nobody reads")
        if not harness.SANITIZED:
            self.assertLess(grown_kb, GROWTH_MAX_KB)
        received = receive_stream(port)
        self.assertEqual(len(received), len(data))
        self.assertTrue(received == data, "the bytes differ")
        if not harness.SANITIZED:
            self.assertLess(module.memory_kb() - before_kb, GROWTH_MAX_KB)

    def test_peer_that_stops_reading_withholds_send_ok(self):
        packet, packets_max = 2048, 8192
        source = random.Random(2)
        module, port, connection = self.connected(servers.Peer(self, receive_buffer=4096))
        before_kb = module.memory_kb()
        sent = []

        def send():
            port.command(f"AT+CIPSEND={packet}", b"\r\nOK\r\n\r\n>")
            sent.append(source.randbytes(packet))
            port.write(sent[-1])
            port.expect(b"\r\nRecv %d bytes\r\n" % packet)

        stalled = False
        while not stalled:
            self.assertLess(len(sent), packets_max, "a peer that reads nothing took it all")
            send()
            stalled = not port.pending and not port.receive(QUIET_S)
            if not stalled:
                port.expect(b"\r\nSEND OK\r\n")
        port.command("AT", b"\r\nbusy p...\r\n")
        if not harness.SANITIZED:
            self.assertLess(module.memory_kb() - before_kb, GROWTH_MAX_KB)
        reader = Reader(connection)
        port.expect(b"\r\nSEND OK\r\n")
        for _ in range(100):
            send()
            port.expect(b"\r\nSEND OK\r\n")
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        received = reader.result()
        self.assertEqual(len(received), len(sent) * packet)
        self.assertTrue(received == b"".join(sent), "the bytes differ")

    def test_keep_alive_is_on_the_socket(self):
        module, _, _ = self.connected(peer := servers.Peer(self), 60)
        shown = subprocess.run(["ss", "-tnoH", "dport", "=", f":{peer.port}"], check=True,
                               capture_output=True, text=True, timeout=harness.GIVE_UP_S).stdout
        timer = re.search(r"timer:\(keepalive,(\d+)(sec|min)", shown)
        self.assertIsNotNone(timer, shown)
        self.assertLessEqual(int(timer[1]) * (60 if timer[2] == "min" else 1), 60)
        with borrowed_socket(self, module.pid, peer.port) as link:
            self.assertEqual(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), 60)
            self.assertEqual(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL), 1)
            self.assertEqual(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT), 3)

    def test_no_keep_alive_unless_asked_for(self):
        self.connected(peer := servers.Peer(self))
        shown = subprocess.run(["ss", "-tnoH", "dport", "=", f":{peer.port}"], check=True,
                               capture_output=True, text=True, timeout=harness.GIVE_UP_S).stdout
        self.assertIn("ESTAB", shown)
        self.assertNotIn("keepalive", shown)


class Reader:
    """Reads a connection to its end in a thread."""

    def __init__(self, connection):
        self.parts = []
        self.thread = threading.Thread(target=self.run, args=(connection,), daemon=True)
        self.thread.start()

    def run(self, connection):
        while data := connection.recv(65536):
            self.parts.append(data)

    def result(self):
        self.thread.join(harness.GIVE_UP_S)
        return b"".join(self.parts)


def borrowed_socket(case, pid, remote_port):
    """A duplicate of a process's TCP socket that is connected to a port of 127.0.0.1."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    case.addCleanup(os.close, process)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
            continue
        fd = libc.syscall(PIDFD_GETFD, process, int(name), 0)
        if fd < 0:
            case.skipTest(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        candidate = socket.socket(fileno=fd)
        with contextlib.suppress(OSError):
            if candidate.getpeername() == ("127.0.0.1", remote_port):
                return candidate
        candidate.close()
    raise AssertionError("the module has no such connection")


if __name__ == "__main__":
    unittest.main()
