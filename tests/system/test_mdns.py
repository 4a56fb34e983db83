"""AT+MDNS: announced where the station is and nowhere else, and found there."""

import copy
import os
import socket
import struct
import subprocess
import unittest

import harness
import servers
import test_groups

GROUP, PORT = "224.0.0.251", 5353
A, PTR = 1, 12
PYTHON = "/usr/bin/python3"  # that of Debian, which has zeroconf

BROWSE = """
import queue, socket, sys
import zeroconf

address, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
changes = queue.Queue()
here = zeroconf.Zeroconf(interfaces=[address])
zeroconf.ServiceBrowser(here, kind, handlers=[
    lambda zeroconf, service_type, name, state_change: changes.put((name, state_change))])
print("browsing", flush=True)
for _ in range(count):
    name, change = changes.get()
    if change is zeroconf.ServiceStateChange.Added:
        info = here.get_service_info(kind, name)
        print("+", name, info.server, info.port, *info.parsed_addresses(), flush=True)
    else:
        print("-", name, flush=True)
here.close()
"""


def has_zeroconf():
    return os.path.exists(PYTHON) and subprocess.run(
        [PYTHON, "-c", "import zeroconf"], capture_output=True, check=False).returncode == 0


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name, kind):
    return struct.pack("!6H", 7, 0, 1, 0, 0, 0) + wire_name(name) + struct.pack("!2H", kind, 1)


@unittest.skipIf(os.geteuid() != 0, "a network namespace of its own needs root")
@harness.needs("ip")
class Mdns(harness.Case):
    def setUp(self):
        super().setUp()
        self.net = test_groups.Namespaces(self)
        self.other = copy.copy(self.net)
        self.other.names = self.net.names[::-1]

    def module(self, *options, space=None):
        path = self.folder / "at.sock"
        self.start("ip", "netns", "exec", space or self.net.module, harness.ESPAT, "--unix", path,
                   *options)
        port = self.opened(harness.AtPort.unix(path)).synchronize()
        harness.join(port)
        return port

    def asker(self, address):
        """One who knows nothing of multicast, in the peer's namespace."""
        with self.net.peer():
            asker = servers.UdpPeer(self, address)
        asker.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                                socket.inet_aton(address))
        return asker

    def ask(self, asker, name, kind, wanted):
        """Asks the group until what is `wanted` stands in an answer, which it returns."""
        def answered():
            asker.socket.sendto(question(name, kind), (GROUP, PORT))
            asker.socket.settimeout(0.2)
            try:
                data, _ = asker.socket.recvfrom(9000)
            except TimeoutError:
                return None
            return data if all(each in data for each in wanted) else None
        return harness.wait_until(answered, f"{wanted} from {name}")

    @unittest.skipUnless(has_zeroconf(), "not installed: python3-zeroconf")
    def test_found_on_the_stations_network(self):
        port = self.module("--station-ip", "10.77.0.1")
        browser = self.start("ip", "netns", "exec", self.other.names[0], PYTHON, "-c", BROWSE,
                             "10.77.0.2", "_iot._tcp.local.", 2, stdout=subprocess.PIPE)

        def next_line():
            return browser.process.stdout.readline().decode().strip()
        self.assertEqual(next_line(), "browsing")
        port.command('AT+MDNS=1,"host","_iot",8080')
        self.assertEqual(next_line(), "+ host._iot._tcp.local. host.local. 8080 10.77.0.1")
        port.command("AT+MDNS=0")
        self.assertEqual(next_line(), "- host._iot._tcp.local.")
        self.assertEqual(browser.wait(), 0)

    def test_found_by_whoever_asks(self):
        port = self.module("--station-ip", "10.77.0.1")
        asker = self.asker("10.77.0.2")
        port.command('AT+MDNS=1,"host","_iot",8080')
        answer = self.ask(asker, "host.local", A, [socket.inet_aton("10.77.0.1")])
        self.assertEqual(answer[:6], struct.pack("!3H", 7, 0x8400, 1))
        self.ask(asker, "_iot._tcp.local", PTR,
                 [wire_name("host._iot._tcp.local"),
                  struct.pack("!3H", 0, 0, 8080) + wire_name("host.local")])
        # The station leaves and comes back.
        port.command("AT+CWQAP", b"WIFI DISCONNECT\r\n\r\nOK\r\n")
        harness.join(port)
        self.ask(asker, "host.local", A, [socket.inet_aton("10.77.0.1")])

    def test_without_an_address_it_stays_on_the_loopback(self):
        with self.net.peer():
            inside = test_groups.Listener(self, GROUP, PORT, "127.0.0.1")
            own = test_groups.Listener(self, GROUP, PORT, "10.77.0.2")
        with self.other.peer():
            outside = test_groups.Listener(self, GROUP, PORT, "10.77.0.1")
        for listener in (inside, own):  # only what comes by its own interface
            listener.socket.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
        port = self.module(space=self.other.names[0])
        port.command('AT+MDNS=1,"host","_iot",8080')
        for _ in range(5):
            data, sender = inside.socket.recvfrom(9000)
            self.assertEqual(sender, ("127.0.0.1", PORT))
        self.assertIn(socket.inet_aton("127.0.0.1"), data)
        own.silent()
        outside.silent()
        self.ask(self.asker("127.0.0.2"), "host.local", A, [socket.inet_aton("127.0.0.1")])

    def test_two_of_one_name(self):
        number = harness.free_port()
        self.start("ip", "netns", "exec", self.other.names[0], harness.ESPAT, "--count", "2",
                   "--listen", f"127.0.0.1:{number}", "--station-ip", "127.0.1.{id}")
        for i in range(2):
            with self.net.peer():
                port = self.opened(harness.AtPort.tcp("127.0.0.1", number + i)).synchronize()
            harness.join(port)
            port.command(f'AT+MDNS=1,"host","_iot",{8080 + i}')
        asker = self.asker("127.0.0.2")
        for name in ("host", "host-2"):
            self.ask(asker, name + ".local", A, [b"\x7f\0\1"])


if __name__ == "__main__":
    unittest.main()
