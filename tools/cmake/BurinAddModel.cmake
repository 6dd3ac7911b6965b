# burin_add_model(<target> MODEL <file.onnx> [...]): an ONNX model as a static library of a firmware or host project.
#
#   burin_add_model(kws MODEL kws.onnx          # library target `kws`; link it and include "kws.h"
#     [TARGET cortex-m4f]                       # default: the toolchain's -mcpu or -march, `host` when not cross-compiling
#     [NAME n]                                  # prefix of the functions and name of the files; default: the target's name
#     [INPUT_DIM batch=1 ...] [BIND name=value|file.pb|file.npy ...]
#     [OPTIMIZE speed|size|ram]
#     [IO [external] [nhwc] [quantized]]        # --io external, --io-layout nhwc, --io-type quantized
#     [BUDGET [FLASH 64K] [RAM 16K]]            # more than that: the build fails
#     [VERIFY test_data_dir ...]                # test <target>.verify, build target <target>_verify: for `host` here, else in QEMU
#     [REPORT json|html ...]                    # <binary dir>/<target>.burin/report.json, report.html
#     [OPTIONS ...])                            # passed to `burin` as they are
#
# burin_add_models(<target> MODELS <file.onnx>[:<name>]... [TARGET] [INPUT_DIM] [BIND] [OPTIMIZE] [IO] [BUDGET] [REPORT json]
#                  [OPTIONS]): models that run one at a time, in one arena, with the kernels that they share, as one library.
#
# Unknown keywords are errors, and so are those that this version does not have (STATE, CALIBRATION).
# The tool is the target Burin::burin: BURIN_HOST_TOOL if that is set, the package's program, the target `burin` of the same
# build, else it is built for the host from Burin's sources (when cross-compiling). docs/cmake.md tells the rest: properties
# of the library, the variables, when what is built again.

include_guard(GLOBAL)
cmake_policy(PUSH)
cmake_policy(VERSION 3.22)  # a function keeps the policies under which it was defined; CMP0116 matters: depfiles

set(BURIN_HOST_TOOL "" CACHE FILEPATH "The burin program to use instead of the package's or of building it")
option(BURIN_BUILD_TOOL_AT_CONFIGURE "Where the tool is built for the host, build it while configuring" OFF)

# The target that the toolchain's flags ask for, or "".
function(_burin_default_target out)
  if(NOT CMAKE_CROSSCOMPILING)
    set(${out} host PARENT_SCOPE)
    return()
  endif()
  get_directory_property(options COMPILE_OPTIONS)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  string(JOIN " " flags ${CMAKE_CXX_COMPILER_ARG1} ${CMAKE_CXX_FLAGS} "${CMAKE_CXX_FLAGS_${config}}" ${options})
  set(name "")
  if(flags MATCHES "-mcpu=(cortex-m[0-9]+(plus)?)([+a-z.]*)")
    set(core "${CMAKE_MATCH_1}")
    set(extensions "${CMAKE_MATCH_3}")
    set(name "${core}")
    if(core STREQUAL "cortex-m0")
      set(name cortex-m0plus)
    elseif(core STREQUAL "cortex-m4" AND flags MATCHES "-mfloat-abi=(hard|softfp)" AND NOT extensions MATCHES "nofp")
      set(name cortex-m4f)
    elseif(core STREQUAL "cortex-m33" AND extensions MATCHES "nodsp")
      set(name cortex-m33-nodsp)
    elseif(core STREQUAL "cortex-m55" AND extensions MATCHES "nomve")
      set(name cortex-m55-nomve)
    endif()
  elseif(flags MATCHES "-march=rv32i?m")
    set(name riscv32)
  endif()
  _burin_targets(known)
  if(NOT name IN_LIST known)
    set(name "")
  endif()
  set(${out} "${name}" PARENT_SCOPE)
endfunction()

# The name that `burin --name` makes of `name`: the files and functions are called that.
function(_burin_c_name name out)
  string(MAKE_C_IDENTIFIER "${name}" c)  # other characters become _; a leading digit gets _ in front
  if(name MATCHES "^[0-9]")
    string(REGEX REPLACE "^_" "m_" c "${c}")
  endif()
  # Beside this file in the package, else where the tool has it from.
  set(file "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/reserved_names.txt")
  if(NOT EXISTS "${file}")
    set(file "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../codegen/reserved_names.txt")
  endif()
  file(READ "${file}" reserved)
  string(REGEX REPLACE "^.*\\[keywords\\]" "" reserved "${reserved}")
  string(REGEX REPLACE "[ \n]+" ";" reserved "${reserved}")
  list(FIND reserved "[headers]" headers)
  list(SUBLIST reserved ${headers} -1 headers)
  string(TOLOWER "${c}" lower)
  if(c IN_LIST reserved OR lower IN_LIST headers OR c MATCHES "^(BURIN_|__|_[A-Z]|_+$)")
    set(c "m_${c}")
  endif()
  set(${out} "${c}" PARENT_SCOPE)
