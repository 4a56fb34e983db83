// Every transcript of this folder, run whole, cut once before every byte of the MCU, and byte by
// byte; and the account of which transcripts of the specification are here and which cannot be.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "at/chapter.h"
#include "espat/commands.h"
#include "support/sanitized.h"
#include "transcripts/runner.h"
#include "transcripts/script.h"

namespace espat::test {
namespace {

namespace fs = std::filesystem;

// The transcripts of the specification, by number.
constexpr int kSpecified[] = {1,  2,  3,  4,  5,  7,  8,  9,  11, 12, 14, 15, 16,
                              18, 19, 20, 21, 23, 24, 25, 26, 27, 29, 31, 32, 33,
                              34, 35, 37, 38, 41, 42, 43, 44, 45, 46, 49, 50};

// Those that a module of ESP-AT 2.2 cannot reproduce, and why.
const std::map<int, std::string> kNotComparable = {
    {3, "dialect of ESP8266 NonOS 1.x: doubled CR, another GMR; 01, 04 and 26 have our forms"},
    {5, "a v2.5 build for ESP32-C3 with reduced logging; its layout is that of 04"},
    {20, "server passthrough, which v2.3 and later have"},
    {21, "dialect of ESP8266 NonOS 1.x: doubled CR; passthrough.at has our form"},
    {31, "dialect of ESP8266 NonOS 1.x: a LF more; sntp_esp8266.at has our form"},
    {34, "a bug of v1.1 that is not to be emulated; empty_line.at has our behaviour"},
    {46, "dialect of ESP8266 NonOS 1.x: \"no change\"; server_off.at has our form"},
};

std::vector<std::string> transcript_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(ESPAT_TRANSCRIPTS_DIR)) {
    if (entry.path().extension() == ".at") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Transcript : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream file(fs::path(ESPAT_TRANSCRIPTS_DIR) / (GetParam() + ".at"), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    std::string mistake;
    const auto script = parse_script(text.str(), mistake);
    ASSERT_TRUE(script) << mistake;
    script_ = *script;
  }

  Script script_;
};

TEST_P(Transcript, Whole) {
  const RunResult result = run_script(script_, {});
  EXPECT_TRUE(result.failure.empty()) << script_.title << "\n" << result.failure;
  EXPECT_GT(result.fed_bytes, 0u) << "the MCU says nothing";
}

constexpr uint64_t kCutStep = kSanitized ? 5 : 1;  // all of them without

TEST_P(Transcript, CutAtEveryByte) {
  const uint64_t bytes = run_script(script_, {}).fed_bytes;
  for (uint64_t position = 1; position < bytes; position += kCutStep) {
    const RunResult result = run_script(script_, sim::Chunking::cut_at(position));
    ASSERT_TRUE(result.failure.empty()) << script_.title << "\ncut before byte " << position << "\n"
                                        << result.failure;
  }
}

TEST_P(Transcript, ByteByByte) {
  const RunResult result = run_script(script_, sim::Chunking::bytewise());
  EXPECT_TRUE(result.failure.empty()) << script_.title << "\n" << result.failure;
}

INSTANTIATE_TEST_SUITE_P(All, Transcript, testing::ValuesIn(transcript_names()),
                         [](const auto& param) { return param.param; });

// A file that reproduces a transcript of the specification begins with its number.
TEST(Transcripts, EverySpecifiedOneIsHereOrExcused) {
  std::set<int> here;
  for (const std::string& name : transcript_names()) {
    if (name.size() > 2 && std::isdigit(name[0]) && std::isdigit(name[1]) && name[2] == '_') {
      here.insert(std::stoi(name.substr(0, 2)));
    }
  }
  for (const int number : kSpecified) {
    EXPECT_NE(here.contains(number), kNotComparable.contains(number)) << "transcript " << number;
  }
  EXPECT_EQ(here.size() + kNotComparable.size(), std::size(kSpecified));
}

// docs/spec-examples.md says where each example of the specification is run.
TEST(Transcripts, TheExamplesAreRun) {
  std::ifstream list(fs::path(ESPAT_DOCS_DIR) / "spec-examples.md");
  size_t examples = 0;
  std::set<std::string> commands;
  for (std::string line; std::getline(list, line);) {
    const size_t name = line.find("](../tests/transcripts/");
    if (name == std::string::npos) continue;
    commands.insert(line.substr(2, line.find(' ', 2) - 2));
    const size_t begin = line.find('/', name + 22) + 1;
    const std::string file = line.substr(begin, line.find(')', begin) - begin);
    std::ifstream transcript(fs::path(ESPAT_TRANSCRIPTS_DIR) / file);
    ASSERT_TRUE(transcript) << file;
    const size_t quoted = line.find('`');
    if (quoted == std::string::npos) continue;
    const std::string example = line.substr(quoted + 1, line.find('`', quoted + 1) - quoted - 1);
    std::ostringstream text;
    text << transcript.rdbuf();
    EXPECT_NE(text.str().find("\n>> " + example + "\\r\\n"), std::string::npos)
        << example << " is not in " << file;
    ++examples;
  }
  EXPECT_EQ(examples, 65u);
  for (const Command& row : command_set()) commands.erase("AT" + std::string(row.name));
  EXPECT_EQ(commands, std::set<std::string>{"+++"});
}

}  // namespace
}  // namespace espat::test
