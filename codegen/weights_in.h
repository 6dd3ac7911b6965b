// --weights-in: which constants are copied into a pool, and what that saves.
#pragma once
#include "compiler/options.h"
#include "compiler/program/program.h"
#include "targets/target.h"

namespace burin {

/// How often a run reads each byte of each constant, about: weights once for each block of results that their kernel
/// makes at a time (KernelOrder), other constants once for each result that they could belong to.
std::vector<double> constant_reads(const Program& p);

/// Copies the constants that are read most often, as far as there is room, to the pool's first bytes, in front of the
/// values that lie there. Structs that say how far loops go stay in flash: a pool that lost its contents must not make
/// a run write anywhere.
void copy_constants(Program& p, const WeightsIn& to);

/// Cycles of a run in which the core waits for constants in flash; what is copied is not waited for.
struct FlashStalls {
  double all = 0;   // if nothing were copied
  double left = 0;  // as the program is
};
FlashStalls flash_stalls(const Program& p, const Target& t);

}  // namespace burin
