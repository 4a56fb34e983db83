"""Log and trace: whatever the MCU or a peer says, a line is one line of printable ASCII."""

import contextlib
import os
import re
import signal
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


class Readers(harness.Case):
    """Nobody waits for who reads the log or the trace, and may have stopped."""

    LONG = b"AT+" + b"\x01" * 200  # in a trace four times as long, and with its echo twice

    def fill(self, port, exchanges=600):
        """More than a reader's pipe holds, and what the program keeps for it."""
        for _ in range(exchanges):
            port.write(self.LONG + b"\r\n")
            port.take_until(b"ERROR\r\n")

    def test_log_and_trace_on_standard_error(self):
        modules = self.espat("--count=2", "--unix", self.folder / "{id}", "--trace",
                             stderr=subprocess.PIPE)
        port, neighbour = (self.opened(harness.AtPort.unix(self.folder / id)) for id in "01")
        self.fill(port)
        neighbour.synchronize()
        # Somebody reads again, and is told what he missed.
        text = bytearray()
        pattern = rb"(?m)^\d\d:\d\d:\d\d\.\d{3} warning [1-9]\d* lines are missing here: .*\n"
        while not re.search(pattern, text):
            text += os.read(modules.process.stderr.fileno(), 65536)
        for line in bytes(text).decode().split("\n")[:-1]:
            self.assertRegex(line, rf"\A({LOG_LINE}|\d+\.\d{{6}} module [01] (>>|<<) )[ -~]*\Z")
        self.fill(port)
        neighbour.synchronize()
        modules.process.send_signal(signal.SIGTERM)
        self.assertEqual(modules.wait(), 0)

    def test_trace_into_a_fifo(self):
        fifo = self.folder / "trace"
        os.mkfifo(fifo)
        module, port = self.espat_listening("--trace", fifo)
        port.command("ATE1")
        self.fill(port)
        with open(fifo, "rb", buffering=0) as reader:
            text = bytearray()
            while not re.search(rb"(?m)^\d+\.\d{6} -- [1-9]\d* lines are missing here: .*\n", text):
                text += reader.read(65536)
        for line in bytes(text).decode().split("\n")[:-1]:
            self.assertRegex(line, r"\A\d+\.\d{6} (>>|<<|--) [ -~]*\Z")
        self.fill(port)
        module.process.send_signal(signal.SIGTERM)
        self.assertEqual(module.wait(), 0)

    def test_trace_into_a_file_is_complete(self):
        trace = self.folder / "trace"
        module, port = self.espat_listening("--trace", trace)
        port.command("ATE1")
        self.fill(port)
        self.assertEqual(module.stop(), 0)
        shown = self.LONG.replace(b"\x01", rb"\x01") + rb"\r\n"
        lines = trace.read_bytes().split(b"\n")
        for direction in (b">>", b"<<"):
            self.assertEqual(sum(line.endswith(direction + b" " + shown) for line in lines), 600)

    def test_budget_of_log_lines(self):
        path = self.folder / "port"
        module = self.espat("--unix", path, "--echo=off", "--budget", "log-lines=5")
        port = self.opened(harness.AtPort.unix(path))
        for _ in range(100):
            port.command("AT+CIPSEND=7", b"\r\nERROR\r\n")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
            self.assertEqual(client.recv(1), b"")  # refused, which is a line too
        self.assertEqual(module.stop(), 0)
        text = module.log_text()
        counted = sum(map(int, re.findall(
            r"(\d+) lines more in one second \(--budget log-lines=5\)\n", text)))
        shown = text.count("link is not valid") + text.count("is refused")
        self.assertEqual(shown + counted, 101, text)
        self.assertGreater(counted, shown)


if __name__ == "__main__":
    unittest.main()
