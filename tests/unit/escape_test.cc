#include "at/escape.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace espat {
namespace {

using std::chrono::milliseconds;

/// Bytes that arrive at one instant, in milliseconds.
struct Burst {
  int64_t at_ms;
  std::string bytes;
};

/// What the detector lets through as data; "<ESC>" where it sees the escape sequence.
std::string run(const std::vector<Burst>& bursts, size_t piece = 100) {
  EscapeDetector detector;
  detector.reset(Time{});
  std::string out;
  const auto judge_until = [&](Time now) {
    if (detector.deadline() > now) return;
    const size_t held = detector.held();
    if (detector.judge()) {
      out += "<ESC>";
    } else {
      out.append(held, '+');
      detector.reset(detector.deadline());
    }
  };
  for (const Burst& burst : bursts) {
    const Time now{milliseconds(burst.at_ms)};
    judge_until(now);
    for (size_t at = 0; at < burst.bytes.size(); at += piece) {
      const std::string bytes = burst.bytes.substr(at, piece);
      const auto verdict = detector.feed(as_bytes(bytes), now);
      out.append(verdict.held, '+');
      out += bytes.substr(verdict.taken);
    }
  }
  judge_until(kNever - Duration(1));
  return out;
}

TEST(EscapeDetector, SeesThreePlusesAlone) {
  EXPECT_EQ(run({{100, "+++"}}), "<ESC>");
  EXPECT_EQ(run({{100, "+++"}}, 1), "<ESC>");
  EXPECT_EQ(run({{100, "+"}, {110, "+"}, {129, "+"}}), "<ESC>");
  EXPECT_EQ(run({{100, "data"}, {120, "+++"}, {140, "more"}}), "data<ESC>more");
}

TEST(EscapeDetector, SendsEveryNearMissAsData) {
  const std::vector<std::vector<Burst>> cases = {
      {{100, "++"}},
      {{100, "++++"}},
      {{100, "+++\r\n"}},
      {{100, "+ + +"}},
      {{100, "x+++"}},
      {{100, "x"}, {119, "+++"}},             // too soon after data
      {{100, "+++"}, {119, "x"}},             // too soon before data
      {{100, "+"}, {110, "++"}, {115, "+"}},  // four
      {{100, "++"}, {120, "+"}},              // a pause in the middle
      {{100, "+"}, {120, "+"}, {140, "+"}},   // three sequences of one
      {{100, "++"}, {110, "x"}, {115, "+"}},
      {{10, "+++"}},  // too soon after the prompt
  };
  for (const auto& bursts : cases) {
    std::string all;
    for (const Burst& burst : bursts) all += burst.bytes;
    EXPECT_EQ(run(bursts), all);
    EXPECT_EQ(run(bursts, 1), all) << "byte by byte";
  }
}

TEST(EscapeDetector, SeesASequenceAfterANearMiss) {
  EXPECT_EQ(run({{100, "++"}, {200, "+++"}}), "++<ESC>");
  EXPECT_EQ(run({{100, "++++"}, {200, "+++"}}), "++++<ESC>");
}

}  // namespace
}  // namespace espat
