"""The command line: what it prints, how it ends, and what it refuses."""

import os
import pathlib
import platform
import pwd
import re
import shutil
import signal
import subprocess
import unittest

import harness

# Option and value; each is refused with status 2 and one line that names the option.
REFUSED = [
    ("--listen", "127.0.0.1"),
    ("--listen", "127.0.0.1:65536"),
    ("--listen", "nowhere:80"),
    ("--listen", "127.0.0.1:-1"),
    ("--connect", "127.0.0.1"),
    ("--connect", "127.0.0.1:0"),
    ("--serial", "/nonexistent/tty"),
    ("--serial", "/dev/null,fast"),
    ("--chip", "esp99"),
    ("--echo", "perhaps"),
    ("--join", ""),
    ("--ap", ""),
    ("--station-ip", "1.2.3"),
    ("--station-ip", "::1"),
    ("--station-ip6", "127.0.0.1"),
    ("--softap-ip", "localhost"),
    ("--dns", "dns.example"),
    ("--dns", "127.0.0.1:99999"),
    ("--ota-http", "example"),
    ("--ota-https", "example:0"),
    ("--config", "/nonexistent.toml"),
    ("--count", "0"),
    ("--count", "many"),
    ("--count", "-1"),
    ("--log", "loud"),
    ("--budget", "log-lines"),
    ("--budget", "log-lines=many"),
    ("--budget", "sockets=3"),
    ("--listen", "0.0.0.0:0"),
    ("--listen", "[::]:0"),
    ("--join", "@/nonexistent"),
    ("--ap", "@/dev/zero"),
    ("--ota-token", "@/"),
    ("--user", "no-such-user"),
    ("--user", "root"),
    ("--allow", "10.0.0.0/33"),
    ("--allow", "example.com"),
    ("--deny", "10.0.0.1:0"),
    ("--deny", "[fd00::/8"),
    ("--no-such-option", "1"),
]


