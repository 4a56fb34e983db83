#include "support/output_reader.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace espat::test {

namespace {

constexpr std::array<std::string_view, 6> kResults = {"OK",      "ERROR",     "busy p...",
                                                      "SEND OK", "SEND FAIL", "SEND Canceled"};
constexpr std::string_view kData = "+IPD,";
constexpr std::string_view kRead = "+CIPRECVDATA:";

}  // namespace

std::optional<OutputItem> OutputReader::next() {
  while (buffer_.starts_with("\r\n")) {
    buffer_.erase(0, 2);
    after_line_end_ = true;
  }
  if (buffer_.empty()) return std::nullopt;
  if (after_line_end_ && buffer_[0] == '>') {
    buffer_.erase(0, 1);
    after_line_end_ = false;
    return OutputItem{OutputItem::Kind::prompt, ">", 0};
  }
  if (buffer_.starts_with(kRead)) return take_read();
  if (buffer_.starts_with(kData)) {
    const size_t end = buffer_.find_first_of(":\r");
    if (end == std::string::npos) return std::nullopt;
    if (buffer_[end] == ':') return take_data();
  }
  const size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) return std::nullopt;
  OutputItem item;
  item.text = buffer_.substr(0, end);
  buffer_.erase(0, end);
  const bool result = std::find(kResults.begin(), kResults.end(), item.text) != kResults.end();
  item.kind = result ? OutputItem::Kind::result : OutputItem::Kind::line;
  return item;
}

std::optional<OutputItem> OutputReader::take_data() {
  const size_t colon = buffer_.find(':');
  const std::string head = buffer_.substr(kData.size(), colon - kData.size());
  OutputItem item;
  item.kind = OutputItem::Kind::data;
  size_t size = 0;
  // "len" or "id,len"; a peer's address would follow in quotes.
  const size_t comma = head.find(',');
  const bool has_id = comma != std::string::npos && head[comma + 1] != '"';
  if (has_id) item.link = static_cast<LinkId>(std::atoi(head.c_str()));
  size = std::strtoul(head.c_str() + (has_id ? comma + 1 : 0), nullptr, 10);
  if (buffer_.size() < colon + 1 + size + 2) return std::nullopt;
  item.text = buffer_.substr(colon + 1, size);
  buffer_.erase(0, colon + 1 + size);
  return item;
}

std::optional<OutputItem> OutputReader::take_read() {
  // "len," or "len,ip,port,", and no line end of its own.
  size_t at = kRead.size();
  for (int commas = shows_peer_ ? 3 : 1; commas > 0; --commas) {
    at = buffer_.find(',', at) + 1;
    if (at == 0) return std::nullopt;
  }
  const size_t size = std::strtoul(buffer_.c_str() + kRead.size(), nullptr, 10);
  if (buffer_.size() < at + size) return std::nullopt;
  OutputItem item;
  item.kind = OutputItem::Kind::read;
  item.text = buffer_.substr(at, size);
  buffer_.erase(0, at + size);
  return item;
}

void OutputReader::clear() {
  buffer_.clear();
  after_line_end_ = false;
}

std::optional<LinkId> link_of_event(std::string_view line, std::string_view event) {
  if (line == event) return LinkId{0};
  const bool has_id = line.size() == event.size() + 2 && line[0] >= '0' && line[0] <= '4' &&
                      line[1] == ',' && line.ends_with(event);
  if (!has_id) return std::nullopt;
  return static_cast<LinkId>(line[0] - '0');
}

}  // namespace espat::test
