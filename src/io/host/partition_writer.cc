#include "io/host/partition_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace espat::io {

void PartitionWriter::erase(std::string_view partition) {
  abandon();
  file_ = std::make_shared<File>();
  flash_.run([&flash = flash_, file = file_, name = std::string(partition)] {
    *file = flash.write_partition(name);
  });
}

size_t PartitionWriter::write(Bytes data) {
  if (!file_) return data.size();
  const size_t taken = std::min(data.size(), kPartitionBacklogBytes - waiting_bytes_);
  owes_writable_ = taken < data.size();
  if (taken == 0) return 0;
  waiting_bytes_ += taken;
  const Bytes bytes = data.first(taken);
  auto done = here_.guard([this, taken] { written(taken); });
  flash_.run([file = file_, copy = std::vector<std::byte>(bytes.begin(), bytes.end()), done,
              &loop = loop_] {
    (*file)->write(copy);  // what goes wrong, install() says
    loop.post(done);
  });
  return taken;
}

void PartitionWriter::written(size_t bytes) {
  waiting_bytes_ -= bytes;
  // Not for every piece: the modem would offer crumbs.
  if (waiting_bytes_ > kPartitionBacklogBytes / 2) return;
  if (std::exchange(owes_writable_, false)) modem_.on_event(PartitionWritable{});
}

void PartitionWriter::commit() {
  owes_writable_ = false;
  auto done = commit_.guard([this](const std::string& error) { committed(error); });
  if (!file_) return loop_.post([done] { done(std::string("no partition was begun")); });
  flash_.run([file = std::exchange(file_, nullptr), done, &loop = loop_] {
    loop.post([done, error = (*file)->install()] { done(error); });
  });
}

void PartitionWriter::committed(const std::string& error) {
  if (!error.empty()) log_(LogLevel::error, error);
  modem_.on_event(PartitionCommitted{error.empty()});
}

void PartitionWriter::abandon() {
  owes_writable_ = false;
  commit_.renew();
  // To remove a file may take long too: it goes with the job.
  if (file_) flash_.run([file = std::exchange(file_, nullptr)] {});
}

}  // namespace espat::io
