// Frames as gcc -fstack-usage writes them beside each object: the stack bound where there is no disassembler.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace burin {

struct MeasuredModel;

/// Bytes of the frame by function as gcc prints it ("void kws::{anonymous}::layers::f(const int8_t*)"); -1: of a
/// run-time size.
using StackUsage = std::map<std::string, int64_t>;
/// Lines `file:line:column:function<TAB>bytes<TAB>static|dynamic|bounded`.
StackUsage parse_stack_usage(const std::string& text);
/// .su files, or folders that are searched for them. Throws SizeError.
StackUsage read_stack_usage(const std::vector<std::string>& files);
/// Fills in a bound that is unknown: NAME_run's frame and the largest of its layers. Generated code is two levels deep
/// and free of recursion; frames of library functions are not in .su files, and the note says so.
void apply_stack_usage(const StackUsage& usage, MeasuredModel& m);

}  // namespace burin
