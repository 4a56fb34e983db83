"""UDP links to groups and to everybody: who is a member, who hears whom."""

import contextlib
import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import unittest

import harness
import servers
import test_udp


def is_member(group):
    """True if a socket of this host has joined an IPv4 group."""
    number = struct.unpack("=I", socket.inet_aton(group))[0]
    return f"\t{number:08X} " in pathlib.Path("/proc/net/igmp").read_text()


class Listener(servers.UdpPeer):
    """A member of a group on the loopback, or on the interface of an address."""

    def __init__(self, case, group, port, interface):
        self.socket = socket.socket(servers.family_of(group), socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in group:
            index = struct.pack("=I", socket.if_nametoindex(interface))
            self.socket.bind((group, port, 0, socket.if_nametoindex(interface)))
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                   socket.inet_pton(socket.AF_INET6, group) + index)
        else:
            self.socket.bind((group, port))
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                   socket.inet_aton(group) + socket.inet_aton(interface))
        self.socket.settimeout(harness.GIVE_UP_S)
        self.address, self.port = group, port


class Multicast(test_udp.UdpCase):
    """IPv4 groups on the loopback."""

    def setUp(self):
        super().setUp()
        # A group per process, so that runs beside each other do not meet.
        self.group = f"239.77.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
        self.number = test_udp.free_udp_port()
        self.speaker = servers.UdpPeer(self, "127.0.0.1")
        self.speaker.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                       socket.inet_aton("127.0.0.1"))

    def join_group(self, port, extra=""):
        port.command(f'AT+CIPSTART="UDP","{self.group}",{self.number},{self.number}{extra}',
                     b"CONNECT\r\n\r\nOK\r\n")

    def exchange(self, port, own_address):
        """What is said to the group is heard, what the module says is heard by the others."""
        listener = Listener(self, self.group, self.number, "127.0.0.1")
        self.speaker.send(b"to all", self.number, self.group)
        port.expect_ipd(b"to all")
        listener.expect(b"to all")
        port.send(b"from the module")
        self.assertEqual(listener.expect(b"from the module"), (own_address, self.number))
        port.stays_silent(test_udp.SILENCE_S)  # nobody hears itself
        self.speaker.send(b"to one", self.number, own_address)
        port.expect_ipd(b"to one")

    def test_local_ip_and_leaving(self):
        _, port = self.joined()
        self.assertFalse(is_member(self.group))
        self.join_group(port, ',0,"127.0.0.1"')
        self.assertTrue(is_member(self.group))
        self.exchange(port, "127.0.0.1")

    def test_membership_ends_with_the_link(self):
        _, port = self.joined()
        self.join_group(port, ',0,"127.0.0.1"')
        self.assertTrue(is_member(self.group))
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        self.assertFalse(is_member(self.group), "still a member after CIPCLOSE")
        self.join_group(port, ',0,"127.0.0.1"')
        self.assertTrue(is_member(self.group))
        port.command("AT+RST", b"\r\nOK\r\nCLOSED\r\nWIFI DISCONNECT\r\n\r\nready\r\n")
        self.assertFalse(is_member(self.group), "still a member after a restart")

    def test_station_ip(self):
        _, port = self.joined("--station-ip", "127.0.1.7")
        self.join_group(port)
        self.exchange(port, "127.0.1.7")

    def test_modules_hear_each_other(self):
        _, one = self.joined("--station-ip", "127.0.1.7")
        _, two = self.joined("--station-ip", "127.0.1.8")
        for port in (one, two):
            port.command("AT+CIPDINFO=1")
            self.join_group(port)
        one.send(b"hello")
        two.expect(b'\r\n+IPD,5,"127.0.1.7",%d:hello\r\n' % self.number)
        two.send(b"well met")
        one.expect(b'\r\n+IPD,8,"127.0.1.8",%d:well met\r\n' % self.number)

    def test_other_groups_are_not_heard(self):
        _, port = self.joined()
        self.join_group(port, ',0,"127.0.0.1"')
        stranger = f"239.78.{self.group.split('.', 2)[2]}"
        listener = Listener(self, stranger, self.number, "127.0.0.1")
        self.speaker.send(b"not for the module", self.number, stranger)
        listener.expect(b"not for the module")
        self.speaker.send(b"for the module", self.number, self.group)
        port.expect_ipd(b"for the module")


