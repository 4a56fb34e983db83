// How work for a later turn of the loop is forgotten when whatever asked for it has ended.
#pragma once

#include <memory>
#include <utility>

namespace espat::io {

/// Binds handlers to the life of what they act on: a handler wrapped by guard() does nothing once
/// the lease has ended or was renewed. All of it happens on one thread.
class Lease {
 public:
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// Forgets every handler wrapped so far.
  void renew() { token_.reset(); }

  template <typename Handler>
  auto guard(Handler handler) const {
    if (!token_) token_ = std::make_shared<char>();
    return [token = std::weak_ptr<char>(token_), handler = std::move(handler)](auto&&... args) {
      if (!token.expired()) handler(std::forward<decltype(args)>(args)...);
    };
  }

 private:
  mutable std::shared_ptr<char> token_;  // made when it is first needed: most never are
};

}  // namespace espat::io
