// Reductions over any axes of a dense tensor.
#pragma once
#include "runtime-min/base.h"
#include "runtime-min/kernels/binary.h"
#include "runtime-min/kernels/limits.h"
#include "runtime-min/kernels/strided_copy.h"
#include "runtime-min/math.h"
#include "runtime-min/requantize.h"

namespace burin {

/// The axes of the result and those reduced, each with its extent and its stride in x; both ranks are at least 1.
/// `count` is the number of elements that one result is made of.
struct ReduceShape {
  int32_t kept_rank, reduced_rank, count;
  int32_t kept[kMaxRank], kept_stride[kMaxRank];
  int32_t reduced[kMaxRank], reduced_stride[kMaxRank];
};

/// One step of an odometer over `rank` axes; false when it has come round. `at` follows the position.
BURIN_INLINE bool next_index(int32_t rank, const int32_t* extent, const int32_t* stride, int32_t* i, int32_t& at) {
  for (int32_t d = rank - 1; d >= 0; --d) {
    at += stride[d];
    if (++i[d] < extent[d]) return true;
    at -= i[d] * stride[d];
    i[d] = 0;
  }
  return false;
}

/// Calls f(x) for the elements that make one result, in order.
template <class T, class F>
BURIN_INLINE void each_reduced(const ReduceShape& s, const T* x, F f) {
  if (s.count == 0) return;
  int32_t i[kMaxRank] = {}, at = 0;
  const int32_t last = s.reduced_rank - 1;
  do {
    for (int32_t k = 0; k < s.reduced[last]; ++k) f(x[at + k * s.reduced_stride[last]]);
  } while (next_index(last, s.reduced, s.reduced_stride, i, at));
}

/// Calls f(first element) for each result and stores what it returns.
template <class T, class Y, class F>
BURIN_INLINE void each_result(const ReduceShape& s, const T* x, Y* y, F f) {
  for (int32_t d = 0; d < s.kept_rank; ++d)
    if (s.kept[d] == 0) return;
  int32_t i[kMaxRank] = {}, at = 0;
  do *y++ = f(s.count == 0 ? x : x + at);  // of nothing to reduce, x may be null
  while (next_index(s.kept_rank, s.kept, s.kept_stride, i, at));
}

// Each reduction: where it starts, how an element enters, what becomes of the total of n elements. Integers wrap.
// Functions of doubles have float32's precision.
struct fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T start() {
    return T(0);
  }
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_add::eval(acc, x);
  }
  template <class T>
  static BURIN_INLINE T finish(T acc, int32_t) {
    return acc;
  }
};
/// Integers: towards zero.
struct fn_reduce_mean : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T finish(T acc, int32_t n) {
    return fn_div::eval(acc, T(n));
  }
};
struct fn_reduce_prod : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T start() {
    return T(1);
  }
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_mul::eval(acc, x);
  }
};
struct fn_reduce_max : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T start() {
    return Limits<T>::least;
  }
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_max::eval(acc, x);
  }
};
struct fn_reduce_min : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T start() {
    return Limits<T>::greatest;
  }
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_min::eval(acc, x);
  }
};
struct fn_reduce_l1 : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_add::eval(acc, x < T(0) ? fn_sub::eval(T(0), x) : x);
  }
};
struct fn_reduce_sum_square : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T step(T acc, T x) {
    return fn_add::eval(acc, fn_mul::eval(x, x));
  }
};
/// A real result as T; of integers towards zero, saturating, NaN (the logarithm of a negative sum) as 0: as Cast.
template <class T>
BURIN_INLINE T real_result(float v) {
  if (T(0.5f) != T(0)) return T(v);
  if (v != v) return T(0);
  return v <= float(Limits<T>::least) ? Limits<T>::least : v >= float(Limits<T>::greatest) ? Limits<T>::greatest : T(v);
}
struct fn_reduce_l2 : fn_reduce_sum_square {
  template <class T>
  static BURIN_INLINE T finish(T acc, int32_t) {
    return real_result<T>(sqrt_f32(float(acc)));
  }
};
struct fn_reduce_log_sum : fn_reduce_sum {
  template <class T>
  static BURIN_INLINE T finish(T acc, int32_t) {
    return real_result<T>(log_f32(float(acc)));
  }
};

/// y = F over the reduced axes.
template <class F, class T>
BURIN_INLINE void reduce(const ReduceShape& s, const T* x, T* y) {
  each_result(
      s, x, y, [&s](const T* first) __attribute__((always_inline))->T {
        T acc = F::template start<T>();
        each_reduced(
            s, first, [&acc](T v) __attribute__((always_inline)) { acc = F::step(acc, v); });
        return F::finish(acc, s.count);
      });
}

/// log of the sum of e^x, the largest x taken out first unless it is infinite: then e^x itself tells. Floats only.
template <class T>
BURIN_INLINE void reduce_log_sum_exp(const ReduceShape& s, const T* x, T* y) {
  each_result(
      s, x, y, [&s](const T* first) __attribute__((always_inline))->T {
        T most = Limits<T>::least;
        each_reduced(
            s, first, [&most](T v) __attribute__((always_inline)) { most = v > most ? v : most; });
        if (most == Limits<T>::least || most == Limits<T>::greatest) most = T(0);
        float sum = 0.0f;
        each_reduced(
            s, first, [&sum, most ](T v) __attribute__((always_inline)) { sum += exp_f32(float(v - most)); });
        return T(most + T(log_f32(sum)));
      });
}

/// The index of the greatest (Max) or least element along one axis; the last of equals with Last. The first NaN wins
/// over numbers.
template <bool Max, bool Last, class T>
BURIN_INLINE void reduce_arg(const ReduceShape& s, const T* x, int64_t* y) {
  each_result(
      s, x, y, [&s](const T* first) __attribute__((always_inline))->int64_t {
        int32_t best = 0, i = 0;
        T found = *first;
        each_reduced(
            s, first, [&best, &i, &found ](T v) __attribute__((always_inline)) {
              const bool better = Max ? v > found : v < found;
              if ((better || (Last && v == found) || v != v) && found == found) {
                found = v;
                best = i;
              }
              ++i;
            });
        return best;
      });
}

/// Quantized sum or mean: acc = sum of (x - x_zero); params: one set.
template <class X, class Y>
BURIN_INLINE void reduce_sum_q8(const ReduceShape& s, const Requant& q, int32_t x_zero, const int32_t* params,
                                const X* x, Y* y) {
  each_result(
      s, x, y, [&s, &q, x_zero, params ](const X* first) __attribute__((always_inline))->Y {
        int32_t acc = 0;
        each_reduced(
            s, first, [&acc, x_zero ](X v) __attribute__((always_inline)) { acc += v - x_zero; });
        return Y(requantize(q, params, acc));
      });
}

/// Quantized maximum or minimum (F); the table brings it to y's scale, null where it is the same as x's.
template <class F, class X, class Y>
BURIN_INLINE void reduce_extreme_q8(const ReduceShape& s, const uint8_t* table, const X* x, Y* y) {
  each_result(
      s, x, y, [&s, table ](const X* first) __attribute__((always_inline))->Y {
        X acc = F::template start<X>();
        each_reduced(
            s, first, [&acc](X v) __attribute__((always_inline)) { acc = F::step(acc, v); });
        return table ? Y(table[uint8_t(acc)]) : Y(acc);
      });
}

}  // namespace burin
