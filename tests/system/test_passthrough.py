"""Passthrough: bytes as they are both ways, +++ and what looks like it, links that are lost."""

import contextlib
import random
import selectors
import socket
import subprocess
import time
import unittest

import harness
import servers
from test_flow import Sender

PAUSE_S = 0.1  # of the MCU, 20 ms would do; also what must be silent
ENOUGH_S = 1.0  # how long nothing must move to be called stopped
GROWTH_MAX_KB = 4096
MEGABYTES = 4_000_000 if not harness.SANITIZED else 1_000_000
PACKET = 2920  # ESP32


class PassthroughCase(harness.Case):
    def over_tcp(self, *options):
        module, port = self.espat_listening(*options)
        harness.join(port)
        return module, port

    def over_pty(self, *options):
        link = self.folder / "at"
        module = self.espat("--pty", link, *options, stdout=subprocess.DEVNULL)
        port = self.opened(harness.AtPort.tty(link)).synchronize()
        harness.join(port)
        return module, port

    def enter(self, port, peer):
        """A link to a peer, and passthrough over it. Returns the peer's end."""
        port.command(f'AT+CIPSTART="TCP","127.0.0.1",{peer.port}', b"CONNECT\r\n\r\nOK\r\n")
        connection = peer.accept()
        port.command("AT+CIPMODE=1")
        resume(port)
        return connection

    def entered(self, *before):
        _, port = self.over_tcp()
        for line in before:
            port.command(line)
        peer = servers.Peer(self)
        return port, peer, self.enter(port, peer)


def resume(port):
    port.command("AT+CIPSEND", b"\r\nOK\r\n\r\n>")


def leave(port, told=b""):
    """+++ with its pauses, and what the module has to say to that."""
    port.stays_silent(PAUSE_S)
    port.write(b"+++")
    port.expect(told)
    port.stays_silent(PAUSE_S)
    port.command("AT")


def goes_up(port, connection, data):
    """The peer gets exactly this, and the MCU gets nothing."""
    port.write(data)
    got = servers.receive(connection, len(data))
    if got != data:
        raise AssertionError(f"the peer got {got!r} instead of {data!r}")
    port.stays_silent(PAUSE_S)


def unasked(connection):
    """What has come to a peer that it was not to get."""
    connection.setblocking(False)
    try:
        return connection.recv(100)
    except BlockingIOError:
        return None
    finally:
        connection.settimeout(harness.GIVE_UP_S)


class Flows:
    """Pumps data both ways at once between the MCU and a peer, as fast as both take it."""

    def __init__(self, port, connection, up, down):
        self.port, self.connection = port, connection
        self.up, self.down = memoryview(up), memoryview(down)
        self.at_peer, self.at_mcu = bytearray(), port.pending
        connection.setblocking(False)

    def run(self, give_up_s=harness.GIVE_UP_S):
        wanted = (len(self.up), len(self.down))
        with selectors.DefaultSelector() as selector:
            for fd in {self.port.read_fd, self.connection.fileno()}:
                selector.register(fd, selectors.EVENT_READ | selectors.EVENT_WRITE)
            end = time.monotonic() + give_up_s
            while (len(self.at_peer), len(self.at_mcu)) != wanted:
                self.interest(selector)
                ready = {key.fd: mask for key, mask in selector.select(ENOUGH_S)}
                self.step(ready)
                if time.monotonic() > end:
                    raise harness.TimedOut(f"up {len(self.at_peer)}, down {len(self.at_mcu)} "
                                           f"of {wanted}")
        self.connection.settimeout(harness.GIVE_UP_S)

    def interest(self, selector):
        for fd, data in ((self.port.read_fd, self.up), (self.connection.fileno(), self.down)):
            write = selectors.EVENT_WRITE if data else 0
            selector.modify(fd, selectors.EVENT_READ | write)

    def step(self, ready):
        mcu, peer = ready.get(self.port.read_fd, 0), ready.get(self.connection.fileno(), 0)
        if mcu & selectors.EVENT_WRITE:
            self.up = self.up[self.port.write_some(self.up[:65536]):]
        if peer & selectors.EVENT_WRITE:
            with contextlib.suppress(BlockingIOError):
                self.down = self.down[self.connection.send(self.down[:65536]):]
        if mcu & selectors.EVENT_READ:
            self.port.receive(0)
        if peer & selectors.EVENT_READ:
            self.at_peer += self.connection.recv(65536)


