berth_unit(test_base berth_base)
berth_unit(test_json berth_base)
berth_unit(test_fd berth_base)
berth_unit(test_toml berth_base)

# Small libraries that a script writes, and this machine's C library.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(stubs ${CMAKE_CURRENT_BINARY_DIR}/stubs)
add_custom_command(OUTPUT ${stubs}/lib64.so
	COMMAND Python3::Interpreter -B ${CMAKE_SOURCE_DIR}/tests/lab/elfstubs.py ${stubs}
	DEPENDS ${CMAKE_SOURCE_DIR}/tests/lab/elfstubs.py ${CMAKE_SOURCE_DIR}/tests/lab/elfstub.py)
add_custom_target(stubs DEPENDS ${stubs}/lib64.so)
berth_unit(test_elf berth_base)
add_dependencies(test_elf stubs)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libc.so.6
	OUTPUT_VARIABLE libc OUTPUT_STRIP_TRAILING_WHITESPACE)
target_compile_definitions(test_elf PRIVATE TEST_STUBS="${stubs}" TEST_LIBC="${libc}")
