"""Real counterparts: nginx, dnsmasq, chrony, and a TCP server whose every move the test decides."""

import contextlib
import os
import socket

import harness

NGINX_FRAME = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp;
  fastcgi_temp_path {folder}/tmp; uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
  server {{ {server} }}
}}
"""

NGINX_FILES = """
    listen 127.0.0.1:{port}{flags};
    listen [::1]:{port}{flags};
    server_name {name};
    {settings}
    root {folder}/www;
"""


def start_nginx(case, folder, server, port):
    """Runs an nginx whose files are in `folder` with one server block, until it listens there."""
    (folder / "www").mkdir(parents=True)
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_FRAME.format(folder=folder, server=server))
    case.start(harness.find_program("nginx"), "-p", folder, "-c", conf)
    harness.wait_until(lambda: harness.has_listener(port), "nginx to listen")


class Nginx:
    """Serves files of a temporary folder over IPv4 and IPv6 on one port.

    `flags` are those of nginx's listen, `settings` more lines of its server block.
    """

    def __init__(self, case, name, flags="", settings=""):
        self.port = harness.free_port()
        self.folder = case.folder / f"nginx{self.port}"
        self.name = name
        start_nginx(case, self.folder,
                    NGINX_FILES.format(folder=self.folder, port=self.port, name=name, flags=flags,
                                       settings=settings), self.port)

    def put(self, name, data):
        (self.folder / "www" / name).write_bytes(data)


def own_address(case, port, network=None):
    """A loopback address whose privileged UDP port this test can have; the test is skipped if not.

    One per process and network, so that runs beside each other do not meet.
    """
    pid = os.getpid()
    address = f"127.{network or port}.{pid % 250}.{1 + pid // 250 % 250}"
    error = harness.bind_error(address, port)
    if error:
        case.skipTest(f"UDP port {port} of {address} cannot be bound: {error}")
    return address


CHRONY_CONF = """
bindaddress {address}
port 123
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd-{address}.pid
allow all
{local}
"""


class Chrony:
    """An NTP server on an address of its own: with the host's time, or unsynchronised."""

    def __init__(self, case, network, synchronised=True):
        self.address = own_address(case, 123, network)
        conf = case.folder / f"chrony-{self.address}.conf"
        conf.write_text(CHRONY_CONF.format(address=self.address, folder=case.folder,
                                           local="local stratum 5" if synchronised else ""))
        # -x: it touches no clock.
        case.start(harness.find_program("chronyd"), "-x", "-d", "-u", "root", "-f", conf)
        harness.wait_until(lambda: harness.has_udp_socket(self.address, 123),
                           "chronyd to listen")


class Dnsmasq:
    """A DNS server on port 53 of a loopback address of its own; it knows one name."""

    def __init__(self, case, name, addresses):
        self.address = own_address(case, 53)
        self.program = case.start(
            harness.find_program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null",
            "--no-resolv", "--no-hosts", "--bind-interfaces", "--port=53", "--pid-file=",
            "--user=", "--group=", "--log-queries", "--log-facility=-", "--except-interface=none",
            f"--listen-address={self.address}", f"--host-record={name},{','.join(addresses)}")
        harness.wait_until(lambda: harness.has_udp_socket(self.address, 53),
                           "dnsmasq to listen")

    def queries(self):
        """The log lines of what it was asked."""
        return [line for line in self.program.log_text().splitlines() if ": query[" in line]


class Peer:
    """A TCP server of the test: listens on loopback, takes one connection at a time."""

    def __init__(self, case, receive_buffer=None, send_buffer=None, port=0):
        self.listener = socket.socket()
        case.addCleanup(self.listener.close)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(1)
        self.listener.settimeout(harness.GIVE_UP_S)
        self.port = self.listener.getsockname()[1]
        self.case = case

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(harness.GIVE_UP_S)
        self.case.addCleanup(connection.close)
        return connection


class UdpPeer:
    """A UDP socket of the test, on an address of this host."""

    def __init__(self, case, address="127.0.0.1", port=0):
        self.socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind((address, port))
        self.socket.settimeout(harness.GIVE_UP_S)
        self.address, self.port = self.socket.getsockname()[:2]

    def send(self, data, port, address=None):
        self.socket.sendto(data, (address or self.address, port))

    def receive(self):
        """The next datagram, and the address and port that it came from."""
        data, sender = self.socket.recvfrom(65536)
        return data, sender[:2]

    def expect(self, *datagrams):
        """The next datagrams must be these. Returns who sent the last."""
        sender = None
        for wanted in datagrams:
            data, sender = self.receive()
            if data != wanted:
                raise AssertionError(f"wanted {len(wanted)} bytes {wanted[:60]!r}, "
                                     f"got {len(data)} bytes {data[:60]!r}")
        return sender

    def silent(self):
        """No datagram has come that was not asked for."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            raise AssertionError(f"unexpected: {self.socket.recvfrom(65536)!r}")
        self.socket.settimeout(harness.GIVE_UP_S)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def client(case, port, address="127.0.0.1"):
    """A TCP connection of the test to a server of the module."""
    connection = socket.create_connection((address, port), harness.GIVE_UP_S)
    case.addCleanup(connection.close)
    return connection


def receive(connection, count):
    """The next `count` bytes of a connection; fewer if it ends before."""
    parts, missing = [], count
    while missing and (data := connection.recv(min(missing, 65536))):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


def send_until_stopped(connection, data, quiet_s=1.0):
    """Sends until nothing has been taken for so long. Returns how many bytes were."""
    view, sent = memoryview(data), 0
    connection.settimeout(quiet_s)
    with contextlib.suppress(TimeoutError):
        while sent < len(view):
            sent += connection.send(view[sent:sent + 65536])
    connection.settimeout(harness.GIVE_UP_S)
    return sent
