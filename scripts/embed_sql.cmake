# galproc_embed(target symbol folder pattern) compiles every matching file of a folder into the target, as
#   extern const galproc::EmbeddedFile symbol[]; extern const std::size_t symbolCount;
# sorted by name. As a script (cmake -P) this file writes that source; it runs again when a file changes.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB files "${FOLDER}/${PATTERN}")
  list(SORT files)
  set(text "#include \"store/embedded.h\"\n\nnamespace galproc {\n\nconst EmbeddedFile ${SYMBOL}[] = {\n")
  set(count 0)
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME_WE)
    file(READ "${file}" content)
    # A compiler has to take string literals of 64 KiB only; pieces of a file are joined by the compiler itself.
    if(content MATCHES "\\)galsql\"")
      message(FATAL_ERROR "${file} holds the raw string's own end mark")
    endif()
    string(APPEND text "    {\"${name}\", R\"galsql(${content})galsql\"},\n")
    math(EXPR count "${count} + 1")
  endforeach()
  if(count EQUAL 0)
    string(APPEND text "    {\"\", \"\"},\n")
  endif()
  string(APPEND text "};\nconst std::size_t ${SYMBOL}Count = ${count};\n\n}  // namespace galproc\n")
  file(WRITE "${OUTPUT}" "${text}")
  return()
endif()

set(GALPROC_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(galproc_embed target symbol folder pattern)
  file(GLOB inputs CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/${pattern}")
  set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cpp")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -DSYMBOL=${symbol} "-DFOLDER=${CMAKE_SOURCE_DIR}/${folder}" "-DPATTERN=${pattern}"
            "-DOUTPUT=${output}" -P "${GALPROC_EMBED_SCRIPT}"
    DEPENDS ${inputs} "${GALPROC_EMBED_SCRIPT}"
    VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
