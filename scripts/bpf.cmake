# galproc_add_bpf(target) builds the BPF programs of src/platform/linux/bpf and puts them into the target, or, where clang
# or libbpf is missing (GALPROC_BPF=AUTO) or nobody wants them (OFF), what says that they are not there.
set_property(CACHE GALPROC_BPF PROPERTY STRINGS AUTO ON OFF)

set(GALPROC_HAS_BPF OFF)
if(GALPROC_PLATFORM STREQUAL "linux" AND NOT GALPROC_BPF STREQUAL "OFF")
  find_program(GALPROC_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
  find_package(PkgConfig QUIET)
  pkg_check_modules(libbpf QUIET IMPORTED_TARGET libbpf>=0.8)
  if(GALPROC_CLANG AND libbpf_FOUND)
    set(GALPROC_HAS_BPF ON)
  elseif(GALPROC_BPF STREQUAL "ON")
    message(FATAL_ERROR "GALPROC_BPF=ON needs clang and libbpf (Debian: clang libbpf-dev libelf-dev zlib1g-dev)")
  else()
    message(STATUS "BPF is left out: clang or libbpf is missing. galproc uses the proc connector, which tells no signals.")
  endif()
endif()

set(GALPROC_BPF_SOURCES bpf_events.cpp bpf_iterators.cpp bpf_object.cpp tracepoints.cpp)
set(GALPROC_BPF_OBJECTS tracepoints iterators)

function(galproc_add_bpf target)
  get_target_property(sources ${target} SOURCES)
  if(NOT GALPROC_HAS_BPF)
    foreach(name IN LISTS GALPROC_BPF_SOURCES)
      list(FILTER sources EXCLUDE REGEX "/${name}$")
    endforeach()
    set_target_properties(${target} PROPERTIES SOURCES "${sources}")
    return()
  endif()
  list(FILTER sources EXCLUDE REGEX "/bpf_none\\.cpp$")
  set_target_properties(${target} PROPERTIES SOURCES "${sources}")

  foreach(name IN LISTS GALPROC_BPF_OBJECTS)
    galproc_embed_bpf(${target} ${name})
  endforeach()
  target_link_libraries(${target} PRIVATE PkgConfig::libbpf Threads::Threads)
endfunction()

# One object, between the symbols galproc_<name>_begin and galproc_<name>_end.
function(galproc_embed_bpf target name)
  set(folder "${CMAKE_SOURCE_DIR}/src/platform/linux/bpf")
  set(object "${CMAKE_CURRENT_BINARY_DIR}/bpf/${name}.bpf.o")
  file(GLOB headers CONFIGURE_DEPENDS "${folder}/*.h")
  # The target bpf has no architecture, and Debian keeps asm/ in the folder of one.
  execute_process(COMMAND "${CMAKE_C_COMPILER}" -print-multiarch OUTPUT_VARIABLE multiarch
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  add_custom_command(
    OUTPUT "${object}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_CURRENT_BINARY_DIR}/bpf"
    COMMAND "${GALPROC_CLANG}" -O2 -g -Wall -Werror -target bpf -isystem "/usr/include/${multiarch}"
            "-I${CMAKE_SOURCE_DIR}/src"
            "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=." -c "${folder}/${name}.bpf.c" -o "${object}"
    DEPENDS "${folder}/${name}.bpf.c" ${headers}
    VERBATIM)
  set(embedded "${CMAKE_CURRENT_BINARY_DIR}/bpf/${name}.c")
  file(CONFIGURE OUTPUT "${embedded}" CONTENT [[
__asm__(
    ".section .rodata\n"
    ".global galproc_@name@_begin\n.global galproc_@name@_end\n.balign 16\n"
    "galproc_@name@_begin:\n.incbin \"@object@\"\ngalproc_@name@_end:\n.byte 0\n"
    ".section .text\n");
typedef int galproc_translation_unit_is_not_empty;
]] @ONLY)
  set_source_files_properties("${embedded}" PROPERTIES OBJECT_DEPENDS "${object}")
  target_sources(${target} PRIVATE "${embedded}")
  set_source_files_properties("${embedded}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
