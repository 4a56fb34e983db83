"""Who is who on an SSL link: certificates, names, dates, keys, and the files they come from."""

import time
import unittest

import harness
import tls_servers
from tls_servers import authority, connect, is_refused, other_authority, set_clock

DAY_S = 86400


@harness.needs("openssl")
class WhoTheModuleIs(tls_servers.TlsCase):
    """Client certificates, pre-shared keys, and what the ClientHello says."""

    def demanding(self, *arguments):
        return tls_servers.SServer(self, "-Verify", "2", "-verify_return_error", "-CAfile",
                                   authority().certificate, *arguments, quiet=False)

    def with_certificate(self, *lines):
        mine, other = authority().issue("module one"), other_authority().issue("stranger")
        self.put(client_cert_00=mine.certificate, client_key_00=mine.key,
                 client_cert_01=other.certificate, client_key_01=other.key,
                 client_ca_00=authority().certificate)
        return self.joined("--tls-max", "1.3", before=lines)

    def certificate_is_shown_when_asked_for(self, version):
        server = self.demanding(version)
        _, port = self.with_certificate("AT+CIPSSLCCONF=1,0")
        connect(port, server.port)
        server.shows("subject=CN = module one\n")

    def test_certificate_tls_1_2(self):
        self.certificate_is_shown_when_asked_for("-tls1_2")

    def test_certificate_tls_1_3(self):
        self.certificate_is_shown_when_asked_for("-tls1_3")

    def test_both_prove_themselves(self):
        server = self.demanding()
        _, port = self.with_certificate("AT+CIPSSLCCONF=3,0,0")
        set_clock(port)
        connect(port, server.port)
        server.shows("subject=CN = module one\n")

    def test_no_certificate(self):
        server = self.demanding("-tls1_2")
        _, port = self.with_certificate("AT+CIPSSLCCONF=0")
        is_refused(port, server.port)
        port.command("AT+CIPSSLCCONF=1,0")
        connect(port, server.port)

    def test_no_certificate_tls_1_3(self):
        """There the server judges when the client thinks that all is well."""
        module, port = self.with_certificate("AT+CIPSSLCCONF=0")
        connect(port, self.demanding("-tls1_3").port)
        port.expect(b"CLOSED\r\n")
        self.logged(module, "requires a client certificate")

    def test_certificate_of_a_stranger(self):
        server = self.demanding("-tls1_2")
        _, port = self.with_certificate("AT+CIPSSLCCONF=1,1")
        is_refused(port, server.port)

    def test_each_link_has_its_own(self):
        one, other = self.demanding("-tls1_2"), self.demanding("-tls1_2")
        _, port = self.with_certificate("AT+CIPMUX=1", "AT+CIPSSLCCONF=1,1,0")
        is_refused(port, one.port, 0)
        connect(port, other.port, 1)
        other.shows("subject=CN = module one\n")

    def psk_server(self, identity="espat"):
        return tls_servers.SServer(self, "-psk", b"secret".hex(), "-psk_identity", identity,
                                   "-tls1_2", certificate=False, quiet=False)

    def test_pre_shared_key(self):
        server = self.psk_server()
        _, port = self.joined(before=['AT+CIPSSLCPSK="secret","espat"'])
        connect(port, server.port)
        self.assertNotIn("not what we expected", server.shows("CIPHER is "))
        self.assertIn("PSK", server.shows("\n"))
        server.send(b"hello\n")
        port.expect_ipd(b"hello\n")

    def test_wrong_pre_shared_key(self):
        server = self.psk_server()
        _, port = self.joined(before=['AT+CIPSSLCPSK="Secret","espat"'])
        is_refused(port, server.port)
        port.command('AT+CIPSSLCPSK="secret","espat"')
        connect(port, server.port)

    def test_identity_of_the_key(self):
        server = self.psk_server("somebody else")
        _, port = self.joined(before=["AT+CIPMUX=1", 'AT+CIPSSLCPSK=3,"secret","espat"'])
        connect(port, server.port, 3)
        server.shows("(got 'espat' expected 'somebody else')")

    def test_pre_shared_key_for_a_server_without(self):
        server = tls_servers.SServer(self)
        _, port = self.joined(before=['AT+CIPSSLCPSK="secret","espat"'])
        is_refused(port, server.port)

    def test_protocol(self):
        server = tls_servers.SServer(self, "-alpn", "h2,http/1.1", quiet=False)
        _, port = self.joined(before=['AT+CIPSSLCALPN=2,"mqtt","http/1.1"'])
        connect(port, server.port)
        server.shows("ALPN protocols advertised by the client: mqtt, http/1.1\n")
        server.shows("ALPN protocols selected: http/1.1\n")

    def test_five_protocols(self):
        server = tls_servers.SServer(self, "-alpn", "e", quiet=False)
        _, port = self.joined(before=["AT+CIPMUX=1", 'AT+CIPSSLCALPN=4,5,"a","b","c","d","e"'])
        connect(port, server.port, 4)
        server.shows("ALPN protocols advertised by the client: a, b, c, d, e\n")
        server.shows("ALPN protocols selected: e\n")

    def test_no_protocol(self):
        server = tls_servers.SServer(self, "-alpn", "h2", quiet=False)
        _, port = self.joined(before=['AT+CIPSSLCALPN=1,"h2"', "AT+CIPSSLCALPN=0"])
        connect(port, server.port)
        self.assertNotIn("ALPN", server.shows("CIPHER is "))

    def test_server_name(self):
        second = authority().issue("second.test", "DNS:second.test")
        server = tls_servers.SServer(self, "-servername", "second.test", "-cert2",
                                     second.certificate, "-key2", second.key, quiet=False)
        self.put(client_ca_00=authority().certificate)
        module, port = self.joined(before=['AT+CIPSSLCSNI="second.test"', "AT+CIPSSLCCONF=2,0,0",
                                           'AT+CIPSSLCCN="second.test"'])
        set_clock(port)
        connect(port, server.port)
        self.assertIn("Switching server context", server.shows("CIPHER is "))
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        port.command('AT+CIPSSLCSNI="first.test"')
        is_refused(port, server.port)
        self.logged(module, "second.test")
        port.command("AT+CIPSSLCCONF=0")
        connect(port, server.port)
        server.shows('Hostname in TLS extension: "first.test"')


