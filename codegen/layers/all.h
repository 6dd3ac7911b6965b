// Every family of layers.
#pragma once
#include "codegen/layers/binary.h"
#include "codegen/layers/conv.h"
#include "codegen/layers/counts.h"
#include "codegen/layers/elementwise.h"
#include "codegen/layers/gather.h"
#include "codegen/layers/movement.h"
#include "codegen/layers/pool.h"
#include "codegen/layers/reference.h"
