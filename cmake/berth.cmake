# berth_library(NAME SOURCES ... USES ...): the static library of one folder.
# USES names the folders' libraries and the external targets that it stands on.
function(berth_library name)
	cmake_parse_arguments(A "" "" "SOURCES;USES" ${ARGN})
	add_library(${name} STATIC ${A_SOURCES})
	target_link_libraries(${name} PUBLIC berth_flags ${A_USES})
endfunction()

# berth_unit(FILE LIB ...): tests/unit/FILE.c becomes the ctest FILE.
function(berth_unit name)
	add_executable(${name} ${name}.c)
	target_link_libraries(${name} PRIVATE ${ARGN} PkgConfig::check)
	target_compile_definitions(${name} PRIVATE TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
	add_test(NAME ${name} COMMAND ${name})
	set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endfunction()

# berth_fuzz(FILE LIB ...): tests/fuzz/FILE.c becomes a libFuzzer program.
function(berth_fuzz name)
	add_executable(${name} ${name}.c)
	target_link_libraries(${name} PRIVATE ${ARGN})
	target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()

# berth_static(TARGET PKG LIB): the static archive of a library; the shared one where a
# distribution has no archive.
function(berth_static target pkg lib)
	pkg_check_modules(${target}_pc REQUIRED ${pkg})
	find_library(${target}_file NAMES lib${lib}.a ${lib} HINTS ${${target}_pc_LIBRARY_DIRS} REQUIRED)
	add_library(${target} INTERFACE)
	target_include_directories(${target} SYSTEM INTERFACE ${${target}_pc_INCLUDE_DIRS})
	target_link_libraries(${target} INTERFACE ${${target}_file})
endfunction()
