"""The interactive console, typed at through a real pseudo-terminal."""

import os
import pty
import re
import subprocess
import unittest

import harness
import servers

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07]*\x07")


class Console(harness.Case):
    def setUp(self):
        super().setUp()
        self.history = self.folder / ".local/state/espat/history"
        self.history.parent.mkdir(parents=True)
        # As an older espat left it.
        self.history.write_text('_HiStOrY_V2_\nAT+CWJAP="old","s3cret"\n')
        self.history.chmod(0o644)
        keyboard, terminal = pty.openpty()
        # Opened first, so that it is closed last: a hang-up would end the module as well.
        self.port = self.opened(harness.AtPort(keyboard))
        self.module = self.espat("--join", "espat", stdin=terminal, stdout=terminal,
                                 env=os.environ | {"TERM": "vt100", "HOME": str(self.folder)},
                                 start_new_session=True)
        os.close(terminal)

    def type(self, text):
        self.port.write(text.encode())

    def see(self, pattern):
        """Waits until what the screen was sent, without escape sequences, matches; eats it."""
        def found():
            plain = ESCAPES.sub(b"", bytes(self.port.pending))
            match = re.search(pattern, plain, re.S)
            if match:
                self.port.pending[:] = plain[match.end():]
                return match
            try:
                self.port.receive(harness.POLL_S)
            except OSError:
                pass
            return None
        try:
            return harness.wait_until(found, pattern.decode())
        except harness.TimedOut as error:
            raise AssertionError(f"{error}; the screen has {bytes(self.port.pending)!r}") from None

    def test_at_is_answered(self):
        self.see(rb"WIFI GOT IP")
        self.type("AT\r")
        self.see(rb"AT\s+OK")

    def test_tab_completes_a_command(self):
        self.see(rb"WIFI GOT IP")
        self.type("AT+CIPMU\t")
        self.see(rb"AT\+CIPMUX")
        self.type("?\r")
        self.see(rb"\+CIPMUX:0\s+OK")

    def test_help_shows_the_forms_of_a_command(self):
        self.see(rb"WIFI GOT IP")
        self.type(":help AT+CIPSTART\r")
        self.see(rb"CIPSTART.*host.*port")
        self.type(":help\r")
        self.see(rb":help")

    def test_end_of_file_ends_it(self):
        self.see(rb"WIFI GOT IP")
        self.type("\x04")
        self.assertEqual(self.module.wait(), 0)

    def test_history(self):
        self.see(rb"WIFI GOT IP")
        self.type("AT+CIPMUX?\r")
        self.see(rb"\+CIPMUX:0\s+OK")
        self.type("\x10\r")  # Ctrl-P: the line before
        self.see(rb"\+CIPMUX:0\s+OK")
        self.type('at+cwjap="new","s3cret"\r')
        self.see(rb"WIFI GOT IP\s+OK")
        self.type("\x10")
        self.see(rb'at\+cwjap="new","\*\*\*"')
        self.type("\x03\x04")
        self.assertEqual(self.module.wait(), 0)
        kept = self.history.read_text()
        self.assertNotIn("s3cret", kept)
        self.assertIn('AT+CWJAP="old","***"', kept)
        self.assertIn('at+cwjap="new","***"', kept)
        self.assertEqual(self.history.stat().st_mode & 0o7777, 0o600)

    def test_passthrough_is_typed_and_left(self):
        peer = servers.Peer(self)
        self.see(rb"WIFI GOT IP")
        self.type(f'AT+CIPSTART="TCP","127.0.0.1",{peer.port}\r')
        connection = peer.accept()
        self.see(rb"CONNECT\s+OK")
        self.type("AT+CIPMODE=1\r")
        self.see(rb"OK")
        self.type("AT+CIPSEND\r")
        self.see(rb"OK\s+>")
        self.type("hello\r")
        self.assertEqual(servers.receive(connection, 7), b"hello\r\n")
        self.see(rb"hello\s+> ")
        self.port.stays_silent(0.1)  # as whoever types is
        self.type("+++\r")
        self.see(rb"at> ")
        self.type("AT\r")
        self.see(rb"AT\s+OK")


class Pipe(harness.Case):
    def test_no_prompt_without_a_terminal(self):
        done = subprocess.run([harness.ESPAT], input=b"AT\r\n", check=True, capture_output=True,
                              timeout=harness.GIVE_UP_S)
        self.assertEqual(done.stdout, b"\r\nready\r\nAT\r\n\r\nOK\r\n")


if __name__ == "__main__":
    unittest.main()
