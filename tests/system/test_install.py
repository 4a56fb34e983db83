"""What `make install` leaves: a program that runs, and a library that a stranger can build with."""

import os
import subprocess
import unittest

import harness

UNSTABLE = {"at", "base", "net", "services", "sim", "store"}

# What examples/embed prints: the lines as they are typed, and what the module makes of them.
EXAMPLE = """
ready
AT+HEARTBEAT=2

OK
+HEARTBEAT:1
+HEARTBEAT:2
AT+HEARTBEAT
+HEARTBEAT:2

OK
AT+HEARTBEAT=3601

ERROR
AT+RST

OK

ready
+HEARTBEAT:1
AT+HEARTBEAT?
+HEARTBEAT:2

OK
"""

# A module in the installed virtual world, whose network has a server.
SIMULATED = """
#include <cstdio>

#include "espat/commands.h"
#include "sim/sim_module.h"

int main() {
  espat::sim::SimOptions options;
  options.modem.join_ssid = "lab";
  espat::sim::SimModule module(espat::command_set(), options);
  module.power_on();
  module.run_for(std::chrono::seconds(5));
  module.world().network().add_listener({espat::IpAddress::v4(192, 0, 2, 1), 7}, {});
  std::string said = module.take_output();
  said += module.command("AT+CIPSTART=\\"TCP\\",\\"192.0.2.1\\",7");
  module.world().network().peer_send(0, "hello");
  module.run_for(std::chrono::seconds(1));
  said += module.take_output();
  std::fputs(said.c_str(), stdout);
}
"""

SIMULATED_SAYS = """
ready
WIFI CONNECTED
WIFI GOT IP
AT+CIPSTART="TCP","192.0.2.1",7
CONNECT

OK

+IPD,5:hello
"""


class Install(harness.Case):
    def setUp(self):
        super().setUp()
        build = os.environ.get("ESPAT_BUILD", str(harness.TOP / "build/release"))
        self.prefix = self.folder / "prefix"
        self.headers = self.prefix / "include"
        self.run_tool("cmake", "--install", build, "--prefix", self.prefix)

    def run_tool(self, *command, **options):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              cwd=self.folder, timeout=120, check=False, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def says(self, program, text):
        """The program prints this and nothing else, with the line ends of an AT port."""
        done = subprocess.run([self.folder / program], check=True, capture_output=True,
                              timeout=harness.GIVE_UP_S)
        self.assertEqual(done.stdout.decode(), text.replace("\n", "\r\n"))

    def installed(self, below):
        return sorted(path.relative_to(below).as_posix() for path in below.rglob("*.h"))

    def test_program(self):
        self.assertRegex(self.run_tool(self.prefix / "bin/espat", "--version"), r"^espat \d")

    def test_only_public_headers(self):
        self.assertEqual({path.name for path in self.headers.iterdir()},
                         {"espat", "espat-unstable"})
        self.assertEqual(self.installed(self.headers / "espat"),
                         self.installed(harness.TOP / "include/espat"))
        unstable = self.headers / "espat-unstable"
        self.assertIn("unstable until espat 1.0", (unstable / "README").read_text())
        self.assertEqual({path.name for path in unstable.iterdir() if path.is_dir()}, UNSTABLE)
        for folder in UNSTABLE:
            self.assertEqual(self.installed(unstable / folder),
                             self.installed(harness.TOP / "src" / folder))

    def test_example(self):
        self.run_tool("cmake", "-S", harness.TOP / "examples/embed", "-B", "b",
                      f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_tool("cmake", "--build", "b")
        self.says("b/embed", EXAMPLE)

    def test_simulated_world_with_pkg_config(self):
        """It also includes every header there is: none may need one that is not installed."""
        everything = [f"espat/{name}" for name in self.installed(self.headers / "espat")]
        everything += self.installed(self.headers / "espat-unstable")
        includes = "".join(f'#include "{name}"\n' for name in reversed(everything))
        (self.folder / "simulated.cc").write_text(includes + SIMULATED)
        found = next(self.prefix.rglob("espat.pc")).parent
        flags = self.run_tool("pkg-config", "--cflags", "--libs", "espat",
                              env=os.environ | {"PKG_CONFIG_PATH": str(found)}).split()
        self.run_tool("g++", "-std=c++20", "simulated.cc", "-o", "simulated", *flags)
        self.says("simulated", SIMULATED_SAYS)


if __name__ == "__main__":
    unittest.main()
