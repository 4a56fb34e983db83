"""Counterparts that speak TLS: openssl s_server and s_client, nginx, and a CA of the test."""

import atexit
import functools
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

import harness
import servers

OPENSSL = "openssl"
HOST = "127.0.0.1"
QUIET_S = 1.0  # how long nothing must move to be called stopped
CHUNK = 65536
PACKET = 2048  # the longest CIPSEND
GROWTH_MAX_KB = 4096  # of the module, while so much waits

REQUEST = """
[req]
distinguished_name = subject
x509_extensions = extensions
prompt = no
[subject]
CN = {name}
[extensions]
subjectKeyIdentifier = hash
{extensions}
"""
CA_EXTENSIONS = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign"
LEAF_EXTENSIONS = "basicConstraints = critical,CA:FALSE\nsubjectAltName = {names}"
DAYS = 30


def flow_bytes():
    """More than the host's own buffers on the way can hold, whatever they are set to."""
    limits = [pathlib.Path(f"/proc/sys/net/ipv4/tcp_{way}mem").read_text() for way in "rw"]
    return max(20_000_000, sum(int(limit.split()[2]) for limit in limits) + 4_000_000)


class Identity:
    """A certificate and its key, as files."""

    def __init__(self, folder, name, extensions, signer=None):
        self.name = name
        stem = folder / name.replace(" ", "_")
        self.certificate, self.key = stem.with_suffix(".crt"), stem.with_suffix(".key")
        request = stem.with_suffix(".conf")
        request.write_text(REQUEST.format(name=name, extensions=extensions))
        signed = [] if signer is None else ["-CA", signer.certificate, "-CAkey", signer.key]
        subprocess.run([OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", str(DAYS), "-config", request,
                        "-keyout", self.key, "-out", self.certificate, *signed],
                       check=True, capture_output=True, timeout=harness.GIVE_UP_S)

    @property
    def arguments(self):
        """How the programs of openssl are told to use it."""
        return ["-cert", self.certificate, "-key", self.key]


class Authority:
    """A CA, what it signs, and a folder that goes with the process."""

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="espat-ca-"))
        atexit.register(shutil.rmtree, self.folder)
        self.identity = Identity(self.folder, name, CA_EXTENSIONS)

    @property
    def certificate(self):
        return self.identity.certificate

    @functools.cache
    def issue(self, name, names="DNS:localhost,IP:127.0.0.1,IP:::1"):
        return Identity(self.folder, name, LEAF_EXTENSIONS.format(names=names), self.identity)


@functools.cache
def authority(name="espat test CA"):
    return Authority(name)


def other_authority():
    """One that nobody trusts."""
    return authority("some other CA")