class Data(PassthroughCase):
    def exchange(self, port, up_size, down_size):
        source = random.Random(up_size + down_size)
        up, down = source.randbytes(up_size), source.randbytes(down_size)
        connection = self.enter(port, servers.Peer(self))
        flows = Flows(port, connection, up, down)
        flows.run()
        self.assertTrue(flows.at_peer == up, "the peer got other bytes")
        self.assertTrue(port.take(down_size) == down, "the MCU got other bytes")
        leave(port)
        self.assertIsNone(unasked(connection), "more than was sent")

    def test_up_over_tcp(self):
        self.exchange(self.over_tcp()[1], MEGABYTES, 0)

    def test_down_over_tcp(self):
        self.exchange(self.over_tcp()[1], 0, MEGABYTES)

    def test_both_ways_over_tcp(self):
        self.exchange(self.over_tcp()[1], MEGABYTES, MEGABYTES)

    def test_up_over_pty(self):
        self.exchange(self.over_pty()[1], MEGABYTES, 0)

    def test_down_over_pty(self):
        self.exchange(self.over_pty()[1], 0, MEGABYTES)

    def test_both_ways_over_pty(self):
        self.exchange(self.over_pty()[1], MEGABYTES, MEGABYTES)

    def test_every_byte_is_data(self):
        port, _, connection = self.entered()
        data = bytes(range(256)) + b"AT\r\n" + b"\x03\x04\x11\x13\x1a\x1c\x7f"
        goes_up(port, connection, data)
        connection.sendall(data)
        port.expect(data)

    def test_head_less_before_cipsend(self):
        _, port = self.over_tcp()
        peer = servers.Peer(self)
        port.command("AT+CIPMODE=1")
        port.command(f'AT+CIPSTART="TCP","127.0.0.1",{peer.port}', b"CONNECT\r\n\r\nOK\r\n")
        connection = peer.accept()
        connection.sendall(b"raw")
        port.expect(b"raw")
        port.command("AT+CIPSEND=5", b"\r\nERROR\r\n")
        resume(port)
        goes_up(port, connection, b"hello")


class Escape(PassthroughCase):
    NEAR_MISSES = (b"++", b"++++", b"+++\r\n", b"+ + +", b"+++data", b"data+++", b"++++++", b"+")

    def near_misses(self, port):
        connection = self.enter(port, servers.Peer(self))
        for data in self.NEAR_MISSES:
            port.stays_silent(PAUSE_S)
            goes_up(port, connection, data)
        goes_up(port, connection, b"AT\r\n")
        leave(port)
        self.assertIsNone(unasked(connection), "+++ itself was sent")

    def test_near_misses_over_tcp(self):
        self.near_misses(self.over_tcp()[1])

    def test_near_misses_over_pty(self):
        self.near_misses(self.over_pty()[1])

    def test_pause_in_the_middle(self):
        port, _, connection = self.entered()
        for parts in ((b"++", b"+"), (b"+", b"++"), (b"+", b"+", b"+")):
            for part in parts:
                goes_up(port, connection, part)
        leave(port)
        self.assertIsNone(unasked(connection))

    def test_in_and_out(self):
        port, _, connection = self.entered()
        for number in range(5):
            goes_up(port, connection, b"round %d" % number)
            leave(port)
            self.assertEqual(port.query("AT+CIPMODE?"), b"+CIPMODE:1\r\n")
            connection.sendall(b"raw")
            port.expect(b"raw")
            resume(port)
        leave(port)
        port.command("AT+CIPMODE=0")
        connection.sendall(b"with a head")
        port.expect_ipd(b"with a head")
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        self.assertEqual(connection.recv(100), b"")

    def test_quitt(self):
        port, _, _ = self.entered("AT+SYSMSG=1")
        leave(port, b"+QUITT\r\n")


