berth_fuzz(fuzz_lend berth_bindings)
