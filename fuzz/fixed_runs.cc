// Drives a fuzz target without libFuzzer, so that every run does the same: fuzz_NAME RUNS FOLDER...
// plays each file of the folders, then RUNS inputs made of them by a generator with a fixed seed.
// A folder that does not exist is empty. Given a file instead of folders, it plays that alone.
//
// Before an input that was made is played, it is written to finding.NAME, which is removed at the
// end: if the target ends the program, it is there.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;
using Input = std::string;

constexpr uint64_t kSeed = 20210702;
constexpr size_t kInputMaxBytes = 4096;

std::vector<fs::path> files_of(const fs::path& place) {
  if (fs::is_regular_file(place)) return {place};
  std::vector<fs::path> files;
  if (fs::is_directory(place)) {
    for (const auto& entry : fs::directory_iterator(place)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Input read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void play(const Input& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

/// Makes inputs of those that it was given. The standard says what the generator yields, but not
/// its distributions: so chance is asked for with a remainder.
class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& inputs) : inputs_(inputs) {}

  Input next() {
    Input input = any();
    for (uint64_t changes = 1 + below(4); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), kInputMaxBytes));
    return input;
  }

 private:
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : generator_() % limit; }
  const Input& any() { return inputs_[below(inputs_.size())]; }
  /// A part of another input, of at most 64 bytes.
  Input piece() {
    const Input& other = any();
    return other.substr(below(other.size()), 1 + below(64));
  }

  void change(Input& input) {
    const size_t at = below(input.size());
    switch (below(5)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (!input.empty()) input[at] ^= static_cast<char>(1u << below(8));
        break;
      case 2:
        input.erase(at, 1 + below(16));
        break;
      case 3:
        input.insert(at, piece());
        break;
      default:
        input.replace(at, 1 + below(16), piece());
    }
  }

  const std::vector<Input>& inputs_;
  std::mt19937_64 generator_{kSeed};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool made_too = fs::path(argv[1]).string().find_first_not_of("0123456789") == Input::npos;
  const uint64_t runs = made_too ? std::strtoull(argv[1], nullptr, 10) : 0;
  std::vector<Input> inputs;
  for (int i = made_too ? 2 : 1; i < argc; ++i) {
    for (const fs::path& file : files_of(argv[i])) {
      inputs.push_back(read(file));
      // Said first: if this input ends the program, its name is the last line.
      std::printf("%s\n", file.c_str());
      std::fflush(stdout);
      play(inputs.back());
    }
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "no inputs\n");
    return 2;
  }
  Mutator mutator(inputs);
  const fs::path finding = "finding." + fs::path(argv[0]).filename().string().substr(5);
  std::printf("%llu inputs made of these; one that fails stays in %s\n",
              static_cast<unsigned long long>(runs), fs::absolute(finding).c_str());
  std::fflush(stdout);
  for (uint64_t run = 0; run < runs; ++run) {
    const Input input = mutator.next();
    std::ofstream(finding, std::ios::binary) << input;
    play(input);
  }
  fs::remove(finding);
  return 0;
}
