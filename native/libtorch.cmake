# LibTorch as imported targets libtorch::c10 and libtorch::torch_cpu.
#
# Not find_package(Torch): in a CUDA build that asks for the CUDA toolkit and links torch_cuda, which we open at run time.
if(NOT HYPERIQA_LIBTORCH_VERSION AND DEFINED ENV{HYPERIQA_LIBTORCH_VERSION})
  set(HYPERIQA_LIBTORCH_VERSION "$ENV{HYPERIQA_LIBTORCH_VERSION}")
endif()
if(NOT HYPERIQA_LIBTORCH_VERSION)
  # The one place that names the version.
  set(wheels_file "${CMAKE_CURRENT_LIST_DIR}/../src/libtorch/wheels.json")
  file(READ "${wheels_file}" wheels)
  string(JSON HYPERIQA_LIBTORCH_VERSION GET "${wheels}" libtorch)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${wheels_file}")
endif()

if(NOT LIBTORCH AND DEFINED ENV{LIBTORCH})
  set(LIBTORCH "$ENV{LIBTORCH}" CACHE PATH "Folder with include/ and lib/ of LibTorch" FORCE)
endif()
if(NOT LIBTORCH)
  message(FATAL_ERROR "Where is LibTorch ${HYPERIQA_LIBTORCH_VERSION}? Name the folder that holds its include/ and lib/ "
                      "with -DLIBTORCH=FOLDER or the environment variable LIBTORCH.")
endif()

set(version_header "${LIBTORCH}/include/torch/headeronly/version.h")
if(NOT EXISTS "${version_header}")
  message(FATAL_ERROR "${LIBTORCH} holds no LibTorch ${HYPERIQA_LIBTORCH_VERSION}: include/torch/headeronly/version.h is "
                      "missing.")
endif()
file(STRINGS "${version_header}" version_line REGEX "\"[0-9]+\\.[0-9]+\\.[0-9]+")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" version_found "${version_line}")
if(NOT version_found STREQUAL HYPERIQA_LIBTORCH_VERSION)
  message(FATAL_ERROR "LibTorch ${HYPERIQA_LIBTORCH_VERSION} is needed, but ${LIBTORCH} holds ${version_found}. Its C++ "
                      "interface changes from version to version. To try that one all the same, say so with "
                      "-DHYPERIQA_LIBTORCH_VERSION=${version_found} or the environment variable of this name.")
endif()

foreach(library c10 torch_cpu)
  find_library(HYPERIQA_LIB_${library} NAMES ${library} PATHS "${LIBTORCH}/lib" NO_DEFAULT_PATH NO_CACHE REQUIRED)
  add_library(libtorch::${library} SHARED IMPORTED GLOBAL)
  set_target_properties(
    libtorch::${library}
    PROPERTIES IMPORTED_LOCATION "${HYPERIQA_LIB_${library}}"
               IMPORTED_IMPLIB "${HYPERIQA_LIB_${library}}"
               INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH}/include;${LIBTORCH}/include/torch/csrc/api/include")
endforeach()
target_link_libraries(libtorch::torch_cpu INTERFACE libtorch::c10)
if(UNIX AND NOT APPLE)
  # What torch_cpu itself needs (OpenMP, in CUDA builds the CUDA runtime) is a matter of run time.
  # (Not --unresolved-symbols=ignore-in-shared-libs, which makes Node-API's functions an error in the addon.)
  target_link_options(libtorch::torch_cpu INTERFACE -Wl,--allow-shlib-undefined)
endif()
