// espat: a software ESP-AT module on the network of this host.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include "app/argument_secrets.h"
#include "app/options.h"
#include "app/ota_server.h"
#include "app/privileges.h"
#include "app/program.h"
#include "app/version.h"
#include "io/host/log.h"

namespace {

constexpr int kBadUsage = 2;
constexpr int kFailure = 1;

int print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 ? 0 : kFailure;
}

int serve_updates(std::span<const std::string> arguments) {
  const espat::OtaServerOptions options = espat::read_ota_server_options(arguments);
  if (options.show_help) return print(espat::ota_server_help());
  const espat::io::LogToStderr log;
  espat::run_ota_server(options);
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "ota-server") {
    return serve_updates(std::span(arguments).subspan(1));
  }
  const espat::Options options = espat::read_options(arguments);
  switch (options.action) {
    case espat::Options::Action::show_help:
      return print(espat::help_text());
    case espat::Options::Action::show_version:
      return print("espat " + std::string(espat::kVersion) + "\n");
    case espat::Options::Action::run:
      break;
  }
  espat::io::LogToStderr log;
  espat::io::show_log(options.log_level);
  return espat::Program(options, log).run();
}

/// A file or a socket of ours that got the number of a standard descriptor which is closed would
/// read or be written what is not meant for it. What stands there instead cannot be used.
bool occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const bool closed = ::fcntl(fd, F_GETFD) < 0;
    if (closed && ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!occupy_standard_descriptors()) return kFailure;
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is an error of that write
  std::signal(SIGXFSZ, SIG_IGN);  // and so is a file that may not grow
  espat::restrict_process();
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    espat::hide_secret_arguments(argc, argv);
    return run(arguments);
  } catch (const espat::UsageError& error) {
    std::fprintf(stderr, "espat: %s\n", error.what());
    return kBadUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "espat: %s\n", error.what());
    return kFailure;
  }
}
