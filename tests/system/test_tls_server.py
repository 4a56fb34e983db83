"""The SSL server with openssl s_client and curl: certificates, crowds, silence, back-pressure."""

import contextlib
import socket
import ssl
import subprocess
import unittest

import harness
import servers
import tls_servers
from tls_servers import HOST, PACKET, authority, other_authority, set_clock


@harness.needs("openssl")
class ServerCase(tls_servers.TlsCase):
    def serving(self, tail="", before=(), kind="SSL", options=(), number=None):
        """A module whose SSL server listens. Returns it, the MCU and the server's port."""
        module, port = self.joined(*options, before=["AT+CIPMUX=1", *before])
        number = number or harness.free_port()
        port.command(f'AT+CIPSERVER=1,{number},"{kind}"{tail}')
        return module, port, number

    def client(self, port, number, link, *arguments, **options):
        """An s_client that has become this link."""
        client = tls_servers.SClient(self, number, *arguments, **options)
        port.expect(b"%d,CONNECT\r\n" % link)
        return client

    def talk(self, port, client, link):
        client.send(b"from client %d" % link)
        port.expect_ipd(b"from client %d" % link, link)
        port.send(b"for client %d" % link, link)
        client.expect(b"for client %d" % link)

    def still_serves(self, port, number, link=0):
        self.talk(port, self.client(port, number, link), link)


class Clients(ServerCase):
    def test_one_of_each_version(self):
        _, port, number = self.serving(options=["--tls-max", "1.3"])
        for link, version in enumerate(("-tls1_2", "-tls1_3")):
            self.talk(port, self.client(port, number, link, version), link)

    def test_old_versions_are_refused(self):
        _, port, number = self.serving()
        client = tls_servers.SClient(self, number, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
        self.assertNotEqual(client.ended(), 0)
        self.still_serves(port, number)

    def test_five_clients_talk(self):
        _, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(5)]
        for link, client in reversed(list(enumerate(clients))):
            self.talk(port, client, link)
        shown = port.query("AT+CIPSTATUS").split(b"\r\n")
        self.assertEqual(shown[0], b"STATUS:3")
        for link, line in enumerate(shown[1:6]):
            self.assertRegex(line, rb'^\+CIPSTATUS:%d,"SSL","127\.0\.0\.1",\d+,%d,1$'
                             % (link, number))
        port.command("AT+CIPSERVER?", b'+CIPSERVER:1,%d,"SSL",0\r\n\r\nOK\r\n' % number)
        port.command("AT+CIPSERVER=0,1",
                     b"".join(b"%d,CLOSED\r\n" % link for link in range(5)) + b"\r\nOK\r\n")
        for client in clients:
            client.ended()

    def test_link_conn(self):
        _, port, number = self.serving(before=["AT+SYSMSG=2"])
        tls_servers.SClient(self, number)
        self.assertRegex(port.take_until(b"\r\n"),
                         rb'^\+LINK_CONN:0,0,"SSL",1,"127\.0\.0\.1",\d+,%d\r\n$' % number)

    def test_client_leaves(self):
        _, port, number = self.serving()
        client = self.client(port, number, 0)
        self.talk(port, client, 0)
        client.kill()
        port.expect(b"0,CLOSED\r\n")
        self.still_serves(port, number)

    def test_module_closes(self):
        _, port, number = self.serving()
        client = self.client(port, number, 0)
        port.command("AT+CIPCLOSE=0", b"0,CLOSED\r\n\r\nOK\r\n")
        self.assertEqual(client.ended(), 0, "without close_notify it would be an error")

    def test_silent_client_is_sent_away(self):
        _, port, number = self.serving(before=["AT+CIPSTO=1"])
        client = self.client(port, number, 0)
        port.expect(b"0,CLOSED\r\n")
        client.ended()

    def test_off_keeps_the_clients(self):
        _, port, number = self.serving()
        client = self.client(port, number, 0)
        port.command("AT+CIPSERVER=0")
        self.assertFalse(harness.has_listener(number))
        self.talk(port, client, 0)

    def test_ipv6(self):
        _, port, number = self.serving(before=["AT+CIPV6=1"], kind="SSLv6",
                                       number=harness.free_port(socket.AF_INET6))
        self.talk(port, self.client(port, number, 0, host="::1"), 0)
        port.command("AT+CIPSERVER?", b'+CIPSERVER:1,%d,"SSLv6",0\r\n\r\nOK\r\n' % number)

    def test_passive(self):
        _, port, number = self.serving(before=["AT+CIPRECVMODE=1"])
        client = self.client(port, number, 0)
        client.send(b"hello")
        port.expect(b"\r\n+IPD,0,")
        self.assertGreaterEqual(int(port.take_until(b"\r\n")), 5)  # encrypted, it is more
        port.command("AT+CIPRECVDATA=0,100", b"+CIPRECVDATA:5,hello\r\nOK\r\n")

    def test_not_on_esp8266(self):
        _, port = self.joined("--chip", "esp8266", before=["AT+CIPMUX=1"])
        port.command(f'AT+CIPSERVER=1,{harness.free_port()},"SSL"', b"\r\nERROR\r\n")


