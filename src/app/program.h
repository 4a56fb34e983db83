// The program: modules on shards, from options to the end.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "app/console.h"
#include "app/console_log.h"
#include "app/fleet.h"
#include "app/options.h"
#include "app/privileges.h"
#include "app/trace.h"
#include "io/flash/flash_writer.h"
#include "io/host/log.h"
#include "io/host/node.h"
#include "io/loop/shard.h"
#include "io/loop/signals.h"
#include "io/sockets/egress.h"

namespace espat {

class Program {
 public:
  /// Opens everything that the options name: ports, flash, trace. `log` must outlive the program.
  /// Throws UsageError.
  Program(const Options& options, io::LogToStderr& log);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  /// Whatever the modules have stored is on the disk.
  ~Program();

  /// Runs until SIGINT, SIGTERM, or the end of the user's input. Returns the exit status.
  int run();

 private:
  void make_shards();
  void make_trace();
  void make_console();
  void make_module(uint32_t id);
  void make_flash(ModulePlan& plan);
  void become_user();
  void announce() const;
  void wait_for_signal();
  bool all_answered() const;
  void stdio_ended(const std::error_code& output_lost);
  void stop();
  void run_shard(io::Shard& shard);

  const Options options_;
  io::LogToStderr& log_;
  const std::shared_ptr<io::Egress> egress_;   // of all modules; complete before they run
  std::optional<User> user_;                   // whom run() becomes
  std::vector<std::filesystem::path> handed_;  // what is given to that user
  std::vector<std::filesystem::path> flash_directories_;  // that it must be able to use
  std::vector<std::unique_ptr<io::Shard>> shards_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<ConsoleLog> console_log_;
  std::unique_ptr<Trace> trace_;
  std::shared_ptr<io::FlashWriter> flash_writer_;  // null: all modules are volatile
  std::optional<io::Signals> signals_;             // on the first shard
  struct Module {
    io::Shard* shard;
    std::unique_ptr<Observer> observer;  // null: nobody looks
    std::unique_ptr<io::Node> node;
    std::string where;      // its AT port, for people
    std::string pty_path;   // empty unless it is a pseudo-terminal
    std::string unix_path;  // empty unless it is a Unix socket
  };
  std::atomic<bool> failed_ = false;
  std::vector<Module> modules_;  // the last member: modules use all others
};

}  // namespace espat
