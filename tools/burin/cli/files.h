// What the tool writes: files that appear whole or not at all, and what must not outlive a run that fails or is
// stopped by a signal.
#pragma once
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "codegen/source_text.h"

namespace burin {

/// Files and folders that go with the object, and when a signal ends the program: files, and folders that are empty by
/// then. What is added exists already or is about to be made.
class TemporaryPaths {
 public:
  TemporaryPaths() = default;
  ~TemporaryPaths();
  TemporaryPaths(const TemporaryPaths&) = delete;
  TemporaryPaths& operator=(const TemporaryPaths&) = delete;
  void add(std::string path);
  /// They stay.
  void keep();

 private:
  std::deque<std::string> paths_;  // never move: the signal handler reads them
};

/// A folder of its own that disappears with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  /// The path of a file or folder in it, which the caller makes.
  std::string file(const std::string& name) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  mutable TemporaryPaths inside_;
};

/// No signal ends the program while one of these is alive.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();

 private:
  bool outer_;
};
/// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT end the program after what is temporary has gone and the child has
/// been told to end; a file that grows beyond the limit is an error like a full disk, not a signal.
void clean_up_on_signals();
/// The program that runs for us, 0 for none.
void running_child(int pid);

/// The file's bytes; nothing where it cannot be read.
std::string read_text(const std::string& path);
bool is_folder(const std::string& path);
/// Throws ModelError [unwritable-output] naming the file and the reason.
void write_file(const std::string& path, const SourceText& text);
/// Writes all files under temporary names, then renames them; one whose text is there already keeps its time stamp.
/// Throws ModelError naming the file; then nothing is left behind, new folders neither.
void write_files(const std::vector<std::pair<std::string, SourceText>>& files);

}  // namespace burin
