#include "io/ports/stream_port.h"

#include <utility>

namespace espat::io {

void StreamPort::start(AtPortReader& reader) {
  reader_ = &reader;
  begin();
}

size_t StreamPort::write(std::span<const Bytes> parts) {
  size_t offered = 0;
  for (const Bytes& part : parts) offered += part.size();
  const size_t taken = stream_ ? stream_->write(parts) : offered;
  blocked_ = taken < offered;
  if (peer_) peer_->wrote();
  return taken;
}

void StreamPort::resume() {
  if (stream_) stream_->resume();
}

void StreamPort::attach(UniqueFd both) {
  stream_.emplace(shard_, static_cast<StreamOwner&>(*this), std::move(both));
  stream_->start();
}

void StreamPort::attach(UniqueFd input, UniqueFd output) {
  stream_.emplace(shard_, static_cast<StreamOwner&>(*this), std::move(input), std::move(output));
  stream_->start();
}

void StreamPort::attach_tcp(UniqueFd socket) {
  peer_.emplace(shard_.loop(), socket.get(),
                [this] { stream_ended(std::make_error_code(std::errc::timed_out)); });
  attach(std::move(socket));
}

void StreamPort::detach() {
  peer_.reset();
  stream_.reset();
  stream_writable();
}

void StreamPort::stream_writable() {
  if (std::exchange(blocked_, false)) reader_->port_writable();
}

}  // namespace espat::io
