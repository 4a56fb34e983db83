"""The TCP server with real clients: who is let in, who is sent away, whose port it is."""

import re
import selectors
import socket
import time
import unittest

import harness
import servers

TALK_S = 0.3  # a client that talks says something so often; never near to a whole second
HOST = "127.0.0.1"


class ServerCase(harness.Case):
    def serving(self, *options, before=(), kind=None, number=None):
        """A module whose server listens. Returns it, the MCU and the server's port."""
        module, port = self.espat_listening(*options)
        return module, port, self.serve(port, before=before, kind=kind, number=number)

    def serve(self, port, before=(), kind=None, number=None):
        harness.join(port)
        port.command("AT+CIPMUX=1")
        harness.prepare(port, *before)
        number = number or harness.free_port()
        tail = "" if kind is None else f',"{kind}"'
        port.command(f"AT+CIPSERVER=1,{number}{tail}")
        return number

    def client(self, port, number, link, address=HOST):
        """A client that has become this link."""
        connection = servers.client(self, number, address)
        port.expect(b"%d,CONNECT\r\n" % link)
        return connection

    def assert_refused(self, number, address=HOST):
        with socket.socket(servers.family_of(address)) as probe:
            probe.settimeout(harness.GIVE_UP_S)
            with self.assertRaises(ConnectionRefusedError):
                probe.connect((address, number))

    def assert_ended(self, connection):
        self.assertEqual(connection.recv(100), b"")


def local_port(connection):
    return connection.getsockname()[1]


