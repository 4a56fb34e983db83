// The bytes that the MCU sends after the prompt, until as many as AT+CIPSEND announced have come;
// for AT+CIPSENDEX with its escapes, also until `\0`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"

namespace espat {

class DataInput {
 public:
  enum class Form : uint8_t {
    plain,
    escaped,  ///< `\0` ends it early, `\<any>` is <any> (ESP-AT manual, CIPSENDEX)
  };

  /// Begins to await `bytes` of payload for a link. `to` is whom a datagram is for; without a port:
  /// the link's peer.
  void begin(LinkId link, size_t bytes, const Endpoint& to, Form form);

  /// Takes what is still missing. Returns how many bytes were taken.
  size_t feed(Bytes data);
  /// Bytes of payload.
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
  size_t feed_escaped(Bytes data);

  std::string data_;
  size_t wanted_ = 0;
  size_t sent_ = 0;
  LinkId link_ = 0;
  Form form_ = Form::plain;
  bool escape_open_ = false;  // the last byte was a backslash
  Endpoint to_;
};

}  // namespace espat
