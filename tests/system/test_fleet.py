"""Many modules in one process."""

import resource
import subprocess
import unittest

import harness

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


if __name__ == "__main__":
    unittest.main()