class Cli(harness.Case):
    def refused(self, name, *options):
        status, output, log = self.run_espat(*options)
        self.assertEqual(status, 2, log)
        self.assertEqual(output, b"")
        self.assertEqual(len(log.splitlines()), 1, log)
        self.assertIn(name, log)

    def test_help_names_every_option(self):
        status, output, log = self.run_espat("--help")
        self.assertEqual((status, log), (0, ""))
        text = output.decode()
        for option in """--listen --connect --unix --pty --serial --stdio --chip --flash --echo
                --join --ap --station-ip --station-ip6 --softap-ip --dns --ota-http --ota-https
                --ota-token --config --count --budget --trace --log --help --version --listen-public
                --user --tls-max --event-gap""".split():
            self.assertRegex(text, rf"(?m)(^|\s){option}\b")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_version(self):
        status, output, log = self.run_espat("--version")
        self.assertEqual((status, log), (0, ""))
        self.assertRegex(output.decode(), r"^espat \d+\.\d+\.\d+\n$")

    def test_bad_values_are_refused(self):
        for option, value in REFUSED:
            with self.subTest(option=option, value=value, form="two words"):
                self.refused(option, option, value)
            with self.subTest(option=option, value=value, form="equals sign"):
                self.refused(option, f"{option}={value}")

    def test_missing_values_are_refused(self):
        for option in ("--listen", "--connect", "--unix", "--serial", "--chip", "--flash", "--echo",
                       "--join", "--ap", "--station-ip", "--station-ip6", "--softap-ip", "--dns",
                       "--ota-http", "--ota-https", "--ota-token", "--config", "--count", "--budget",
                       "--log", "--user", "--tls-max", "--event-gap"):
            with self.subTest(option=option):
                self.refused(option, option)

    def test_one_at_port_only(self):
        self.refused("--stdio", "--stdio", "--listen", "127.0.0.1:0")

    def test_unexpected_word_is_refused(self):
        self.refused("surprise", "--stdio", "surprise")

    def test_port_that_is_taken(self):
        port = harness.free_port()
        self.espat("--listen", f"127.0.0.1:{port}")
        harness.wait_until(lambda: harness.has_listener(port), "the first module to listen")
        status, _, log = self.run_espat("--listen", f"127.0.0.1:{port}")
        self.assertIn(status, (1, 2), log)
        self.assertEqual(len(log.splitlines()), 1, log)
        self.assertIn(str(port), log)

    def test_config_file(self):
        port = harness.free_port()
        config = self.folder / "espat.toml"
        config.write_text(f'listen = "127.0.0.1:{port}"\necho = "off"\nchip = "esp8266"\n'
                          'ap = ["one,password1", "two"]\n')
        self.espat("--config", config)
        at_port = self.opened(harness.AtPort.tcp("127.0.0.1", port))
        at_port.synchronize()
        at_port.command("AT+CWMODE=1")
        found = at_port.query("AT+CWLAP")
        self.assertEqual(found.count(b"+CWLAP:"), 2, found)
        self.assertIn(b'"one"', found)
        self.assertIn(b'"two"', found)

    def test_command_line_wins_over_the_config_file(self):
        config = self.folder / "espat.toml"
        config.write_text('echo = "on"\n')
        self.assertEqual(self.say(b"AT\r\n", "--config", config, "--echo", "off"),
                         b"\r\nready\r\n\r\nOK\r\n")

    def test_config_file_mistakes_are_refused(self):
        config = self.folder / "espat.toml"
        for text, word in (("listen = \n", "espat.toml"), ('colour = "red"\n', "colour"),
                           ('chip = "esp99"\n', "chip"), ("count = 0\n", "count")):
            with self.subTest(text=text):
                config.write_text(text)
                self.refused(word, "--config", config)

    def say(self, data, *options):
        status, output, log = self.run_espat("--stdio", *options, stdin=None, input=data)
        self.assertEqual(status, 0, log)
        return output

    def test_stdio_answers_before_it_ends(self):
        self.assertEqual(self.say(b"AT\r\n"), b"\r\nready\r\nAT\r\n\r\nOK\r\n")
        self.assertEqual(self.say(b"AT\r\nAT+CIPMUX?\r\n", "--echo", "off"),
                         b"\r\nready\r\n\r\nOK\r\n+CIPMUX:0\r\n\r\nOK\r\n")

    def test_stdio_waits_for_a_command_that_waits(self):
        flash = self.folder / "flash"
        self.say(b"AT+CWMODE=1\r\n", "--flash", flash)
        self.assertEqual(self.say(b'AT+CWJAP="a","password"\r\n', "--echo=off", "--flash", flash),
                         b"\r\nready\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")

    def test_stdio_ends_where_no_answer_will_come(self):
        self.assertEqual(self.say(b"AT+GSLP=0\r\nAT\r\n", "--chip=esp8266", "--echo=off"),
                         b"\r\nready\r\n0\r\n\r\nOK\r\n")
        # Passthrough to a port that is closed, of which more is waiting than the module takes; then
        # without a network.
        flash = self.folder / "flash"
        closed = harness.free_port()
        self.say(b'AT+SAVETRANSLINK=1,"127.0.0.1",%d,"TCP"\r\n' % closed, "--flash", flash)
        for options in (("--join", "home"), ("--join", "home", "--ap", "other"), ()):
            with self.subTest(options=options):
                output = self.say(b"data" * 5000, "--flash", flash, *options)
                self.assertTrue(output.startswith(b"\r\nready\r\n"), output)

    def test_stdio_that_cannot_answer(self):
        with open("/dev/full", "wb") as full:
            reader, closed = os.pipe()
            os.close(reader)
            for output, reason in ((full, "No space left on device"), (closed, "Broken pipe")):
                with self.subTest(reason):
                    done = subprocess.run([harness.ESPAT, "--stdio"], input=b"AT\r\n",
                                          stdout=output, stderr=subprocess.PIPE, check=False,
                                          timeout=harness.GIVE_UP_S)
                    self.assertEqual(done.returncode, 1)
                    self.assertRegex(done.stderr.decode(),
                                     rf"^\S+ error AT port: standard output: {reason}\n$")
            os.close(closed)

    def test_closed_standard_descriptors(self):
        for closed in "0<&-", "1>&-":
            with self.subTest(closed):
                done = subprocess.run(["sh", "-c", f'exec "$0" --stdio {closed}', harness.ESPAT],
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                      timeout=harness.GIVE_UP_S)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertRegex(done.stderr, rb"^espat: --stdio: standard input or output is closed\n$")

    def test_pipe_is_the_default_at_port(self):
        status, output, _ = self.run_espat(stdin=None, input=b"AT\r\n")
        self.assertEqual((status, output), (0, b"\r\nready\r\nAT\r\n\r\nOK\r\n"))

    def test_signals_end_it_with_status_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number.name):
                module, port = self.espat_listening("--flash", self.folder / "flash")
                port.command("AT+CWMODE=1")
                module.process.send_signal(number)
                self.assertEqual(module.wait(), 0)

    def test_trace(self):
        trace = self.folder / "trace.txt"
        trace.touch(0o644)
        self.say(b"AT+CIPMUX?\r\n", "--trace", trace)
        self.assertEqual(trace.stat().st_mode & 0o7777, 0o600)
        lines = trace.read_text().splitlines()
        self.assertTrue(any("AT+CIPMUX?" in line for line in lines), lines)
        self.assertTrue(any("+CIPMUX:0" in line for line in lines), lines)
        self.assertTrue(all(re.search(r"\d\.\d{3}", line) for line in lines), lines)
        status, _, log = self.run_espat("--stdio", "--trace", stdin=None, input=b"AT\r\n")
        self.assertEqual(status, 0)
        self.assertIn("ready", log)

    def test_log_goes_to_stderr_with_the_reason_of_an_error(self):
        status, output, log = self.run_espat("--stdio", "--echo=off", stdin=None,
                                             input=b"AT+CIPSEND=7\r\n")
        self.assertEqual((status, output), (0, b"\r\nready\r\n\r\nERROR\r\n"))
        self.assertIn("link is not valid", log)
        _, _, log = self.run_espat("--stdio", "--log=error", stdin=None,
                                   input=b"AT+CIPSEND=7\r\n")
        self.assertEqual(log, "")

    def test_access_points_and_passwords(self):
        _, port = self.espat_listening("--ap", "home,right password")
        port.command("AT+CWMODE=1")
        port.command('AT+CWJAP="home","wrong password"', b"+CWJAP:2\r\n\r\nERROR\r\n")
        port.command('AT+CWJAP="away","right password"', b"+CWJAP:3\r\n\r\nERROR\r\n")
        port.command('AT+CWJAP="home","right password"',
                     b"WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")

    def test_secrets_do_not_show_on_the_command_line(self):
        secret = self.folder / "secret"
        secret.write_text("third,s3cret\n")
        module, port = self.espat_listening("--join", "lab,s3cret", "--ap=lab,s3cret,channel=1",
                                            "--ap", f"@{secret}", "--ota-token", "s3cret")
        harness.wait_until(lambda: port.query("AT+CWSTATE?").endswith(b'+CWSTATE:2,"lab"\r\n'),
                           "the station to join")
        words = pathlib.Path(f"/proc/{module.pid}/cmdline").read_text().split("\0")[3:-1]
        self.assertEqual(words, ["--join", "lab,******", "--ap=lab,****************",
                                 "--ap", f"@{secret}", "--ota-token", "******"])
        port.command('AT+CWJAP="third","s3cret"',
                     b"WIFI DISCONNECT\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")
        self.assertEqual(module.stop(), 0)
        self.assertNotIn("s3cret", module.log_text())

    def test_nothing_gives_it_more_rights(self):
        module, _ = self.espat_listening()
        self.assertEqual(status_of(module)["NoNewPrivs"], ["1"])

    def test_join_at_boot(self):
        module, port = self.espat_listening("--join", "espat,password")
        harness.wait_until(lambda: port.query("AT+CWSTATE?").endswith(b'+CWSTATE:2,"espat"\r\n'),
                           "the station to join")
        self.assertEqual(module.stop(), 0)


