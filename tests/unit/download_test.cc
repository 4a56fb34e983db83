// The reply to a firmware download, however it is cut.
#include "services/download.h"

#include <gtest/gtest.h>

#include <string>

#include "base/firmware_image.h"

namespace espat::test {
namespace {

constexpr size_t kAll = 0;

struct Outcome {
  Download::Result result;
  std::string written;
  std::string beginning;
};

/// Feeds a reply in pieces of `piece` bytes, then its end.
Outcome take(const std::string& reply, uint32_t partition_bytes, bool firmware,
             size_t piece = kAll) {
  Download download(partition_bytes, firmware);
  Outcome outcome;
  for (size_t at = 0; at < reply.size() && !download.ended();) {
    const size_t n = piece == kAll ? reply.size() : std::min(piece, reply.size() - at);
    outcome.written += as_text(download.feed(as_bytes(std::string_view(reply).substr(at, n))));
    at += n;
  }
  download.closed();
  outcome.result = download.result();
  outcome.beginning = outcome.result.text;
  return outcome;
}

std::string reply(const std::string& header, const std::string& body) {
  return "HTTP/1.1 200 OK\r\n" + header + "\r\n" + body;
}

const std::string kImage = "\xe9image of a firmware";
const std::string kLength = "Content-Length: " + std::to_string(kImage.size()) + "\r\n";

TEST(Download, IsTheSameHoweverItIsCut) {
  const std::string whole = reply("Server: x\r\n" + kLength, kImage + "and more");
  for (size_t piece = 0; piece < whole.size(); ++piece) {
    const Outcome outcome = take(whole, 100, true, piece);
    ASSERT_EQ(outcome.result.error, DownloadError::none) << piece;
    ASSERT_EQ(outcome.written, kImage) << piece;
    ASSERT_EQ(outcome.beginning, kImage) << piece;
    ASSERT_EQ(outcome.result.bytes, kImage.size());
    ASSERT_EQ(outcome.result.status, 200);
  }
}

TEST(Download, EndsWithItsLastByte) {
  Download download(100, false);
  const std::string whole = reply("Content-Length: 3\r\n", "abc");
  download.feed(as_bytes(std::string_view(whole).substr(0, whole.size() - 1)));
  EXPECT_FALSE(download.ended());
  download.feed(as_bytes("c"));
  EXPECT_TRUE(download.ended());
}

TEST(ReplyText, EndsWithItsBodyOrWhereItIsFull) {
  ReplyText document;
  document.feed(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r"));
  document.feed(as_bytes("\nab"));
  EXPECT_FALSE(document.complete());
  document.feed(as_bytes("c"));
  EXPECT_TRUE(document.complete());
  EXPECT_TRUE(document.text().ends_with("\r\n\r\nabc"));
  ReplyText endless;
  endless.feed(as_bytes(std::string(kReplyTextMaxBytes - 1, 'x')));
  EXPECT_FALSE(endless.complete());
  endless.feed(as_bytes("xx"));
  EXPECT_TRUE(endless.complete());
  EXPECT_EQ(endless.text().size(), kReplyTextMaxBytes);
}

TEST(Download, FailsWhereTheFirmwareDoes) {
  EXPECT_EQ(take(reply(kLength, kImage), 100, true).result.error, DownloadError::none);
  EXPECT_EQ(take(reply(kLength, "?" + kImage), 100, true).result.error,
            DownloadError::not_an_image);
  EXPECT_EQ(take(reply(kLength, kImage.substr(1)), 100, true).result.error,
            DownloadError::not_an_image);
  EXPECT_EQ(take(reply(kLength, kImage.substr(0, 5)), 100, true).result.error,
            DownloadError::broken_off);
  EXPECT_EQ(take(reply("", kImage), 100, true).result.error, DownloadError::not_an_image);
  EXPECT_EQ(take("", 100, true).result.error, DownloadError::broken_off);
  EXPECT_EQ(take("HTTP/1.1 200 OK\r\n" + kLength, 100, true).result.error,
            DownloadError::broken_off);
  const auto size = static_cast<uint32_t>(kImage.size());
  EXPECT_EQ(take(reply(kLength, kImage), size, true).result.error, DownloadError::none);
  EXPECT_EQ(take(reply(kLength, kImage), size - 1, true).result.error, DownloadError::too_large);
  EXPECT_EQ(take(reply("Content-Length: 99999999999\r\n", kImage), size, true).result.error,
            DownloadError::too_large);
}

TEST(Download, LooksForNoImageElsewhere) {
  const Outcome page = take("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\npage", 100, false);
  EXPECT_EQ(page.result.error, DownloadError::none);
  EXPECT_EQ(page.result.status, 404);
  EXPECT_EQ(page.written, "page");
  const Outcome endless = take(reply("", "whatever comes"), 100, false);
  EXPECT_EQ(endless.result.error, DownloadError::none);
  EXPECT_EQ(endless.written, "");
  // The name is looked for as it stands.
  EXPECT_EQ(take(reply("content-length: 4\r\n", "page"), 100, false).written, "");
}

TEST(Download, HasALimitForTheHeader) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: \r\n\r\n";
  for (const size_t piece : {size_t{0}, size_t{1}, size_t{100}}) {
    for (const size_t over : {size_t{0}, size_t{1}}) {
      std::string whole = head + "b";
      whole.insert(head.size() - 4, kReplyTextMaxBytes - head.size() + over, 'x');
      EXPECT_EQ(take(whole, 100, false, piece).result.error,
                over == 0 ? DownloadError::none : DownloadError::header);
    }
  }
}

TEST(Download, ReadsTheStatus) {
  EXPECT_EQ(http_status("HTTP/1.0 404 Not Found\r\n"), 404);
  EXPECT_EQ(http_status("HTTP/1.1 200"), 200);
  EXPECT_EQ(http_status("HTTP/1.1 20"), 0);
  EXPECT_EQ(http_status("HTTP/1.1 abc"), 0);
  EXPECT_EQ(http_status("\xe9"), 0);
}

/// esp_image_header_t, esp_image_segment_header_t and esp_app_desc_t of ESP-IDF v4.2.
std::string image(size_t headers_bytes, const std::string& version) {
  std::string bytes = "\xe9" + std::string(headers_bytes - 1, 'h');
  bytes += "\x32\x54\xcd\xab";
  bytes += std::string(4 + 8, '\0');
  bytes += version + std::string(32 - version.size(), '\0');
  return bytes + std::string(32 + 16 + 16 + 32 + 32, 'p');
}

TEST(ImageVersion, IsThatOfTheDescription) {
  EXPECT_EQ(image_version(image(32, "v2.3.0.0")), "2.3.0.0");
  EXPECT_EQ(image_version(image(16, "2.3.0.0-dev")), "2.3.0.0-dev");
  EXPECT_EQ(image_version(image(32, std::string(32, '7'))), std::string(32, '7'));
  EXPECT_EQ(image_version(image(32, "")), "");
  EXPECT_EQ(image_version(image(24, "v2.3.0.0")), "");
  EXPECT_EQ(image_version(image(32, "v2.3.0.0").substr(0, 79)), "");
  EXPECT_EQ(image_version(image(32, "v2.3\r\n")), "2.3");
  EXPECT_EQ(image_version(""), "");
}

// ESP-AT manual, CIUPDATE; what the server calls its version goes into the next request.
TEST(Request, HasNoRoomForBlanksAndLineEnds) {
  for (const std::string_view text : {"", "v2.3.0.0", "ota", "!~"}) {
    EXPECT_TRUE(fits_request(text)) << text;
  }
  for (const std::string_view text : {"v2 .3", "v2\r\nX: y", "\x7f", "\xff", "\t"}) {
    EXPECT_FALSE(fits_request(text)) << text;
  }
}

}  // namespace
}  // namespace espat::test