endfunction()

# The targets that there are: what the package says, else the files of the source tree.
function(_burin_targets out)
  get_property(names GLOBAL PROPERTY BURIN_TARGETS)
  if(NOT names)
    file(GLOB names RELATIVE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../targets"
         "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../targets/*.target")
    list(TRANSFORM names REPLACE "\\.target$" "")
  endif()
  set(${out} "${names}" PARENT_SCOPE)
endfunction()

# Is `tool` a program that runs here? An error that names `origin` otherwise, a warning when it is of another version.
function(_burin_check_tool tool origin)
  if(NOT EXISTS "${tool}" OR IS_DIRECTORY "${tool}")
    message(FATAL_ERROR "Burin: ${origin} is '${tool}': there is no such file; it must name the program `burin`")
  endif()
  execute_process(COMMAND "${tool}" --version OUTPUT_VARIABLE version ERROR_VARIABLE error RESULT_VARIABLE result)
  if(NOT result EQUAL 0 OR NOT version MATCHES "^burin ([0-9.]+)")
    string(STRIP "${result} ${error}" why)
    message(FATAL_ERROR "Burin: ${origin} is '${tool}', which does not run here as `burin --version` (${why}); "
                        "it must be a program for this computer, not for the firmware's core")
  endif()
  get_property(own_version GLOBAL PROPERTY BURIN_VERSION)
  if(NOT CMAKE_MATCH_1 VERSION_EQUAL "${own_version}")
    message(WARNING "Burin: ${origin} is '${tool}' of version ${CMAKE_MATCH_1}; these CMake files are of ${own_version}")
  endif()
endfunction()

# Commands that configure and build the tool for the host from `source` in `build`.
function(_burin_host_build source build configure_out build_out)
  set(generator "${CMAKE_GENERATOR}")
  set(program "${CMAKE_MAKE_PROGRAM}")
  if(generator STREQUAL "Ninja Multi-Config")
    set(generator Ninja)
  endif()
  set(arguments ${BURIN_HOST_CMAKE_ARGS})
  if(BURIN_HOST_CXX)
    list(APPEND arguments "-DCMAKE_CXX_COMPILER=${BURIN_HOST_CXX}")
  endif()
  cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
  # The environment may name the cross compiler, which must not reach the host's build.
  set(${configure_out}
      "${CMAKE_COMMAND}" -E env --unset=CC --unset=CXX --unset=CFLAGS --unset=CXXFLAGS --unset=LDFLAGS
      --unset=CMAKE_TOOLCHAIN_FILE "${CMAKE_COMMAND}" -S "${source}" -B "${build}" -G "${generator}"
      "-DCMAKE_MAKE_PROGRAM=${program}" -DCMAKE_BUILD_TYPE=Release -DBURIN_TESTS=OFF
      -DBURIN_WERROR=OFF ${arguments} PARENT_SCOPE)
  set(${build_out} "${CMAKE_COMMAND}" --build "${build}" --target burin --parallel ${jobs} PARENT_SCOPE)
endfunction()

