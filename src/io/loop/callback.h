// What the loop calls: a function object that is moved and never copied.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace espat::io {

/// Holds any callable without parameters. One of up to kInPlaceBytes is kept in place, so that to
/// wait for a descriptor or a timer, or to post what a Lease guards, takes no memory of its own:
/// that happens once per packet. Larger ones are kept on the heap.
class Callback {
 public:
  static constexpr size_t kInPlaceBytes = 32;

  /// Makes an empty one, which must not be called.
  Callback() = default;

  /// Takes the callable over. Implicit, so that a lambda stands where a callback is wanted.
  template <typename Callable>
  requires(!std::is_same_v<Callable, Callback> && std::is_invocable_v<Callable&>)
      Callback(Callable callable) {  // NOLINT(google-explicit-constructor)
    if constexpr (fits<Callable>()) {
      ::new (static_cast<void*>(place_)) Callable(std::move(callable));
      kind_ = &kKind<Callable>;
    } else {
      auto call = [kept = std::make_unique<Callable>(std::move(callable))] { (*kept)(); };
      ::new (static_cast<void*>(place_)) decltype(call)(std::move(call));
      kind_ = &kKind<decltype(call)>;
    }
  }

  Callback(Callback&& other) noexcept { take(other); }
  Callback& operator=(Callback&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Callback() { reset(); }

  /// Whether there is something to call.
  explicit operator bool() const { return kind_ != nullptr; }

  /// Calls it, which it outlives: whoever calls keeps this object until the call returns.
  void operator()() {
    assert(kind_ != nullptr && "an empty callback");
    kind_->call(place_);
  }

 private:
  struct Kind {
    void (*call)(void* callable);
    void (*move)(void* from, void* to) noexcept;  ///< and destroys what is left at `from`
    void (*destroy)(void* callable) noexcept;
  };

  template <typename Kept>
  static constexpr bool fits() {
    // Of some it is exactly so much, which is what clang-tidy minds.
    return sizeof(Kept) <= kInPlaceBytes &&  // NOLINT(misc-redundant-expression)
           alignof(Kept) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<Kept>;
  }

  template <typename Kept>
  static constexpr Kind kKind = {
      [](void* callable) { (*static_cast<Kept*>(callable))(); },
      [](void* from, void* to) noexcept {
        ::new (to) Kept(std::move(*static_cast<Kept*>(from)));
        static_cast<Kept*>(from)->~Kept();
      },
      [](void* callable) noexcept { static_cast<Kept*>(callable)->~Kept(); }};

  void take(Callback& other) noexcept {
    kind_ = std::exchange(other.kind_, nullptr);
    if (kind_ != nullptr) kind_->move(other.place_, place_);
  }
  void reset() noexcept {
    if (kind_ != nullptr) std::exchange(kind_, nullptr)->destroy(place_);
  }

  alignas(std::max_align_t) std::byte place_[kInPlaceBytes];
  const Kind* kind_ = nullptr;
};

}  // namespace espat::io