@harness.needs("openssl")
class WhoTheServerIs(tls_servers.TlsCase):
    def trusting(self, *lines):
        self.put(client_ca_00=authority().certificate, client_ca_01=other_authority().certificate)
        return self.joined("--tls-max", "1.3", before=["AT+CIPSSLCCONF=2,0,0", *lines])

    def test_right(self):
        server = tls_servers.SServer(self)
        _, port = self.trusting()
        set_clock(port)
        connect(port, server.port)

    def test_of_another_ca(self):
        server = tls_servers.SServer(self, identity=other_authority().issue("localhost"))
        module, port = self.trusting()
        set_clock(port)
        is_refused(port, server.port)
        self.logged(module, "client_ca")
        self.assertNotIn("TLS failed", module.log_text(), "said once, with its reason")
        port.command("AT+CIPSSLCCONF=2,0,1")
        connect(port, server.port)

    def test_signed_by_itself(self):
        server = tls_servers.SServer(self, identity=other_authority().identity)
        module, port = self.trusting()
        set_clock(port)
        is_refused(port, server.port)
        self.logged(module, "client_ca")

    def test_unchecked_if_nobody_asks(self):
        server = tls_servers.SServer(self, identity=other_authority().issue("localhost"))
        _, port = self.trusting('AT+CIPSSLCCN="another.name"')
        port.command("AT+CIPSSLCCONF=0")
        connect(port, server.port)

    def test_clock_that_was_never_set(self):
        server = tls_servers.SServer(self)
        module, port = self.trusting()
        is_refused(port, server.port)
        self.logged(module, "not valid before")
        set_clock(port)
        connect(port, server.port)
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        port.command("AT+RST", b"\r\nOK\r\nWIFI DISCONNECT\r\n\r\nready\r\n")

    def test_not_yet_valid(self):
        server = tls_servers.SServer(self)
        module, port = self.trusting()
        set_clock(port, time.time() - DAY_S)
        is_refused(port, server.port)
        self.logged(module, "not valid before")

    def test_expired(self):
        server = tls_servers.SServer(self)
        module, port = self.trusting()
        set_clock(port, time.time() + (tls_servers.DAYS - 1) * DAY_S)
        connect(port, server.port)
        port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")
        set_clock(port, time.time() + (tls_servers.DAYS + 1) * DAY_S)
        is_refused(port, server.port)
        self.logged(module, "expired")

    def test_name(self):
        server = tls_servers.SServer(
            self, identity=authority().issue("named", "DNS:right.test,DNS:*.wild.test"))
        module, port = self.trusting()
        set_clock(port)
        for name in ("wrong.test", "right.test.example", "a.b.wild.test"):
            port.command(f'AT+CIPSSLCCN="{name}"')
            is_refused(port, server.port)
            self.logged(module, name)
        for name in ("right.test", "RIGHT.test", "a.wild.test"):
            port.command(f'AT+CIPSSLCCN="{name}"')
            connect(port, server.port)
            port.command("AT+CIPCLOSE", b"CLOSED\r\n\r\nOK\r\n")

    def test_name_of_one_link(self):
        one, other = tls_servers.SServer(self), tls_servers.SServer(self)
        self.put(client_ca_00=authority().certificate)
        _, port = self.joined(before=["AT+CIPMUX=1", "AT+CIPSSLCCONF=0,2,0,0",
                                      "AT+CIPSSLCCONF=1,2,0,0", 'AT+CIPSSLCCN=0,"wrong.test"'])
        set_clock(port)
        is_refused(port, one.port, 0)
        connect(port, other.port, 1)