class LostLink(PassthroughCase):
    def test_peer_comes_back(self):
        port, peer, connection = self.entered()
        for number in range(5):
            goes_up(port, connection, b"question")
            connection.sendall(b"answer %d" % number)
            connection.close()
            port.expect(b"answer %d" % number)
            connection = peer.accept()
        goes_up(port, connection, b"still here")
        leave(port)

    def test_peer_that_resets(self):
        port, peer, connection = self.entered()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()
        connection = peer.accept()
        goes_up(port, connection, b"still here")
        leave(port)

    def test_interval(self):
        port, peer, connection = self.entered("AT+CIPRECONNINTV=10")
        gone = time.monotonic()
        connection.close()
        port.stays_silent(PAUSE_S)
        port.write(b"kept")
        connection = peer.accept()
        self.assertGreater(time.monotonic() - gone, 0.95)
        self.assertLess(time.monotonic() - gone, 5)
        self.assertEqual(servers.receive(connection, 4), b"kept")
        goes_up(port, connection, b"and on")

    def test_listener_comes_back(self):
        port, peer, connection = self.entered()
        peer.listener.close()
        connection.close()
        port.stays_silent(0.5)  # some attempts are refused
        peer = servers.Peer(self, port=peer.port)
        goes_up(port, peer.accept(), b"back again")
        leave(port)

    def test_left_while_the_peer_is_gone(self):
        port, peer, connection = self.entered()
        peer.listener.close()
        connection.close()
        for _ in range(3):
            port.stays_silent(PAUSE_S)
            port.write(b"nobody hears this")
        leave(port, b"CLOSED\r\n")
        port.command("AT+CIPSTATE?")
        port.command("AT+CIPSEND", b"\r\nERROR\r\n")
        self.assertIs(harness.has_listener(peer.port), False)

    def test_left_while_much_waits_for_a_peer_that_is_gone(self):
        port, peer, connection = self.entered()
        peer.listener.close()
        connection.close()
        port.stays_silent(PAUSE_S)
        port.write(bytes(8000))  # nearly the buffer of passthrough
        leave(port, b"CLOSED\r\n")
        port.stays_silent(ENOUGH_S)
        again = servers.Peer(self)
        port.command(f'AT+CIPSTART="TCP","127.0.0.1",{again.port}', b"CONNECT\r\n\r\nOK\r\n")
        resume(port)
        goes_up(port, again.accept(), b"nothing old")

    def test_no_reconnection_in_command_mode(self):
        port, peer, connection = self.entered()
        leave(port)
        connection.close()
        port.expect(b"CLOSED\r\n")
        port.stays_silent(5 * PAUSE_S)
        peer.listener.setblocking(False)
        with self.assertRaises(BlockingIOError):
            peer.listener.accept()


class Udp(PassthroughCase):
    def entered_udp(self):
        _, port = self.over_tcp()
        peer = servers.UdpPeer(self)
        local = harness.free_port(kind=socket.SOCK_DGRAM)
        port.command(f'AT+CIPSTART="UDP","127.0.0.1",{peer.port},{local},0',
                     b"CONNECT\r\n\r\nOK\r\n")
        port.command("AT+CIPMODE=1")
        resume(port)
        return port, peer, local

    def test_pause_ends_a_datagram(self):
        port, peer, _ = self.entered_udp()
        for burst in (b"one", b"two two", b"+", b"++++", bytes(PACKET - 1)):
            port.write(burst)
            peer.expect(burst)
            port.stays_silent(PAUSE_S)
        leave(port)
        peer.silent()

    def test_long_burst_is_cut(self):
        port, peer, _ = self.entered_udp()
        data = random.Random(1).randbytes(2 * PACKET + 100)
        port.write(data)
        peer.expect(data[:PACKET], data[PACKET:2 * PACKET], data[2 * PACKET:])
        port.stays_silent(PAUSE_S)
        port.write(data[:PACKET])
        peer.expect(data[:PACKET])
        port.stays_silent(PAUSE_S)
        peer.silent()

    def test_received_datagrams_have_no_head(self):
        port, peer, local = self.entered_udp()
        source = random.Random(2)
        burst = [source.randbytes(source.randint(1, 4000)) for _ in range(10)]
        for datagram in burst:
            peer.send(datagram, local)
        servers.UdpPeer(self).send(b"from somebody else", local)
        port.expect(b"".join(burst) + b"from somebody else")
        leave(port)
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")


