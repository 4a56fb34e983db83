"""The kinds of AT port: what happens when the other end comes, goes and comes again."""

import fcntl
import os
import pty
import socket
import struct
import subprocess
import termios
import unittest

import harness
import test_groups

REOPENINGS = 50


class Ports(harness.Case):
    def test_tcp_client_leaves_and_another_comes(self):
        tcp_port = harness.free_port()
        self.espat("--listen", f"127.0.0.1:{tcp_port}")
        for number in range(10):
            port = harness.AtPort.tcp("127.0.0.1", tcp_port).synchronize()
            self.assertEqual(port.query("AT+CIPMUX?"), b"+CIPMUX:%d\r\n" % (number > 0))
            port.command("AT+CIPMUX=1")
            port.close()

    def test_tcp_over_ipv6(self):
        tcp_port = harness.free_port(socket.AF_INET6)
        self.espat("--listen", f"[::1]:{tcp_port}")
        self.opened(harness.AtPort.tcp("::1", tcp_port)).synchronize().command("AT")

    def test_second_tcp_client_is_refused(self):
        module, first = self.espat_listening()
        tcp_port = first.owner.getpeername()[1]
        with socket.create_connection(("127.0.0.1", tcp_port), harness.GIVE_UP_S) as second:
            try:
                self.assertEqual(second.recv(100), b"")
            except ConnectionResetError:
                pass
        first.command("AT")
        self.assertEqual(module.log_text().count("refused"), 1, module.log_text())

    def test_connect_comes_back_to_a_restarted_listener(self):
        address = ("127.0.0.1", harness.free_port())
        self.espat("--connect", f"127.0.0.1:{address[1]}")
        for number in range(3):
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen()
                listener.settimeout(harness.GIVE_UP_S)
                peer, _ = listener.accept()
                port = harness.AtPort(peer.fileno(), owner=peer).synchronize()
                self.assertEqual(port.query("AT+CIPMUX?"), b"+CIPMUX:%d\r\n" % (number > 0))
                port.command("AT+CIPMUX=1")
                port.close()

    def test_unix_client_leaves_and_another_comes(self):
        path = self.folder / "at.sock"
        module = self.espat("--unix", path)
        for _ in range(3):
            port = harness.AtPort.unix(path).synchronize()
            port.command("AT")
            port.close()
        self.assertEqual(module.stop(), 0)
        self.assertFalse(path.exists(), "the socket was left behind")

    def test_unix_socket_is_for_its_owner_alone(self):
        for number, mask in enumerate((0o000, 0o022, 0o777)):
            path = self.folder / f"at{number}.sock"
            module = self.espat("--unix", path, umask=mask)
            self.opened(harness.AtPort.unix(path)).synchronize()
            self.assertEqual(path.stat().st_mode & 0o7777, 0o600)
            self.assertEqual(module.stop(), 0)

    def test_unix_socket_of_a_killed_process_is_replaced(self):
        path = self.folder / "at.sock"
        module = self.espat("--unix", path)
        self.opened(harness.AtPort.unix(path)).synchronize()
        module.kill()
        self.assertTrue(path.exists())
        self.espat("--unix", path)
        self.opened(harness.AtPort.unix(path)).synchronize().command("AT")

    def test_pty_prints_its_path_and_links_to_it(self):
        link = self.folder / "at"
        module = self.espat("--pty", link, stdout=subprocess.PIPE)
        path = module.process.stdout.readline().decode().strip()
        self.assertEqual(os.readlink(link), path)
        self.assertRegex(path, r"^/dev/pts/\d+$")
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, fd)
        local_flags = termios.tcgetattr(fd)[3]
        self.assertFalse(local_flags & (termios.ECHO | termios.ICANON | termios.ISIG))
        harness.AtPort(fd).synchronize().command("AT")
        self.assertEqual(module.stop(), 0)
        self.assertFalse(link.is_symlink(), "the link was left behind")

    def test_pty_is_closed_and_opened_again(self):
        link = self.folder / "at"
        module = self.espat("--pty", link, stdout=subprocess.DEVNULL)
        for number in range(REOPENINGS):
            port = harness.AtPort.tty(link).synchronize()
            self.assertEqual(port.query("AT+CWRECONNCFG?"),
                             b"+CWRECONNCFG:%d,0\r\n" % number)
            port.command(f"AT+CWRECONNCFG={number + 1},0")
            port.close()
        self.assertTrue(module.running())

    def test_pty_with_nobody_costs_no_time(self):
        link = self.folder / "at"
        module = self.espat("--pty", link, stdout=subprocess.DEVNULL)
        port = harness.AtPort.tty(link).synchronize()
        port.command("AT")
        port.close()

        def ticks():
            with open(f"/proc/{module.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        with self.assertRaises(subprocess.TimeoutExpired):
            module.wait(1.0)  # the time in which it must not spin
        self.assertLess(ticks() - before, 20)

    @harness.needs("socat")
    def test_pty_with_socat(self):
        link = self.folder / "at"
        self.espat("--pty", link, "--echo", "off", stdout=subprocess.DEVNULL)
        self.opened(harness.AtPort.tty(link)).synchronize().close()
        for _ in range(3):
            done = subprocess.run(["socat", "-t2", "-", f"{link},rawer"], input=b"AT\r\n",
                                  check=True, capture_output=True, timeout=harness.GIVE_UP_S)
            self.assertEqual(done.stdout, b"\r\nOK\r\n")


@unittest.skipIf(os.geteuid() != 0, "a network namespace of its own needs root")
@harness.needs("ip")
class Vanished(harness.Case):
    """MCUs whose cable is cut, and one that only does not read. The kernel's probes take the 25 s that
    README.md says, so this test does too."""

    def setUp(self):
        super().setUp()
        self.net = test_groups.Namespaces(self)
        self.number = harness.free_port()
        self.module = self.start("ip", "netns", "exec", self.net.module, harness.ESPAT,
                                 "--count", 3, "--listen", f"0.0.0.0:{self.number}",
                                 "--listen-public", "--join", "lab", "--log", "debug")

    def mcu(self, index, name, host, receive_bytes=None):
        def attempt():
            peer = socket.socket()
            if receive_bytes:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            if peer.connect_ex((host, self.number + index)) == 0:
                return peer
            peer.close()
        with self.net.inside(name):
            peer = harness.wait_until(attempt, f"module {index} to listen")
        return self.opened(harness.AtPort(peer.fileno(), owner=peer)).synchronize()

    def test_vanished_mcus_free_their_ports(self):
        here, there = self.net.names
        halted = self.mcu(2, here, "127.0.0.1", receive_bytes=4096)
        halted.write(b"AT+CMD?\r\n" * 100)  # more than fits: its window closes, and stays so
        self.mcu(0, there, "10.77.0.1")
        busy = self.mcu(1, there, "10.77.0.1")
        with self.net.inside(here):
            server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        harness.wait_until(lambda: busy.query("AT+CWSTATE?").endswith(b'+CWSTATE:2,"lab"\r\n'),
                           "the station to join")
        busy.write(b'AT+CIPSTART="TCP","127.0.0.1",%d\r\n' % server.getsockname()[1])
        busy.take_until(b"CONNECT\r\n\r\nOK\r\n")
        client, _ = server.accept()
        self.addCleanup(client.close)
        test_groups.ip("-n", there, "link", "set", "cable", "down")
        client.sendall(b"news")  # that nobody acknowledges
        for index in (0, 1):
            harness.wait_until(lambda index=index: f"module {index}: AT port: 10.77.0.2" in "".join(
                line for line in self.module.log_text().splitlines() if "has left" in line),
                f"module {index} to be free")
            self.mcu(index, here, "127.0.0.1").command("AT")
        halted.write(b"AT\r\n")
        for _ in range(101):
            halted.take_until(b"\r\nOK\r\n")


def speeds(fd):
    """Input and output rate of a line in bits per second, also where there is no B constant."""
    tcgets2, layout = 0x802C542A, "4IB19s2I"
    line = fcntl.ioctl(fd, tcgets2, bytes(struct.calcsize(layout)))
    return struct.unpack(layout, line)[-2:]


class Serial(harness.Case):
    def setUp(self):
        super().setUp()
        self.mcu, self.device = pty.openpty()
        harness.make_raw(self.device)
        self.addCleanup(os.close, self.device)
        self.module = self.espat("--serial", os.ttyname(self.device))
        self.port = self.opened(harness.AtPort(self.mcu)).synchronize()

    def test_default_line(self):
        self.assertEqual(speeds(self.device), (115200, 115200))
        self.assertEqual(self.port.query("AT+UART_CUR?"), b"+UART_CUR:115201,8,1,0,1\r\n")

    def test_uart_cur_changes_the_line(self):
        self.port.command("AT+UART_CUR=9600,8,1,0,0")
        harness.wait_until(lambda: speeds(self.device) == (9600, 9600), "9600 baud")
        self.assertEqual(self.port.query("AT+UART_CUR?"), b"+UART_CUR:9600,8,1,0,0\r\n")
        self.port.command("AT+UART_CUR=74880,8,3,0,0")
        harness.wait_until(lambda: speeds(self.device) == (74880, 74880), "74880 baud")
        self.assertTrue(termios.tcgetattr(self.device)[2] & termios.CSTOPB)

    def test_baud_on_the_command_line(self):
        master, device = pty.openpty()
        self.addCleanup(os.close, device)
        self.espat("--serial", f"{os.ttyname(device)},19200")
        self.opened(harness.AtPort(master)).synchronize()
        self.assertEqual(speeds(device), (19200, 19200))


if __name__ == "__main__":
    unittest.main()
