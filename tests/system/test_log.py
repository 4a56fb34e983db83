"""Log and trace: whatever the MCU or a peer says, a line is one line of printable ASCII."""

import contextlib
import re
import socket
import ssl
import subprocess
import threading
import unittest

import harness

EVIL = "a\n\x1b[2J\x07\x7f\x9b"
SHOWN = r"a\n\x1b[2J\x07\x7f\x9b"
LOG_LINE = r"\d\d:\d\d:\d\d\.\d{3} (error|warning|info|debug) "
TRACE_LINE = r"\d+\.\d{6} (>>|<<) "

# What the MCU says, and whether it is logged (its reason) or only traced.
COMMANDS = {
    "SSID": ('AT+CWJAP="%s","password"', False),
    "host": ('AT+CIPSTART="TCP","%s.invalid",80', True),
    "host of a datagram": ('AT+CIPSTART="UDP","%s.invalid",80', True),
    "name": ('AT+CIPDOMAIN="%s.invalid"', True),
    "host to ping": ('AT+PING="%s.invalid"', True),
    "SNTP server": ('AT+CIPSNTPCFG=1,0,"%s.invalid"', True),
    "PSK identity": ('AT+CIPSSLCPSK="key","%s"', False),
    "common name": ('AT+CIPSSLCCN="%s"', False),
    "SNI": ('AT+CIPSSLCSNI="%s"', False),
    "version": ('AT+CIUPDATE=0,"%s"', False),
    "partition": ('AT+CIUPDATE=0,"v1","%s"', False),
    "no command": ("AT+%s", False),
}


class Log(harness.Case):
    def lines_of(self, program, pattern):
        """The lines of a program's log, each of which must be printable and begin as one."""
        lines = program.log_bytes().decode("latin-1").split("\n")
        self.assertEqual(lines.pop(), "")
        for line in lines:
            self.assertRegex(line, rf"\A{pattern}[ -~]*\Z")
        return lines

    def test_what_the_mcu_says(self):
        nobody = harness.free_port(kind=socket.SOCK_DGRAM)
        module, port = self.espat_listening("--trace", "--dns", f"127.0.0.1:{nobody}")
        harness.join(port)
        expected = 0
        for what, (command, logged) in COMMANDS.items():
            with self.subTest(what):
                port.write((command % EVIL).encode("latin-1") + b"\r\n")
                harness.wait_until(lambda: self.answered(port), f"an answer to {what}")
                expected += logged
                harness.wait_until(
                    lambda: self.shown_in_log(module) >= expected, f"{what} in the log")
        # The trace begins a line behind each line feed; it is written after the answer.
        harness.wait_until(lambda: len(re.findall(r" >> \\x1b\[2J\\x07\\x7f\\x9b",
                                                  module.log_text())) == len(COMMANDS), "the trace")
        self.lines_of(module, f"({LOG_LINE}|{TRACE_LINE})")

    def answered(self, port):
        port.receive(harness.POLL_S)
        answered = re.search(rb"(OK|ERROR)\r\n\Z", port.pending)
        if answered:
            port.pending.clear()
        return answered

    def shown_in_log(self, module):
        return sum(SHOWN in line for line in module.log_text().splitlines())

    @harness.needs("openssl")
    def test_subject_of_a_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + EVIL[:-1],
                        "-keyout", self.folder / "key", "-out", self.folder / "certificate"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "certificate", self.folder / "key")
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(harness.GIVE_UP_S)
        self.addCleanup(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                client = listener.accept()[0]
                with client, context.wrap_socket(client, server_side=True):
                    pass
        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)

        module, port = self.espat_listening()
        harness.join(port)
        port.command("AT+SYSTIMESTAMP=1798761600")
        port.command("AT+CIPSSLCCONF=2,0,0")
        port.write(b'AT+CIPSTART="SSL","127.0.0.1",%d\r\n' % listener.getsockname()[1])
        port.take_until(b"ERROR\r\n")
        harness.wait_until(lambda: r"(CN=a\n\x1b[2J\x07\x7f)" in module.log_text(), "the subject")
        self.lines_of(module, LOG_LINE)

    def test_request_line_of_the_update_server(self):
        port = harness.free_port()
        server = self.start(harness.ESPAT, "ota-server", "--http", f"127.0.0.1:{port}", self.folder,
                            stdout=subprocess.DEVNULL)
        harness.wait_until(lambda: harness.has_listener(port), "the update server")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"GET /{EVIL} HTTP/1.1\r\n\r\n".encode("latin-1"))
            while client.recv(4096):
                pass
        harness.wait_until(lambda: f"/{SHOWN} HTTP/1.1" in server.log_text(), "the request")
        self.lines_of(server, LOG_LINE)


if __name__ == "__main__":
    unittest.main()
