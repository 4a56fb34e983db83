"""Many modules in one process."""

import resource
import socket
import subprocess
import unittest

import harness
import servers

COUNT = 1000


def free_range(count):
    """The first port of `count` on which nobody listens, below those of free_port."""
    for first in range(12000, harness.PORTS.start - count, count):
        if not any(harness.has_listener(port) for port in range(first, first + count, 50)):
            return first
    raise AssertionError("no free range of ports")


class Fleet(harness.Case):
    def setUp(self):
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))

    def test_a_thousand_answer(self):
        first = free_range(COUNT)
        module = self.espat("--count", COUNT, "--listen", f"127.0.0.1:{first}", "--echo", "off")
        ports = [self.opened(harness.AtPort.tcp("127.0.0.1", first + i)) for i in range(COUNT)]
        for port in ports:
            port.synchronize()
        for port in ports:
            port.write(b"AT\r\n")
        for port in ports:
            port.expect(b"\r\nOK\r\n")
        self.assertEqual(module.stop(), 0)

    def test_modules_have_their_own_state_address_and_flash(self):
        link = self.folder / "at{id}"
        self.espat("--count", 3, "--pty", link, "--flash", self.folder / "flash{id}",
                   "--station-ip", "127.0.1.{id}", "--join", "espat", stdout=subprocess.DEVNULL)
        ports = [self.opened(harness.AtPort.tty(self.folder / f"at{i}")) for i in range(3)]
        macs = set()
        for i, port in enumerate(ports):
            port.synchronize()
            harness.wait_until(lambda port=port: b"+CWSTATE:2" in port.query("AT+CWSTATE?"),
                               "the station to join")
            self.assertIn(b'STAIP,"127.0.1.%d"' % i, shown := port.query("AT+CIFSR"))
            macs.add(shown.split(b"STAMAC,")[1])
            port.command(f"AT+CWRECONNCFG={i + 1},{i + 1}")
            self.assertTrue((self.folder / f"flash{i}" / "nvs.sqlite").exists())
        self.assertEqual(len(macs), 3)
        for i, port in enumerate(ports):
            self.assertEqual(port.query("AT+CWRECONNCFG?"),
                             b"+CWRECONNCFG:%d,%d\r\n" % (i + 1, i + 1))

    def test_no_module_reaches_the_at_port_of_another(self):
        """Or what the operator forbids, on any way, however it is written."""
        denied = servers.UdpPeer(self, "127.0.0.9")
        tcp = self.opened(socket.create_server(("127.0.0.9", 0)))
        first = free_range(50)
        module = self.espat("--count", 2, "--listen", f"127.0.0.1:{first}", "--echo", "off",
                            "--deny", "127.0.0.9", "--join", "espat")
        port, _ = [self.opened(harness.AtPort.tcp("127.0.0.1", first + i)) for i in range(2)]
        port.synchronize()
        harness.wait_until(lambda: b"+CWSTATE:2" in port.query("AT+CWSTATE?"), "the station to join")
        port.command("AT+CIPV6=1")
        port.write(b'AT+CWJAP="espat","password"\r\n')
        port.take_until(b"WIFI GOT IPv6 GL\r\n")
        for kind, host, number in (("TCP", "127.0.0.1", first + 1), ("TCP", "127.0.0.1", first),
                                   ("TCP", "0.0.0.0", first + 1), ("SSL", "127.0.0.1", first + 1),
                                   ("TCPv6", "::ffff:127.0.0.1", first + 1),
                                   ("TCP", "127.0.0.9", tcp.getsockname()[1]),
                                   ("TCP", "169.254.169.254", 80)):
            port.write(b'AT+CIPSTART="%s","%s",%d\r\n' % (kind.encode(), host.encode(), number))
            port.expect(b"\r\nERROR\r\nCLOSED\r\n")
        port.command("AT+PING=\"127.0.0.9\"", b"+PING:TIMEOUT\r\n\r\nERROR\r\n")
        # UDP knows no refusal: what is sent is lost.
        port.command(f'AT+CIPSTART="UDP","127.0.0.9",{denied.port}', b"CONNECT\r\n\r\nOK\r\n")
        port.send(b"lost")
        denied.silent()
        log = module.log_text()
        self.assertIn(f"link 0: 127.0.0.1:{first + 1} is refused: it is a port of espat's own", log)
        self.assertIn("is refused: --deny 127.0.0.9/32", log)
        self.assertIn("is refused: it is a metadata service", log)
        self.assertRegex(log, r"\d+ descriptors carry \d+ modules")


if __name__ == "__main__":
    unittest.main()
