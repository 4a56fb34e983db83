// An endpoint as people write it: `192.0.2.1:80`, `[2001:db8::1]:80`.
#pragma once

#include <asio/ip/tcp.hpp>
#include <sstream>
#include <string>

namespace espat::io {

inline std::string endpoint_text(const asio::ip::tcp::endpoint& endpoint) {
  std::ostringstream text;
  text << endpoint;
  return std::move(text).str();
}

}  // namespace espat::io
