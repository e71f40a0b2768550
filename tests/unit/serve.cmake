# Mounts an image for one command: the read path alone, for tests and benchmarks.
add_executable(berth-serve-test ${CMAKE_SOURCE_DIR}/tests/serve_mount.c)
target_link_libraries(berth-serve-test PRIVATE berth_image berth_base)

berth_unit(test_codec berth_image berth_base)
berth_unit(test_blockcache berth_image berth_base)
berth_unit(test_squash berth_image berth_base)
berth_unit(test_serve berth_image berth_base)
berth_unit(test_walk berth_image berth_base)
