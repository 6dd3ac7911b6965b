// A QEMU TCG plugin: how often each instruction was executed between two addresses.
//
//     cc -O2 -shared -fPIC -o roi.so roi.c
//     qemu-system-arm ... -plugin ./roi.so,begin=0x1234,end=0x1236,out=counts.txt
//
// Counting starts before the instruction at `begin` and stops before the one at `end`; several passes add up. Both must
// start a translation block (be reached by a branch, call or return), as harness_begin and harness_end are. Bit 0 of
// either, the Thumb bit, is ignored. Counts are taken per block, not per instruction, which keeps the emulator fast; a
// block left early by a fault counts in full. The file: "total N", then "ADDRESS COUNT" per instruction in hexadecimal
// and decimal, by rising address.
//
// With marks=FILE (addresses of functions in hexadecimal, one a line), parts=N and order=FILE (numbers from 1 to N, one a
// line), counts are taken apart by the calls of these functions: lines are "ADDRESS COUNT PART". From the K-th entry of
// any of them since `begin` to the next all counts as the part that the K-th line of `order` says, before the first as
// part 0. What comes after the last of these lines counts as that.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Debian's and Ubuntu's QEMU packages come without the plugin header; what is used of that interface stands here.
// It is the same in versions 1 to 4 of the interface; a QEMU that asks for another version: -DROI_API=N.
#ifndef ROI_API
#define ROI_API 1
#endif
#define EXPORT __attribute__((visibility("default")))
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info qemu_info_t;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb* tb, void (*cb)(unsigned int, void*),
                                          enum qemu_plugin_cb_flags flags, void* data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void*), void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb* tb);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn* insn);

EXPORT int qemu_plugin_version = ROI_API;

typedef struct Block {
  struct Block* next;
  uint64_t* counts;  // by part
  bool mark;
  size_t instructions;
  uint64_t address[];
} Block;

static Block* blocks;
static uint64_t begin_address, end_address;
static char* out_path;
static bool counting;
static uint64_t* marks;
static size_t mark_count, parts, part, *order, order_count, entries;

static void* allocate(size_t bytes) {
  void* p = calloc(1, bytes != 0 ? bytes : 1);
  if (p == NULL) {
    fputs("roi: out of memory\n", stderr);
    exit(1);
  }
  return p;
}

static void on_execute(unsigned int cpu, void* data) {
  (void)cpu;
  Block* block = data;
  const uint64_t at = block->address[0] & ~UINT64_C(1);
  if (at == begin_address) counting = true, part = entries = 0;
  if (at == end_address) counting = false;
  if (!counting) return;
  if (block->mark && entries < order_count) part = order[entries++];
  ++block->counts[part];
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  const size_t n = qemu_plugin_tb_n_insns(tb);
  if (n == 0) return;
  Block* block = allocate(sizeof(Block) + n * sizeof(uint64_t));
  block->instructions = n;
  block->counts = allocate((parts + 1) * sizeof(uint64_t));
  for (size_t i = 0; i < n; ++i) {
    block->address[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
    const uint64_t at = block->address[i] & ~UINT64_C(1);
    if (i != 0 && (at == begin_address || at == end_address)) {
      fprintf(stderr, "roi: 0x%llx lies within a translation block\n", (unsigned long long)at);
      exit(1);
    }
  }
  for (size_t i = 0; i < mark_count; ++i) block->mark |= marks[i] == (block->address[0] & ~UINT64_C(1));
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_execute, QEMU_PLUGIN_CB_NO_REGS, block);
}

typedef struct {
  uint64_t address, count;
  size_t part;
} Line;

static int by_address(const void* left, const void* right) {
  const Line *a = left, *b = right;
  if (a->address != b->address) return a->address < b->address ? -1 : 1;
  return a->part < b->part ? -1 : a->part > b->part;
}

