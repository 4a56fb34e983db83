// AT port `--unix PATH`: a server on a Unix-domain stream socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "io/ports/server_port.h"

namespace espat::io {

class UnixPort : public ServerPort {
 public:
  /// Listens on `path`, at most 107 bytes. A socket that a dead process left there is replaced; a
  /// living listener, and any other kind of file, is an error: std::runtime_error with the reason.
  /// `shard` must outlive the port.
  UnixPort(Shard& shard, PortLog log, std::string path);
  /// Removes the socket, unless something else stands there by now.
  ~UnixPort() override;

 private:
  const std::string path_;
  dev_t device_ = 0;  // which file is ours
  ino_t inode_ = 0;
};

}  // namespace espat::io
