// AT port `--pty [LINK]`: a new pseudo-terminal, whose other side looks to a program like the
// serial device of a module.
//
// Who is there: a pseudo-terminal is a wire that keeps some 14 kB for whoever opens it next and
// then blocks, where a UART that nobody listens to loses what it sends. So the port must know
// whether anybody has the other side open, and it must not have it open itself: then the kernel
// reports the last close, exactly and however many programs share the device, as a hang-up. The
// open that ends a hang-up is not reported there; inotify tells of it. (Counting opens and closes
// by inotify alone goes wrong: two opens in a row may be reported as one.) So
//  - while nobody has it open, what the module writes is taken and lost, and nothing is waited for;
//  - what a program wrote before it closed is still read, as a wire would deliver it;
//  - after the last close, what was written and not read is discarded, so that the next program
//    does not begin with the answers to another one's questions.
// The line settings stay, as those of a serial device do; they are raw at the beginning.
#pragma once

#include <optional>
#include <string>

#include "io/ports/pty_opens.h"
#include "io/ports/stream_port.h"

namespace espat::io {

class PtyPort : public StreamPort {
 public:
  /// Makes the pseudo-terminal. `link`, if not empty, becomes a symbolic link to it, until the end;
  /// one that is there already is replaced. Throws std::runtime_error with the reason if there are
  /// no more pseudo-terminals or the link cannot be made. `shard` must outlive the port.
  explicit PtyPort(Shard& shard, const std::string& link = {});
  /// What to open: "/dev/pts/3".
  const std::string& path() const { return path_; }

 private:
  /// A symbolic link that is there as long as this is.
  class Link {
   public:
    Link(std::string path, const std::string& target);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link();

   private:
    const std::string path_;
    const std::string target_;
  };

  void begin() override { look(); }
  void stream_ended(std::error_code error) override;
  void stream_output_lost(std::error_code error) override;
  void look();

  UniqueFd master_;
  const std::string path_;
  const PtyOpens::Watch opened_;
  std::optional<Link> link_;
};

}  // namespace espat::io
