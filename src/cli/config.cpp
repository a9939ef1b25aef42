// The configuration: TOML whose keys are the flags' names, at the top for every verb or below [verb] for one. CLI11
// reads the format; which file counts, what a key means and what is said about a bad one is ours.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command.h"
#include "model/text.h"
#include "platform/environment.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

CLI::Option* flag_of(const CLI::App& app, const std::string& name) {
  for (CLI::Option* option : const_cast<CLI::App&>(app).get_options()) {
    const auto& names = option->get_lnames();
    if (std::find(names.begin(), names.end(), name) != names.end()) return option;
  }
  return nullptr;
}

/// Flags that make no sense as a lasting setting.
bool is_settable(const std::string& key) {
  return key != "help" && key != "version" && key != "config";
}

class ConfigFile {
 public:
  ConfigFile(const fs::path& path, CLI::App& app, CLI::App& verb, Context& context)
      : path_(path), app_(app), verb_(verb), context_(context) {}

  void apply() {
    if (context_.common.verbosity > 0) context_.say("Configuration: " + path_.string() + ".");
    std::vector<CLI::ConfigItem> items;
    try {
      items = CLI::ConfigTOML().from_file(path_.string());
    } catch (const CLI::Error& error) {
      throw UsageError(fmt::format("The configuration {} cannot be read: {}.", path_.string(), error.what()));
    }
    for (const CLI::ConfigItem& item : items) {
      if (item.name == "++" || item.name == "--") continue;  // CLI11's marks of where a section begins and ends
      if (item.parents.empty() || (item.parents.size() == 1 && item.parents.front() == "default")) {
        apply_key(item, verb_, item.name);
      } else if (item.parents.size() == 1) {
        apply_section(item);
      } else {
        refuse(item.fullname(), {});
      }
    }
  }

 private:
  void apply_section(const CLI::ConfigItem& item) {
    const auto verbs = app_.get_subcommands({});
    const auto verb = std::find_if(verbs.begin(), verbs.end(),
                                   [&](const CLI::App* each) { return each->get_name() == item.parents.front(); });
    if (verb == verbs.end() || !is_settable(item.name)) refuse(item.fullname(), {});
    if (*verb == &verb_) {
      if (!flag_of(verb_, item.name)) refuse(item.fullname(), flags_of(verb_));
      apply_key(item, verb_, item.fullname());
    } else if (!flag_of(**verb, item.name)) {
      refuse(item.fullname(), flags_of(**verb));
    }
  }

  void apply_key(const CLI::ConfigItem& item, CLI::App& verb, const std::string& key) {
    if (item.parents.empty() && apply_list(item)) return;
    CLI::Option* option = flag_of(verb, item.name);
    if (!option) option = flag_of(app_, item.name);
    if (option && is_settable(item.name)) {
      set(*option, item, key);
      return;
    }
    for (const CLI::App* other : app_.get_subcommands({})) {
      if (is_settable(item.name) && flag_of(*other, item.name)) return;  // a flag of a verb that is not running
    }
    std::vector<std::string> known = {"protect", "redact", "signals"};
    for (std::string& name : flags_of(app_)) known.push_back(std::move(name));
    for (const CLI::App* each : app_.get_subcommands({})) {
      for (std::string& name : flags_of(*each)) known.push_back(std::move(name));
    }
    refuse(key, known);
  }

  bool apply_list(const CLI::ConfigItem& item) {
    auto extend = [&](std::vector<std::string>& list) {
      list.insert(list.end(), item.inputs.begin(), item.inputs.end());
      return true;
    };
    if (item.name == "protect") return extend(context_.lists.protect);
    if (item.name == "redact") return extend(context_.lists.redact);
    if (item.name != "signals") return false;
    const std::string value = item.inputs.empty() ? "" : item.inputs.front();
    if (value != "ending" && value != "all") {
      throw UsageError(fmt::format("In {}, signals = \"{}\" is neither \"ending\" nor \"all\".", path_.string(),
                                   escape_controls(value)));
    }
    context_.lists.signals = value;
    return true;
  }

  void set(CLI::Option& option, const CLI::ConfigItem& item, const std::string& key) {
    if (option.count() > 0) return;  // the command line, or a file that counts for more, said so
    try {
      for (const std::string& input : item.inputs) {
        option.add_result(option.get_items_expected_max() == 0 ? option.get_flag_value(item.name, input) : input);
      }
      option.run_callback();
    } catch (const CLI::Error& error) {
      throw UsageError(fmt::format("In {}, the value of {} is not valid: {}.", path_.string(), key, error.what()));
    }
  }

  static std::vector<std::string> flags_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (is_settable(name)) names.push_back(name);
      }
    }
    return names;
  }

  [[noreturn]] void refuse(const std::string& key, const std::vector<std::string>& known) const {
    const std::string near = did_you_mean(key.substr(key.rfind('.') + 1), known);
    throw UsageError(fmt::format("The configuration {} has an unknown key {}.{}", path_.string(), escape_controls(key),
                                 near.empty() ? " Keys are the names of flags, protect, redact and signals."
                                              : fmt::format(" Did you mean {}?", near)));
  }

  fs::path path_;
  CLI::App& app_;
  CLI::App& verb_;
  Context& context_;
};

}  // namespace

void apply_config(CLI::App& app, CLI::App& verb, Context& context) {
  context.applying_config = true;
  std::string named = context.common.config;
  if (named.empty()) named = environment_variable("GALPROC_CONFIG").value_or("");
  if (!named.empty()) {
    ConfigFile(named, app, verb, context).apply();
    return;
  }
  // The user's own first: what it sets is not set again by the system's. The lists of both add up.
  const StandardPaths paths = standard_paths();
  for (const fs::path& path : {paths.user_config, paths.system_config}) {
    std::error_code ignored;
    if (!path.empty() && fs::exists(path, ignored)) ConfigFile(path, app, verb, context).apply();
  }
}

}  // namespace galproc
