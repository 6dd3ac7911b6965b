#include "tools/burin/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "tools/burin/cli/cli.h"
#include "tools/burin/cli/files.h"
#include "tools/burin/cli/tool_list.h"

namespace burin {

std::vector<std::string> words(const std::string& text) {
  std::istringstream s(text);
  std::vector<std::string> r;
  for (std::string w; s >> w;) r.push_back(w);
  return r;
}

std::string program_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = folder + "/" + name; access(file.c_str(), X_OK) == 0) return file;
  return "";
}

std::string find_program(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!program_path(name).empty()) return name;
  return "";
}

ProcessResult run_process(const std::vector<std::string>& argv, double seconds, const std::string& folder) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw ToolError("cannot make a pipe", "no-process");
  std::vector<char*> args;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  args.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw ToolError("cannot start another program", "no-process");
  if (child == 0) {
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0), dup2(out[1], 1), dup2(err[1], 2);
    signal(SIGXFSZ, SIG_DFL);
    if (folder.empty() || chdir(folder.c_str()) == 0) execvp(args[0], args.data());
    _exit(127);
  }
  running_child(child);
  close(out[1]), close(err[1]);
  ProcessResult r;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  pollfd fds[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* texts[2] = {&r.out, &r.err};
  for (int open_fds = 2; open_fds > 0;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      r.timed_out = true;
      kill(child, SIGKILL);
      break;
    }
    poll(fds, 2, int(std::min<long>(left, 1000)));
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
      if (n > 0) texts[i]->append(buffer, size_t(n));
      else fds[i].fd = -1, --open_fds;
    }
  }
  close(out[0]), close(err[0]);
  int status = 0;
  waitpid(child, &status, 0);
  running_child(0);
  r.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (r.exit_code == 127 && find_program({argv[0]}).empty() && argv[0].find('/') == std::string::npos)
    throw ToolError(missing_tool(argv[0]), "missing-tool");
  return r;
}

}  // namespace burin
