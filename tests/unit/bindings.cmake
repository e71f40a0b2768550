# Machines and images that a script writes: lendhosts.py.
set(lend ${CMAKE_CURRENT_BINARY_DIR}/lend)
add_custom_command(OUTPUT ${lend}/done
	COMMAND Python3::Interpreter -B ${CMAKE_SOURCE_DIR}/tests/lab/lendhosts.py ${lend}
	DEPENDS ${CMAKE_SOURCE_DIR}/tests/lab/lendhosts.py ${CMAKE_SOURCE_DIR}/tests/lab/elfstub.py)
add_custom_target(lendhosts DEPENDS ${lend}/done)
foreach(test test_cdi test_ldcache test_lend test_lend_kinds test_module test_mpi_swap test_nvidia test_yaml)
	berth_unit(${test} berth_bindings)
	add_dependencies(${test} lendhosts)
	target_compile_definitions(${test} PRIVATE TEST_LEND="${lend}")
endforeach()