class Piped:
    """A program whose standard output is what its peer sends, and whose input goes to the peer."""

    def __init__(self, case, *command):
        # Unbuffered, so that what it tells can be waited for.
        self.program = case.start("stdbuf", "-o0", OPENSSL, *command, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        case.addCleanup(self.kill)  # openssl does not end by itself
        process = self.program.process
        self.pipe = harness.AtPort(process.stdout.fileno(), process.stdin.fileno())

    def send(self, data):
        self.pipe.write(data)

    def expect(self, data):
        self.pipe.expect(data)

    def take(self, count):
        return self.pipe.take(count)

    def shows(self, text):
        """Waits until the program has printed this. Returns what it printed up to there."""
        return self.pipe.take_until(text.encode()).decode(errors="replace")

    def kill(self):
        if self.program.running():
            self.program.kill()

    def send_until_stopped(self, data, quiet_s=QUIET_S):
        """Sends until nothing has been taken for so long. Returns how many bytes were."""
        view, sent, moved = memoryview(data), 0, time.monotonic()
        while sent < len(view) and time.monotonic() - moved < quiet_s:
            count = self.pipe.write_some(view[sent:sent + CHUNK])
            if count:
                sent, moved = sent + count, time.monotonic()
            else:
                time.sleep(harness.POLL_S)
        return sent


class SServer(Piped):
    """openssl s_server on a port of its own, with a certificate for localhost unless told not to.

    Quiet it is a plain pipe. Else it tells what it sees, and a line that begins with a letter may
    be a command: q closes the connection, r asks for a new handshake, K for new keys.
    """

    def __init__(self, case, *arguments, quiet=True, identity=None, certificate=True):
        self.port = harness.free_port()
        identity = identity or authority().issue("localhost")
        super().__init__(case, "s_server", "-accept", f"{HOST}:{self.port}",
                         *(identity.arguments if certificate else ["-nocert"]),
                         *(["-quiet"] if quiet else []), *arguments)
        harness.wait_until(lambda: harness.has_listener(self.port), "s_server to listen")


class SClient(Piped):
    """openssl s_client that is a plain pipe; `identity` is what it shows if it is asked."""

    def __init__(self, case, port, *arguments, identity=None, host=HOST):
        shown = f"[{host}]" if ":" in host else host
        super().__init__(case, "s_client", "-quiet", "-connect", f"{shown}:{port}",
                         *(identity.arguments if identity else []), *arguments)

    def ended(self):
        """Waits until the connection is no more. Returns the program's exit status."""
        return self.program.wait()


def nginx(case, name="localhost", versions="TLSv1.2 TLSv1.3"):
    """An nginx that speaks TLS."""
    identity = authority().issue("localhost")
    return servers.Nginx(case, name, " ssl", f"ssl_protocols {versions};"
                         f" ssl_certificate {identity.certificate};"
                         f" ssl_certificate_key {identity.key};")


class TlsCase(harness.Case):
    """A module with key material of the test's choice."""

    def setUp(self):
        super().setUp()
        self.pki = self.folder / "flash" / "pki"

    def put(self, **files):
        """Files for pki/, as client_ca_00=PATH; the factory's are then not made."""
        self.pki.mkdir(parents=True, exist_ok=True)
        for name, path in files.items():
            suffix = ".key" if "_key" in name else ".crt"
            shutil.copy(path, self.pki / (name + suffix))

    def joined(self, *options, before=()):
        """A module with this test's flash. Returns it and the MCU's end."""
        module, port = self.espat_listening("--flash", self.folder / "flash", *options)
        harness.join(port)
        harness.prepare(port, *before)
        return module, port

    def assert_flat(self, module, before_kb):
        """The module's memory has not grown by what nobody has read."""
        if not harness.SANITIZED:
            self.assertLess(module.memory_kb() - before_kb, GROWTH_MAX_KB)

    def logged(self, module, *words):
        """Waits for a line of the log with all of these words."""
        harness.wait_until(lambda: any(all(word in line for word in words)
                                       for line in module.log_text().splitlines()),
                           f"{words} in the log:\n{module.log_text()}")


def connect(port, number, link=None, kind="SSL", host=HOST, extra=""):
    """Opens a link to a server."""
    head, told = begin(link)
    port.command(f'AT+CIPSTART={head}"{kind}","{host}",{number}{extra}',
                 told + b"CONNECT\r\n\r\nOK\r\n")


def is_refused(port, number, link=None, kind="SSL", host=HOST):
    """Tries to open a link, in vain."""
    head, told = begin(link)
    port.command(f'AT+CIPSTART={head}"{kind}","{host}",{number}',
                 b"\r\nERROR\r\n" + told + b"CLOSED\r\n")


def begin(link):
    """What stands before a link's own words: in a command, and in what the module says."""
    return ("", b"") if link is None else (f"{link},", b"%d," % link)


def random_bytes(count, seed=1):
    return random.Random(seed).randbytes(count)


def set_clock(port, seconds=None):
    """Sets the module's clock, to now unless told otherwise."""
    port.command(f"AT+SYSTIMESTAMP={int(time.time()) if seconds is None else int(seconds)}")


def slow_mcu(case, port, peer, data, head, when_stopped):
    """A peer sends all it has while the MCU does not read, until it is stopped; then the MCU does.

    Returns what the MCU got; `head` begins each of its +IPD.
    """
    sent = peer.send_until_stopped(data)
    case.assertLess(sent, len(data), "the module took what nobody reads")
    when_stopped()
    rest, received = memoryview(data)[sent:], bytearray()
    while len(received) < len(data):
        rest = rest[peer.pipe.write_some(rest[:CHUNK]):] if rest else rest
        if port.pending or port.receive(harness.POLL_S):
            port.expect(head)
            received += port.take(int(port.take_until(b":")[:-1]))
            port.expect(b"\r\n")
    return received


def slow_peer(case, port, peer, data, arguments, when_stopped):
    """The MCU sends packets to a peer that does not read until SEND OK is withheld; then it does.

    Returns what the peer got, and how many bytes of `data` were sent.
    """
    def send(part):
        port.command(f"AT+CIPSEND={arguments}", b"\r\nOK\r\n\r\n>")
        port.write(part)
        port.expect(b"\r\nRecv %d bytes\r\n" % len(part))

    sent = 0
    while True:
        case.assertLess(sent, len(data) - 101 * PACKET, "a peer that reads nothing took it all")
        send(data[sent:sent + PACKET])
        sent += PACKET
        if not port.pending and not port.receive(QUIET_S):
            break
        port.expect(b"\r\nSEND OK\r\n")
    port.command("AT", b"\r\nbusy p...\r\n")
    when_stopped()
    def told():
        peer.pipe.receive(0)
        return port.receive(0)

    harness.wait_until(told, "SEND OK")
    port.expect(b"\r\nSEND OK\r\n")
    received = peer.take(sent)
    for _ in range(100):
        send(data[sent:sent + PACKET])
        port.expect(b"\r\nSEND OK\r\n")
        sent += PACKET
        received += peer.take(PACKET)
    return received, sent
