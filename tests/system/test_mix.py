"""Five links at once, TCP and UDP, both ways, past a slow MCU: every byte is accounted for."""

import collections
import contextlib
import os
import random
import re
import selectors
import socket
import subprocess
import time
import unittest

import harness
import servers

MIX_S = float(os.environ.get("ESPAT_MIX_SECONDS", "10"))
SEED = 20210702

UP_MAX = 2048  # CIPSEND
DOWN_MAX = 4000  # a piece or a datagram of the peer's
WINDOW = 5744  # of passive receive: a datagram that does not fit is lost
DATAGRAMS_UNDER_WAY = 8  # the socket buffer of the host holds many more


class Wire:
    """What is under way in one direction of a link, until it has arrived."""

    def __init__(self):
        self.stream = bytearray()
        self.datagrams = collections.deque()
        self.arrived = 0
        self.pieces = 0

    def unread(self):
        return len(self.stream) + sum(map(len, self.datagrams))

    def sent(self, data, is_datagram):
        self.pieces += 1
        if is_datagram:
            self.datagrams.append(data)
        else:
            self.stream += data

    def arrives_stream(self, data):
        if not self.stream.startswith(data):
            raise AssertionError(f"after {self.arrived} bytes: wanted "
                                 f"{bytes(self.stream[:40])!r}, got {bytes(data[:40])!r}")
        del self.stream[:len(data)]
        self.arrived += len(data)

    def arrives_datagram(self, data):
        if not self.datagrams or self.datagrams[0] != data:
            wanted = self.datagrams[0] if self.datagrams else b""
            raise AssertionError(f"after {self.arrived} bytes: wanted a datagram of {len(wanted)} "
                                 f"{wanted[:40]!r}, got one of {len(data)} {bytes(data[:40])!r}")
        self.arrived += len(self.datagrams.popleft())

    def arrives_datagrams(self, data):
        """Several that were read at once."""
        at = 0
        while at < len(data):
            size = len(self.datagrams[0]) if self.datagrams else 0
            self.arrives_datagram(data[at:at + max(size, 1)])
            at += size


class MixedLink:
    """One link: the test's socket, and what is under way both ways."""

    def __init__(self, link, connection, udp_peer=None):
        self.link = link
        self.socket = connection
        self.udp_peer = udp_peer  # address of the module's socket
        self.is_udp = udp_peer is not None
        self.up, self.down = Wire(), Wire()
        self.told = 0  # unread bytes, as a notice of passive receive said
        connection.setblocking(False)

    def receive(self):
        """Reads what the module has sent."""
        with contextlib.suppress(BlockingIOError):
            while data := self.socket.recv(65536):
                (self.up.arrives_datagram if self.is_udp else self.up.arrives_stream)(data)
                if not self.is_udp:
                    return

    def send(self, source, passive):
        """Sends a piece of random size to the module, if it may."""
        size = source.randint(1, DOWN_MAX)
        if self.is_udp:
            under_way = self.down.unread()
            if passive and under_way + size > WINDOW:
                return
            if len(self.down.datagrams) >= DATAGRAMS_UNDER_WAY:
                return
        data = source.randbytes(size)
        with contextlib.suppress(BlockingIOError):
            if self.is_udp:
                self.socket.sendto(data, self.udp_peer)
                self.down.sent(data, True)
            else:
                self.down.sent(data[:self.socket.send(data)], False)


