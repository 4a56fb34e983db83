"""AT+PING on the loopback, and in a network of the test's own with every kind of privilege."""

import os
import shutil
import socket
import subprocess
import sys
import unittest

import harness
import servers

TIMEOUT = b"+PING:TIMEOUT\r\n\r\nERROR\r\n"
ERROR = b"\r\nERROR\r\n"
NOBODY = 65534
FOR_ALL, FOR_NOBODY = "0 2147483647", "1 0"  # net.ipv4.ping_group_range

# Runs in the host's namespace: changes the last byte of the first reply it gives.
FORGER = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready", flush=True)
change = 1
while True:
    packet, peer = raw.recvfrom(1500)
    request = packet[(packet[0] & 15) * 4:]
    if request[0] != 8:
        continue
    reply = bytearray(b"\\0\\0\\0\\0" + request[4:])
    reply[-1] ^= change
    total = sum(reply[0::2]) * 256 + sum(reply[1::2])
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    reply[2:4] = (total ^ 0xffff).to_bytes(2, "big")
    raw.sendto(reply, peer)
    change = 0
"""


class PingCase(harness.Case):
    def ping(self, port, host):
        answer = port.query(f'AT+PING="{host}"')
        self.assertRegex(answer, rb"^\+PING:\d{1,4}\r\n$")
        self.assertLess(int(answer[len("+PING:"):]), 4000)
        port.silent()

    def no_ping(self, port, host, answer=TIMEOUT):
        port.command(f'AT+PING="{host}"', answer)


def may_ping():
    """True if this process may send ICMP one way or the other."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
            return True
        except PermissionError:
            pass
    return False


@unittest.skipUnless(may_ping(), "this user may not send ICMP: ping_group_range, CAP_NET_RAW")
class Loopback(PingCase):
    def test_addresses(self):
        _, port = self.espat_listening()
        self.no_ping(port, "127.0.0.1", ERROR)  # no ip
        harness.join(port)
        self.ping(port, "127.0.0.1")
        self.ping(port, "127.1.2.3")
        self.no_ping(port, "::1", ERROR)
        harness.prepare(port, "AT+CIPV6=1")
        self.ping(port, "::1")
        self.ping(port, "127.0.0.1")

    @harness.needs("dnsmasq")
    def test_names(self):
        dns = servers.Dnsmasq(self, "host.espat.test", ["127.0.0.1", "::1"])
        _, port = self.espat_listening("--dns", dns.address)
        harness.join(port)
        harness.prepare(port, "AT+CIPV6=1")
        self.ping(port, "host.espat.test")
        asked = [line for line in dns.queries() if "host.espat.test" in line]
        self.assertEqual([line.split("query[")[1][:2] for line in asked], ["A]"])
        self.no_ping(port, "unknown.espat.test")

    def test_station_address(self):
        """A station on the loopback reaches the loopback, and no host elsewhere."""
        _, port = self.espat_listening("--station-ip", "127.0.8.8")
        harness.join(port)
        self.ping(port, "127.0.0.1")
        self.no_ping(port, "192.0.2.1")

    def test_many_at_a_time(self):
        ports = []
        for _ in range(3):
            _, port = self.espat_listening()
            harness.join(port)
            ports.append(port)
        for _ in range(20):
            for port in ports:
                port.write(b'AT+PING="127.0.0.1"\r\n')
            for port in ports:
                self.assertRegex(port.take_until(b"OK\r\n"), rb"^\+PING:\d+\r\n\r\nOK\r\n$")


def ip(*words):
    subprocess.run([harness.find_program("ip"), *words], check=True, capture_output=True,
                   timeout=harness.GIVE_UP_S)


def can_make_namespaces():
    if os.geteuid() != 0 or harness.find_program("ip") is None:
        return False
    name = f"espat-probe-{os.getpid()}"
    try:
        ip("netns", "add", name)
        ip("netns", "delete", name)
        return True
    except subprocess.CalledProcessError:
        return False