class Namespaces:
    """Two network namespaces with a cable between them: the module's and the peer's."""

    CLONE_NEWNET = 0x40000000

    def __init__(self, case):
        self.names = [f"espat-{os.getpid()}-{side}" for side in "ab"]
        for name in self.names:
            ip("netns", "add", name)
            case.addCleanup(ip, "netns", "del", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "cable", "netns", self.names[0], "type", "veth",
           "peer", "name", "cable", "netns", self.names[1])
        for number, name in enumerate(self.names, 1):
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", "cable")
            ip("-n", name, "address", "add", f"fd77::{number}/64", "dev", "cable", "nodad")
            ip("-n", name, "link", "set", "cable", "up")
        for name in self.names:
            harness.wait_until(lambda name=name: not tentative(name), "addresses to be usable")

    @property
    def module(self):
        return self.names[0]

    def peer(self):
        """In here, this thread makes sockets in the peer's namespace."""
        return self.inside(self.names[1])

    @contextlib.contextmanager
    def inside(self, name):
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", encoding="ascii") as own, \
                open(f"/var/run/netns/{name}", encoding="ascii") as other:
            try:
                if libc.setns(other.fileno(), self.CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                yield
            finally:
                libc.setns(own.fileno(), self.CLONE_NEWNET)


def tentative(name):
    """The IPv6 addresses of a namespace that are still being looked for elsewhere."""
    return subprocess.run(["ip", "-n", name, "-6", "address", "show", "tentative"], check=True,
                          capture_output=True, timeout=harness.GIVE_UP_S).stdout


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, timeout=harness.GIVE_UP_S)


@unittest.skipIf(os.geteuid() != 0, "a network namespace of its own needs root")
@harness.needs("ip")
class CableCase(test_udp.UdpCase):
    """A module on an Ethernet, which loopback is not."""

    NUMBER = 6123
    BROADCAST = "255.255.255.255"
    OPTIONS = ()

    def setUp(self):
        super().setUp()
        self.net = Namespaces(self)
        path = self.folder / "at.sock"
        self.start("ip", "netns", "exec", self.net.module, harness.ESPAT, "--unix", path,
                   *self.OPTIONS)
        self.port = self.opened(harness.AtPort.unix(path)).synchronize()
        harness.join(self.port)

    def broadcaster(self, address="0.0.0.0"):
        with self.net.peer():
            peer = servers.UdpPeer(self, address, self.NUMBER)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return peer

    def open_link(self, host, kind="UDP"):
        self.port.command(f'AT+CIPSTART="{kind}","{host}",{self.NUMBER},{self.NUMBER},0',
                          b"CONNECT\r\n\r\nOK\r\n")