class Mcu:
    """A host driver: one command at a time, and whatever else comes in between."""

    TOKENS = (
        (re.compile(rb"\r\n\+IPD,(\d),(\d+):"), "ipd"),
        (re.compile(rb"\r\n\+IPD,(\d),(\d+)\r\n"), "notice"),
        (re.compile(rb"\+CIPRECVDATA:(\d+),"), "read"),
        (re.compile(rb"\r\nOK\r\n"), "ok"),
        (re.compile(rb"\r\n>"), "prompt"),
        (re.compile(rb"\r\nRecv (\d+) bytes\r\n"), "taken"),
        (re.compile(rb"\r\nSEND OK\r\n"), "sent"),
    )
    TOKEN_MAX = 40

    def __init__(self, port, links, source, passive):
        self.port, self.links, self.source, self.passive = port, links, source, passive
        self.outgoing = bytearray()
        self.expected = collections.deque()  # what the command under way is still to be answered
        self.payload = b""  # what goes out behind the prompt
        self.read_link = None

    # Commands.

    def idle(self):
        return not self.expected and not self.outgoing

    def command(self, line, *expected):
        self.outgoing += line.encode() + b"\r\n"
        self.expected.extend(expected)

    def send(self, link):
        """CIPSEND or CIPSENDEX of random size."""
        data = self.source.randbytes(self.source.randint(1, UP_MAX))
        self.payload, length, name = data, len(data), "CIPSEND"
        if self.source.random() < 0.5:
            name = "CIPSENDEX"
            self.payload = data.replace(b"\\", b"\\\\")
            if self.source.random() < 0.5 and length < UP_MAX:
                length = UP_MAX
                self.payload += b"\\0"
        link.up.sent(data, link.is_udp)
        self.command(f"AT+{name}={link.link},{length}", "ok", "prompt", len(data), "sent")

    def read(self, link):
        """CIPRECVDATA: of a stream any size, of datagrams all there are."""
        size = 2 * WINDOW if link.is_udp else self.source.randint(1, 2 * WINDOW)
        self.read_link, link.told = link, 0
        self.command(f"AT+CIPRECVDATA={link.link},{size}", "read")

    def act(self, may_send):
        readable = [link for link in self.links if link.told]
        sendable = [link for link in self.links if may_send and link.up.unread() < 65536
                    and not link.up.datagrams]
        if readable and (not sendable or self.source.random() < 0.6):
            self.read(self.source.choice(readable))
        elif sendable:
            self.send(self.source.choice(sendable))

    # Answers.

    def transfer(self, may_read):
        """Writes what fits; reads a little, if it is to read now."""
        if self.outgoing:
            del self.outgoing[:self.port.write_some(bytes(self.outgoing))]
        if may_read:
            with contextlib.suppress(BlockingIOError):
                data = os.read(self.port.read_fd, self.source.randint(1, 3000))
                self.port.pending += data
        while self.parse():
            pass

    def parse(self):
        """Takes one complete token. Returns whether there was one."""
        head = bytes(self.port.pending[:self.TOKEN_MAX])
        for pattern, name in self.TOKENS:
            if match := pattern.match(head):
                return self.token(name, match)
        if len(head) == self.TOKEN_MAX:
            raise AssertionError(f"not understood: {head!r}")
        return False

    def token(self, name, match):
        if name in ("ipd", "read"):
            return self.token_with_data(name, match)
        del self.port.pending[:match.end()]
        if name == "notice":
            self.links[int(match[1])].told = int(match[2])
            return True
        self.answered(int(match[1]) if name == "taken" else name)
        if name == "prompt":
            self.outgoing += self.payload
        return True

    def answered(self, what):
        wanted = self.expected.popleft() if self.expected else None
        if what != wanted:
            raise AssertionError(f"{what} came instead of {wanted}")

    def token_with_data(self, name, match):
        size = int(match[match.lastindex])
        tail = b"\r\n" if name == "ipd" else b"\r\nOK\r\n"
        end = match.end() + size
        if len(self.port.pending) < end + len(tail):
            return False
        data = bytes(self.port.pending[match.end():end])
        found = bytes(self.port.pending[end:end + len(tail)])
        if found != tail:
            raise AssertionError(f"{tail!r} does not follow {size} bytes, but {found!r}")
        link = self.links[int(match[1])] if name == "ipd" else self.read_link
        if name == "read":
            self.answered("read")
        elif self.passive:
            raise AssertionError("+IPD with data in passive receive")
        del self.port.pending[:end + len(tail)]
        self.arrived(link, data)
        return True

    def arrived(self, link, data):
        if not link.is_udp:
            link.down.arrives_stream(data)
        elif self.passive:
            link.down.arrives_datagrams(data)
        else:
            link.down.arrives_datagram(data)