@unittest.skipUnless(can_make_namespaces(), "needs root, and a kernel that makes namespaces")
class Namespace(PingCase):
    """The module and a host, 10.77.0.1 and .2, each in a namespace of its own, on a cable."""

    def setUp(self):
        super().setUp()
        self.module_space, self.host_space = (f"espat-{side}-{os.getpid()}" for side in "mh")
        for space in (self.module_space, self.host_space):
            ip("netns", "add", space)
            self.addCleanup(ip, "netns", "delete", space)
            self.inside(space, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", self.module_space, "type", "veth",
           "peer", "name", "eth0", "netns", self.host_space)
        for number, space in enumerate((self.module_space, self.host_space), 1):
            self.inside(space, "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            self.inside(space, "address", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
            self.inside(space, "link", "set", "eth0", "up")
        # Nobody has these. The host says so of the second, the module's own host of the third.
        self.inside(self.module_space, "route", "add", "10.78.0.0/16", "via", "10.77.0.2")
        self.inside(self.module_space, "route", "add", "unreachable", "10.80.0.0/16")
        self.inside(self.host_space, "route", "add", "blackhole", "10.78.0.0/24")
        self.inside(self.host_space, "route", "add", "unreachable", "10.78.1.0/24")
        self.write(self.host_space, "net/ipv4/ip_forward", "1")

    def inside(self, space, *words):
        ip("-netns", space, *words)

    def write(self, space, sysctl, value):
        subprocess.run([harness.find_program("ip"), "netns", "exec", space, "sh", "-c",
                        f"echo {value} >/proc/sys/{sysctl}"], check=True, capture_output=True)

    def module(self, group_range, *as_user):
        """A module that has joined, on the cable. Returns it and its AT port."""
        self.write(self.module_space, "net/ipv4/ping_group_range", group_range)
        folder = self.folder / "unprivileged"
        folder.mkdir()
        shutil.chown(folder, NOBODY, NOBODY)
        program = shutil.copy(harness.ESPAT, folder)
        path = folder / "at"
        module = self.start(harness.find_program("ip"), "netns", "exec", self.module_space,
                            *as_user, program, "--unix", path, "--station-ip", "10.77.0.1",
                            "--station-ip6", "fd77::1")
        port = self.opened(harness.AtPort.unix(path)).synchronize()
        harness.join(port)
        harness.prepare(port, "AT+CIPV6=1")
        return module, port

    def as_nobody(self):
        """What starts a program without any privilege."""
        setpriv = harness.find_program("setpriv")
        if setpriv is None:
            self.skipTest("not installed: setpriv")
        return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                "--inh-caps=-all", "--bounding-set=-all"]

    def icmp_sockets(self, kind):
        """How many sockets of ICMP the module's namespace has: "icmp" datagram or "raw"."""
        table = subprocess.run([harness.find_program("ip"), "netns", "exec", self.module_space,
                                "cat", f"/proc/net/{kind}"], check=True, capture_output=True)
        return len(table.stdout.splitlines()) - 1

    def assert_pings(self, port, kind):
        self.ping(port, "10.77.0.2")
        self.ping(port, "fd77::2")
        # Which kind of socket it is, is seen while nobody answers.
        port.write(b'AT+PING="10.78.0.1"\r\n')
        harness.wait_until(lambda: self.icmp_sockets(kind) == 1, f"a socket in /proc/net/{kind}")
        port.expect(TIMEOUT)
        self.assertEqual(self.icmp_sockets(kind), 0)
        for nobody in ("10.78.1.1", "10.80.0.1", "fd77::99"):
            self.no_ping(port, nobody)
        self.no_ping(port, "10.77.0.99")
        self.ping(port, "10.77.0.2")

    def test_datagram_socket_of_nobody(self):
        _, port = self.module(FOR_ALL, *self.as_nobody())
        self.assert_pings(port, "icmp")

    def test_raw_socket_of_root(self):
        _, port = self.module(FOR_NOBODY)
        self.assert_pings(port, "raw")

    def forged(self, port):
        """A host that answers the first request with another payload, the next as it should."""
        self.write(self.host_space, "net/ipv4/icmp_echo_ignore_all", "1")
        forger = self.start(harness.find_program("ip"), "netns", "exec", self.host_space,
                            sys.executable, "-c", FORGER, stdout=subprocess.PIPE)
        self.assertEqual(forger.process.stdout.readline(), b"ready\n")
        self.no_ping(port, "10.77.0.2")
        self.ping(port, "10.77.0.2")

    def test_forged_reply_to_a_datagram_socket(self):
        self.forged(self.module(FOR_ALL, *self.as_nobody())[1])

    def test_forged_reply_to_a_raw_socket(self):
        self.forged(self.module(FOR_NOBODY)[1])

    def test_no_privilege(self):
        module, port = self.module(FOR_NOBODY, *self.as_nobody())
        for host in ("10.77.0.2", "fd77::2"):
            self.no_ping(port, host, ERROR)
        self.assertEqual(module.log_text().count("ping needs a group within sysctl "
                                                 "net.ipv4.ping_group_range, or CAP_NET_RAW"), 2)
        self.no_ping(port, "unknown.espat.test")

    def test_cable_is_cut(self):
        _, port = self.module(FOR_ALL)
        self.ping(port, "10.77.0.2")
        self.inside(self.module_space, "link", "set", "eth0", "down")
        self.no_ping(port, "10.77.0.2")
        self.inside(self.module_space, "link", "set", "eth0", "up")

        def reached():
            port.write(b'AT+PING="10.77.0.2"\r\n')
            answer = port.take_until(b"\r\n\r\n") + port.take_until(b"\r\n")
            return answer.endswith(b"OK\r\n")
        harness.wait_until(reached, "the host to be reached again")


if __name__ == "__main__":
    unittest.main()
