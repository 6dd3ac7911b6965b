#include "tools/burin/cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "compiler/diagnostics.h"

namespace burin {
namespace fs = std::filesystem;
namespace {

// What the signal handler removes. A run has a few dozen; one more than there is room for would only survive a signal.
std::atomic<const char*> doomed[512];
std::atomic<int> child;
static_assert(std::atomic<const char*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

bool blocked = false;
void block(bool on) {
  sigset_t set;
  sigemptyset(&set);
  for (int s : kEnding) sigaddset(&set, s);
  sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
  blocked = on;
}

bool remove(const char* path) { return unlink(path) == 0 || rmdir(path) == 0; }

/// Calls only what POSIX allows in a handler.
extern "C" void end_by_signal(int signal) {
  if (const int pid = child) kill(pid, SIGTERM), waitpid(pid, nullptr, 0);
  for (bool again = true; again;) {  // a folder is empty once what is in it has gone
    again = false;
    for (const auto& path : doomed)
      if (const char* p = path; p && remove(p)) again = true;
  }
  raise(signal);  // its default action, as SA_RESETHAND says
}

[[noreturn]] void unwritable(const fs::path& path, const std::string& why) {
  throw ModelError(fmt::format("cannot write '{}': {}", path.string(), why), "unwritable-output");
}
std::string reason(int error) { return std::generic_category().message(error); }

/// 0, or why the file does not have the text.
int write_bytes(const char* path, const SourceText& text) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int error = file < 0 ? errno : 0;
  text.write([&](std::string_view part) {
    while (!error && !part.empty()) {
      const ssize_t n = write(file, part.data(), part.size());
      if (n >= 0) part.remove_prefix(size_t(n));
      else if (errno != EINTR) error = errno;
    }
  });
  if (file >= 0 && close(file) != 0 && !error) error = errno;
  return error;
}

/// Makes `folder` and what is missing above it; what is new is added to `made`.
void make_folders(const fs::path& folder, TemporaryPaths& made) {
  std::vector<fs::path> missing;
  std::error_code ignored;
  for (fs::path p = folder; !p.empty() && !fs::exists(p, ignored) && p != p.parent_path(); p = p.parent_path())
    missing.push_back(p);
  for (auto p = missing.rbegin(); p != missing.rend(); ++p) {
    const SignalsBlocked until_added;
    if (mkdir(p->c_str(), 0777) == 0) made.add(p->string());
    else if (errno != EEXIST) unwritable(*p, reason(errno));
  }
}

}  // namespace

TemporaryPaths::~TemporaryPaths() {
  for (auto p = paths_.rbegin(); p != paths_.rend(); ++p) burin::remove(p->c_str());
  keep();
}
void TemporaryPaths::add(std::string path) {
  paths_.push_back(std::move(path));
  const char* p = paths_.back().c_str();
  for (auto& slot : doomed)
    if (const char* none = nullptr; slot.compare_exchange_strong(none, p)) return;
}
void TemporaryPaths::keep() {
  for (const std::string& p : paths_)
    for (auto& slot : doomed)
      if (const char* own = p.c_str(); slot.compare_exchange_strong(own, nullptr)) break;
  paths_.clear();
}

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  std::string name = (parent / ("burin-" + std::string(6, 'X'))).string();
  const SignalsBlocked until_added;
  if (error || !mkdtemp(name.data()))
    throw ModelError(fmt::format("cannot make a temporary folder: {}", error ? error.message() : reason(errno)),
                     "no-temporary-folder", "the environment variable TMPDIR names the folder in which it is made");
  path_ = name;
  inside_.add(name);
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}
std::string TemporaryFolder::file(const std::string& name) const {
  std::string path = path_ + "/" + name;
  inside_.add(path);
  return path;
}

SignalsBlocked::SignalsBlocked() : outer_(blocked) { block(true); }
SignalsBlocked::~SignalsBlocked() {
  if (!outer_) block(false);
}

void clean_up_on_signals() {
  struct sigaction action = {};
  action.sa_handler = end_by_signal;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  for (int s : kEnding) {
    struct sigaction before;
    if (sigaction(s, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(s, &action, nullptr);
  }
  signal(SIGXFSZ, SIG_IGN);
}
void running_child(int pid) { child = pid; }

std::string read_text(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(f), {}};
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The file's bytes are `text`; it is never in memory as a whole.
static bool holds(const std::string& path, const SourceText& text) {
  std::ifstream f(path, std::ios::binary);
  bool same = f.is_open();
  std::string held;
  text.write([&](std::string_view part) {
    if (!same) return;
    held.resize(part.size());
    same = bool(f.read(held.data(), std::streamsize(part.size()))) && held == part;
  });
  return same && f.peek() == std::ifstream::traits_type::eof();
}

void write_file(const std::string& path, const SourceText& text) {
  if (const int error = write_bytes(path.c_str(), text)) unwritable(path, reason(error));
}

void write_files(const std::vector<std::pair<std::string, SourceText>>& files) {
  TemporaryPaths made;
  std::vector<std::pair<fs::path, fs::path>> renames;
  std::vector<std::pair<fs::path, const SourceText*>> devices;
  for (const auto& [name, text] : files) {
    fs::path path(name);
    std::error_code error;
    make_folders(path.parent_path(), made);
    const fs::file_status status = fs::status(path, error);
    if (!fs::status_known(status)) unwritable(path, error.message());
    if (fs::is_directory(status)) unwritable(path, "it is a folder");
    if (fs::is_regular_file(status) && holds(name, text)) continue;
    if (fs::exists(status) &&
        !fs::is_regular_file(status)) {  // a device or a pipe, which nothing may take the place of
      devices.emplace_back(path, &text);
      continue;
    }
    if (fs::is_symlink(fs::symlink_status(path, error))) path = fs::weakly_canonical(path, error);
    const fs::path temporary = path.parent_path() / fmt::format(".burin.{}.{}.tmp", getpid(), renames.size());
    made.add(temporary.string());
    if (const int why = write_bytes(temporary.c_str(), text)) unwritable(path, reason(why));
    renames.emplace_back(temporary, path);
  }
  for (const auto& [path, text] : devices) write_file(path.string(), *text);
  const SignalsBlocked whole;  // all of them or none
  for (const auto& [from, to] : renames)
    if (std::rename(from.c_str(), to.c_str()) != 0) unwritable(to, reason(errno));
  made.keep();
}

}  // namespace burin