class BackPressure(PassthroughCase):
    SIZE = 24_000_000

    def flat(self, module, before_kb):
        if not harness.SANITIZED:
            self.assertLess(module.memory_kb() - before_kb, GROWTH_MAX_KB)

    def peer_stops(self, module, port, limit):
        peer = servers.Peer(self, receive_buffer=4096)
        connection = self.enter(port, peer)
        before_kb = module.memory_kb()
        data = random.Random(3).randbytes(self.SIZE)
        sent = 0
        while port.ready(selectors.EVENT_WRITE, ENOUGH_S) and sent < len(data):
            sent += port.write_some(data[sent:sent + 65536])
        self.assertLess(sent, limit, "the module took what nobody reads")
        self.flat(module, before_kb)
        received = self.drain(port, connection, memoryview(data)[sent:], len(data))
        self.assertTrue(received == data, "the bytes differ")
        self.flat(module, before_kb)
        leave(port)

    def drain(self, port, connection, rest, size):
        """Lets the peer read, and the MCU write on. Returns what the peer got."""
        received = bytearray()
        connection.setblocking(False)
        end = time.monotonic() + harness.GIVE_UP_S
        while len(received) < size:
            self.assertLess(time.monotonic(), end, f"{len(received)} of {size} bytes came")
            if rest:
                rest = rest[port.write_some(rest[:65536]):]
            with contextlib.suppress(BlockingIOError):
                received += connection.recv(1 << 20)
        return received

    def test_peer_stops_over_pty(self):
        """Between the MCU and the peer are the host's send buffer and the module's 8192 bytes."""
        module, port = self.over_pty()
        self.peer_stops(module, port, send_buffer_max() + 500_000)

    def test_peer_stops_over_tcp(self):
        module, port = self.over_tcp()
        self.peer_stops(module, port, self.SIZE * 3 // 4)

    def test_plus_signs_behind_data_that_waits(self):
        """+++ is heard when it is said, and ends passthrough once all is sent."""
        _, port = self.over_pty()
        connection = self.enter(port, servers.Peer(self, receive_buffer=4096))
        data = random.Random(4).randbytes(send_buffer_max() + 500_000)
        sent = 0
        while port.ready(selectors.EVENT_WRITE, ENOUGH_S):
            sent += port.write_some(data[sent:sent + 4096])
        got = servers.receive(connection, sent // 2)
        port.stays_silent(ENOUGH_S)
        port.write(b"+++")
        got += servers.receive(connection, sent - sent // 2)
        self.assertEqual(len(got), sent)
        self.assertTrue(got == data[:sent], "the bytes differ")
        port.stays_silent(PAUSE_S)
        port.command("AT")
        self.assertIsNone(unasked(connection), "+++ itself was sent")

    def mcu_stops(self, module, port, limit):
        connection = self.enter(port, servers.Peer(self))
        before_kb = module.memory_kb()
        data = random.Random(5).randbytes(self.SIZE)
        sender = Sender(connection, data)
        self.assertTrue(sender.stopped.wait(harness.GIVE_UP_S), "the peer was never stopped")
        self.assertLess(sender.sent, limit, "the module took what nobody reads")
        self.flat(module, before_kb)
        self.assertTrue(port.take(len(data)) == data, "the bytes differ")
        self.flat(module, before_kb)

    def test_mcu_stops_over_pty(self):
        module, port = self.over_pty()
        self.mcu_stops(module, port, self.SIZE * 3 // 4)

    def test_mcu_stops_over_tcp(self):
        module, port = self.over_tcp()
        self.mcu_stops(module, port, self.SIZE * 3 // 4)


def send_buffer_max():
    """Up to how many bytes Linux lets a TCP socket's send buffer grow."""
    with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as limits:
        return int(limits.read().split()[2])


class FromPowerOn(PassthroughCase):
    """SAVETRANSLINK, over restarts of the program."""

    def module(self):
        """The program with the flash of this test; what it prints without a client is lost."""
        number = harness.free_port()
        module = self.espat("--listen", f"127.0.0.1:{number}", "--flash", self.folder / "flash",
                            "--echo", "off")
        return module, number

    def mcu(self, number):
        return self.opened(harness.AtPort.tcp("127.0.0.1", number))

    def stored(self, line):
        """A program that has stored the way to the network and the link."""
        module, number = self.module()
        port = self.mcu(number).synchronize()
        harness.join(port)
        port.command(line)
        return module

    def back_to_commands(self, port):
        """Out of passthrough, and never again."""
        leave(port)
        self.assertEqual(port.query("AT+CIPMODE?"), b"+CIPMODE:1\r\n")
        port.command("AT+SAVETRANSLINK=0")

    def normal_again(self):
        _, number = self.module()
        port = self.mcu(number).synchronize()
        harness.wait_until(lambda: b"127.0.0.1" in port.query("AT+CIPSTA?"), "an address")
        self.assertEqual(port.query("AT+CIPMODE?").split(b"\r\n")[-2], b"+CIPMODE:0")
        port.stays_silent(5 * PAUSE_S)
        port.command("AT+CIPSTATE?")

    def tcp(self, end):
        peer = servers.Peer(self)
        end(self.stored(f'AT+SAVETRANSLINK=1,"127.0.0.1",{peer.port},"TCP",60'))
        module, number = self.module()
        connection = peer.accept()
        port = self.mcu(number)
        goes_up(port, connection, b"from power-on")
        connection.sendall(b"answer")
        port.expect(b"answer")
        connection.close()
        goes_up(port, connection := peer.accept(), b"back again")
        end(module)
        port.close()
        self.assertEqual(connection.recv(100), b"")
        module, number = self.module()
        connection = peer.accept()
        port = self.mcu(number)
        goes_up(port, connection, b"and again")
        self.back_to_commands(port)
        end(module)
        self.normal_again()

    def test_tcp(self):
        self.tcp(lambda module: self.assertEqual(module.stop(), 0))

    def test_tcp_after_kill(self):
        self.tcp(lambda module: module.kill())

    def udp(self, end):
        peer = servers.UdpPeer(self)
        local = harness.free_port(kind=socket.SOCK_DGRAM)
        end(self.stored(f'AT+SAVETRANSLINK=1,"127.0.0.1",{peer.port},"UDP",{local}'))
        module, number = self.module()
        port = self.mcu(number)
        port.write(b"from power-on")  # kept until there is a network
        self.assertEqual(peer.expect(b"from power-on"), ("127.0.0.1", local))
        port.pending.clear()  # ready, if it was not yet printed
        peer.send(b"answer", local)
        port.expect(b"answer")
        self.back_to_commands(port)
        port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"UDP","127.0.0.1",%d,%d,0\r\n\r\nOK\r\n'
                     % (peer.port, local))
        end(module)
        self.normal_again()

    def test_udp(self):
        self.udp(lambda module: self.assertEqual(module.stop(), 0))

    def test_udp_after_kill(self):
        self.udp(lambda module: module.kill())

    def test_restart_command(self):
        peer = servers.Peer(self)
        _, number = self.module()
        port = self.mcu(number).synchronize()
        harness.join(port)
        port.command(f'AT+SAVETRANSLINK=1,"localhost",{peer.port},"TCP"')
        port.command("AT+RST", b"\r\nOK\r\nWIFI DISCONNECT\r\n\r\nready\r\n")
        connection = peer.accept()
        goes_up(port, connection, b"by name")
        self.back_to_commands(port)

    def test_left_before_the_peer_was_there(self):
        peer = servers.Peer(self)
        self.stored(f'AT+SAVETRANSLINK=1,"127.0.0.1",{peer.port}').stop()
        peer.listener.close()
        _, number = self.module()
        port = self.mcu(number)
        port.receive(PAUSE_S)
        port.pending.clear()  # ready, if it was not yet printed
        port.stays_silent(5 * PAUSE_S)
        leave(port)
        port.command("AT+SAVETRANSLINK=0")


if __name__ == "__main__":
    unittest.main()
