"""Settings survive a restart, and SIGKILL at any instant; damage and sharing are refused."""

import os
import random
import re
import resource
import shutil
import subprocess
import threading
import unittest

import harness

ROUNDS = 20
DELAY_MAX_S = 0.15


class Flash(harness.Case):
    def setUp(self):
        super().setUp()
        self.flash = self.folder / "flash"

    def stdio(self):
        """A module on this flash, on its standard input and output, in step."""
        module = self.espat("--stdio", "--flash", self.flash, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
        port = harness.AtPort(module.process.stdout.fileno(), module.process.stdin.fileno())
        return module, port.synchronize()

    def test_settings_survive_a_restart(self):
        settings = {
            "AT+CWMODE": b"3",
            "AT+CWRECONNCFG": b"7,11",
            "AT+CIPDNS": b'1,"127.0.0.7","127.0.0.8","127.0.0.9"',
            "AT+CIPSTAMAC": b'"1a:fe:35:98:d3:7b"',
        }
        module, port = self.stdio()
        for name, value in settings.items():
            port.command(f"{name}={value.decode()}")
        port.command("AT+SYSSTORE=0")
        port.command("AT+CWMODE=1")
        self.assertEqual(module.stop(), 0)
        module, port = self.stdio()
        for name, value in settings.items():
            self.assertEqual(port.query(name + "?"), name[2:].encode() + b":" + value + b"\r\n")
        self.assertEqual(module.stop(), 0)

    def test_restore_forgets_everything(self):
        module, port = self.stdio()
        port.command("AT+CWRECONNCFG=7,11")
        port.write(b"AT+RESTORE\r\n")
        port.take_until(b"\r\nready\r\n")
        port.synchronize()
        self.assertEqual(port.query("AT+CWRECONNCFG?"), b"+CWRECONNCFG:0,0\r\n")
        module.stop()
        module, port = self.stdio()
        self.assertEqual(port.query("AT+CWRECONNCFG?"), b"+CWRECONNCFG:0,0\r\n")
        module.stop()

    def test_without_flash_a_restart_forgets(self):
        for _ in range(2):
            module, port = self.espat_listening()
            self.assertEqual(port.query("AT+CWRECONNCFG?"), b"+CWRECONNCFG:0,0\r\n")
            port.command("AT+CWRECONNCFG=7,11")
            self.assertEqual(module.stop(), 0)

    def test_killed_at_any_instant(self):
        seed = int(os.environ.get("ESPAT_SEED", "2021"))
        instants = random.Random(seed)
        acknowledged, asked = 0, 0
        for number in range(ROUNDS):
            with self.subTest(seed=seed, round=number):
                module, port = self.stdio()
                stored = re.fullmatch(rb"\+CWRECONNCFG:(\d+),(\d+)\r\n",
                                      port.query("AT+CWRECONNCFG?"))
                self.assertIsNotNone(stored)
                value = int(stored[1])
                self.assertEqual(int(stored[2]), value, "half of a command was stored")
                self.assertIn(value, (acknowledged, asked), "an acknowledged value is lost")
                acknowledged = asked = value
                killer = threading.Timer(instants.uniform(0, DELAY_MAX_S), module.process.kill)
                killer.start()
                try:
                    while True:
                        asked = 1 + acknowledged % 1000
                        port.command(f"AT+CWRECONNCFG={asked},{asked}")
                        acknowledged = asked
                except (EOFError, BrokenPipeError):
                    pass
                killer.join()
                module.wait()
                self.assertFalse(port.pending.startswith(b"\r\nERROR"))
        self.assertGreater(acknowledged, 0, "nothing was ever stored")

    def test_faults_of_the_host(self):
        def close_standard_descriptors():
            for fd in range(3):
                os.close(fd)
        number = harness.free_port()
        trace = self.folder / "trace"
        module = self.espat("--listen", f"127.0.0.1:{number}", "--flash", self.flash, "--trace",
                            trace, preexec_fn=close_standard_descriptors)
        port = self.opened(harness.AtPort.tcp("127.0.0.1", number)).synchronize()
        port.command("AT+CWRECONNCFG=7,11")
        for fd in range(3):  # where the database might have been, and the log within it
            self.assertEqual(os.readlink(f"/proc/{module.pid}/fd/{fd}"), "/dev/null")
        # Files that may not grow.
        limits = resource.prlimit(module.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(module.pid, resource.RLIMIT_FSIZE, (100, limits[1]))
        port.command("AT+CWRECONNCFG=8,11", b"\r\nERROR\r\n")
        resource.prlimit(module.pid, resource.RLIMIT_FSIZE, limits)
        port.command("AT+CWRECONNCFG=9,11")
        self.assertRegex(trace.read_text(), r"(?m)^\d+\.\d{6} -- \d+ lines are missing here: ")
        # A directory that is not there any more.
        shutil.rmtree(self.flash)
        for _ in range(2):
            port.command("AT+CWRECONNCFG=10,11", b"\r\nERROR\r\n")
        self.assertFalse(self.flash.exists())
        self.assertEqual(module.stop(), 0)

    def test_it_is_for_its_owner_alone(self):
        """Also one that was made before, with another mask, by an older espat."""
        module, port = self.stdio()
        port.command("AT+CWMODE=3")
        self.assertEqual(module.stop(), 0)
        (self.flash / "ota_1.bin").touch()
        (self.flash / "partition").mkdir()
        (self.flash / "partition" / "mqtt_ca.bin").touch()
        for path in (self.flash, *self.flash.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for _ in range(2):
            module, port = self.stdio()
            port.command("AT+CWMODE=1")
            paths = (self.flash, *self.flash.rglob("*"))
            self.assertIn(self.flash / "nvs.sqlite-wal", paths)
            for path in paths:
                self.assertEqual(path.stat().st_mode & 0o7777, 0o700 if path.is_dir() else 0o600, path)
            self.assertEqual(module.stop(), 0)
            shutil.rmtree(self.flash)

    def test_two_processes_do_not_share_a_flash(self):
        self.stdio()
        status, output, log = self.run_espat("--stdio", "--flash", self.flash)
        self.assertEqual(status, 2, log)
        self.assertEqual(output, b"")
        self.assertEqual(len(log.splitlines()), 1, log)
        self.assertIn("--flash", log)
        self.assertIn(str(self.flash), log)

    def test_damaged_flash_is_named(self):
        module, port = self.stdio()
        port.command("AT+CWMODE=3")
        module.stop()
        for name in os.listdir(self.flash):
            if name.startswith("nvs.sqlite"):
                (self.flash / name).write_bytes(os.urandom(8192))
        status, output, log = self.run_espat("--stdio", "--flash", self.flash)
        self.assertIn(status, (1, 2), log)
        self.assertEqual(output, b"")
        self.assertEqual(len(log.splitlines()), 1, log)
        self.assertIn("nvs.sqlite", log)

    def test_flash_that_cannot_be_made_is_named(self):
        blocker = self.folder / "file"
        blocker.write_text("not a folder")
        status, _, log = self.run_espat("--stdio", "--flash", blocker / "flash")
        self.assertIn(status, (1, 2), log)
        self.assertEqual(len(log.splitlines()), 1, log)
        self.assertIn(str(blocker), log)


if __name__ == "__main__":
    unittest.main()