class OnTheCable(CableCase):
    """Broadcast and groups."""

    OPTIONS = ("--station-ip", "10.77.0.1", "--station-ip6", "fd77::1")

    def test_broadcast(self):
        peer = self.broadcaster()
        self.open_link(self.BROADCAST)
        self.port.send(b"to everybody")
        self.assertEqual(peer.expect(b"to everybody"), ("10.77.0.1", self.NUMBER))
        self.port.stays_silent(test_udp.SILENCE_S)  # nobody hears itself
        peer.send(b"to one", self.NUMBER, "10.77.0.1")
        self.port.expect_ipd(b"to one")

    def test_broadcast_is_heard(self):
        with self.net.peer():
            peer = servers.UdpPeer(self, "10.77.0.2")
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.open_link(self.BROADCAST)
        self.port.command("AT+CIPDINFO=1")
        peer.send(b"to everybody", self.NUMBER, self.BROADCAST)
        self.port.expect(b'\r\n+IPD,12,"10.77.0.2",%d:to everybody\r\n' % peer.port)

    def test_every_link_hears_broadcasts(self):
        peer = self.broadcaster("10.77.0.2")
        self.open_link("10.77.0.2")
        for number, address in enumerate(("10.77.0.255", self.BROADCAST)):
            peer.send(b"to all %d" % number, self.NUMBER, address)
            self.port.expect_ipd(b"to all %d" % number)
        self.port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        peer.socket.close()
        listener = self.broadcaster()
        self.open_link("10.77.0.255")
        self.port.send(b"from the module")
        self.assertEqual(listener.expect(b"from the module"), ("10.77.0.1", self.NUMBER))
        self.port.stays_silent(test_udp.SILENCE_S)  # nobody hears itself

    def test_passthrough_to_everybody(self):
        peer = self.broadcaster()
        self.open_link(self.BROADCAST)
        self.port.command("AT+CIPMODE=1")
        self.port.command("AT+CIPSEND", b"\r\nOK\r\n\r\n>")
        self.port.write(b"to everybody")
        peer.expect(b"to everybody")
        peer.send(b"answer", self.NUMBER, "10.77.0.1")
        self.port.expect(b"answer")
        self.port.stays_silent(test_udp.SILENCE_S)
        self.port.write(b"+++")
        self.port.stays_silent(test_udp.SILENCE_S)
        self.port.command("AT+CIPMODE=0")
        peer.silent()

    def test_ipv4_group(self):
        with self.net.peer():
            listener = Listener(self, "239.77.0.1", self.NUMBER, "10.77.0.2")
            speaker = servers.UdpPeer(self, "10.77.0.2")
        self.open_link("239.77.0.1")
        self.port.send(b"from the module")
        self.assertEqual(listener.expect(b"from the module"), ("10.77.0.1", self.NUMBER))
        speaker.send(b"to the group", self.NUMBER, "239.77.0.1")
        self.port.expect_ipd(b"to the group")

    def groups6(self):
        return subprocess.run(["ip", "-n", self.net.module, "-6", "maddress", "show", "cable"],
                              check=True, capture_output=True, text=True,
                              timeout=harness.GIVE_UP_S).stdout.split()

    def exchange6(self, group):
        with self.net.peer():
            listener = Listener(self, group, self.NUMBER, "cable")
            speaker = servers.UdpPeer(self, "fd77::2")
            index = socket.if_nametoindex("cable")
        speaker.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        harness.prepare(self.port, "AT+CIPV6=1")
        self.assertNotIn(group, self.groups6())
        self.open_link(group, "UDPv6")
        self.assertIn(group, self.groups6())
        self.port.send(b"from the module")
        self.assertEqual(listener.expect(b"from the module"), ("fd77::1", self.NUMBER))
        self.port.stays_silent(test_udp.SILENCE_S)
        speaker.send(b"to the group", self.NUMBER, group)
        self.port.expect_ipd(b"to the group")
        self.port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        self.assertNotIn(group, self.groups6())

    def test_ipv6_group_of_the_link(self):
        self.exchange6("ff02::fc")

    def test_ipv6_group_of_the_site(self):
        self.exchange6("ff05::77")


class AsTheHostChooses(CableCase):
    """Without --station-ip."""

    def test_link_is_bound_to_what_its_peer_is_reached_from(self):
        with self.net.peer():
            peer = servers.UdpPeer(self, "10.77.0.2", self.NUMBER)
        self.open_link("127.0.0.1")
        peer.send(b"from outside", self.NUMBER, "10.77.0.1")
        self.port.stays_silent(test_udp.SILENCE_S)
        # Who is sent to from another address may answer there.
        self.port.command(f'AT+CIPSEND=8,"10.77.0.2",{self.NUMBER}', b"\r\nOK\r\n\r\n>")
        self.port.write(b"question")
        self.port.expect(b"\r\nRecv 8 bytes\r\n\r\nSEND OK\r\n")
        self.assertEqual(peer.expect(b"question"), ("10.77.0.1", self.NUMBER))
        peer.send(b"answer", self.NUMBER, "10.77.0.1")
        self.port.expect_ipd(b"answer")
        self.port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        self.open_link("10.77.0.2")
        self.port.send(b"and here")
        self.assertEqual(peer.expect(b"and here"), ("10.77.0.1", self.NUMBER))


if __name__ == "__main__":
    unittest.main()
