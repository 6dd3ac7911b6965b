# docs/VERB.md is what `burin VERB --format markdown` prints.
execute_process(COMMAND ${BURIN} ${VERB} --format markdown OUTPUT_VARIABLE now RESULT_VARIABLE result)
file(READ ${FILE} then)
if(NOT result EQUAL 0 OR NOT now STREQUAL then)
  message(FATAL_ERROR "docs/${VERB}.md is out of date: burin ${VERB} --format markdown > docs/${VERB}.md")
endif()
