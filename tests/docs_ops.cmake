# docs/ops.md is what `burin ops --format markdown` prints.
execute_process(COMMAND ${BURIN} ops --format markdown OUTPUT_VARIABLE now RESULT_VARIABLE result)
file(READ ${FILE} then)
if(NOT result EQUAL 0 OR NOT now STREQUAL then)
  message(FATAL_ERROR "docs/ops.md is out of date: burin ops --format markdown > docs/ops.md")
endif()
