// Memory that is given out again, and never while somebody still looks at it.
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>

#include <catch2/catch.hpp>

#include "data/augment/kept_memory.h"

using namespace athanor;

CATCH_TEST_CASE("kept memory: a tensor that is still held keeps its values", "[unit]") {
  KeptMemory memory;
  const at::Tensor first = memory.tensor({2, 3}, at::kFloat).fill_(1);
  const at::Tensor view = memory.tensor({2, 3}, at::kFloat).fill_(2).select(0, 1);
  const at::Tensor third = memory.tensor({2, 3}, at::kFloat).fill_(3);
  CATCH_CHECK(first.eq(1).all().item<bool>());
  CATCH_CHECK(view.eq(2).all().item<bool>());
  CATCH_CHECK(third.eq(3).all().item<bool>());
}

CATCH_TEST_CASE("kept memory: is used again once let go, for any shape and type that fits", "[unit]") {
  KeptMemory memory;
  const void* place = memory.tensor({4, 5}, at::kFloat).data_ptr();
  const at::Tensor halves = memory.tensor({40}, at::kBFloat16);
  CATCH_CHECK(halves.data_ptr() == place);
  CATCH_CHECK(halves.scalar_type() == at::kBFloat16);
  CATCH_CHECK(halves.sizes() == at::IntArrayRef({40}));
}

CATCH_TEST_CASE("kept memory: two batches that take turns share two blocks", "[unit]") {
  KeptMemory memory;
  at::Tensor current = memory.tensor({100}, at::kFloat), next = memory.tensor({100}, at::kFloat);
  const void* const places[] = {current.data_ptr(), next.data_ptr()};
  CATCH_REQUIRE(places[0] != places[1]);
  for (int turn = 0; turn < 6; ++turn) {
    current = next;
    next = memory.tensor({100}, at::kFloat);
    CATCH_CHECK(next.data_ptr() == places[turn % 2]);
  }
}

CATCH_TEST_CASE("kept memory: grows, starts on a cache line, takes empty shapes and outlives its keeper",
                "[unit]") {
  at::Tensor outlives;
  {
    KeptMemory memory;
    memory.tensor({1}, at::kByte);
    for (const int64_t size : {0, 1, 63, 1000, 100000}) {
      const at::Tensor tensor = memory.tensor({size, 2}, at::kByte).fill_(7);
      CATCH_CHECK(tensor.numel() == 2 * size);
      if (size > 0) CATCH_CHECK(reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 64 == 0);
    }
    outlives = memory.tensor({3}, at::kFloat).fill_(5);
  }
  CATCH_CHECK(outlives.eq(5).all().item<bool>());
}