# Makes Burin::burin, where it is not a target of this very build. The global property BURIN_READY_TOOL gets the program's
# path if it can run now, while the project is configured.
function(_burin_define_tool)
  if(TARGET Burin::burin)
    return()
  endif()
  get_property(installed GLOBAL PROPERTY BURIN_PACKAGE_TOOL)
  set(tool "")
  if(BURIN_HOST_TOOL)
    get_filename_component(tool "${BURIN_HOST_TOOL}" ABSOLUTE BASE_DIR "${CMAKE_BINARY_DIR}")
    _burin_check_tool("${tool}" BURIN_HOST_TOOL)
  elseif(installed)
    set(tool "${installed}")
    _burin_check_tool("${tool}" "the package's tool")
  endif()
  add_executable(Burin::burin IMPORTED GLOBAL)
  if(tool)
    set_property(TARGET Burin::burin PROPERTY IMPORTED_LOCATION "${tool}")
    set_property(GLOBAL PROPERTY BURIN_READY_TOOL "${tool}")
    return()
  endif()

  get_filename_component(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.." ABSOLUTE)
  set(build "${CMAKE_BINARY_DIR}/burin-host")
  set(tool "${build}/burin${CMAKE_HOST_EXECUTABLE_SUFFIX}")
  _burin_host_build("${source}" "${build}" configure_tool build_tool)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${source}/compiler/*" "${source}/passes/*" "${source}/codegen/*"
       "${source}/runtime-min/*" "${source}/targets/*" "${source}/tools/*")
  list(FILTER sources EXCLUDE REGEX "/tools/[^/]*$|\\.md$|/__pycache__/")
  add_custom_command(
    OUTPUT "${tool}"
    COMMAND ${configure_tool}
    COMMAND ${build_tool}
    COMMAND "${CMAKE_COMMAND}" -E touch "${tool}"
    DEPENDS ${sources} "${source}/CMakeLists.txt"
    COMMENT "Building burin for the host"
    USES_TERMINAL VERBATIM)
  add_custom_target(burin_host_tool DEPENDS "${tool}")
  add_dependencies(Burin::burin burin_host_tool)
  set_property(TARGET Burin::burin PROPERTY IMPORTED_LOCATION "${tool}")
  if(BURIN_BUILD_TOOL_AT_CONFIGURE)
    message(STATUS "Burin: building the tool for the host")
    foreach(step configure_tool build_tool)
      execute_process(COMMAND ${${step}} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
      if(NOT result EQUAL 0)
        message(FATAL_ERROR "Burin: the tool could not be built for the host:\n${output}")
      endif()
    endforeach()
    set_property(GLOBAL PROPERTY BURIN_READY_TOOL "${tool}")
  endif()
endfunction()

# Sets figure_ARENA_BYTES, figure_STATE_BYTES, figure_WEIGHT_BYTES and figure_MACS, if the tool can tell them now. A model
# that cannot be compiled leaves them unset: the build says why.
function(_burin_figures model files)
  foreach(figure ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS)
    unset(figure_${figure} PARENT_SCOPE)
  endforeach()
  get_property(tool GLOBAL PROPERTY BURIN_READY_TOOL)
  if(NOT tool OR NOT EXISTS "${model}")
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  execute_process(COMMAND "${tool}" analyze "${model}" --format json ${ARGN} OUTPUT_VARIABLE report ERROR_QUIET
                  RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    return()
  endif()
  foreach(figure ARENA_BYTES=arena_bytes STATE_BYTES=state_bytes WEIGHT_BYTES=flash,weights MACS=macs)
    string(REGEX MATCH "^(.*)=(.*)$" ignored "${figure}")
    string(REPLACE "," ";" path "${CMAKE_MATCH_2}")
    string(JSON value ERROR_VARIABLE error GET "${report}" ${path})
    if(error)  # a tool of another version
      return()
    endif()
    set(figure_${CMAKE_MATCH_1} "${value}" PARENT_SCOPE)
  endforeach()
endfunction()

# An error unless there is such a file, or a rule before this call makes it.
function(_burin_file path what)
  get_source_file_property(generated "${path}" GENERATED)
  if(NOT generated AND (NOT EXISTS "${path}" OR IS_DIRECTORY "${path}"))
    message(FATAL_ERROR "${what} ${path}: there is no such file. If the build makes it, the add_custom_command() that does so "
                        "must come first, in the same CMakeLists.txt")
  endif()
endfunction()

# The test <target>.verify, for ctest, and the build target <target>_verify, which does the same.
function(_burin_add_verify target where model folders)
  set(data "")
  foreach(folder IN LISTS folders)
    get_filename_component(folder "${folder}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    file(GLOB found "${folder}/input_*.pb" "${folder}/output_*.pb")
    if(NOT found)
      message(FATAL_ERROR "${where}: VERIFY ${folder}: there is no such folder with input_0.pb and output_0.pb")
    endif()
    list(APPEND data --data "${folder}")
  endforeach()
  set(command Burin::burin verify "${model}" ${ARGN} ${data})
  add_test(NAME ${target}.verify COMMAND ${command})
  add_custom_target(${target}_verify COMMAND ${command} COMMENT "Verifying ${target}" USES_TERMINAL VERBATIM)
  if(CMAKE_CROSSCOMPILING)  # the toolchain need not be in PATH, but the tool looks for the compiler there
    get_filename_component(toolchain "${CMAKE_CXX_COMPILER}" DIRECTORY)
    set_property(TEST ${target}.verify PROPERTY ENVIRONMENT_MODIFICATION "PATH=path_list_append:${toolchain}")
  endif()
endfunction()

# What burin_add_model() and burin_add_models() check and set alike, in the caller: arg_TARGET, `common` (options of the
# tool), `files` (that --bind reads), `only_compile` (options of `compile` alone), `budget_flash`. A macro: the keywords are
# those that the caller has parsed.
macro(_burin_common_keywords)
  if(DEFINED arg_UNPARSED_ARGUMENTS)
    list(JOIN arg_UNPARSED_ARGUMENTS " " words)
    message(FATAL_ERROR "${where}: unknown keyword or stray argument: ${words}")
  endif()
  if(DEFINED arg_KEYWORDS_MISSING_VALUES)
    list(JOIN arg_KEYWORDS_MISSING_VALUES " " words)
    message(FATAL_ERROR "${where}: ${words}: a value is missing")
  endif()
  foreach(keyword STATE CALIBRATION)
    if(DEFINED arg_${keyword})
      message(FATAL_ERROR "${where}: ${keyword} is not supported in this version of Burin")
    endif()
  endforeach()
  if(NOT DEFINED arg_${required})
    message(FATAL_ERROR "${where}: ${required} is missing")
  endif()
  if(TARGET ${target})
    message(FATAL_ERROR "${where}: there is a target of this name already")
  endif()
  if(NOT CMAKE_CXX_COMPILER_LOADED)
    message(FATAL_ERROR "${where}: the generated code is C++; add CXX to the languages of project()")
  endif()

  if(NOT DEFINED arg_TARGET)
    _burin_default_target(arg_TARGET)
    if(arg_TARGET STREQUAL "")
      message(FATAL_ERROR "${where}: the compiler flags name no core that Burin knows; say TARGET (see `burin targets`)")
    endif()
  endif()
  _burin_targets(known)
  if(NOT arg_TARGET IN_LIST known)
    list(JOIN known ", " names)
    message(FATAL_ERROR "${where}: there is no TARGET ${arg_TARGET}; there are ${names}")
  endif()

  set(common --target "${arg_TARGET}")
  if(DEFINED arg_OPTIMIZE)
    if(NOT arg_OPTIMIZE MATCHES "^(speed|size|ram)$")
      message(FATAL_ERROR "${where}: OPTIMIZE ${arg_OPTIMIZE}: expected speed, size or ram")
    endif()
    list(APPEND common --optimize "${arg_OPTIMIZE}")
  endif()
  foreach(value IN LISTS arg_INPUT_DIM)
    list(APPEND common --input-dim "${value}")
  endforeach()
  set(files "")
  foreach(value IN LISTS arg_BIND)
    if(value MATCHES "^(.*)=([^=]+\\.(pb|npy))$")  # a file: relative to the CMakeLists.txt that says it
      get_filename_component(file "${CMAKE_MATCH_2}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
      string(REGEX REPLACE "=[^=]+$" "" left "${value}")
      _burin_file("${file}" "${where}: BIND")
      set(value "${left}=${file}")
      list(APPEND files "${file}")
    endif()
    list(APPEND common --bind "${value}")
  endforeach()
  foreach(value IN LISTS arg_IO)
    if(value STREQUAL "external")
      list(APPEND common --io external)
    elseif(value STREQUAL "nhwc")
      list(APPEND common --io-layout nhwc)
    elseif(value STREQUAL "quantized")
      list(APPEND common --io-type quantized)
    else()
      message(FATAL_ERROR "${where}: IO ${value}: expected external, nhwc or quantized")
    endif()
  endforeach()

  set(only_compile "")
  set(budget_flash "")
  set(budget ${arg_BUDGET})
  while(budget)
    list(POP_FRONT budget kind size)
    if(NOT kind MATCHES "^(FLASH|RAM)$")
      message(FATAL_ERROR "${where}: BUDGET ${kind}: expected FLASH or RAM, and a size")
    elseif(NOT size MATCHES "^[0-9]+[KkMm]?$")
      message(FATAL_ERROR "${where}: BUDGET ${kind} ${size}: expected a number of bytes such as 65536 or 64K")
    elseif(kind STREQUAL "RAM")
      list(APPEND only_compile --budget-ram "${size}")
    else()
      set(budget_flash "${size}")
    endif()
  endwhile()
endmacro()

# The library `target`: `outputs` in the folder `out`, made by `burin compile` with `arguments` and --depfile from `files`;
# what follows are the last options, as they are. Sets `portable` in the caller: code of another core in a build for the host.
function(_burin_library target core title files outputs arguments)
  cmake_parse_arguments(PARSE_ARGV 6 last "" "" "")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}.burin")
  _burin_define_tool()
  # burin leaves a file alone that would not change. Make wants to see that the rule has been carried out: touch.
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${out}"
    COMMAND Burin::burin compile ${arguments} -o "${out}" --depfile "${out}.d" ${last_UNPARSED_ARGUMENTS}
    COMMAND "${CMAKE_COMMAND}" -E touch ${outputs}
    DEPENDS ${files} Burin::burin $<TARGET_FILE:Burin::burin>
    DEPFILE "${out}.d"
    COMMENT "Compiling ${title} for ${core}"
    VERBATIM)

  add_library(${target} STATIC ${outputs})
  target_include_directories(${target} PUBLIC "${out}")
  target_compile_features(${target} PUBLIC cxx_std_17)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF LINKER_LANGUAGE CXX BURIN_TARGET "${core}")
  # Without a build type there would be no optimisation, hence C twins in place of the target's instructions.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-fno-exceptions -fno-rtti
                         -ffunction-sections -fdata-sections $<$<CONFIG:>:-O2>>)
  set(portable OFF PARENT_SCOPE)
  if(NOT CMAKE_CROSSCOMPILING AND NOT core STREQUAL "host")
    set(portable ON PARENT_SCOPE)
    target_compile_definitions(${target} PRIVATE BURIN_PORTABLE)
  endif()
endfunction()

function(burin_add_model target)
  set(one MODEL TARGET NAME OPTIMIZE)
  set(many INPUT_DIM BIND STATE CALIBRATION IO BUDGET VERIFY REPORT OPTIONS)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "${one}" "${many}")
  set(where "burin_add_model(${target})")
  set(required MODEL)
  _burin_common_keywords()
  if(NOT DEFINED arg_NAME)
    set(arg_NAME "${target}")
  endif()
  _burin_c_name("${arg_NAME}" name)
  list(PREPEND common --name "${name}")
  get_filename_component(model "${arg_MODEL}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  _burin_file("${model}" "${where}: MODEL")
  list(PREPEND files "${model}")

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}.burin")
  set(outputs "${out}/${name}.cpp" "${out}/${name}.h")
  foreach(kind IN LISTS arg_REPORT)
    if(NOT kind MATCHES "^(json|html)$")
      message(FATAL_ERROR "${where}: REPORT ${kind}: expected json or html")
    endif()
    set(report_${kind} "${out}/report.${kind}")
    list(APPEND only_compile --report "${report_${kind}}")
    list(APPEND outputs "${report_${kind}}")
  endforeach()
  _burin_library(${target} "${arg_TARGET}" "${arg_MODEL}" "${files}" "${outputs}" "${model};${common};${only_compile}"
                 ${arg_OPTIONS})
  set_target_properties(${target} PROPERTIES BURIN_NAME "${name}" BURIN_MODEL "${model}"
                        BURIN_HEADER "${out}/${name}.h" BURIN_SOURCE "${out}/${name}.cpp")
  if(report_json)
    set_property(TARGET ${target} PROPERTY BURIN_REPORT "${report_json}")
  endif()
  if(report_html)
    set_property(TARGET ${target} PROPERTY BURIN_REPORT_HTML "${report_html}")
  endif()
  _burin_figures("${model}" "${files}" ${common} ${arg_OPTIONS})
  foreach(figure ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS)
    if(DEFINED figure_${figure})
      set_property(TARGET ${target} PROPERTY BURIN_${figure} "${figure_${figure}}")
    endif()
  endforeach()

  if(NOT budget_flash STREQUAL "")
    if(portable)
      message(STATUS "${where}: BUDGET FLASH is not checked in this build: its code is not that of ${arg_TARGET}")
    else()
      set(named "")
      if(report_json)
        set(named --report "${report_json}")
      endif()
      add_custom_command(
        TARGET ${target} POST_BUILD
        COMMAND Burin::burin size --budget-flash "${budget_flash}" --model "${name}" ${named} -o "${out}/size.txt"
                "$<TARGET_FILE:${target}>"
        BYPRODUCTS "${out}/size.txt"
        VERBATIM)
    endif()
  endif()
  if(DEFINED arg_VERIFY)
    _burin_add_verify(${target} "${where}" "${model}" "${arg_VERIFY}" ${common} ${arg_OPTIONS})
  endif()
endfunction()

# The file of FILE or FILE:NAME, in full, and the name that its code gets.
function(_burin_file_and_name value file_out name_out)
  set(file "${value}")
  set(name "")
  get_filename_component(whole "${value}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  if(NOT EXISTS "${whole}" AND value MATCHES "^(.+):([^:/]+)$")
    set(file "${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_2}")
  endif()
  get_filename_component(file "${file}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  if(name STREQUAL "")  # as `burin compile` does: the stem, or of `model` the folder's name
    get_filename_component(name "${file}" NAME_WLE)
    if(name STREQUAL "model")
      get_filename_component(folder "${file}" DIRECTORY)
      get_filename_component(name "${folder}" NAME)
    endif()
  endif()
  _burin_c_name("${name}" name)
  set(${file_out} "${file}" PARENT_SCOPE)
  set(${name_out} "${name}" PARENT_SCOPE)
endfunction()

function(burin_add_models target)
  set(one TARGET OPTIMIZE)
  set(many MODELS INPUT_DIM BIND STATE CALIBRATION IO BUDGET REPORT OPTIONS)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "${one}" "${many}")
  set(where "burin_add_models(${target})")
  set(required MODELS)
  _burin_common_keywords()
  _burin_c_name("${target}" shared)
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}.burin")
  set(outputs "${out}/${shared}.cpp" "${out}/${shared}.h")
  set(arguments "")
  set(names "")
  set(models "")
  foreach(value IN LISTS arg_MODELS)
    _burin_file_and_name("${value}" model name)
    _burin_file("${model}" "${where}: MODELS")
    list(APPEND names "${name}")
    list(APPEND models "${model}")
    list(APPEND arguments "${model}:${name}")
    list(APPEND outputs "${out}/${name}.cpp" "${out}/${name}.h")
  endforeach()
  string(TOUPPER "${shared};${names}" distinct)
  list(REMOVE_DUPLICATES distinct)
  list(LENGTH distinct different)
  list(LENGTH names count)
  if(NOT different GREATER count)
    list(JOIN names ", " words)
    message(FATAL_ERROR "${where}: MODELS: the names ${words} must differ from each other and from ${shared}, in more than "
                        "case; file:NAME gives a model another one")
  endif()
  list(PREPEND files ${models})
  foreach(kind IN LISTS arg_REPORT)
    if(NOT kind STREQUAL "json")
      message(FATAL_ERROR "${where}: REPORT ${kind}: expected json")
    endif()
    list(APPEND only_compile --report "${out}/report.json")
    list(APPEND outputs "${out}/report.json")
  endforeach()
  if(NOT budget_flash STREQUAL "")
    list(APPEND only_compile --budget-flash "${budget_flash}")
  endif()
  _burin_library(${target} "${arg_TARGET}" "${names}" "${files}" "${outputs}"
                 "${arguments};--share-arena;${shared};${common};${only_compile}" ${arg_OPTIONS})
  set_target_properties(${target} PROPERTIES BURIN_NAME "${shared}" BURIN_MODEL "${models}" BURIN_MODELS "${names}"
                        BURIN_HEADER "${out}/${shared}.h" BURIN_SOURCE "${out}/${shared}.cpp")
  if(DEFINED arg_REPORT)
    set_property(TARGET ${target} PROPERTY BURIN_REPORT "${out}/report.json")
  endif()
  # The arena is the largest one's; all else adds up.
  foreach(figure ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS)
    set(total_${figure} 0)
  endforeach()
  set(complete TRUE)
  foreach(model IN LISTS models)
    _burin_figures("${model}" "${files}" ${common} ${arg_OPTIONS})
    foreach(figure ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS)
      if(NOT DEFINED figure_${figure})
        set(complete FALSE)
      elseif(NOT figure STREQUAL "ARENA_BYTES")
        math(EXPR total_${figure} "${total_${figure}} + ${figure_${figure}}")
      elseif(figure_${figure} GREATER total_${figure})
        set(total_${figure} "${figure_${figure}}")
      endif()
    endforeach()
  endforeach()
  if(complete)
    foreach(figure ARENA_BYTES STATE_BYTES WEIGHT_BYTES MACS)
      set_property(TARGET ${target} PROPERTY BURIN_${figure} "${total_${figure}}")
    endforeach()
  endif()
endfunction()

cmake_policy(POP)
