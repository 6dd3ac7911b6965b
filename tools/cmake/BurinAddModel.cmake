# burin_add_model(<target> MODEL <file.onnx> [...]): an ONNX model as a static library of a firmware or host project.
#
#   burin_add_model(kws MODEL kws.onnx          # library target `kws`; link it and include "kws.h"
#     [TARGET cortex-m4f]                       # default: the toolchain's -mcpu or -march, `host` when not cross-compiling
#     [NAME n]                                  # prefix of the functions and name of the files; default: the target's name
#     [INPUT_DIM batch=1 ...] [BIND name=value|file.pb|file.npy ...]
#     [OPTIMIZE speed|size|ram]
#     [IO [external] [nhwc] [quantized]]        # --io external, --io-layout nhwc, --io-type quantized
#     [BUDGET RAM 16K]                          # more arena than that: the build fails
#     [VERIFY test_data_dir ...]                # the build runs the generated code against these: here for `host`, else in QEMU
#     [REPORT json]                             # <binary dir>/<target>.burin/report.json
#     [OPTIONS ...])                            # passed to `burin` as they are
#
# The model is compiled when it, a file it refers to, or the tool changes. The tool is BURIN_HOST_TOOL if that is set, the target
# `burin` of the same build if there is one, else it is built for the host from Burin's sources (into burin-host of
# the build folder, with the host's compiler or BURIN_HOST_CXX), which happens when cross-compiling.
# Code for another target in a build for the host gets BURIN_PORTABLE: the same bits without that target's instructions.
# BUDGET FLASH, STATE, CALIBRATION and html reports are errors until the tool has them.

include_guard(GLOBAL)
cmake_policy(PUSH)
cmake_policy(VERSION 3.22)  # a function keeps the policies under which it was defined; CMP0116 matters: depfiles

