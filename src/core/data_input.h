// The bytes that the MCU sends after the prompt, until as many as AT+CIPSEND announced have come.
#pragma once

#include <cstddef>
#include <string>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"

namespace espat {

class DataInput {
 public:
  /// Begins to await `bytes` for a link. `to` matters for datagrams only.
  void begin(LinkId link, size_t bytes, const Endpoint& to);

  /// Takes what is still missing. Returns how many bytes were taken.
  size_t feed(Bytes data);
  size_t missing() const { return wanted_ - data_.size(); }
  bool complete() const { return missing() == 0; }

  LinkId link() const { return link_; }
  const Endpoint& to() const { return to_; }
  size_t size() const { return data_.size(); }

  /// What has not been handed to the network yet.
  Bytes unsent() const { return as_bytes(std::string_view(data_).substr(sent_)); }
  void sent(size_t bytes) { sent_ += bytes; }

  /// Forgets everything, and gives the memory back.
  void clear();

 private:
  std::string data_;
  size_t wanted_ = 0;
  size_t sent_ = 0;
  LinkId link_ = 0;
  Endpoint to_;
};

}  // namespace espat
