#include "action/service_command.h"

#include <algorithm>

#include "model/errors.h"
#include "model/text.h"

namespace galproc {

namespace {

namespace fs = std::filesystem;

bool is_script(const std::string& word) {
  return word.ends_with(".py");
}
bool is_option(const std::string& word) {
  return word.starts_with("-");
}

class Variables {
 public:
  explicit Variables(std::vector<std::string> all) : all_(std::move(all)) {}

  void unset(const std::string& name) {
    std::erase_if(all_, [&](const std::string& variable) { return variable.starts_with(name + "="); });
  }
  void set(const std::string& name, const std::string& value) {
    unset(name);
    all_.push_back(name + "=" + value);
  }
  std::string value_of(const std::string& name) const {
    for (const std::string& variable : all_) {
      if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
    }
    return "";
  }
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::vector<std::string> all_;
};

Variables variables_of(const CommandRequest& request, const std::string& marker) {
  Variables variables(request.inherited_environment);
  if (request.venv) {
    const std::string path = variables.value_of("PATH");
    variables.set("VIRTUAL_ENV", *request.venv);
    variables.set("PATH", *request.venv + "/bin" + (path.empty() ? "" : ":" + path));
    variables.unset("PYTHONHOME");
  }
  for (const std::string& variable : request.environment) {
    const std::size_t equals = variable.find('=');
    variables.set(variable.substr(0, equals), variable.substr(equals + 1));
  }
  variables.set("GALPROC_SERVICE", marker);
  return variables;
}

/// An interpreter is called by its path inside the environment: by that it finds what belongs to it.
fs::path interpreter_of(const std::string& venv, Platform& platform) {
  fs::path python = fs::path(venv) / "bin" / "python";
  std::error_code unknown;
  if (platform.is_executable(python)) return python;
  if (fs::is_symlink(python, unknown)) {
    throw Error(ExitCode::Failed, "The interpreter of the virtual environment " + venv +
                                      " is gone: " + python.string() +
                                      " leads to nothing that can be run. Make the environment anew.");
  }
  throw UsageError("--venv: " + venv + " is no virtual environment: it has no bin/python.");
}

/// Where a shell would find a program. `path` is a list of folders.
fs::path look_up(const CommandRequest& request, const std::string& path, Platform& platform) {
  const std::string& word = request.words.at(0);
  const fs::path& working_directory = request.working_directory;
  if (word.find('/') != std::string::npos) {
    fs::path file = working_directory / word;
    if (platform.is_executable(file)) return file;
    std::error_code unknown;
    throw Error(ExitCode::Failed,
                "The program " + file.string() +
                    (fs::exists(file, unknown) ? " cannot be run: this user may not execute it." : " is not there."));
  }
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    fs::path file = working_directory / path.substr(from, end - from) / word;
    if (platform.is_executable(file)) return file;
    from = end + 1;
  }
  throw Error(ExitCode::Failed,
              "There is no program " + word + " in " + (request.venv ? *request.venv + "/bin or in PATH." : "PATH."));
}

}  // namespace

Command resolve_command(const CommandRequest& request, const std::string& marker, Platform& platform) {
  const Variables variables = variables_of(request, marker);
  const std::string& first = request.words.at(0);
  if (first.empty()) throw UsageError("The program's name is empty.");
  if (!request.venv && is_option(first)) {
    throw UsageError("The program to start is missing: " + first + " goes to the interpreter of a --venv DIR only.");
  }
  Command command;
  command.environment = variables.all();
  command.arguments = request.words;
  if (!request.venv) {
    command.program = look_up(request, variables.value_of("PATH"), platform);
    return command;
  }
  const fs::path python = interpreter_of(*request.venv, platform);
  if (!is_script(first) && !is_option(first)) {
    command.program = look_up(request, variables.value_of("PATH"), platform);
    return command;
  }
  const fs::path script = request.working_directory / first;
  std::error_code unknown;
  if (is_script(first) && !fs::is_regular_file(script, unknown)) {
    throw Error(ExitCode::Failed, "The script " + script.string() + " is not there.");
  }
  command.program = python;
  command.arguments.insert(command.arguments.begin(), python.string());
  return command;
}

std::string default_service_name(const std::vector<std::string>& words) {
  if (words.size() > 1 && words[0] == "-m") return words[1];
  if (is_option(words.at(0))) return "python";
  return fs::path(words[0]).filename().string();
}

}  // namespace galproc