class Mix(harness.Case):
    """Two links to servers, one client of the module's server, two UDP links."""

    def over_pty(self):
        """A PTY: its buffers are small, so that an MCU that does not read is felt at once."""
        path = self.folder / "at"
        self.module = self.espat("--pty", path, stdout=subprocess.DEVNULL)
        port = self.opened(harness.AtPort.tty(path)).synchronize()
        harness.join(port)
        return port

    def open_links(self, port):
        return [self.tcp(port, 0), self.tcp(port, 1), self.client(port, 2), self.udp(port, 3),
                self.udp(port, 4)]

    def tcp(self, port, link):
        peer = servers.Peer(self)
        port.command(f'AT+CIPSTART={link},"TCP","127.0.0.1",{peer.port}',
                     b"%d,CONNECT\r\n\r\nOK\r\n" % link)
        return MixedLink(link, peer.accept())

    def client(self, port, link):
        number = harness.free_port()
        port.command(f"AT+CIPSERVER=1,{number}")
        connection = servers.client(self, number)
        port.expect(b"%d,CONNECT\r\n" % link)
        return MixedLink(link, connection)

    def udp(self, port, link):
        peer = servers.UdpPeer(self)
        local = harness.free_port(kind=socket.SOCK_DGRAM)
        port.command(f'AT+CIPSTART={link},"UDP","127.0.0.1",{peer.port},{local},0',
                     b"%d,CONNECT\r\n\r\nOK\r\n" % link)
        return MixedLink(link, peer.socket, ("127.0.0.1", local))

    def run_mix(self, passive):
        port = self.over_pty()
        port.command("AT+CIPMUX=1")
        port.command(f"AT+CIPRECVMODE={int(passive)}")
        links = self.open_links(port)
        source = random.Random(SEED + passive)
        mcu = Mcu(port, links, source, passive)
        began = time.monotonic()
        end = began + MIX_S
        with selectors.DefaultSelector() as selector:
            for link in links:
                selector.register(link.socket, selectors.EVENT_READ, link)
            selector.register(port.read_fd, selectors.EVENT_READ)
            while not self.finished(links, mcu, end):
                self.turn(selector, mcu, source, time.monotonic() < end)
                if time.monotonic() > end + harness.GIVE_UP_S:
                    raise harness.TimedOut(self.account(links, mcu))
        self.close(port, links)
        self.check_traffic(links)

    def turn(self, selector, mcu, source, producing):
        """Peers send and receive; the MCU reads in some turns only, and little."""
        may_read = source.random() < 0.7
        with_mcu = may_read and not mcu.outgoing
        for key, _ in selector.select(0.002 if with_mcu else 0.0005):
            if key.data is not None:
                key.data.receive()
        if producing:
            source.choice(mcu.links).send(source, mcu.passive)
        if mcu.idle():
            mcu.act(producing)
        mcu.transfer(may_read)

    def finished(self, links, mcu, end):
        return time.monotonic() >= end and mcu.idle() and \
            not any(link.up.unread() or link.down.unread() for link in links)

    def account(self, links, mcu):
        lines = [f"link {link.link}: up {link.up.arrived} and {link.up.unread()} under way, "
                 f"down {link.down.arrived} and {link.down.unread()} under way, told {link.told}"
                 for link in links]
        return "\n".join(["not everything arrived", *lines, f"expected {list(mcu.expected)}, "
                          f"pending {bytes(mcu.port.pending[:100])!r}"])

    def close(self, port, links):
        """Nothing comes behind what was accounted for, on either side."""
        port.stays_silent(0.1)
        port.command("AT+CIPCLOSE=5", b"".join(b"%d,CLOSED\r\n" % i for i in range(5))
                     + b"\r\nOK\r\n")
        for link in links:
            link.socket.settimeout(harness.GIVE_UP_S)
            if link.is_udp:
                link.socket.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    link.socket.recv(65536)
            else:
                self.assertEqual(link.socket.recv(65536), b"")

    def check_traffic(self, links):
        """The test was worth its name: every link was used, both ways, again and again."""
        for link in links:
            for wire in (link.up, link.down):
                self.assertGreater(wire.pieces, 3 * MIX_S, f"too little on link {link.link}")
        total = sum(link.up.arrived + link.down.arrived for link in links)
        self.assertGreater(total, 50_000 * MIX_S)
        self.assertNotIn("datagrams lost", self.module.log_text())

    def test_active(self):
        with self.subTest(seed=SEED, seconds=MIX_S):
            self.run_mix(passive=False)

    def test_passive(self):
        with self.subTest(seed=SEED, seconds=MIX_S):
            self.run_mix(passive=True)


if __name__ == "__main__":
    unittest.main()
