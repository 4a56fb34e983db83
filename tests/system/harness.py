"""What the system tests share: the program, its AT port, counterparts, and waiting for things.

Everything runs on loopback, is started by this process and is ended by process id. A time-out only
says when to give up; no test sleeps in order to be in step with a program.
"""

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time
import tty
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
ESPAT = os.environ.get("ESPAT", str(TOP / "build/release/espat"))
SANITIZED = os.environ.get("ESPAT_SANITIZE", "") != ""

GIVE_UP_S = 30 if not SANITIZED else 90
POLL_S = 0.005


class TimedOut(AssertionError):
    """Something awaited did not come. Says what there was instead."""


def wait_until(condition, what, give_up_s=GIVE_UP_S):
    """Asks `condition` until it returns something true, and returns that."""
    end = time.monotonic() + give_up_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise TimedOut(f"gave up waiting: {what}")
        time.sleep(POLL_S)


# Ports that no test takes from another: below those that the kernel gives to whoever asks for any,
# and each with a lock that this process holds as long as it lives.
PORTS = range(22000, 32000)
PORT_LOCKS = pathlib.Path(tempfile.gettempdir(), f"espat-ports-{os.getuid()}")
held_ports = {}


def free_port(family=socket.AF_INET, kind=socket.SOCK_STREAM):
    """A port that nobody has and no other test gets: of TCP, or of UDP for SOCK_DGRAM."""
    PORT_LOCKS.mkdir(exist_ok=True)
    first = os.getpid() * 37 % len(PORTS)
    for number in (*PORTS[first:], *PORTS[:first]):
        if number in held_ports:
            continue
        lock = os.open(PORT_LOCKS / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket(family, kind) as probe:
                probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", number))
        except OSError:
            os.close(lock)
            continue
        held_ports[number] = lock
        return number
    raise AssertionError("every port is taken")


def has_listener(port):
    """True if a TCP socket of this host listens on the port; connects to nobody."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def has_udp_socket(address, port):
    """True if somebody has this UDP port of an IPv4 address; binds nothing, or it would be in the way
    of whoever is about to."""
    wanted = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    lines = pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1] == wanted for line in lines)


class AtPort:
    """The MCU's end of an AT port: a file descriptor that is a socket, a tty or a pipe pair."""

    def __init__(self, read_fd, write_fd=None, owner=None):
        self.read_fd = read_fd
        self.write_fd = read_fd if write_fd is None else write_fd
        self.owner = owner  # keeps a socket object alive
        self.pending = bytearray()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self.write_fd, False)

    @classmethod
    def tcp(cls, host, port):
        def attempt():
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection((host, port), timeout=GIVE_UP_S)
        peer = wait_until(attempt, f"a listener on {host}:{port}")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(peer.fileno(), owner=peer)

    @classmethod
    def unix(cls, path):
        def attempt():
            peer = socket.socket(socket.AF_UNIX)
            if peer.connect_ex(str(path)) == 0:
                return peer
            peer.close()
        peer = wait_until(attempt, f"a listener on {path}")
        return cls(peer.fileno(), owner=peer)

    @classmethod
    def tty(cls, path):
        """Opens the slave as a driver would that trusts the program to have made it raw."""
        wait_until(lambda: os.path.exists(path), f"{path} to exist")
        return cls(os.open(path, os.O_RDWR | os.O_NOCTTY))

    def close(self):
        if self.owner is not None:
            self.owner.close()
            return
        for fd in {self.read_fd, self.write_fd}:
            os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ready(self, event, timeout_s):
        """Waits until the port can be read or written. Returns whether it can."""
        with selectors.DefaultSelector() as selector:
            fd = self.read_fd if event == selectors.EVENT_READ else self.write_fd
            selector.register(fd, event)
            return bool(selector.select(max(0, timeout_s)))

    def receive(self, timeout_s):
        """Reads what there is, waiting for the first byte. Returns whether any came."""
        if not self.ready(selectors.EVENT_READ, timeout_s):
            return False
        try:
            data = os.read(self.read_fd, 65536)
        except BlockingIOError:
            return False
        if not data:
            raise EOFError(f"the AT port was closed; before that: {bytes(self.pending[-200:])!r}")
        self.pending += data
        return True

    def write(self, data, give_up_s=GIVE_UP_S):
        """Writes everything; gives up if the module takes nothing for too long."""
        view = memoryview(data)
        while view:
            if not self.ready(selectors.EVENT_WRITE, give_up_s):
                raise TimedOut(f"the module takes no bytes; {len(view)} are left")
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self.write_fd, view):]

    def write_some(self, data):
        """Writes what fits at once. Returns how many bytes that were."""
        try:
            return os.write(self.write_fd, data)
        except BlockingIOError:
            return 0

    def need(self, count, give_up_s=GIVE_UP_S):
        end = time.monotonic() + give_up_s
        while len(self.pending) < count:
            if not self.receive(end - time.monotonic()) and time.monotonic() > end:
                raise TimedOut(f"wanted {count} bytes, have {len(self.pending)}: "
                               f"{bytes(self.pending[:300])!r}")

    def take(self, count, give_up_s=GIVE_UP_S):
        """The next `count` bytes."""
        self.need(count, give_up_s)
        data = bytes(self.pending[:count])
        del self.pending[:count]
        return data

    def take_until(self, marker, give_up_s=GIVE_UP_S):
        """Everything up to the end of the first `marker`."""
        end = time.monotonic() + give_up_s
        searched = 0
        while (at := self.pending.find(marker, searched)) < 0:
            searched = max(0, len(self.pending) - len(marker) + 1)
            if not self.receive(end - time.monotonic()) and time.monotonic() > end:
                raise TimedOut(f"wanted {marker!r}, have {bytes(self.pending[-300:])!r}")
        return self.take(at + len(marker))

    def expect(self, expected, give_up_s=GIVE_UP_S):
        """The next bytes must be these, byte for byte."""
        end = time.monotonic() + give_up_s
        while len(self.pending) < len(expected) and expected.startswith(self.pending):
            if not self.receive(end - time.monotonic()) and time.monotonic() > end:
                break
        if not self.pending.startswith(expected):
            raise AssertionError(f"wanted {expected!r}, got {bytes(self.pending[:300])!r}")
        del self.pending[:len(expected)]

    def silent(self):
        """Nothing has been received that was not asked for."""
        if self.pending:
            raise AssertionError(f"unexpected: {bytes(self.pending)!r}")

    def command(self, line, reply=b"\r\nOK\r\n", give_up_s=GIVE_UP_S):
        """Sends a line (echo is off) and expects exactly this reply."""
        self.write(line.encode() + b"\r\n")
        self.expect(reply, give_up_s)

    def query(self, line, give_up_s=GIVE_UP_S):
        """Sends a line (echo is off) and returns what stands before its OK."""
        self.write(line.encode() + b"\r\n")
        return self.take_until(b"\r\nOK\r\n", give_up_s)[:-len(b"\r\nOK\r\n")]

    def stays_silent(self, seconds):
        """Nothing comes for so long. It is how the MCU pauses, too."""
        self.receive(seconds)
        self.silent()

    def send(self, payload, link=None, to=None):
        """One CIPSEND, from the command to SEND OK; `to` is a host and a port."""
        head = "" if link is None else f"{link},"
        tail = "" if to is None else f',"{to[0]}",{to[1]}'
        self.command(f"AT+CIPSEND={head}{len(payload)}{tail}", b"\r\nOK\r\n\r\n>")
        self.write(payload)
        self.expect(b"\r\nRecv %d bytes\r\n\r\nSEND OK\r\n" % len(payload))

    def expect_ipd(self, payload, link=None):
        """The next bytes must be this, received in active mode without CIPDINFO."""
        head = b"" if link is None else b"%d," % link
        self.expect(b"\r\n+IPD,%s%d:%s\r\n" % (head, len(payload), payload))

    def synchronize(self):
        """Gets in step with a module of which nothing is known, and switches its echo off.

        What it printed before somebody listened is lost or not, so a first AT may have to be sent
        again; the answer to the query ends whatever else was still on its way.
        """
        def answered():
            self.write(b"AT\r\n")
            with contextlib.suppress(TimedOut):
                return self.take_until(b"OK\r\n", 0.5)
        wait_until(answered, "an answer to AT")
        self.write(b"ATE0\r\nAT+SYSLOG?\r\n")
        self.take_until(b"+SYSLOG:0\r\n\r\nOK\r\n")
        return self


