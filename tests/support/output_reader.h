// Reads what a module prints as a driver would: result codes, prompts, received data and lines.
// For a module with the echo off.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "espat/event.h"

namespace espat::test {

struct OutputItem {
  enum class Kind {
    result,  ///< OK, ERROR, busy p..., SEND OK, SEND FAIL, SEND Canceled
    prompt,
    data,  ///< +IPD with a payload
    read,  ///< +CIPRECVDATA
    line,  ///< anything else, also a +IPD of passive receive
  };
  Kind kind = Kind::line;
  std::string text;  ///< result and line: without its line ends; data, read: the payload
  LinkId link = 0;   ///< data: 0 if the head names none
};

class OutputReader {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next complete item, or nothing until more is fed.
  std::optional<OutputItem> next();
  /// True if nothing incomplete is left over.
  bool empty() const { return buffer_.empty(); }
  void clear();
  /// AT+CIPDINFO: +CIPRECVDATA names the peer.
  void set_shows_peer(bool shows) { shows_peer_ = shows; }

 private:
  std::optional<OutputItem> take_data();
  std::optional<OutputItem> take_read();

  std::string buffer_;
  bool shows_peer_ = false;
  bool after_line_end_ = false;
};

/// The link ID in front of ",CONNECT" or ",CLOSED"; 0 for the bare words; nothing for other lines.
std::optional<LinkId> link_of_event(std::string_view line, std::string_view event);

}  // namespace espat::test