// The same code may have been translated several times, in blocks that overlap: sort, then add up.
static void on_finish(qemu_plugin_id_t id, void* data) {
  (void)id;
  (void)data;
  size_t n = 0, k = 0;
  uint64_t total = 0;
  for (const Block* b = blocks; b != NULL; b = b->next)
    for (size_t c = 0; c <= parts; ++c) n += b->counts[c] != 0 ? b->instructions : 0;
  Line* lines = allocate(n * sizeof(Line));
  for (const Block* b = blocks; b != NULL; b = b->next)
    for (size_t c = 0; c <= parts; ++c) {
      for (size_t i = 0; b->counts[c] != 0 && i < b->instructions; ++i) lines[k++] = (Line){b->address[i], b->counts[c], c};
      total += b->counts[c] * b->instructions;
    }
  qsort(lines, n, sizeof(Line), by_address);
  FILE* f = fopen(out_path, "w");
  if (f == NULL) {
    fprintf(stderr, "roi: cannot write %s\n", out_path);
    return;
  }
  fprintf(f, "total %llu\n", (unsigned long long)total);
  for (size_t i = 0; i < n;) {
    const Line first = lines[i];
    uint64_t count = 0;
    for (; i < n && lines[i].address == first.address && lines[i].part == first.part; ++i) count += lines[i].count;
    fprintf(f, "%llx %llu", (unsigned long long)first.address, (unsigned long long)count);
    if (parts != 0) fprintf(f, " %llu", (unsigned long long)first.part);
    fprintf(f, "\n");
  }
  if (fclose(f) != 0) fprintf(stderr, "roi: cannot write %s\n", out_path);
}

static bool read_marks(const char* path) {
  FILE* f = fopen(path, "r");
  if (f == NULL) {
    fprintf(stderr, "roi: cannot read %s\n", path);
    return false;
  }
  unsigned long long at;
  while (fscanf(f, "%llx", &at) == 1) {
    marks = realloc(marks, (mark_count + 1) * sizeof(uint64_t));
    if (marks == NULL) return false;
    marks[mark_count++] = at & ~1ull;
  }
  fclose(f);
  return true;
}

static bool read_order(const char* path) {
  FILE* f = fopen(path, "r");
  if (f == NULL) {
    fprintf(stderr, "roi: cannot read %s\n", path);
    return false;
  }
  size_t room = 0;
  for (unsigned long long k; fscanf(f, "%llu", &k) == 1; order[order_count++] = (size_t)k) {
    if (order_count < room) continue;
    room = 2 * room + 64;
    order = realloc(order, room * sizeof(size_t));
    if (order == NULL) return false;
  }
  fclose(f);
  return true;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
  (void)info;
  bool has_begin = false, has_end = false;
  for (int i = 0; i < argc; ++i) {
    if (strncmp(argv[i], "begin=", 6) == 0)
      begin_address = strtoull(argv[i] + 6, NULL, 0) & ~UINT64_C(1), has_begin = true;
    if (strncmp(argv[i], "end=", 4) == 0) end_address = strtoull(argv[i] + 4, NULL, 0) & ~UINT64_C(1), has_end = true;
    if (strncmp(argv[i], "parts=", 6) == 0) parts = (size_t)strtoull(argv[i] + 6, NULL, 0);
    if (strncmp(argv[i], "order=", 6) == 0 && !read_order(argv[i] + 6)) return 1;
    if (strncmp(argv[i], "marks=", 6) == 0 && !read_marks(argv[i] + 6)) return 1;
    if (strncmp(argv[i], "out=", 4) == 0) {
      free(out_path);  // argv need not outlive this call
      out_path = strdup(argv[i] + 4);
    }
  }
  if (!has_begin || !has_end || out_path == NULL) {
    fputs("roi: needs begin=ADDRESS,end=ADDRESS,out=FILE\n", stderr);
    return 1;
  }
  for (size_t i = 0; i < order_count; ++i)
    if (order[i] > parts) {
      fputs("roi: order= has a part that is not among parts=\n", stderr);
      return 1;
    }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, on_finish, NULL);
  return 0;
}