@harness.needs("curl", "openssl")
class Curl(ServerCase):
    BODY = b"hello from the module\n"

    def fetch(self, *arguments, url_host=HOST, kind="SSL", before=()):
        """One page for curl, which the MCU serves by hand."""
        _, port, number = self.serving(kind=kind, before=before)
        curl = self.start("curl", "--silent", "--show-error", "--noproxy", "*", *arguments,
                          f"https://{url_host}:{number}/", stdout=subprocess.PIPE)
        port.expect(b"0,CONNECT\r\n")
        port.expect(b"\r\n+IPD,0,")
        request = port.take(int(port.take_until(b":")[:-1]))
        port.expect(b"\r\n")
        self.assertTrue(request.startswith(b"GET / HTTP/1.1\r\n"), request)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
            len(self.BODY), self.BODY)
        port.send(answer, 0)
        got = curl.process.stdout.read()
        self.assertEqual(curl.wait(), 0, curl.log_text())
        self.assertEqual(got, self.BODY)
        port.expect(b"0,CLOSED\r\n")

    def test_unchecked(self):
        self.fetch("-k")

    def test_tls_1_2(self):
        self.fetch("-k", "--tls-max", "1.2")

    def test_factory_certificate_is_right(self):
        self.fetch("--cacert", self.pki / "server_ca.crt")

    def test_for_the_name_localhost(self):
        self.fetch("-4", "--cacert", self.pki / "server_ca.crt", url_host="localhost")

    def test_certificate_of_the_user(self):
        mine = authority().issue("localhost")
        self.put(server_cert=mine.certificate, server_key=mine.key)
        self.fetch("--cacert", authority().certificate)

    def test_chain_of_the_user(self):
        """The certificates after the first are sent too."""
        mine = authority().issue("localhost")
        chain = self.folder / "chain.crt"
        chain.write_bytes(mine.certificate.read_bytes() + authority().certificate.read_bytes())
        self.put(server_cert=chain, server_key=mine.key)
        _, port, number = self.serving()
        shown = subprocess.run(["openssl", "s_client", "-showcerts", "-connect",
                                f"{HOST}:{number}"], stdin=subprocess.DEVNULL, capture_output=True,
                               check=False, timeout=harness.GIVE_UP_S).stdout
        self.assertEqual(shown.count(b"-----BEGIN CERTIFICATE-----"), 2, shown)
        port.expect(b"0,CONNECT\r\n0,CLOSED\r\n")


class Certificates(ServerCase):
    """Clients that must show one."""

    def demanding(self, clock=True):
        mine = authority().issue("localhost")
        self.put(server_cert=mine.certificate, server_key=mine.key,
                 server_ca=authority().certificate)
        module, port, number = self.serving(",1", options=["--tls-max", "1.3"])
        if clock:
            set_clock(port)
        port.command("AT+CIPSERVER?", b'+CIPSERVER:1,%d,"SSL",1\r\n\r\nOK\r\n' % number)
        return module, port, number

    def refused(self, module, port, number, *arguments, told, **options):
        """A client that is not let in; the MCU hears nothing of it."""
        client = tls_servers.SClient(self, number, *arguments, **options)
        self.assertNotEqual(client.ended(), 0)
        self.logged(module, *told)
        port.command("AT")

    def right(self):
        return authority().issue("a client")

    def test_right_one(self):
        _, port, number = self.demanding()
        for link, version in enumerate(("-tls1_2", "-tls1_3")):
            client = self.client(port, number, link, version, identity=self.right())
            self.talk(port, client, link)

    def test_none(self):
        module, port, number = self.demanding()
        for version in ("-tls1_2", "-tls1_3"):
            self.refused(module, port, number, version, told=["certificate"])
        self.talk(port, self.client(port, number, 0, identity=self.right()), 0)

    def test_of_another_ca(self):
        module, port, number = self.demanding()
        for version in ("-tls1_2", "-tls1_3"):
            self.refused(module, port, number, version, told=["server_ca"],
                         identity=other_authority().issue("a client"))
        self.talk(port, self.client(port, number, 0, identity=self.right()), 0)

    def test_clock_that_was_never_set(self):
        module, port, number = self.demanding(clock=False)
        self.refused(module, port, number, told=["not valid before"], identity=self.right())
        set_clock(port)
        self.talk(port, self.client(port, number, 0, identity=self.right()), 0)

    def test_nobody_asks(self):
        _, port, number = self.serving(",0")
        self.talk(port, self.client(port, number, 0, identity=self.right()), 0)

    def test_client_of_the_factory(self):
        _, port, number = self.serving(",1")
        set_clock(port)
        client = self.client(port, number, 0, "-cert", self.pki / "client_cert_01.crt",
                             "-key", self.pki / "client_key_01.key")
        self.talk(port, client, 0)

    def test_missing_files(self):
        _, port, number = self.serving(",1")
        port.command("AT+CIPSERVER=0")
        line = f'AT+CIPSERVER=1,{number},"SSL",1'
        for name, told in (("server_ca.crt", b"NO CA FOUND"),
                           ("server_key.key", b"NO PRVT_KEY FOUND"),
                           ("server_cert.crt", b"NO CERT FOUND")):
            (self.pki / name).unlink()
            port.command(line, told + b"\r\n\r\nERROR\r\n")
        self.assertFalse(harness.has_listener(number))

    def test_broken_files(self):
        module, port, number = self.serving(",1")
        port.command("AT+CIPSERVER=0")
        line = f'AT+CIPSERVER=1,{number},"SSL",1'
        for name in ("server_ca.crt", "server_key.key", "server_cert.crt"):
            (self.pki / name).write_bytes(b"not PEM")
            port.command(line, b"\r\nERROR\r\n")
            self.logged(module, str(self.pki / name))
        self.assertFalse(harness.has_listener(number))