def status_of(module, thread=None):
    """What /proc says of a module, or of one of its threads: words by their name."""
    path = f"/proc/{module.pid}/" + (f"task/{thread}/" if thread else "") + "status"
    return {name: rest.split() for name, _, rest in
            (line.partition(":") for line in pathlib.Path(path).read_text().splitlines())}


@unittest.skipIf(os.geteuid() != 0, "only root can become another user")
class User(harness.Case):
    """--user, as which there is one everywhere: nobody."""

    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam("nobody")
        # Who is no longer root is not traced by itself, as the search for leaks would.
        self.environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}

    def test_root_is_given_up(self):
        path, trace = self.folder / "at", self.folder / "trace"
        (self.folder / "run").mkdir(0o755)
        for flash in (self.folder / "run" / "deep" / "flash",) * 2:
            module = self.espat("--unix", path, "--flash", flash, "--trace", trace,
                                "--user", "nobody", env=self.environment)
            port = self.opened(harness.AtPort.unix(path)).synchronize()
            for thread in os.listdir(f"/proc/{module.pid}/task"):
                status = status_of(module, thread)
                self.assertEqual(status["Uid"], [str(self.user.pw_uid)] * 4)
                self.assertEqual(status["Gid"], [str(self.user.pw_gid)] * 4)
                self.assertNotIn("0", status["Groups"])
                for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                    self.assertEqual(int(status[name][0], 16), 0)
            port.command("AT+CWMODE=3")  # OK means durable
            for each in (path, trace, flash.parent, flash, *flash.rglob("*")):
                self.assertEqual((each.stat().st_uid, each.stat().st_mode & 0o077),
                                 (self.user.pw_uid, 0), each)
            self.assertIn("CWMODE=3", trace.read_text())
            self.assertEqual(module.stop(), 0)
            port.close()
            os.unlink(path)  # in a folder of root's it stays

    def test_a_flash_out_of_reach_is_named(self):
        barred = self.folder / "barred"
        barred.mkdir(0o700)
        status, _, log = self.run_espat("--stdio", "--flash", barred / "flash", "--user", "nobody",
                                        env=self.environment)
        self.assertEqual((status, len(log.splitlines())), (2, 1), log)
        self.assertIn("--user", log)
        self.assertIn(str(barred), log)

    def test_others_than_root_are_refused(self):
        program = shutil.copy(harness.ESPAT, self.folder)
        done = subprocess.run([program, "--stdio", "--user", "nobody"], capture_output=True,
                              user="nobody", group=self.user.pw_gid, extra_groups=[], check=False,
                              cwd=self.folder, stdin=subprocess.DEVNULL, env=self.environment)
        self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
        self.assertEqual(done.stderr.decode().count("\n"), 1)
        self.assertIn(b"--user: only root", done.stderr)


