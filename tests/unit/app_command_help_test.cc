// The command reference, on rows of the test's own and on the real tables.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "app/command_help.h"
#include "espat/commands.h"
#include "module/module.h"

namespace espat {
namespace {

Outcome nothing(Call&) { return kOk; }

constexpr Command kRows[] = {
    {.name = "", .help = "test that the module answers", .chapter = "Basic", .execute = nothing},
    {.name = "+MODE",
     .help = "single or multiple",
     .chapter = "Basic",
     .query = nothing,
     .set = {{{nothing, {integer("mode", 0, 1)}}}},
     .stored = Storing::sysstore,
     .aliases = true},
    {.name = "+OPEN",
     .help = "open a link",
     .chapter = "Net",
     .test = nothing,
     .set = {{{nothing,
               {link_id(), opt(choice("type", "TCP|UDP|SSL")), text("host", 1, 64),
                opt(integer("keep_alive_s", 1, 7200)), opt(ip("local_ip"))}},
              {nothing, {mac("peer"), opt(integer("port", 0, 65535), 333)}}}}},
    {.name = "+CLOSE",
     .help = "close a link",
     .chapter = "Net",
     .set = {{{nothing, {link_id(5)}}}},
     .execute = nothing},
    {.name = "+LIST",
     .help = "list",
     .chapter = "Net",
     .set = {{{nothing, {opt(text("name", 0, 32)), opt(ipv4("ip"))}}}},
     .stored = Storing::always},
};

TEST(CommandHelpTest, Forms) {
  using Forms = std::vector<std::string>;
  EXPECT_EQ(command_forms(kRows[0]), Forms{"AT"});
  EXPECT_EQ(command_forms(kRows[1]), (Forms{"AT+MODE?", "AT+MODE=<mode>"}));
  EXPECT_EQ(command_forms(kRows[2]),
            (Forms{"AT+OPEN=?",
                   "AT+OPEN=[<link_id>,][<\"type\">],<\"host\">[,<keep_alive_s>][,<\"local_ip\">]",
                   "AT+OPEN=<\"peer\">[,<port>]"}));
  EXPECT_EQ(command_forms(kRows[3]), (Forms{"AT+CLOSE", "AT+CLOSE=<link_id>"}));
  EXPECT_EQ(command_forms(kRows[4]), Forms{"AT+LIST=[<\"name\">][,<\"ip\">]"});
}

TEST(CommandHelpTest, AChapterIsInOnePlace) {
  const Command rows[] = {{.name = "+A", .help = "a", .chapter = "Net", .execute = nothing},
                          {.name = "+B", .help = "b", .chapter = "Basic", .execute = nothing},
                          {.name = "+C", .help = "c", .chapter = "Net", .execute = nothing}};
  EXPECT_EQ(help_overview(rows), "Net\n  AT+A  a\n  AT+C  c\n\nBasic\n  AT+B  b\n");
  const std::string page = reference_markdown(rows);
  EXPECT_LT(page.find("### AT+C"), page.find("## Basic"));
}

TEST(CommandHelpTest, OneCommand) {
  EXPECT_EQ(help_on(kRows[2]),
            "AT+OPEN: open a link\n"
            "  AT+OPEN=?\n"
            "  AT+OPEN=[<link_id>,][<\"type\">],<\"host\">[,<keep_alive_s>][,<\"local_ip\">]\n"
            "      link_id       0 to 4, only while AT+CIPMUX=1\n"
            "      type          TCP, UDP or SSL, default TCP\n"
            "      host          1 to 64 bytes\n"
            "      keep_alive_s  1 to 7200, default none\n"
            "      local_ip      IPv4 or IPv6 address, default none\n"
            "  AT+OPEN=<\"peer\">[,<port>]\n"
            "      peer  MAC address\n"
            "      port  0 to 65535, default 333\n"
            "  Not stored.\n");
  EXPECT_EQ(help_on(kRows[1]),
            "AT+MODE: single or multiple\n"
            "  AT+MODE?\n"
            "  AT+MODE=<mode>\n"
            "      mode  0 or 1\n"
            "  Stored in flash while AT+SYSSTORE=1.\n");
  EXPECT_EQ(help_on(kRows[0]), "AT: test that the module answers\n  AT\n");
}

TEST(CommandHelpTest, Overview) {
  EXPECT_EQ(help_overview(kRows),
            "Basic\n"
            "  AT        test that the module answers\n"
            "  AT+MODE   single or multiple\n"
            "\n"
            "Net\n"
            "  AT+OPEN   open a link\n"
            "  AT+CLOSE  close a link\n"
            "  AT+LIST   list\n");
}

TEST(CommandHelpTest, FindsWhatAUserMeans) {
  for (const char* name : {"AT+MODE", "at+mode", "+mode", "mode", "AT+MODE=1", "AT+MODE?",
                           "AT+MODE_CUR", "at+mode_def"}) {
    EXPECT_EQ(find_for_help(kRows, name), &kRows[1]) << name;
  }
  EXPECT_EQ(find_for_help(kRows, "AT"), &kRows[0]);
  EXPECT_EQ(find_for_help(kRows, "AT+OPEN_CUR"), nullptr) << "has no aliases";
  EXPECT_EQ(find_for_help(kRows, "AT+NONE"), nullptr);
}

TEST(CommandHelpTest, Markdown) {
  const std::string page = reference_markdown(std::span(kRows).subspan(1, 1));
  EXPECT_NE(page.find("## Basic\n"
                      "\n"
                      "### AT+MODE\n"
                      "\n"
                      "Single or multiple.\n"
                      "\n"
                      "`AT+MODE?`\n"
                      "\n"
                      "`AT+MODE=<mode>`\n"
                      "\n"
                      "| parameter | values | default |\n"
                      "|---|---|---|\n"
                      "| mode | 0 or 1 |  |\n"
                      "\n"
                      "Stored in flash while AT+SYSSTORE=1.\n"),
            std::string::npos)
      << page;
}

TEST(CommandHelpTest, RealTablesAreReadable) {
  std::string all = help_overview(command_set());
  for (const Command& command : command_set()) {
    all += help_on(command);
    EXPECT_FALSE(command_forms(command).empty()) << command.name;
    EXPECT_NE(reference_markdown(command_set()).find("### AT" + std::string(command.name) + "\n"),
              std::string::npos);
  }
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90u) << line;
}

TEST(CommandHelpTest, TheEscapeSequenceIsDescribedThoughItIsNoCommand) {
  EXPECT_TRUE(help_on_escape("+++").starts_with("+++: ends passthrough"));
  EXPECT_EQ(help_on_escape("AT+CIPSEND"), "");
  EXPECT_NE(reference_markdown(kRows).find("### +++\n\nends passthrough"), std::string::npos);
}

}  // namespace
}  // namespace espat
