# `cmake --install`: the tool, the package for find_package(Burin), documentation. `cpack`: the same as .deb and .tar.gz.
# Kernels, targets and QEMU support files are inside the tool.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The package lies in share/, where find_package() looks whatever the processor is: a firmware's is not the host's.
set(burin_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/Burin)
_burin_targets(BURIN_TARGETS)
function(burin_package_files folder tool add_model)
  set(BURIN_TOOL "${tool}")
  set(BURIN_ADD_MODEL "${add_model}")
  configure_file(tools/cmake/BurinConfig.cmake.in "${folder}/BurinConfig.cmake" @ONLY)
  write_basic_package_version_file("${folder}/BurinConfigVersion.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
endfunction()

# For the build folder itself: -DBurin_DIR=<build folder>.
file(RELATIVE_PATH add_model ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}/tools/cmake/BurinAddModel.cmake)
burin_package_files(${PROJECT_BINARY_DIR} burin${CMAKE_EXECUTABLE_SUFFIX} ${add_model})
# For an installation.
file(RELATIVE_PATH tool ${CMAKE_INSTALL_FULL_DATADIR}/cmake/Burin ${CMAKE_INSTALL_FULL_BINDIR}/burin${CMAKE_EXECUTABLE_SUFFIX})
burin_package_files(${PROJECT_BINARY_DIR}/package ${tool} BurinAddModel.cmake)

install(TARGETS burin RUNTIME)
install(FILES ${PROJECT_BINARY_DIR}/package/BurinConfig.cmake ${PROJECT_BINARY_DIR}/package/BurinConfigVersion.cmake
              tools/cmake/BurinAddModel.cmake codegen/reserved_names.txt DESTINATION ${burin_package_dir})
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/burin)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/burin FILES_MATCHING PATTERN "*.md")

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME burin)
set(CPACK_PACKAGE_VENDOR "The Burin authors")
set(CPACK_PACKAGE_CONTACT "The Burin authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "compiler of ONNX models to self-contained C++ for microcontrollers")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # what the program is linked with, in the versions it needs
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "cmake (>= 3.22), g++")  # g++: `burin verify`
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gcc-arm-none-eabi, qemu-system-arm, gcc-riscv64-unknown-elf")
include(CPack)