def is_release_build():
    cache = pathlib.Path(os.environ.get("ESPAT_BUILD", harness.TOP / "build/release"), "CMakeCache.txt")
    return cache.exists() and re.search(r"(?m)^CMAKE_BUILD_TYPE:\w+=Release$", cache.read_text())


@unittest.skipUnless(is_release_build(), "debug builds and those with sanitizers are not protected")
@harness.needs("readelf")
class Hardened(unittest.TestCase):
    """What cmake/harden.cmake asks for is in the program."""

    def test_program(self):
        text = subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic",
                               "--dyn-syms", harness.ESPAT], check=True, capture_output=True,
                              timeout=harness.GIVE_UP_S, text=True).stdout
        for pattern in (r"Type:\s+DYN \(Position-Independent Executable", r"GNU_RELRO", r"Flags: .*NOW.*PIE",
                        r"GNU_STACK\s.*\sRW\s", r"__stack_chk_fail@", r"__\w+_chk@"):
            self.assertRegex(text, pattern)
        if platform.machine() == "x86_64":
            self.assertGreater(pathlib.Path(harness.ESPAT).read_bytes().count(b"\xf3\x0f\x1e\xfa"), 1000,
                               "functions begin with endbr64")


class Output(unittest.TestCase):
    def test_closed_stdout_is_no_crash(self):
        done = subprocess.run(f"{harness.ESPAT} --help | head -n 1", shell=True, check=True,
                              capture_output=True, timeout=harness.GIVE_UP_S)
        self.assertNotEqual(done.stdout, b"")
        self.assertEqual(done.stderr, b"")


if __name__ == "__main__":
    unittest.main()
