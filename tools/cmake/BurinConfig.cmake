# find_package(Burin PATHS .../tools/cmake): the same function as with add_subdirectory. The tool is BURIN_HOST_TOOL or
# `burin` in PATH, else it is built from this source tree.
include("${CMAKE_CURRENT_LIST_DIR}/BurinAddModel.cmake")
if(NOT BURIN_HOST_TOOL AND NOT TARGET burin)
  find_program(BURIN_HOST_TOOL burin DOC "The burin compiler, a program of the host")
endif()
