// AT port `--stdio`: the bytes of standard input and output as they are.
#pragma once

#include <functional>
#include <system_error>

#include "io/loop/timer.h"
#include "io/ports/stream_port.h"

namespace espat::io {

/// What a StdioPort asks and tells whoever runs the module, on a turn of its own.
struct StdioEnd {
  /// The module has nothing to say any more to what it was sent (Modem::idle).
  std::function<bool()> all_answered;
  /// Is called once: nothing more comes, and all of it is answered; or, with the reason, nobody can
  /// be told the answers.
  std::function<void(const std::error_code& output_lost)> ended;
};

class StdioPort : public StreamPort {
 public:
  /// Reads `input` and writes `output`, which stay open; both may be pipes, terminals, sockets,
  /// files. They are in non-blocking mode until the port ends. What the module does not take, and
  /// will not, before the end of the input counts as answered. Throws std::runtime_error if a
  /// descriptor is closed. `shard` must outlive the port.
  StdioPort(Shard& shard, int input, int output, StdioEnd end);

 private:
  /// Puts a descriptor into non-blocking mode and back: other processes, such as the shell that
  /// started this one, may share it and do not expect that.
  class NonBlocking {
   public:
    NonBlocking(int fd, int unfit);
    NonBlocking(const NonBlocking&) = delete;
    NonBlocking& operator=(const NonBlocking&) = delete;
    ~NonBlocking();

   private:
    const int fd_;
    const int flags_;
  };

  void begin() override;
  size_t stream_received(Bytes data) override;
  void stream_ended(std::error_code error) override;
  void stream_output_lost(std::error_code error) override { end(error); }
  void look_for_end_later();
  void look_for_end();
  bool nothing_more_comes();
  void end(const std::error_code& output_lost);

  const int input_;
  const int output_;
  // Both may be one: the second one's flags are restored first.
  NonBlocking non_blocking_input_;
  NonBlocking non_blocking_output_;
  StdioEnd end_;
  bool input_ended_ = false;
  bool looking_ = false;  // the timer runs
  Timer timer_;
};

}  // namespace espat::io