class Program:
    """A process of ours: ended by stop(), its log in a file."""

    def __init__(self, command, **options):
        self.command = [str(word) for word in command]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, **({"stderr": self.log} | options))

    @property
    def pid(self):
        return self.process.pid

    def log_bytes(self):
        # Not by reading from the front: the program writes where this file stands.
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0)

    def log_text(self):
        return self.log_bytes().decode(errors="replace")

    def running(self):
        return self.process.poll() is None

    def wait(self, give_up_s=GIVE_UP_S):
        return self.process.wait(give_up_s)

    def kill(self):
        self.process.kill()
        return self.wait()

    def stop(self):
        """Asks the process to end, and returns its exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not stop:\n{self.log_text()}") from None

    def close(self):
        """Releases what is left of a process that has ended."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr, self.log):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def memory_kb(self, field="VmRSS"):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1))


class Case(unittest.TestCase):
    """A test with a temporary folder, whose programs end with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="espat-"))
        os.chmod(self.folder, 0o755)  # nginx's workers are not root
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, *command, **options):
        program = Program(command, **options)
        self.addCleanup(self.end, program)
        return program

    def end(self, program):
        """Ends a program if the test has not. One that crashed fails the test."""
        status = program.stop() if program.running() else program.wait()
        text = program.log_text()
        program.close()
        killed_by = -status if status < 0 else 0
        if killed_by not in (0, signal.SIGKILL) or "Sanitizer" in text or "runtime error" in text:
            self.fail(f"{program.command} exited with {status}:\n{text}")

    def espat(self, *options, **popen):
        return self.start(ESPAT, *options, **popen)

    def espat_listening(self, *options):
        """A module on a free TCP port. Returns it and the MCU's end, in step and without echo."""
        port = free_port()
        module = self.espat("--listen", f"127.0.0.1:{port}", *options)
        return module, self.opened(AtPort.tcp("127.0.0.1", port)).synchronize()

    def opened(self, port):
        """Closes an AT port at the end of the test, unless the test did."""
        def close():
            with contextlib.suppress(OSError):
                port.close()
        self.addCleanup(close)
        return port

    def run_espat(self, *options, give_up_s=GIVE_UP_S, **popen):
        """Runs the program to its end. Returns its exit status, output and log."""
        done = subprocess.run([ESPAT, *map(str, options)], capture_output=True, timeout=give_up_s,
                              check=False, **({"stdin": subprocess.DEVNULL} | popen))
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def join(port):
    """Joins the station to the network that accepts everything."""
    port.command("AT+CWMODE=1")
    port.command('AT+CWJAP="espat","password"',
                 b"WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")


def prepare(port, *lines):
    """Commands that set a joined module up; with CIPV6=1 it joins again, for its address."""
    for line in lines:
        port.command(line)
        if line == "AT+CIPV6=1":
            port.write(b"AT+CWJAP\r\n")
            port.take_until(b"WIFI GOT IPv6 GL\r\n")


def make_raw(fd):
    tty.setraw(fd, termios.TCSANOW)


def needs(*programs):
    """Skips a test on a host without a counterpart that it talks to."""
    missing = [name for name in programs if find_program(name) is None]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def bind_error(address, port, kind=socket.SOCK_DGRAM):
    """Why a port cannot be bound, or None if it can."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError as error:
            return errno.errorcode[error.errno]
    return None
