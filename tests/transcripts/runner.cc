#include "transcripts/runner.h"

#include "transcripts/scene.h"

namespace espat::test {

namespace {

constexpr Duration kExpectLimit = std::chrono::minutes(2);
constexpr Duration kEndLimit = std::chrono::seconds(10);

/// Escaped bytes, a new line after each line end, with a mark before byte `differs_at`.
std::string show(std::string_view bytes, size_t differs_at) {
  std::string text;
  size_t begin = 0;
  while (begin < bytes.size()) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size() - 1) + 1;
    text += "    ";
    if (differs_at >= begin && differs_at < end) {
      text += escape(bytes.substr(begin, differs_at - begin)) + " --> ";
      text += escape(bytes.substr(differs_at, end - differs_at));
    } else {
      text += escape(bytes.substr(begin, end - begin));
    }
    text += '\n';
    begin = end;
  }
  if (differs_at >= bytes.size()) text += "    --> (end)\n";
  return text;
}

std::string difference(std::string_view expected, std::string_view actual) {
  size_t at = 0;
  while (at < expected.size() && at < actual.size() && expected[at] == actual[at]) ++at;
  return "  expected:\n" + show(expected, at) + "  printed:\n" + show(actual, at);
}

class Runner {
 public:
  Runner(const Script& script, const sim::Chunking& chunking) : script_(script), scene_(chunking) {}

  RunResult run() {
    for (const Step& step : script_.steps) {
      const std::string failure = this->step(step);
      if (!failure.empty()) return end(step.line, failure);
    }
    sim::SimModule& module = scene_.module();
    module.run_until_idle(kEndLimit);
    if (!module.output().empty()) return end(0, difference("", module.output()));
    for (const std::string& rule : module.world().turns().broken_rules()) return end(0, rule);
    if (module.powered() && module.modem().crashed()) return end(0, "the module crashed");
    return end(0, "");
  }

 private:
  RunResult end(int line, const std::string& failure) const {
    RunResult result;
    result.fed_bytes = fed_bytes_;
    if (!failure.empty()) {
      result.failure = (line == 0 ? "at the end" : "line " + std::to_string(line)) + ": " + failure;
    }
    return result;
  }

  std::string step(const Step& step) {
    switch (step.kind) {
      case Step::Kind::direct: {
        const std::string failure = scene_.direct(step.directive, step.bytes);
        return failure.empty() ? failure : step.directive + ": " + failure;
      }
      case Step::Kind::send: {
        sim::SimModule& module = scene_.module();
        if (!module.output().empty()) return "before it\n" + difference("", module.output());
        module.feed(step.bytes);
        fed_bytes_ += step.bytes.size();
        return {};
      }
      case Step::Kind::expect:
        return expect(step.bytes);
    }
    return {};
  }

  std::string expect(const std::string& bytes) {
    sim::SimModule& module = scene_.module();
    module.run_until([&] { return module.output().size() >= bytes.size(); }, kExpectLimit);
    const std::string output = module.take_output();
    return output == bytes ? std::string() : "differs\n" + difference(bytes, output);
  }

  const Script& script_;
  Scene scene_;
  uint64_t fed_bytes_ = 0;
};

}  // namespace

RunResult run_script(const Script& script, const sim::Chunking& chunking) {
  return Runner(script, chunking).run();
}

}  // namespace espat::test