def client_hello():
    """What a TLS client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    hello = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), hello)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return hello.read()


class BadClients(ServerCase):
    def test_clients_that_say_nothing(self):
        """Many more than handshakes are carried beside each other, some after a first word."""
        _, port, number = self.serving()
        for _ in range(12):
            servers.client(self, number)
        for _ in range(12):
            servers.client(self, number).sendall(client_hello())
        self.still_serves(port, number)

    def test_client_that_stops_in_the_handshake(self):
        _, port, number = self.serving()
        servers.client(self, number).sendall(b"\x16\x03\x01\x02\x00\x01")
        self.still_serves(port, number)

    def test_client_that_says_nothing_is_sent_away(self):
        _, port, number = self.serving()
        silent = servers.client(self, number)
        silent.settimeout(2 * harness.GIVE_UP_S)
        self.assertEqual(servers.receive(silent, 1), b"")
        port.command("AT")

    def test_client_without_tls(self):
        module, port, number = self.serving()
        plain = servers.client(self, number)
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.drained(plain)
        self.logged(module, "TLS")
        port.command("AT")
        self.still_serves(port, number)

    def test_garbage(self):
        _, port, number = self.serving()
        for seed in range(5):
            client = servers.client(self, number)
            client.sendall(tls_servers.random_bytes(3000, seed))
            self.drained(client)
        port.command("AT")
        self.still_serves(port, number)

    def drained(self, connection):
        """The module ends the connection, perhaps with an alert."""
        try:
            self.assertLess(len(servers.receive(connection, 1000)), 1000)
        except ConnectionResetError:
            pass

    def test_client_that_leaves_in_the_handshake(self):
        _, port, number = self.serving()
        for _ in range(20):
            with socket.create_connection((HOST, number)) as client:
                client.sendall(b"\x16\x03\x01\x02\x00\x01")
        port.command("AT")
        self.still_serves(port, number)

    def test_restart_while_a_client_says_nothing(self):
        _, port, number = self.serving()
        silent = servers.client(self, number)
        port.command("AT+RST", b"\r\nOK\r\nWIFI DISCONNECT\r\n\r\nready\r\n")
        self.drained(silent)
        self.assertFalse(harness.has_listener(number))


class Flow(ServerCase):
    """Back-pressure both ways: what nobody reads is not taken, and nothing is lost."""

    def flowing(self):
        module, port, number = self.serving()
        client = self.client(port, number, 0)
        port.command("AT")
        return module, port, client

    def test_mcu_that_stops_reading_stops_the_client(self):
        data = tls_servers.random_bytes(tls_servers.flow_bytes())
        module, port, client = self.flowing()
        before_kb = module.memory_kb()
        received = tls_servers.slow_mcu(self, port, client, data, b"\r\n+IPD,0,",
                                        lambda: self.assert_flat(module, before_kb))
        self.assertTrue(received == data, "the bytes differ")
        self.assert_flat(module, before_kb)

    def test_client_that_stops_reading_withholds_send_ok(self):
        data = tls_servers.random_bytes(tls_servers.flow_bytes())
        module, port, client = self.flowing()
        before_kb = module.memory_kb()
        received, sent = tls_servers.slow_peer(self, port, client, data, f"0,{PACKET}",
                                               lambda: self.assert_flat(module, before_kb))
        self.assertTrue(received == data[:sent], "the bytes differ")
        self.assert_flat(module, before_kb)


if __name__ == "__main__":
    unittest.main()