class Clients(ServerCase):
    def test_five_clients_talk(self):
        _, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(5)]
        for link, client in enumerate(clients):
            client.sendall(b"from client %d" % link)
            port.expect_ipd(b"from client %d" % link, link)
        for link, client in reversed(list(enumerate(clients))):
            port.send(b"for client %d" % link, link)
            self.assertEqual(servers.receive(client, 12), b"for client %d" % link)
        lines = b"".join(b'+CIPSTATUS:%d,"TCP","127.0.0.1",%d,%d,1\r\n'
                         % (link, local_port(client), number)
                         for link, client in enumerate(clients))
        port.command("AT+CIPSTATUS", b"STATUS:3\r\n" + lines + b"\r\nOK\r\n")

    def test_five_clients_come_at_once(self):
        _, port, number = self.serving()
        clients = self.burst(number, 5)
        for link in range(5):
            port.expect(b"%d,CONNECT\r\n" % link)
        of_port = {local_port(client): client for client in clients}
        lines = port.query("AT+CIPSTATE?").split(b"\r\n")[:5]
        for link, line in enumerate(lines):
            shown = re.fullmatch(rb'\+CIPSTATE:(\d),"TCP","127\.0\.0\.1",(\d+),(\d+),1', line)
            self.assertEqual((int(shown[1]), int(shown[3])), (link, number))
            of_port.pop(int(shown[2])).sendall(b"x%d" % link)
            port.expect_ipd(b"x%d" % link, link)
        self.assertEqual(of_port, {})

    def burst(self, number, count):
        """Clients that all begin to connect before the first is let in."""
        clients = [socket.socket() for _ in range(count)]
        for client in clients:
            self.addCleanup(client.close)
            client.setblocking(False)
            client.connect_ex((HOST, number))
        for client in clients:
            client.settimeout(harness.GIVE_UP_S)
        return clients

    def test_lowest_free_link(self):
        _, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(3)]
        clients[1].close()
        port.expect(b"1,CLOSED\r\n")
        self.client(port, number, 1)
        port.command("AT+CIPCLOSE=0", b"0,CLOSED\r\n\r\nOK\r\n")
        self.assert_ended(clients[0])
        self.client(port, number, 0)
        self.client(port, number, 3)

    def test_link_conn(self):
        _, port, number = self.serving(before=["AT+SYSMSG=2"])
        for link in range(2):
            client = servers.client(self, number)
            port.expect(b'+LINK_CONN:0,%d,"TCP",1,"127.0.0.1",%d,%d\r\n'
                        % (link, local_port(client), number))

    def test_client_that_sends_at_once_and_leaves(self):
        _, port, number = self.serving()
        for _ in range(20):
            with socket.create_connection((HOST, number)) as client:
                client.sendall(b"hello")
            port.expect(b"0,CONNECT\r\n")
            port.expect_ipd(b"hello", 0)
            port.expect(b"0,CLOSED\r\n")

    def test_client_that_resets(self):
        _, port, number = self.serving()
        client = self.client(port, number, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
        port.expect(b"0,CLOSED\r\n")
        self.client(port, number, 0)


class Limits(ServerCase):
    def test_one_client_too_many(self):
        _, port, number = self.serving(before=["AT+CIPSERVERMAXCONN=2"])
        clients = [self.client(port, number, link) for link in range(2)]
        port.command("AT")
        for _ in range(3):
            self.assert_refused(number)
        clients[0].close()
        port.expect(b"0,CLOSED\r\n")
        port.command("AT")
        self.client(port, number, 0).sendall(b"my turn")
        port.expect_ipd(b"my turn", 0)
        self.assert_refused(number)

    def test_all_links_in_use(self):
        _, port, number = self.serving()
        peer = servers.UdpPeer(self)
        for link in range(4):
            port.command(f'AT+CIPSTART={link},"UDP","127.0.0.1",{peer.port}',
                         b"%d,CONNECT\r\n\r\nOK\r\n" % link)
        self.client(port, number, 4)
        port.command("AT")
        self.assert_refused(number)
        port.command("AT+CIPCLOSE=2", b"2,CLOSED\r\n\r\nOK\r\n")
        port.command("AT")
        self.client(port, number, 2)

    def test_burst_of_too_many(self):
        """Two are let in; the others are told so, and none is left waiting."""
        _, port, number = self.serving(before=["AT+CIPSERVERMAXCONN=2"])
        clients = [socket.socket() for _ in range(6)]
        with selectors.DefaultSelector() as selector:
            for client in clients:
                self.addCleanup(client.close)
                client.setblocking(False)
                client.connect_ex((HOST, number))
                selector.register(client, selectors.EVENT_READ)
            port.expect(b"0,CONNECT\r\n1,CONNECT\r\n")
            sent_away = []
            end = time.monotonic() + harness.GIVE_UP_S
            while len(sent_away) < 4 and time.monotonic() < end:
                for key, _ in selector.select(harness.POLL_S):
                    with self.assertRaises((ConnectionResetError, ConnectionRefusedError)):
                        key.fileobj.recv(1)
                    selector.unregister(key.fileobj)
                    sent_away.append(key.fileobj)
        self.assertEqual(len(sent_away), 4)
        port.command("AT+CIPSERVER=0,1", b"0,CLOSED\r\n1,CLOSED\r\n\r\nOK\r\n")

    def test_set_it_first(self):
        _, port, number = self.serving()
        port.command("AT+CIPSERVERMAXCONN=3", b"\r\nERROR\r\n")
        self.client(port, number, 0)
        self.client(port, number, 1)
        port.command("AT+CIPSERVER=0")
        port.command("AT+CIPSERVERMAXCONN=1", b"Have 2 Connections\r\n\r\nERROR\r\n")
        port.command("AT+CIPSERVERMAXCONN=3")

    def test_silent_client_is_sent_away(self):
        _, port, number = self.serving(before=["AT+CIPSTO=1"])
        silent = self.client(port, number, 0)
        came = time.monotonic()
        talker = self.client(port, number, 1)
        silence_s = None
        for _ in range(round(2.5 / TALK_S)):
            talker.sendall(b".")
            port.expect_ipd(b".", 1)
            if port.receive(TALK_S):
                port.expect(b"0,CLOSED\r\n")
                self.assertIsNone(silence_s, "CLOSED twice")
                silence_s = time.monotonic() - came
                self.assert_ended(silent)
        self.assertIsNotNone(silence_s, "the silent client stayed")
        self.assertGreater(silence_s, 0.9)
        self.assertLess(silence_s, 2.0)
        port.expect(b"1,CLOSED\r\n")
        self.assert_ended(talker)

    def test_what_the_module_says_keeps_nobody(self):
        _, port, number = self.serving(before=["AT+CIPSTO=1"])
        client = self.client(port, number, 0)
        came = time.monotonic()
        while not port.receive(TALK_S):
            self.assertLess(time.monotonic() - came, harness.GIVE_UP_S)
            port.command("AT+CIPSEND=0,1", b"\r\nOK\r\n\r\n>")
            port.write(b".")
            port.take_until(b"\r\nSEND OK\r\n")
        port.expect(b"0,CLOSED\r\n")
        self.assertLess(time.monotonic() - came, 2.0)
        self.assertEqual(set(servers.receive(client, 1000)), set(b"."))


class Addresses(ServerCase):
    def test_only_the_stations_address(self):
        _, port, number = self.serving("--station-ip", "127.0.1.7")
        self.assert_refused(number)
        self.assert_refused(number, "127.0.1.8")
        self.client(port, number, 0, "127.0.1.7")

    def test_not_every_address_of_the_host(self):
        _, port, number = self.serving()
        self.assert_refused(number, "127.0.1.7")
        self.assert_refused(number, "::1")
        self.client(port, number, 0)

    def test_two_stations_have_a_port_each(self):
        number = harness.free_port()
        for address in ("127.0.1.7", "127.0.1.8"):
            _, port, _ = self.serving("--station-ip", address, number=number)
            self.client(port, number, 0, address)

    def test_softap_has_an_address_of_its_own(self):
        _, port = self.espat_listening("--station-ip", "127.0.1.7", "--softap-ip", "127.0.1.9")
        harness.join(port)
        port.command("AT+CWMODE=3")
        port.command("AT+CIPMUX=1")
        number = harness.free_port()
        port.command(f"AT+CIPSERVER=1,{number}")
        self.client(port, number, 0, "127.0.1.7")
        self.client(port, number, 1, "127.0.1.9")
        self.assert_refused(number)

    def test_follows_the_mode(self):
        _, port = self.espat_listening("--station-ip", "127.0.1.7", "--softap-ip", "127.0.1.9")
        harness.join(port)
        port.command("AT+CIPMUX=1")
        number = harness.free_port()
        port.command(f"AT+CIPSERVER=1,{number}")
        self.assert_refused(number, "127.0.1.9")
        port.command("AT+CWMODE=3")
        port.command("AT")
        self.client(port, number, 0, "127.0.1.9")
        self.client(port, number, 1, "127.0.1.7")
        port.command("AT+CWMODE=1", b"0,CLOSED\r\n\r\nOK\r\n")
        port.command("AT")
        self.assert_refused(number, "127.0.1.9")
        self.client(port, number, 0, "127.0.1.7")

    def test_ipv6(self):
        _, port, number = self.serving(before=["AT+CIPV6=1"], kind="TCPv6",
                                       number=harness.free_port(socket.AF_INET6))
        self.assert_refused(number)
        client = self.client(port, number, 0, "::1")
        client.sendall(b"six")
        port.expect_ipd(b"six", 0)
        port.send(b"and six", 0)
        self.assertEqual(servers.receive(client, 7), b"and six")
        port.command("AT+CIPSTATE?", b'+CIPSTATE:0,"TCPv6","::1",%d,%d,1\r\n\r\nOK\r\n'
                     % (local_port(client), number))
        port.command("AT+CIPSERVER?", b'+CIPSERVER:1,%d,"TCPv6",0\r\n\r\nOK\r\n' % number)


class Port(ServerCase):
    """Whose the port is."""

    def test_taken(self):
        _, port = self.espat_listening()
        harness.join(port)
        port.command("AT+CIPMUX=1")
        holder = servers.Peer(self)
        port.command(f"AT+CIPSERVER=1,{holder.port}", b"\r\nERROR\r\n")
        port.command("AT+CIPSERVER?", b"+CIPSERVER:0\r\n\r\nOK\r\n")
        holder.listener.close()
        port.command(f"AT+CIPSERVER=1,{holder.port}")
        self.client(port, holder.port, 0)

    def test_taken_by_another_module(self):
        _, _, number = self.serving(before=["AT+CIPSERVERMAXCONN=1"])
        _, other = self.espat_listening()
        harness.join(other)
        other.command("AT+CIPMUX=1")
        other.command(f"AT+CIPSERVER=1,{number}", b"\r\nERROR\r\n")
        servers.client(self, number)  # the first is full, and does not listen
        other.command(f"AT+CIPSERVER=1,{number}", b"\r\nERROR\r\n")

    def test_kept_while_nobody_is_let_in(self):
        _, port, number = self.serving(before=["AT+CIPSERVERMAXCONN=1"])
        self.client(port, number, 0)
        port.command("AT")
        for share in (0, 1):
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, share)
                with self.assertRaises(OSError):
                    thief.bind((HOST, number))

    def test_off_keeps_the_clients(self):
        _, port, number = self.serving()
        client = self.client(port, number, 0)
        port.command("AT+CIPSERVER=0")
        self.assert_refused(number)
        client.sendall(b"still here")
        port.expect_ipd(b"still here", 0)
        port.send(b"so am I", 0)
        self.assertEqual(servers.receive(client, 7), b"so am I")
        self.bind_again(number)
        port.command(f"AT+CIPSERVER=1,{number}")
        self.client(port, number, 1)

    def test_off_with_the_clients(self):
        _, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(3)]
        peer = servers.Peer(self)
        port.command(f'AT+CIPSTART=4,"TCP","127.0.0.1",{peer.port}',
                     b"4,CONNECT\r\n\r\nOK\r\n")
        own = peer.accept()
        port.command("AT+CIPSERVER=0,1", b"0,CLOSED\r\n1,CLOSED\r\n2,CLOSED\r\n\r\nOK\r\n")
        for client in clients:
            self.assert_ended(client)
        self.assert_refused(number)
        self.bind_again(number)
        own.sendall(b"a link of the module's own")
        port.expect_ipd(b"a link of the module's own", 4)

    def bind_again(self, number):
        """The port is free: closed connections, and open ones, do not count."""
        with socket.socket() as next_holder:
            next_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            next_holder.bind((HOST, number))
            next_holder.listen()

    def test_module_restarts(self):
        _, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(2)]
        port.command("AT+RST", b"\r\nOK\r\n0,CLOSED\r\n1,CLOSED\r\nWIFI DISCONNECT\r\n"
                     b"\r\nready\r\n")
        for client in clients:
            self.assert_ended(client)
        self.assert_refused(number)
        self.bind_again(number)
        port.synchronize()
        port.command("AT+CIPSERVER?", b"+CIPSERVER:0\r\n\r\nOK\r\n")

    def restart_program(self, end):
        module, port, number = self.serving()
        clients = [self.client(port, number, link) for link in range(3)]
        clients[0].sendall(b"unread")
        end(module)
        port.close()
        _, port, _ = self.serving(number=number)
        self.client(port, number, 0)

    def test_program_is_started_again(self):
        self.restart_program(lambda module: self.assertEqual(module.stop(), 0))

    def test_program_is_started_again_after_kill(self):
        self.restart_program(lambda module: module.kill())


if __name__ == "__main__":
    unittest.main()