set(BURIN_HOST_TOOL "" CACHE FILEPATH "The burin program to use instead of building it")

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
  if(name AND NOT EXISTS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../targets/${name}.target")
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
  set(keywords
      alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
      concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete
      do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
      namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
      requires return short signed sizeof static static_assert static_cast struct switch template this thread_local throw
      true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq std)
  if(c IN_LIST keywords)
    set(c "m_${c}")
  endif()
  set(${out} "${c}" PARENT_SCOPE)
endfunction()

# Sets `command` to the tool and `depends` to what must be built before it can run.
function(_burin_tool command depends)
  if(BURIN_HOST_TOOL)
    set(${command} "${BURIN_HOST_TOOL}" PARENT_SCOPE)
    set(${depends} "${BURIN_HOST_TOOL}" PARENT_SCOPE)
    return()
  endif()
  if(TARGET burin AND NOT CMAKE_CROSSCOMPILING)
    set(${command} "$<TARGET_FILE:burin>" PARENT_SCOPE)
    set(${depends} burin PARENT_SCOPE)
    return()
  endif()
  get_filename_component(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.." ABSOLUTE)
  set(build "${CMAKE_BINARY_DIR}/burin-host")
  set(tool "${build}/burin${CMAKE_HOST_EXECUTABLE_SUFFIX}")
  if(NOT TARGET burin_host_tool)
    set(host_cxx "")
    if(BURIN_HOST_CXX)
      set(host_cxx "-DCMAKE_CXX_COMPILER=${BURIN_HOST_CXX}")
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${source}/compiler/*" "${source}/passes/*" "${source}/codegen/*"
         "${source}/runtime-min/*" "${source}/targets/*" "${source}/tools/*")
    list(FILTER sources EXCLUDE REGEX "/tools/[^/]*$|\\.md$|/__pycache__/")
    # The environment may name the cross compiler, which must not reach the host's build.
    add_custom_command(
      OUTPUT "${tool}"
      COMMAND "${CMAKE_COMMAND}" -E env --unset=CC --unset=CXX --unset=CFLAGS --unset=CXXFLAGS --unset=LDFLAGS
              --unset=CMAKE_TOOLCHAIN_FILE "${CMAKE_COMMAND}" -S "${source}" -B "${build}" -G "${CMAKE_GENERATOR}"
              "-DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}" -DCMAKE_BUILD_TYPE=Release -DBURIN_TESTS=OFF ${host_cxx}
      COMMAND "${CMAKE_COMMAND}" --build "${build}" --target burin --parallel
      COMMAND "${CMAKE_COMMAND}" -E touch "${tool}"
      DEPENDS ${sources} "${source}/CMakeLists.txt"
      COMMENT "Building burin for the host"
      USES_TERMINAL VERBATIM)
    add_custom_target(burin_host_tool DEPENDS "${tool}")
  endif()
  set(${command} "${tool}" PARENT_SCOPE)
  set(${depends} burin_host_tool "${tool}" PARENT_SCOPE)
endfunction()

function(burin_add_model target)
  set(one MODEL TARGET NAME OPTIMIZE)
  set(many INPUT_DIM BIND STATE CALIBRATION IO BUDGET VERIFY REPORT OPTIONS)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "${one}" "${many}")
  set(where "burin_add_model(${target})")

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
      message(FATAL_ERROR "${where}: ${keyword} is not supported yet")
    endif()
  endforeach()
  if(NOT DEFINED arg_MODEL)
    message(FATAL_ERROR "${where}: MODEL is missing")
  endif()
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(NOT "CXX" IN_LIST languages)
    message(FATAL_ERROR "${where}: the generated code is C++; add CXX to the languages of project()")
  endif()

  if(NOT DEFINED arg_TARGET)
    _burin_default_target(arg_TARGET)
    if(arg_TARGET STREQUAL "")
      message(FATAL_ERROR "${where}: the compiler flags name no core that Burin knows; say TARGET (see `burin targets`)")
    endif()
  endif()
  if(NOT DEFINED arg_NAME)
    set(arg_NAME "${target}")
  endif()
  _burin_c_name("${arg_NAME}" name)
  get_filename_component(model "${arg_MODEL}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")

  set(common --name "${name}" --target "${arg_TARGET}")
  if(DEFINED arg_OPTIMIZE)
    if(NOT arg_OPTIMIZE MATCHES "^(speed|size|ram)$")
      message(FATAL_ERROR "${where}: OPTIMIZE ${arg_OPTIMIZE}: expected speed, size or ram")
    endif()
    list(APPEND common --optimize "${arg_OPTIMIZE}")
  endif()
  foreach(value IN LISTS arg_INPUT_DIM)
    list(APPEND common --input-dim "${value}")
  endforeach()
  set(files "${model}")
  foreach(value IN LISTS arg_BIND)
    if(value MATCHES "^(.*)=([^=]+\\.(pb|npy))$")  # a file: relative to the CMakeLists.txt that says it
      get_filename_component(file "${CMAKE_MATCH_2}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
      string(REGEX REPLACE "=[^=]+$" "" left "${value}")
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

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${target}.burin")
  set(outputs "${out}/${name}.cpp" "${out}/${name}.h")
  set(only_compile "")
  set(budget ${arg_BUDGET})
  while(budget)
    list(POP_FRONT budget kind)
    if(kind STREQUAL "FLASH")
      message(FATAL_ERROR "${where}: BUDGET FLASH is not supported yet")
    elseif(NOT kind STREQUAL "RAM")
      message(FATAL_ERROR "${where}: BUDGET ${kind}: expected RAM and a size")
    elseif(NOT budget)
      message(FATAL_ERROR "${where}: BUDGET RAM: the size is missing")
    endif()
    list(POP_FRONT budget size)
    list(APPEND only_compile --budget-ram "${size}")
  endwhile()
  foreach(kind IN LISTS arg_REPORT)
    if(kind STREQUAL "html")
      message(FATAL_ERROR "${where}: REPORT html is not supported yet")
    elseif(NOT kind STREQUAL "json")
      message(FATAL_ERROR "${where}: REPORT ${kind}: expected json")
    endif()
    list(APPEND only_compile --report "${out}/report.json")
    list(APPEND outputs "${out}/report.json")
  endforeach()

  _burin_tool(tool tool_depends)
  # burin leaves a file alone that would not change. Make wants to see that the rule has been carried out: touch.
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${out}"
    COMMAND "${tool}" compile "${model}" -o "${out}" ${common} ${only_compile} --depfile "${out}.d" ${arg_OPTIONS}
    COMMAND "${CMAKE_COMMAND}" -E touch ${outputs}
    DEPENDS ${files} ${tool_depends}
    DEPFILE "${out}.d"
    COMMENT "Compiling ${arg_MODEL} for ${arg_TARGET}"
    VERBATIM)
  set(sources ${outputs})

  if(DEFINED arg_VERIFY)
    set(data "")
    set(data_files "")
    foreach(folder IN LISTS arg_VERIFY)
      get_filename_component(folder "${folder}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
      list(APPEND data --data "${folder}")
      file(GLOB found CONFIGURE_DEPENDS "${folder}/*.pb")
      list(APPEND data_files ${found})
    endforeach()
    add_custom_command(
      OUTPUT "${out}/verified"
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${out}"
      COMMAND "${tool}" verify "${model}" ${common} ${data} ${arg_OPTIONS}
      COMMAND "${CMAKE_COMMAND}" -E touch "${out}/verified"
      DEPENDS ${files} ${data_files} ${tool_depends}
      COMMENT "Verifying ${arg_MODEL}"
      VERBATIM)
    list(APPEND sources "${out}/verified")
  endif()

  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC "${out}")
  target_compile_features(${target} PUBLIC cxx_std_17)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF LINKER_LANGUAGE CXX)
  # Without a build type there would be no optimisation, hence C twins in place of the target's instructions.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-fno-exceptions -fno-rtti
                         -ffunction-sections -fdata-sections $<$<CONFIG:>:-O2>>)
  if(NOT CMAKE_CROSSCOMPILING AND NOT arg_TARGET STREQUAL "host")
    target_compile_definitions(${target} PRIVATE BURIN_PORTABLE)
  endif()
endfunction()

cmake_policy(POP)
