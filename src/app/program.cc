#include "app/program.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "app/descriptor_limit.h"
#include "app/port_factory.h"
#include "app/version.h"
#include "espat/commands.h"
#include "io/flash/flash_store.h"
#include "io/flash/private_files.h"
#include "io/host/log.h"
#include "io/host/module_log.h"
#include "io/tls/pki.h"

namespace espat {

namespace {

constexpr uint32_t kShardsMax = 4;

/// Says for how many modules the descriptors are enough, if each uses all that it may.
void tell_descriptor_limit(const Options& options) {
  constexpr uint64_t kOfAtPort = 2;  // which listens, and has a client
  const std::optional<uint64_t> limit = raise_descriptor_limit();
  if (!limit || *limit == RLIM_INFINITY) return;
  const uint64_t carried = *limit / (options.budgets.descriptors + kOfAtPort);
  const bool enough = options.count <= carried;
  if (enough && options.count == 1) return;
  io::write_log(enough ? LogLevel::info : LogLevel::warn, {},
                fmt::format("{} descriptors carry {} modules with all that --budget descriptors={} "
                            "gives them",
                            *limit, carried, options.budgets.descriptors));
}

/// As the XDG base directory specification wants it; empty without a home.
std::filesystem::path history_file() {
  std::filesystem::path state;
  if (const char* given = std::getenv("XDG_STATE_HOME"); given != nullptr && *given == '/') {
    state = given;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    state = std::filesystem::path(home) / ".local" / "state";
  }
  return state.empty() ? state : state / "espat" / "history";
}

}  // namespace

Program::Program(const Options& options, io::LogToStderr& log)
    : options_(options), log_(log), egress_(std::make_shared<io::Egress>(options.reach)) {
  check_fleet(options_);
  if (!options_.user.empty()) user_.emplace(options_.user);
  tell_descriptor_limit(options_);
  make_shards();
  make_console();
  make_trace();
  if (!options_.flash_directory.empty()) flash_writer_ = std::make_shared<io::FlashWriter>();
  for (uint32_t id = 0; id < options_.count; ++id) make_module(id);
}

Program::~Program() = default;

void Program::make_shards() {
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  const uint32_t count = std::min({options_.count, cores, kShardsMax});
  for (uint32_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<io::Shard>());
}

void Program::make_console() {
  if (options_.port.kind != PortOption::Kind::automatic || ::isatty(STDIN_FILENO) == 0) return;
  Console::Config config;
  config.commands = &command_set();
  config.generation = options_.profile->dialect->generation;
  config.history = history_file();
  config.greeting = "espat " + std::string(kVersion) +
                    ": type AT commands; TAB completes, :help explains, Ctrl-D ends.";
  config.quit = [this] { stop(); };
  config.data_awaited = [this] { return modules_.front().node->data_awaited(); };
  config.in_passthrough = [this] { return modules_.front().node->in_passthrough(); };
  console_ = std::make_unique<Console>(*shards_.front(), std::move(config));
  console_log_ = std::make_unique<ConsoleLog>(*console_);
}

void Program::make_trace() {
  if (!options_.trace) return;
  Trace::Sink sink;
  try {
    if (!options_.trace_file.empty()) sink = Trace::to_file(options_.trace_file);
  } catch (const std::runtime_error& error) {
    throw UsageError(std::string("--trace: ") + error.what());
  }
  if (!sink && console_ && ::isatty(STDERR_FILENO) != 0) {
    sink = [this](std::string_view lines) { console_->print(std::string(lines)); };
  }
  if (!sink) sink = [this](std::string_view lines) { log_.write_beside(lines); };
  trace_ = std::make_unique<Trace>(std::move(sink), command_set(),
                                   options_.profile->dialect->generation);
}

void Program::make_flash(ModulePlan& plan) {
  const std::filesystem::path directory = plan.flash_directory;
  std::error_code ignored;
  for (auto at = std::filesystem::absolute(directory).parent_path(); user_ && !exists(at, ignored);
       at = at.parent_path()) {
    handed_.push_back(at);
  }
  try {
    plan.node.flash = std::make_shared<io::FlashStore>(directory, flash_writer_);
    plan.node.pki = std::make_shared<io::Pki>(directory);
  } catch (const io::FlashError& error) {
    throw UsageError(std::string("--flash: ") + error.what());
  }
  for (const std::string& line : io::make_private(directory)) {
    io::write_log(LogLevel::warn, {}, "--flash: " + line);
  }
  if (!user_) return;
  flash_directories_.push_back(directory);
  const auto files = io::flash_files(directory);
  handed_.insert(handed_.end(), files.begin(), files.end());
}

void Program::make_module(uint32_t id) {
  ModulePlan plan = plan_module(options_, id);
  plan.node.egress = egress_;
  io::Shard& shard = *shards_[id % shards_.size()];
  if (flash_writer_) make_flash(plan);
  std::unique_ptr<Observer> observer;
  if (trace_) observer = trace_->observer(plan.node.name);
  plan.node.modem.observer = observer.get();

  plan.node.log =
      std::make_shared<io::ModuleLog>(shard, plan.node.name, plan.node.budgets.log_lines);
  MadePort made;
  if (console_) {
    made.port = console_->make_port();
  } else {
    made = make_port(plan.port, shard,
                     [log = plan.node.log.get()](LogLevel level, std::string_view line) {
                       log->write(level, line);
                     },
                     {.all_answered = [this] { return all_answered(); },
                      .ended = [this](const std::error_code& lost) { stdio_ended(lost); }});
  }
  if (made.listener) egress_->keep_out(*made.listener);
  auto node = std::make_unique<io::Node>(shard, std::move(plan.node), std::move(made.port));
  const bool on_unix = plan.port.kind == PortOption::Kind::unix_socket;
  modules_.push_back({&shard, std::move(observer), std::move(node), std::move(made.where),
                      std::move(made.path), on_unix ? plan.port.path : std::string()});
}

void Program::announce() const {
  for (const Module& module : modules_) {
    if (!module.pty_path.empty()) std::printf("%s\n", module.pty_path.c_str());
  }
  std::fflush(stdout);
  const Module& first = modules_.front();
  if (first.where.empty()) return;
  if (modules_.size() == 1) {
    io::write_log(LogLevel::info, {}, "AT port: " + first.where);
  } else {
    io::write_log(LogLevel::info, {},
                  fmt::format("{} modules; AT ports: {}, ... {}", modules_.size(), first.where,
                              modules_.back().where));
  }
  if (options_.port.is_public()) {
    io::write_log(
        LogLevel::warn, {},
        "--listen-public: the network can reach the AT port, and whoever does is the MCU");
  }
}

/// Throws UsageError.
void Program::become_user() {
  handed_.emplace_back(options_.trace_file);
  for (const Module& module : modules_) {
    handed_.emplace_back(module.pty_path);
    handed_.emplace_back(module.unix_path);
  }
  for (const std::filesystem::path& path : handed_) user_->take_over(path);
  user_->become();
  for (const std::filesystem::path& directory : flash_directories_) {
    if (::access(directory.c_str(), R_OK | W_OK | X_OK) == 0) continue;
    throw UsageError("--user: " + options_.user + " cannot use " + directory.string() + ": " +
                     std::system_category().message(errno));
  }
}

int Program::run() {
  if (user_) become_user();
  // Only now, when nothing can fail any more: the paths are an answer that scripts wait for.
  announce();
  wait_for_signal();
  for (const Module& module : modules_) {
    module.shard->loop().post([node = module.node.get()] { node->start(); });
  }
  std::vector<std::thread> threads;
  for (size_t i = 1; i < shards_.size(); ++i) {
    threads.emplace_back([this, i] { run_shard(*shards_[i]); });
  }
  run_shard(*shards_.front());
  for (std::thread& thread : threads) thread.join();
  return failed_ ? 1 : 0;
}

void Program::run_shard(io::Shard& shard) {
  // What ends one shard ends the program: its modules would be dead without a word.
  try {
    shard.loop().run();
  } catch (const std::exception& error) {
    io::write_log(LogLevel::error, "espat ends", error.what());
    failed_ = true;
  }
  stop();
}

void Program::stop() {
  for (const auto& shard : shards_) shard->loop().stop();
}

void Program::wait_for_signal() {
  signals_.emplace(shards_.front()->loop(), std::initializer_list<int>{SIGINT, SIGTERM});
  signals_->wait([this] { stop(); });
}

bool Program::all_answered() const {
  const io::Node& node = *modules_.front().node;
  // Data that a command awaits will not come any more.
  return node.idle() || node.data_awaited() > 0;
}

void Program::stdio_ended(const std::error_code& output_lost) {
  if (output_lost) {
    io::write_log(LogLevel::error, {}, "AT port: standard output: " + output_lost.message());
    failed_ = true;
  }
  stop();
}

}  // namespace espat
