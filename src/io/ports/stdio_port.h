// AT port `--stdio`: the bytes of standard input and output as they are.
#pragma once

#include <functional>

#include "io/ports/stream_port.h"

namespace espat::io {

class StdioPort : public StreamPort {
 public:
  /// Reads `input` and writes `output`, which stay open; both may be pipes, terminals, sockets,
  /// files. They are in non-blocking mode until the port ends. `ended` is called once, on a turn of
  /// its own: when the input has ended and every byte of it was taken, or when nobody can read the
  /// output any more. Throws std::runtime_error if a descriptor is closed. `shard` must outlive the
  /// port.
  StdioPort(Shard& shard, int input, int output, std::function<void()> ended);

 private:
  /// Puts a descriptor into non-blocking mode and back: other processes, such as the shell that
  /// started this one, may share it and do not expect that.
  class NonBlocking {
   public:
    explicit NonBlocking(int fd);
    NonBlocking(const NonBlocking&) = delete;
    NonBlocking& operator=(const NonBlocking&) = delete;
    ~NonBlocking();

   private:
    const int fd_;
    const int flags_;
  };

  void begin() override;
  void stream_ended(std::error_code error) override { end(error); }
  void stream_output_lost(std::error_code error) override { end(error); }
  void end(std::error_code error);

  const int input_;
  const int output_;
  // Both may be one: the second one's flags are restored first.
  NonBlocking non_blocking_input_;
  NonBlocking non_blocking_output_;
  std::function<void()> ended_;
};

}  // namespace espat::io