@harness.needs("openssl")
class KeyMaterial(tls_servers.TlsCase):
    """What CIPSSLCCONF says to files that are not there or no good."""

    def configured(self, **files):
        self.put(**files)
        return self.joined()

    def test_factory_files(self):
        _, port = self.joined()
        for values in ("0", "1,0", "1,1", "2,0,0", "2,0,1", "3,0,0", "3,1,1"):
            port.command(f"AT+CIPSSLCCONF={values}")
        self.assertTrue((self.pki / "client_cert_01.crt").exists())

    def test_volatile_module_has_them_too(self):
        _, port = self.espat_listening()
        port.command("AT+CIPSSLCCONF=3,1,1")
        port.command("AT+CIPSSLCCONF=1,2", b"NO CERT FOUND\r\n\r\nERROR\r\n")

    def test_missing(self):
        mine = authority().issue("module one")
        _, port = self.configured(client_cert_01=mine.certificate)
        for values, told in (("1,0", b"NO CERT FOUND"), ("3,0,0", b"NO CERT FOUND"),
                             ("1,1", b"NO PRVT_KEY FOUND"), ("2,0,0", b"NO CA FOUND")):
            port.command(f"AT+CIPSSLCCONF={values}", told + b"\r\n\r\nERROR\r\n")
        self.put(client_key_01=mine.key)
        port.command("AT+CIPSSLCCONF=1,1")
        port.command("AT+CIPSSLCCONF=3,1,0", b"NO CA FOUND\r\n\r\nERROR\r\n")

    def test_broken(self):
        mine = authority().issue("module one")
        garbage = self.folder / "garbage"
        garbage.write_bytes(tls_servers.random_bytes(1000))
        other = authority().issue("module two")
        module, port = self.configured(
            client_cert_00=garbage, client_key_00=mine.key, client_ca_00=garbage,
            client_cert_01=mine.certificate, client_key_01=other.key)
        for values, name in (("1,0", "client_cert_00.crt"), ("1,1", "client_key_01.key"),
                             ("2,0,0", "client_ca_00.crt")):
            port.command(f"AT+CIPSSLCCONF={values}", b"\r\nERROR\r\n")
            lines = [line for line in module.log_text().splitlines() if name in line]
            self.assertEqual(len(lines), 1, lines)
            self.assertIn(str(self.pki / name), lines[0])
        self.put(client_cert_00=mine.certificate)
        port.command("AT+CIPSSLCCONF=1,0")

    def test_gone_when_the_link_is_opened(self):
        server = tls_servers.SServer(self)
        mine = authority().issue("module one")
        module, port = self.configured(client_cert_00=mine.certificate, client_key_00=mine.key)
        port.command("AT+CIPSSLCCONF=1,0")
        (self.pki / "client_key_00.key").unlink()
        port.write(f'AT+CIPSTART="SSL","127.0.0.1",{server.port}\r\n'.encode())
        port.expect(b"\r\nERROR\r\n")
        self.logged(module, "client_key_00.key")
        self.put(client_key_00=mine.key)
        port.pending.clear()
        port.synchronize()
        connect(port, server.port)


if __name__ == "__main__":
    unittest.main()
